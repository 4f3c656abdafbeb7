//! Policies that are deleted while something keeps them from removing what they created: each goes at last, and says what stays.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use jiff::SignedDuration;
use runbook_tests::invariants::{explain, judge};
use runbook_tests::journal::{Held, What};
use runbook_tests::kubernetes::Key;
use runbook_tests::kubernetes::kinds::{AWS_ACCOUNT, SCALING_POLICY};
use runbook_tests::world::event::{Event, account_mode};
use runbook_tests::world::objects::{account, band, fixed, tracking, with};
use runbook_tests::world::{ACCOUNT, NAMESPACE, Run, Scenario, ServiceSetup, run};
use serde_json::json;

/// When the policy is deleted.
const DELETED: u64 = 30;
/// How long it then waits at most (`Options::deletion_deadline`).
const DEADLINE: SignedDuration = SignedDuration::from_mins(10);

fn policy() -> Key {
    Key::new(NAMESPACE, "app")
}

/// A policy that has registered its band and is deleted, and what else happens.
fn scenario(name: &str, script: Vec<(u64, Event)>) -> Scenario {
    let object = with(band("app", "app", (2, 6), &[tracking("cpu", 60)]), "/spec/deletionPolicy", json!("Delete"));
    let events = script.into_iter().chain([(DELETED, Event::Delete(SCALING_POLICY, policy()))]);
    Scenario {
        accounts: vec![account("default", ACCOUNT)],
        policies: vec![object],
        services: vec![ServiceSetup { account: ACCOUNT, name: "app".into(), desired: 3, capacity: None }],
        script: events.map(|(at, event)| (Duration::from_secs(at), event)).collect(),
        // What is denied stays denied beyond the deadline.
        turbulence: Duration::from_secs(900),
        ..Scenario::calm(name)
    }
}

/// The run, in which nothing is against the rules.
fn sound(scenario: &Scenario) -> Run {
    let run = run(scenario).unwrap();
    let violations = judge(&run);
    assert!(violations.is_empty(), "{}", explain(&scenario.name, &violations, &run));
    assert!(run.objects.iter().all(|(key, _)| key.resource != "scalingpolicies"), "{} is still there", scenario.name);
    run
}

/// How long after its deletion the policy was gone.
fn waited(run: &Run) -> SignedDuration {
    let time = |wanted: &dyn Fn(&What) -> bool| run.entries.iter().find(|entry| wanted(&entry.what)).unwrap().at;
    let deleted = time(&|what| matches!(what, What::Edited { act, .. } if act == "delete"));
    let gone =
        time(&|what| matches!(what, What::Learned { object, state: None, .. } if object.resource == "scalingpolicies"));
    gone.duration_since(deleted)
}

/// Reasons and notes of the events.
fn events(run: &Run) -> Vec<(String, String)> {
    let text = |object: &serde_json::Value, field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let written = run.entries.iter().filter_map(|entry| match &entry.what {
        What::Kubernetes(call) if call.object.resource == "events" && call.changed => call.state.clone(),
        _ => None,
    });
    written.map(|event| (text(&event, "reason"), text(&event, "note"))).collect()
}

fn held(run: &Run) -> &Held {
    run.held.iter().find_map(|((_, id), held)| held.as_ref().filter(|_| id == "service/clocked-cluster/app")).unwrap()
}

fn left_behind(run: &Run, why: &str) {
    // A deletionTimestamp has whole seconds.
    let second = SignedDuration::from_secs(1);
    assert!(waited(run) > DEADLINE - second, "it waits as long as it may: {}", waited(run));
    assert!(waited(run) < DEADLINE + SignedDuration::from_secs(30), "and no longer: {}", waited(run));
    assert_eq!(held(run).owner.as_deref(), Some("simulator/clocked/app"), "what stays says whose it was");
    let notes: Vec<String> =
        events(run).into_iter().filter(|(reason, _)| reason == "LeftBehind").map(|(_, note)| note).collect();
    assert!(
        matches!(notes.as_slice(), [note] if note.contains(why) && note.contains("clocked-cluster/app")),
        "{notes:?}"
    );
}

#[test]
fn an_account_that_is_gone_holds_nobody_for_ever() {
    let gone = Event::Delete(AWS_ACCOUNT, Key::new("", "default"));
    // The first "delete" of the journal is the account's, a second before.
    left_behind(&sound(&scenario("account gone", vec![(DELETED - 1, gone)])), "there is no AwsAccount named default");
}

#[test]
fn a_grant_that_is_gone_holds_nobody_for_ever() {
    let key = Key::new("", "default");
    let verbs = Event::Set(AWS_ACCOUNT, key, "/spec/grants/0/verbs", json!(["observe"]));
    left_behind(&sound(&scenario("grant gone", vec![(20, verbs)])), "does not grant");
}

#[test]
fn what_forbids_writing_holds_nobody_for_ever() {
    let suspend = Event::Set(SCALING_POLICY, policy(), "/spec/suspend", json!(true));
    left_behind(&sound(&scenario("suspended", vec![(20, suspend)])), "suspended");
    let observe = Event::Set(SCALING_POLICY, policy(), "/spec/mode", json!("Observe"));
    left_behind(&sound(&scenario("Observe", vec![(20, observe)])), "Observe");
    left_behind(&sound(&scenario("account Observe", vec![(20, account_mode("default", "Observe"))])), "Observe");
    let freeze = json!([{"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "reason": "Advent"}]);
    let freeze = Event::Set(AWS_ACCOUNT, Key::new("", "default"), "/spec/freeze", freeze);
    left_behind(&sound(&scenario("frozen", vec![(20, freeze)])), "frozen");
}

#[test]
fn an_aws_that_denies_holds_nobody_for_ever() {
    for operation in ["DeregisterScalableTarget", "ListTagsForResource", "DescribeServices"] {
        let run = sound(&scenario(operation, vec![(20, Event::Deny(operation, true))]));
        left_behind(&run, "AccessDenied");
    }
}

#[test]
fn a_policy_that_cannot_be_read_holds_nobody_for_ever() {
    let malformed = with(fixed("malformed", "app", 1), "/spec/replicas", json!("many"));
    let malformed = with(malformed, "/metadata/finalizers", json!(["ops.clocked.app/cleanup"]));
    let key = Key::new(NAMESPACE, "malformed");
    let script = vec![(DELETED - 1, Event::Delete(SCALING_POLICY, key))];
    let run = sound(&Scenario { raw: vec![malformed], ..scenario("malformed", script) });
    assert!(events(&run).iter().any(|(reason, note)| reason == "LeftBehind" && note.contains("cannot be read")));
}

#[test]
fn what_ends_in_time_lets_it_go_on() {
    let script = vec![(20, account_mode("default", "Observe")), (300, account_mode("default", "Enforce"))];
    let run = sound(&scenario("in time", script));
    assert!(waited(&run) > SignedDuration::from_secs(269) && waited(&run) < DEADLINE, "{}", waited(&run));
    assert_eq!((held(&run).capacity, held(&run).desired), (None, 3));
}

#[test]
fn abandoned_it_goes_at_once() {
    let abandon = Event::Set(SCALING_POLICY, policy(), "/metadata/annotations/ops.clocked.app~1abandon", json!("yes"));
    let run = sound(&scenario("abandoned", vec![(20, account_mode("default", "Observe")), (100, abandon)]));
    assert!(
        waited(&run) >= SignedDuration::from_secs(70) && waited(&run) < SignedDuration::from_secs(75),
        "{}",
        waited(&run)
    );
    assert!(held(&run).capacity.is_some());
    let (_, note) = events(&run).into_iter().find(|(reason, _)| reason == "Abandoned").unwrap();
    assert!(note.contains("ops.clocked.app/owner=simulator/clocked/app"), "{note}");
}

#[test]
fn with_retain_nothing_waits_and_nothing_is_removed() {
    let retain = Event::Set(SCALING_POLICY, policy(), "/spec/deletionPolicy", json!("Retain"));
    let run = sound(&scenario("retained", vec![(20, retain)]));
    assert!(waited(&run) < SignedDuration::from_secs(2), "{}", waited(&run));
    assert!(held(&run).capacity.is_some());
}

#[test]
fn whoever_is_to_remove_it_may_be_another_process() {
    let script =
        vec![(20, account_mode("default", "Observe")), (60, Event::Kill), (90, account_mode("default", "Enforce"))];
    let run = sound(&Scenario { replicas: 2, ..scenario("killed", script) });
    assert_eq!(held(&run).capacity, None);
}
