//! The invariants can fail: an operator with a defect is found out, each defect by its own rule.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use runbook_tests::invariants::{explain, judge};
use runbook_tests::world::event::Event;
use runbook_tests::world::objects::{account, band, fixed, tracking};
use runbook_tests::world::scenario::Mutation;
use runbook_tests::world::{ACCOUNT, Scenario, ServiceSetup, run};

fn scenario(mutation: Option<Mutation>) -> Scenario {
    let service = |name: &str, desired| ServiceSetup { account: ACCOUNT, name: name.into(), desired, capacity: None };
    Scenario {
        accounts: vec![account("default", ACCOUNT)],
        policies: vec![fixed("size", "web", 3), band("band", "app", (2, 6), &[tracking("cpu", 60)])],
        services: vec![service("web", 1), service("app", 3)],
        // The autoscaler moves to 5, inside the band.
        script: vec![(Duration::from_secs(30), Event::Autoscale("app".into(), 0.75))],
        mutation,
        ..Scenario::calm("a defective operator")
    }
}

/// The rules that a run with this defect breaks.
fn broken(mutation: Option<Mutation>) -> Vec<&'static str> {
    let scenario = scenario(mutation);
    let run = run(&scenario).unwrap();
    let violations = judge(&run);
    println!("{mutation:?}: {}", explain(&scenario.name, &violations, &run));
    let mut rules: Vec<&str> = violations.iter().map(|violation| violation.rule).collect();
    rules.sort_unstable();
    rules.dedup();
    rules
}

#[test]
fn a_sound_operator_breaks_no_rule() {
    assert_eq!(broken(None), Vec::<&str>::new());
}

#[test]
fn a_write_that_is_made_twice_is_noticed() {
    let rules = broken(Some(Mutation::DoubleWrites));
    assert!(rules.contains(&"a write changes something"), "{rules:?}");
    assert!(rules.contains(&"a write follows a fresh read"), "{rules:?}");
}

#[test]
fn a_write_inside_the_band_is_noticed() {
    let rules = broken(Some(Mutation::WriteInBand));
    assert!(rules.contains(&"no write inside the band"), "{rules:?}");
    assert!(rules.contains(&"every write is wanted"), "{rules:?}");
    assert!(rules.contains(&"a write is claimed before it is made"), "{rules:?}");
}

#[test]
fn a_write_that_is_lost_is_noticed() {
    let rules = broken(Some(Mutation::LoseWrites));
    assert!(rules.contains(&"AWS is as declared"), "{rules:?}");
    assert!(rules.contains(&"the conditions say how it is"), "{rules:?}");
}

#[test]
fn a_write_without_a_read_is_noticed() {
    let rules = broken(Some(Mutation::BlindWrite));
    assert!(rules.contains(&"a write follows a read"), "{rules:?}");
}
