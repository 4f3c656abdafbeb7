//! A thousand seeds of mixed faults. `RUNBOOK_SEED=17 cargo test -p runbook-tests --test seeds` repeats one and prints it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use runbook_tests::invariants::coverage::Coverage;
use runbook_tests::invariants::{explain, judge};
use runbook_tests::world::{generate, run};

/// How many seeds are run; `RUNBOOK_SEEDS=100000` runs more.
const SEEDS: u64 = 1000;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable)
        .ok()
        .map(|text| text.parse().unwrap_or_else(|_| panic!("{variable} must be a number, not {text:?}")))
}

/// Runs one seed and prints it. Twenty times, unless it fails before: kube's controller polls reconciles in the order of a hash map,
/// so calls of the same millisecond may change places from one time to the next. What each call meets does not change.
fn repeat(seed: u64) {
    let scenario = generate::scenario(seed);
    for time in 1..=number("RUNBOOK_REPEAT").unwrap_or(20) {
        let run = run(&scenario).unwrap();
        let violations = judge(&run);
        if time == 1 || !violations.is_empty() {
            let text = explain(&scenario.name, &violations, &run);
            println!("{text}\nAWS calls: {}, Kubernetes calls: {}", run.aws_calls, run.kubernetes_calls);
        }
        assert!(violations.is_empty(), "seed {seed} breaks {} rules, the {time}. time it is run", violations.len());
    }
}

#[test]
fn every_seed_ends_as_declared_with_no_act_lost_or_doubled() {
    if let Some(seed) = number("RUNBOOK_SEED") {
        repeat(seed);
        return;
    }
    let count = number("RUNBOOK_SEEDS").unwrap_or(SEEDS);
    let next = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    let covered = Mutex::new(Coverage::default());
    let workers = std::thread::available_parallelism().map_or(2, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= count {
                        return;
                    }
                    let scenario = generate::scenario(seed);
                    let run = run(&scenario).unwrap();
                    let violations = judge(&run);
                    covered.lock().unwrap_or_else(PoisonError::into_inner).add(&Coverage::of(&run));
                    if !violations.is_empty() {
                        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
                        let text = if failures.is_empty() {
                            explain(&scenario.name, &violations, &run)
                        } else {
                            String::new()
                        };
                        failures.push((seed, violations, text));
                    }
                }
            });
        }
    });
    let covered = covered.into_inner().unwrap_or_else(PoisonError::into_inner);
    println!("{count} seeds went through {:#?}", covered.counts());
    let mut failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    failures.sort_by_key(|(seed, ..)| *seed);
    let summary: Vec<String> = failures
        .iter()
        .map(|(seed, violations, _)| {
            format!("RUNBOOK_SEED={seed}: {}", violations.first().map_or(String::new(), ToString::to_string))
        })
        .collect();
    let first = failures.iter().map(|(.., text)| text.as_str()).find(|text| !text.is_empty()).unwrap_or_default();
    assert!(failures.is_empty(), "{} of {count} seeds fail:\n{}\n\n{first}", failures.len(), summary.join("\n"));
    // A few seeds need not see everything.
    assert!(count < SEEDS || covered.missing().is_empty(), "no seed went through {:?}", covered.missing());
}
