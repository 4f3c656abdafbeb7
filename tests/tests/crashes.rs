//! One fault at every call of one scenario: the operator dies before or after the call's effect, or the call fails in each way
//! there is. Whatever happens, the end is the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use runbook_aws::Call;
use runbook_core::observed::{Capacity, Suspended};
use runbook_tests::fault::{At, Door, Fault};
use runbook_tests::invariants::{explain, judge};
use runbook_tests::journal::{AwsCall, Held, What};
use runbook_tests::kubernetes::Key;
use runbook_tests::kubernetes::kinds::{SCALING_OVERRIDE, SCALING_POLICY};
use runbook_tests::world::event::Event;
use runbook_tests::world::objects::{account, adopting, band, fixed, scaling_override, tracking, window, with};
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

/// Three policies that are deleted: one that removes what it created, one beside which somebody has put a policy of his own, and one
/// whose band somebody else had registered before.
fn deletions() -> Scenario {
    let service = |name: &str| ServiceSetup { account: ACCOUNT, name: name.into(), desired: 3, capacity: None };
    let theirs = Capacity { min: 2, max: 6, suspended: Suspended::default() };
    let deleted =
        |name: &str| with(band(name, name, (2, 6), &[tracking("cpu", 60)]), "/spec/deletionPolicy", json!("Delete"));
    let seconds = Duration::from_secs;
    let delete = |at, name: &str| (seconds(at), Event::Delete(SCALING_POLICY, Key::new(NAMESPACE, name)));
    Scenario {
        accounts: vec![account("default", ACCOUNT)],
        policies: vec![deleted("ours"), deleted("shared"), deleted("theirs")],
        services: vec![
            service("ours"),
            service("shared"),
            ServiceSetup { capacity: Some(theirs), ..service("theirs") },
        ],
        script: vec![
            // Late enough for an operator that dies at the beginning, so that the end is one.
            (seconds(80), Event::PutPolicy("shared".into(), "foreign")),
            delete(90, "ours"),
            delete(92, "shared"),
            delete(94, "theirs"),
        ],
        turbulence: seconds(120),
        ..Scenario::calm("one fault at every call of a deletion")
    }
}

/// Two overrides that begin and end, one by its time and one because it is deleted; and two scale-outs by hand that are adopted, one
/// of them to the end of the run.
fn overrides() -> Scenario {
    let service = |name: &str| ServiceSetup { account: ACCOUNT, name: name.into(), desired: 3, capacity: None };
    let seconds = Duration::from_secs;
    let create = |at, name: &str, policy: &str, size: serde_json::Value, ends| {
        let object = scaling_override(name, policy, &size, seconds(ends));
        (seconds(at), Event::Create(SCALING_OVERRIDE, object))
    };
    let rush = window("rush", (0, 50), (2, 6));
    Scenario {
        accounts: vec![account("default", ACCOUNT)],
        policies: vec![
            fixed("sale", "sale", 3),
            with(band("quiet", "quiet", (1, 5), &[]), "/spec/autoscaling/windows", json!([rush])),
            adopting(fixed("helped", "helped", 3), 30, 9),
            adopting(band("kept", "kept", (2, 4), &[]), 7200, 9),
        ],
        services: vec![service("sale"), service("quiet"), service("helped"), service("kept")],
        script: vec![
            // Late enough for an operator that dies at the beginning, so that all is in line before.
            create(80, "noon", "sale", json!({"atLeast": 5}), 105),
            create(80, "still", "quiet", json!({"exactly": 3, "suspendScheduled": true}), 7200),
            (seconds(82), Event::Desired("helped".into(), 7)),
            (seconds(82), Event::Desired("kept".into(), 8)),
            (seconds(83), Event::RequestReconcile(Key::new(NAMESPACE, "helped"))),
            (seconds(83), Event::RequestReconcile(Key::new(NAMESPACE, "kept"))),
            (seconds(100), Event::Delete(SCALING_OVERRIDE, Key::new(NAMESPACE, "still"))),
        ],
        turbulence: seconds(125),
        ..Scenario::calm("one fault at every call of an override")
    }
}

/// What the operator has adopted: which policy, and at least how many tasks.
fn adopted(run: &Run) -> Vec<(String, i64)> {
    let overrides = run.objects.iter().filter(|(key, _)| key.resource == "scalingoverrides");
    let mut adopted: Vec<(String, i64)> = overrides
        .filter(|(key, _)| key.name.starts_with("adopted-"))
        .map(|(_, object)| {
            (
                object["spec"]["policyRef"]["name"].as_str().unwrap().to_owned(),
                object["spec"]["atLeast"].as_i64().unwrap(),
            )
        })
        .collect();
    adopted.sort();
    adopted
}

#[test]
fn overrides_end_and_adoptions_are_made_once() {
    let (run, ..) = calm(&overrides());
    let held = held(&run);
    let held = |name: &str| held[name].clone().unwrap();
    assert_eq!(adopted(&run), [("helped".to_owned(), 7), ("kept".to_owned(), 8)]);
    assert_eq!((held("sale").desired, held("helped").desired, held("kept").desired), (3, 3, 8));
    let capacity = held("quiet").capacity.unwrap();
    assert_eq!((capacity.min, capacity.max, capacity.suspended.scheduled_scaling), (2, 6, false), "the window is open");
    let effects = |service: &'static str| {
        let writes = run.entries.iter().filter_map(|entry| match &entry.what {
            runbook_tests::journal::What::Aws(call) => call.effect.as_ref(),
            _ => None,
        });
        writes.filter(move |(of, ..)| of.ends_with(&format!("/{service}"))).map(|(_, _, after)| after)
    };
    let sizes = |service| effects(service).map(|after| after.desired).collect::<Vec<i32>>();
    assert_eq!((sizes("sale"), sizes("helped")), (vec![5, 3], vec![3]), "they came and went");
    let still = |capacity: Capacity| (capacity.min, capacity.max, capacity.suspended.scheduled_scaling) == (3, 3, true);
    assert!(effects("quiet").any(|after| after.capacity.is_some_and(still)));
}

#[test]
fn the_operator_may_die_at_every_call_of_an_override() {
    at_every_call(&overrides(), &[Fault::CrashBefore, Fault::CrashAfter]);
}

#[test]
fn every_call_of_an_override_may_fail() {
    at_every_call(&overrides(), &[Fault::ErrorBefore, Fault::ErrorAfter]);
}

#[test]
fn a_deletion_removes_what_is_ours() {
    let (run, ..) = calm(&deletions());
    let left: BTreeMap<String, Held> = held(&run).into_iter().filter_map(|(name, held)| Some((name, held?))).collect();
    let names = |name: &str| left[name].policies.iter().map(|policy| policy.name.clone()).collect::<Vec<_>>();
    assert_eq!((left["ours"].capacity, left["ours"].desired), (None, 3));
    assert!(left["shared"].capacity.is_some());
    assert_eq!(names("shared"), ["foreign"]);
    assert!(left["theirs"].capacity.is_some());
    assert_eq!(names("theirs"), ["cpu"]);
    assert!(run.objects.iter().all(|(key, _)| key.resource != "scalingpolicies"), "all are gone");
}

#[test]
fn the_operator_may_die_at_every_call_of_a_deletion() {
    at_every_call(&deletions(), &[Fault::CrashBefore, Fault::CrashAfter]);
}

#[test]
fn every_call_of_a_deletion_may_fail() {
    at_every_call(&deletions(), &[Fault::ErrorBefore, Fault::ErrorAfter, Fault::Throttle]);
}

/// What AWS held about each service at the end, by its name.
fn held(run: &Run) -> BTreeMap<String, Option<Held>> {
    let mut held: BTreeMap<String, Option<Held>> =
        run.held.iter().map(|((_, id), held)| (id.rsplit('/').next().unwrap().to_owned(), held.clone())).collect();
    // When an action was put is chance.
    let actions = held.values_mut().flatten().flat_map(|held| &mut held.actions);
    actions.for_each(|action| action.created_at = None);
    held
}

/// How many calls through each door the scenario takes until it has settled, with nothing going wrong.
fn calm(scenario: &Scenario) -> (Run, u64, u64) {
    let run = run(scenario).unwrap();
    let violations = judge(&run);
    assert!(violations.is_empty(), "{}", explain(&scenario.name, &violations, &run));
    let busy = run.epoch.checked_add(scenario.turbulence + Duration::from_secs(15)).unwrap();
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

fn at_every_call(scenario: &Scenario, faults: &[Fault]) {
    let (calm, aws, kubernetes) = calm(scenario);
    let expected = (held(&calm), adopted(&calm));
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
                    let scenario = Scenario { faults: Faults::At(*at), ..scenario.clone() };
                    let run = run(&scenario).unwrap();
                    let violations = judge(&run);
                    let same = (held(&run), adopted(&run)) == expected;
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
    at_every_call(&scenario(), &[Fault::CrashBefore, Fault::CrashAfter]);
}

#[test]
fn every_call_may_fail_before_and_after_its_effect() {
    at_every_call(&scenario(), &[Fault::ErrorBefore, Fault::ErrorAfter]);
}

#[test]
fn every_call_may_be_refused() {
    at_every_call(&scenario(), &[Fault::Throttle, Fault::Conflict]);
}

#[test]
fn every_call_may_hang_and_have_its_effect_late_or_never() {
    at_every_call(&scenario(), &[Fault::HangBefore, Fault::HangThenEffect(Duration::from_secs(3))]);
}

/// One of four targets may be changed within an hour. The first leader changes one and dies before it can say so; the second finds it as
/// it is to be, says so, and dies too.
#[test]
fn what_a_leader_did_before_it_died_counts_for_all_that_follow() {
    let names = ["a", "b", "c", "d"];
    let service = |name: &str| ServiceSetup { account: ACCOUNT, name: name.into(), desired: 1, capacity: None };
    let limited = with(account("default", ACCOUNT), "/spec/safety/maxChangedTargetsPercent", json!(34));
    let scenario = Scenario {
        accounts: vec![limited],
        policies: names.map(|name| fixed(name, name, 3)).to_vec(),
        services: names.map(service).to_vec(),
        script: vec![(Duration::from_secs(120), Event::Kill)],
        faults: Faults::FirstWrite(Fault::CrashAfter),
        turbulence: Duration::from_secs(180),
        ..Scenario::calm("two leaders die one after the other")
    };
    let calls = |run: &Run| -> Vec<Box<AwsCall>> {
        let calls = run.entries.iter().filter_map(|entry| match &entry.what {
            What::Aws(call) => Some(call.clone()),
            _ => None,
        });
        calls.collect()
    };
    let updates = |call: &AwsCall| matches!(call.call, Call::UpdateService { .. });
    let run = run(&scenario).unwrap();
    let all = calls(&run);
    assert!(all.iter().any(|call| call.fault.is_some() && updates(call)), "the first leader dies at its first write");
    let changed: BTreeSet<String> = all.iter().filter(|call| updates(call)).map(|call| call.call.resource()).collect();
    let processes: BTreeSet<u32> = all.iter().map(|call| call.process).collect();
    let violations = judge(&run);
    let why = explain(&scenario.name, &violations, &run);
    assert!(processes.len() >= 3, "there are three leaders: {processes:?}");
    assert_eq!(changed.len(), 1, "{why}");
    assert!(violations.is_empty(), "{why}");
    let told = |(_, policy): &(_, std::sync::Arc<serde_json::Value>)| {
        policy.pointer("/status/history/0/outcome").is_some_and(|outcome| outcome == "Unknown")
    };
    assert_eq!(run.objects.iter().filter(|object| told(object)).count(), 1, "{why}");
}
