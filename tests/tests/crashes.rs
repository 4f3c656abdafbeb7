//! One fault at every call of one scenario: the operator dies before or after the call's effect, or the call fails in each way
//! there is. Whatever happens, the end is the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use runbook_tests::fault::{At, Door, Fault};
use runbook_tests::invariants::{explain, judge};
use runbook_tests::journal::Held;
use runbook_tests::kubernetes::Key;
use runbook_tests::kubernetes::kinds::SCALING_POLICY;
use runbook_tests::world::event::Event;
use runbook_tests::world::objects::{account, band, fixed, tracking};
use runbook_tests::world::{ACCOUNT, Faults, NAMESPACE, Run, Scenario, ServiceSetup, run};
use serde_json::json;

/// A fixed size and a band that converge, drift, and are edited.
fn scenario() -> Scenario {
    let service = |name: &str| ServiceSetup { account: ACCOUNT, name: name.into(), desired: 1, capacity: None };
    let seconds = Duration::from_secs;
    Scenario {
        accounts: vec![account("default", ACCOUNT)],
        policies: vec![fixed("size", "web", 3), band("band", "app", (2, 6), &[tracking("cpu", 60)])],
        services: vec![service("web"), service("app")],
        script: vec![
            (seconds(20), Event::Desired("web".into(), 1)),
            (seconds(20), Event::Desired("app".into(), 9)),
            (seconds(21), Event::RequestReconcile(Key::new(NAMESPACE, "size"))),
            (seconds(21), Event::RequestReconcile(Key::new(NAMESPACE, "band"))),
            (
                seconds(40),
                Event::Set(SCALING_POLICY, Key::new(NAMESPACE, "band"), "/spec/autoscaling/maxCapacity", json!(4)),
            ),
        ],
        turbulence: seconds(60),
        ..Scenario::calm("one fault at every call")
    }
}

fn held(run: &Run) -> BTreeMap<String, Option<Held>> {
    run.held.iter().map(|((_, name), held)| (name.clone(), held.clone())).collect()
}

/// How many calls through each door the scenario takes until it has settled, with nothing going wrong.
fn calm() -> (Run, u64, u64) {
    let scenario = scenario();
    let run = run(&scenario).unwrap();
    let violations = judge(&run);
    assert!(violations.is_empty(), "{}", explain(&scenario.name, &violations, &run));
    let busy = run.epoch.checked_add(Duration::from_secs(75)).unwrap();
    let (mut aws, mut kubernetes) = (0, 0);
    for entry in run.entries.iter().filter(|entry| entry.at < busy) {
        match &entry.what {
            runbook_tests::journal::What::Aws(call) => aws = aws.max(call.index + 1),
            runbook_tests::journal::What::Kubernetes(call) => kubernetes = kubernetes.max(call.index + 1),
            _ => {}
        }
    }
    (run, aws, kubernetes)
}

fn at_every_call(faults: &[Fault]) {
    let (calm, aws, kubernetes) = calm();
    let expected = held(&calm);
    assert!(aws > 10 && kubernetes > 20, "{aws} calls to AWS, {kubernetes} to Kubernetes");
    let sites: Vec<(Door, u64)> = (0..aws)
        .map(|index| (Door::Aws, index))
        .chain((0..kubernetes).map(|index| (Door::Kubernetes, index)))
        .collect();
    let cases: Vec<At> = sites
        .iter()
        .flat_map(|(door, index)| faults.iter().map(|fault| At { door: *door, index: *index, fault: *fault }))
        .collect();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(at) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let scenario = Scenario { faults: Faults::At(*at), ..scenario() };
                    let run = run(&scenario).unwrap();
                    let violations = judge(&run);
                    let same = held(&run) == expected;
                    if !violations.is_empty() || !same {
                        let text = explain(&format!("{at:?}, same end: {same}"), &violations, &run);
                        failures.lock().unwrap_or_else(PoisonError::into_inner).push(text);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap_or_else(PoisonError::into_inner);
    let heads: Vec<&str> = failures.iter().filter_map(|text| text.split("timeline:").next()).collect();
    assert!(failures.is_empty(), "{} of {} fail:\n{}\n{}", failures.len(), cases.len(), heads.join("\n"), failures[0]);
}

#[test]
fn the_operator_may_die_at_every_call_before_and_after_its_effect() {
    at_every_call(&[Fault::CrashBefore, Fault::CrashAfter]);
}

#[test]
fn every_call_may_fail_before_and_after_its_effect() {
    at_every_call(&[Fault::ErrorBefore, Fault::ErrorAfter]);
}

#[test]
fn every_call_may_be_refused() {
    at_every_call(&[Fault::Throttle, Fault::Conflict]);
}

#[test]
fn every_call_may_hang_and_have_its_effect_late_or_never() {
    at_every_call(&[Fault::HangBefore, Fault::HangThenEffect(Duration::from_secs(3))]);
}
