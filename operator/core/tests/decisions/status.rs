//! What a status keeps: bounded, newest first.

use runbook_api::ScalingPolicyStatus;
use runbook_core::report::history::{HISTORY_LIMIT, PLAN_LIMIT};
use runbook_core::report::{Act, Outcome, Summary};
use runbook_core::scaling::report;
use runbook_core::{Facts, ServiceId, Step};

use crate::world;

/// A step about a service with the longest names that AWS allows.
fn step(number: i32) -> Step {
    let service = ServiceId { cluster: "c".repeat(255), service: "s".repeat(255), ..world::service_id() };
    Step::SetDesiredCount { service, from: number, to: number + 1 }
}

fn after(previous: &ScalingPolicyStatus, acts: &[Act], pending: &[Step]) -> ScalingPolicyStatus {
    let outcome = Outcome::Stalled { reason: "AwsRejected".into(), message: "m".repeat(10_000) };
    let facts = Facts::default();
    let requested = "r".repeat(1000);
    let summary = Summary {
        outcome: &outcome,
        findings: &[],
        generation: Some(1),
        pending,
        acts,
        requested: Some(&requested),
        facts: &facts,
        now: world::now(),
        intent: None,
        outlook: None,
        progress: None,
        queues: &[],
        untold: false,
    };
    report::status("clocked-app", previous, &summary)
}

fn act(number: i32) -> Act {
    Act { step: step(number), time: world::now(), reason: format!("act {number}"), result: Ok(Some("i".repeat(64))) }
}

#[test]
fn the_fullest_status_is_small_and_counts_what_it_leaves_out() {
    let mut status = ScalingPolicyStatus::default();
    let pending: Vec<Step> = (0..70).map(step).collect();
    for round in 0..10 {
        let acts: Vec<Act> = (0..7).map(|number| act(round * 7 + number)).collect();
        status = after(&status, &acts, &pending);
    }
    assert_eq!(status.history.len(), HISTORY_LIMIT);
    let plan = status.plan.as_ref().unwrap();
    assert_eq!((plan.steps.len(), plan.omitted), (PLAN_LIMIT, Some(20)));
    let bytes = serde_json::to_string(&status).unwrap().len();
    assert!(bytes <= 64 * 1024, "{bytes} bytes");
    // As large as the schema allows, and no larger.
    assert!(plan.steps.iter().all(|step| step.description.chars().count() == 512));
    assert!(status.last_handled_reconcile_at.is_some_and(|value| value.len() == 128));
}

#[test]
fn the_newest_act_comes_first() {
    let status = after(&ScalingPolicyStatus::default(), &[act(1), act(2)], &[]);
    let status = after(&status, &[act(3)], &[]);
    let reasons: Vec<&str> = status.history.iter().map(|entry| entry.reason.as_str()).collect();
    assert_eq!(reasons, ["act 3", "act 2", "act 1"]);
}
