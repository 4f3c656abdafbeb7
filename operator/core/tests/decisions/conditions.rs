//! The table of conditions, row by row, and what holds after any history.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use proptest::prelude::*;
use runbook_api::common::condition::{READY, RECONCILING, STALLED, SYNCED};
use runbook_core::report::{Before, Hold, Outcome, Summary, conditions};
use runbook_core::{Facts, Finding, Plan};

use crate::any;
use crate::kstatus::{self, Status};

fn at(second: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(second)
}

fn after(before: &[Condition], outcome: &Outcome, generation: i64, second: i64) -> Vec<Condition> {
    conditions(Before { conditions: before }, outcome, Some(generation), at(second))
}

fn find<'c>(conditions: &'c [Condition], type_: &str) -> &'c Condition {
    conditions.iter().find(|condition| condition.type_ == type_).unwrap()
}

fn told(conditions: &[Condition]) -> [String; 4] {
    [READY, SYNCED, STALLED, RECONCILING].map(|type_| {
        let condition = find(conditions, type_);
        format!("{}/{}", condition.status, condition.reason)
    })
}

fn working() -> Outcome {
    Outcome::Working { reason: "Applying".into(), message: "set desiredCount".into() }
}

fn unavailable() -> Outcome {
    Outcome::Unavailable { reason: "AwsThrottled".into(), message: "slow down".into() }
}

fn stalled() -> Outcome {
    Outcome::Stalled { reason: "NotGranted".into(), message: "add a grant".into() }
}

#[test]
fn every_row_of_the_table() {
    let held = |hold, pending| Outcome::Held { hold, pending };
    let (new, in_line) = (Vec::new(), after(&[], &Outcome::InSync, 1, 0));
    let stuck = after(&in_line, &stalled(), 1, 1);
    for (before, outcome, expected) in [
        (&new, Outcome::InSync, ["True/InSync", "True/InSync", "False/NotStalled", "False/Idle"]),
        (&new, working(), ["False/NotYetReconciled", "False/Applying", "False/NotStalled", "True/Applying"]),
        (&in_line, working(), ["True/InSync", "False/Applying", "False/NotStalled", "True/Applying"]),
        (&stuck, working(), ["False/NotGranted", "False/Applying", "False/NotStalled", "True/Applying"]),
        (
            &new,
            unavailable(),
            ["False/NotYetReconciled", "Unknown/AwsThrottled", "False/NotStalled", "True/NotYetReconciled"],
        ),
        (&in_line, unavailable(), ["True/InSync", "Unknown/AwsThrottled", "False/NotStalled", "False/Idle"]),
        (&in_line, stalled(), ["False/NotGranted", "False/NotGranted", "True/NotGranted", "False/NotGranted"]),
        (&new, held(Hold::Observe, 0), ["True/Observe", "True/Observe", "False/NotStalled", "False/Idle"]),
        (&stuck, held(Hold::Suspended, 2), ["True/Suspended", "False/Suspended", "False/NotStalled", "False/Idle"]),
        (
            &in_line,
            held(Hold::AccountObserve, 1),
            ["True/AccountObserve", "False/AccountObserve", "False/NotStalled", "False/Idle"],
        ),
    ] {
        assert_eq!(told(&after(before, &outcome, 1, 9)), expected.map(str::to_owned), "{outcome:?}");
    }
}

#[test]
fn an_outage_keeps_ready_and_the_generation_it_speaks_of() {
    let in_line = after(&[], &Outcome::InSync, 1, 0);
    let outage = after(&in_line, &unavailable(), 2, 5);
    assert_eq!(find(&outage, READY), find(&in_line, READY));
    assert_eq!(find(&outage, SYNCED).observed_generation, Some(2));
    // The new spec is still to come, and nobody takes the old Ready for its.
    assert_eq!(find(&outage, RECONCILING).status, "True");
    assert_eq!(find(&after(&outage, &unavailable(), 2, 6), RECONCILING).status, "True");
}

fn outcome() -> impl Strategy<Value = Outcome> {
    let finding = any::error().prop_map(|error| Outcome::of_finding(&Finding::from_error(&error)));
    let hold = proptest::sample::select(Hold::ALL.to_vec());
    let held = (hold, 0..3usize).prop_map(|(hold, pending)| Outcome::Held { hold, pending });
    prop_oneof![Just(Outcome::InSync), Just(working()), Just(unavailable()), Just(stalled()), finding, held]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn conditions_keep_kubernetes_rules(history in prop::collection::vec((outcome(), any::<bool>()), 1..12)) {
        let (mut before, mut generation) = (Vec::new(), 1);
        for (second, (outcome, edited)) in (0..).zip(&history) {
            generation += i64::from(*edited);
            let now = after(&before, outcome, generation, second);
            let types: Vec<&str> = now.iter().map(|condition| condition.type_.as_str()).collect();
            prop_assert_eq!(types, [READY, SYNCED, STALLED, RECONCILING]);
            for condition in &now {
                prop_assert!(["True", "False", "Unknown"].contains(&condition.status.as_str()));
                prop_assert!(condition.observed_generation.is_some_and(|spoken_of| spoken_of <= generation));
                let word = condition.reason.chars().all(|c| c.is_ascii_alphanumeric());
                prop_assert!(word && !condition.reason.is_empty(), "{}", condition.reason);
                match before.iter().find(|one: &&Condition| one.type_ == condition.type_) {
                    Some(was) if was.status == condition.status => {
                        prop_assert_eq!(&was.last_transition_time, &condition.last_transition_time);
                    }
                    _ => prop_assert_eq!(condition.last_transition_time.0, at(second)),
                }
            }
            // Saying the same again says nothing new, so nothing is written.
            prop_assert_eq!(&after(&now, outcome, generation, second + 100), &now);
            before = now;
        }
    }

    #[test]
    fn kstatus_reads_what_is_meant(history in prop::collection::vec((outcome(), any::<bool>()), 1..12)) {
        let (mut before, mut generation, mut observed) = (Vec::new(), 1, None);
        // Whether AWS, or whoever holds the operator back, has answered to this generation of the spec.
        let mut answered = None;
        let mut stuck = false;
        for (second, (outcome, edited)) in (0..).zip(&history) {
            generation += i64::from(*edited);
            let summary = Summary {
                outcome,
                findings: &[],
                generation: Some(generation),
                pending: &[],
                acts: &[],
                requested: None,
                facts: &Facts::default(),
                now: at(second),
                intent: None,
                outlook: None,
                progress: None,
            queues: &[],
            untold: false,
            };
            before = summary.conditions(&before);
            observed = summary.observed_generation(observed);
            let status = kstatus::compute(generation, observed, &before);
            // A reader that looks at no generation but the newest comes to the same.
            prop_assert_eq!(status, kstatus::compute(generation, Some(generation), &before));
            let expected = match outcome {
                Outcome::InSync | Outcome::Held { .. } => Status::Current,
                Outcome::Working { .. } => Status::InProgress,
                Outcome::Stalled { .. } => Status::Failed,
                // An outage never fails a sync, and never completes one.
                Outcome::Unavailable { .. } if answered == Some(generation) && !stuck => Status::Current,
                Outcome::Unavailable { .. } => Status::InProgress,
            };
            prop_assert_eq!(status, expected, "{:?} after {:?}", outcome, history);
            match outcome {
                Outcome::Unavailable { .. } => {}
                Outcome::InSync | Outcome::Held { .. } => (answered, stuck) = (Some(generation), false),
                Outcome::Working { .. } | Outcome::Stalled { .. } => stuck = true,
            }
        }
    }
}

#[test]
fn a_message_has_an_end() {
    let outcome = Outcome::Stalled { reason: "AwsRejected".into(), message: "é".repeat(5000) };
    let message = find(&after(&[], &outcome, 1, 0), READY).message.clone();
    assert_eq!(message.chars().count(), 1024);
    assert!(message.ends_with('…'));
}

#[test]
fn a_person_comes_before_everything_else() {
    let findings = vec![
        Finding::note("ForeignPolicies", "…"),
        Finding::waiting("DeploymentInProgress", "…"),
        Finding::stalled("PolicyNameTaken", "first"),
        Finding::stalled("MetricTaken", "second"),
    ];
    let plan = Plan { findings, ..Plan::default() };
    for hold in [None, Some(Hold::Suspended)] {
        let outcome = Outcome::of_plan(&plan, hold);
        assert_eq!(outcome, Outcome::Stalled { reason: "PolicyNameTaken".into(), message: "first".into() });
    }
}
