//! Restores in the simulator: what RDS does, a verification with one fault at every call, and each invariant seen to fail.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use runbook_core::DatabaseKind;
use runbook_core::observed::BackupSettings;
use runbook_tests::cloud::rds::colleagues::Act;
use runbook_tests::cloud::rds::restores::Odds;
use runbook_tests::fault::{At, Door, Fault};
use runbook_tests::invariants::{explain, judge};
use runbook_tests::journal::What;
use runbook_tests::kubernetes::kinds::DATABASE_RESTORE;
use runbook_tests::stage::lock;
use runbook_tests::world::event::Event;
use runbook_tests::world::objects::{account, backup, scheduled_verification, verification, with};
use runbook_tests::world::scenario::{Mutation, RestoreMutation};
use runbook_tests::world::{ACCOUNT, DatabaseSetup, Faults, Run, Scenario, SnapshotSetup, run};
use serde_json::{Value, json};

/// A database with one snapshot, which a policy verifies three minutes after eight.
fn scenario() -> Scenario {
    let settings = BackupSettings {
        retention_days: 7,
        window: Some("03:00-04:00".into()),
        copy_tags_to_snapshot: true,
        deletion_protection: false,
    };
    let key = (DatabaseKind::Instance, "orders".to_owned());
    let mut declared = scheduled_verification("3 8 * * *");
    declared["includeAutomated"] = json!(true);
    let policy = with(backup("nightly", &key, "0 2 * * *"), "/spec/verification", declared);
    let there = |name: &str, snapshot_type| SnapshotSetup {
        name: name.into(),
        age: SignedDuration::from_hours(5),
        snapshot_type,
        tags: BTreeMap::new(),
    };
    let snapshots = vec![there("rds:orders-2027-01-15-03-00", "automated"), there("by-hand", "manual")];
    Scenario {
        accounts: vec![account("default", ACCOUNT)],
        backups: vec![policy],
        databases: vec![DatabaseSetup { key, settings, snapshots }],
        turbulence: Duration::from_secs(420),
        settle: Duration::from_secs(1500),
        ..Scenario::calm("a verification")
    }
}

/// A person verifies a snapshot.
fn drill(name: &str) -> Value {
    verification(name, json!({"snapshotIdentifier": "by-hand"}))
}

/// How each DatabaseRestore has ended, and the instances that are left.
fn end(run: &Run) -> (Vec<(String, String)>, Vec<String>) {
    let restores = run.objects.iter().filter(|(key, _)| key.resource == "databaserestores");
    let phase = |object: &Value| object.pointer("/status/phase").and_then(Value::as_str).unwrap_or_default().to_owned();
    let restores = restores.map(|(key, object)| (key.name.clone(), phase(object)));
    (restores.collect(), run.restored.keys().cloned().collect())
}

fn sound(scenario: &Scenario) -> Run {
    let run = run(scenario).unwrap();
    let violations = judge(&run);
    assert!(violations.is_empty(), "{}", explain(&scenario.name, &violations, &run));
    run
}

#[test]
fn a_backup_is_restored_asked_and_nothing_is_left() {
    let run = sound(&scenario());
    assert_eq!(end(&run), (vec![("nightly-20270115-080300".into(), "Complete".into())], Vec::new()));
}

#[test]
fn a_backup_that_is_not_as_expected_is_said_to_be_bad() {
    let odds = Odds { bad: 1.0, ..Odds::default() };
    let run = sound(&Scenario { restores: vec![drill("drill")], odds, ..scenario() });
    let ended = ["drill", "nightly-20270115-080300"].map(|name| (name.to_owned(), "Failed".to_owned()));
    assert_eq!(end(&run), (ended.into(), Vec::new()));
}

#[test]
fn of_many_verifications_two_are_made_at_a_time() {
    let restores = (0..5).map(|number| drill(&format!("drill-{number}"))).collect();
    let run = sound(&Scenario { restores, settle: Duration::from_secs(2000), ..scenario() });
    assert!(end(&run).0.iter().all(|(_, phase)| phase == "Complete"), "{:?}", end(&run));
    let most = run.entries.iter().filter_map(|entry| match &entry.what {
        What::Kubernetes(call) if call.changed => call.state.as_ref()?.pointer("/status/conditions/1/reason").cloned(),
        _ => None,
    });
    assert!(most.into_iter().any(|reason| reason == "VerificationsLimited"));
}

#[test]
fn what_is_left_behind_is_swept() {
    let script = vec![(Duration::from_secs(250), Event::LoseRestores)];
    let long = Scenario { script, settle: Duration::from_secs(7000), steady: Duration::ZERO, ..scenario() };
    let run = sound(&long);
    assert_eq!(end(&run), (Vec::new(), Vec::new()));
    let swept = run
        .entries
        .iter()
        .any(|entry| matches!(&entry.what, What::Aws(call) if call.call.operation() == "DeleteDBInstance"));
    assert!(swept, "there was an instance to sweep");
}

fn at_every_call(faults: &[Fault]) {
    let scenario = scenario();
    let calm = sound(&scenario);
    let expected = end(&calm);
    let until = calm.epoch + scenario.turbulence;
    let from = calm.epoch + SignedDuration::from_secs(170);
    let indexes = |door: Door| {
        let during = calm.entries.iter().filter(move |entry| (from..until).contains(&entry.at));
        let indexes = during.filter_map(move |entry| match &entry.what {
            What::Aws(call) if door == Door::Aws => Some(call.index),
            What::Kubernetes(call) if door == Door::Kubernetes => Some(call.index),
            _ => None,
        });
        let indexes: Vec<u64> = indexes.collect();
        let (first, last) = (indexes.iter().min().copied().unwrap(), indexes.iter().max().copied().unwrap());
        (first..=last).map(move |index| (door, index))
    };
    let sites: Vec<(Door, u64)> = indexes(Door::Aws).chain(indexes(Door::Kubernetes)).collect();
    let at = |(door, index): &(Door, u64), fault: &Fault| At { door: *door, index: *index, fault: *fault };
    let cases: Vec<At> = sites.iter().flat_map(|site| faults.iter().map(move |fault| at(site, fault))).collect();
    assert!(cases.len() > 50, "{} cases", cases.len());
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let Some(at) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let run = run(&Scenario { faults: Faults::At(*at), ..scenario.clone() }).unwrap();
                    let violations = judge(&run);
                    if !violations.is_empty() || end(&run) != expected {
                        lock(&failures).push(explain(&format!("{at:?}: {:?}", end(&run)), &violations, &run));
                    }
                }
            });
        }
    });
    let failures = lock(&failures);
    let heads: Vec<&str> = failures.iter().filter_map(|text| text.split("timeline:").next()).collect();
    assert!(failures.is_empty(), "{} of {} fail:\n{}\n{}", failures.len(), cases.len(), heads.join("\n"), failures[0]);
}

#[test]
fn the_operator_may_die_at_every_call_of_a_verification() {
    at_every_call(&[Fault::CrashBefore, Fault::CrashAfter]);
}

#[test]
fn every_call_of_a_verification_may_fail_or_have_its_effect_late() {
    at_every_call(&[
        Fault::ErrorBefore,
        Fault::ErrorAfter,
        Fault::Throttle,
        Fault::HangThenEffect(Duration::from_secs(3)),
    ]);
}

#[test]
fn a_defect_about_restores_is_noticed() {
    let wanted = "every write about a restored instance is wanted";
    let own = "nothing of anybody else's is touched";
    let good = "a backup is verified where its restore was found good";
    for (mutation, rules) in [
        (RestoreMutation::LeaveInstance, vec!["no instance is left over", "every restore ends"]),
        (RestoreMutation::DeleteSource, vec![own]),
        (RestoreMutation::DeleteForeign, vec![own]),
        (RestoreMutation::DeleteEarly, vec![wanted]),
        (RestoreMutation::SetForeignPassword, vec![own]),
        (RestoreMutation::RestoreTwice, vec!["a restore is begun once", "at most two are verified at a time"]),
        (RestoreMutation::RestoreOver, vec!["nothing is restored over a database"]),
        (RestoreMutation::NoTags, vec![wanted]),
        (RestoreMutation::DefaultGroup, vec![wanted]),
        (RestoreMutation::TagEarly, vec![good, wanted, "a write is claimed before it is made"]),
        (RestoreMutation::BelieveAnything, vec![good]),
    ] {
        let bad = if mutation == RestoreMutation::BelieveAnything { 1.0 } else { 0.0 };
        let theirs = Event::Restored(Act::RestoreAlike("rbv-theirs".into()));
        let again = Event::Create(DATABASE_RESTORE, drill("another"));
        let scenario = Scenario {
            mutation: Some(Mutation::Restore(mutation)),
            odds: Odds { bad, unanswered: 0.0, ..Odds::default() },
            restores: vec![drill("drill")],
            script: (0..30)
                .map(|turn| (Duration::from_secs(10 + turn * 4), theirs.clone()))
                .chain([(Duration::from_secs(20), again)])
                .collect(),
            ..scenario()
        };
        let run = run(&scenario).unwrap();
        let violations = judge(&run);
        let found: Vec<&str> = violations.iter().map(|violation| violation.rule).collect();
        assert!(
            rules.iter().all(|rule| found.contains(rule)),
            "{mutation:?}: {}",
            explain("a defective operator", &violations, &run)
        );
    }
}
