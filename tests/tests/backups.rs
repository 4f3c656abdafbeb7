//! One fault at every call of a policy that takes snapshots, deletes others and corrects a setting: the end is the same.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runbook_core::DatabaseKind;
use runbook_core::observed::BackupSettings;
use runbook_tests::cloud::rds;
use runbook_tests::fault::{At, Door, Fault};
use runbook_tests::invariants::{explain, judge};
use runbook_tests::journal::What;
use runbook_tests::stage::lock;
use runbook_tests::world::objects::{account, backup, backup_tags, with};
use runbook_tests::world::run::EPOCH;
use runbook_tests::world::{ACCOUNT, DatabaseSetup, Faults, REGION, Run, Scenario, SnapshotSetup, run};
use serde_json::json;

/// Two slots, two snapshots that are kept, and a retention that differs.
fn scenario() -> Scenario {
    let key: rds::Key = (DatabaseKind::Cluster, "orders".into());
    let settings = BackupSettings {
        retention_days: 3,
        window: Some("03:00-04:00".into()),
        copy_tags_to_snapshot: true,
        deletion_protection: false,
    };
    let mut policy = backup("nightly", &key, "2-5/3 8 * * *");
    policy = with(policy, "/spec/snapshots/retention", json!({"keepLast": 2}));
    policy = with(policy, "/spec/automated", json!({"retentionDays": 7}));
    let there = |day: u8, hours: i64| {
        let name = format!("orders-scheduled-202701{day}-080000");
        let arn = rds::Stored::new(ACCOUNT, REGION, &key, settings.clone()).arn_of_snapshot(key.0, &name);
        let slot = Timestamp::from_second(EPOCH - hours * 3600).unwrap();
        let tags = backup_tags("nightly", &arn, slot);
        SnapshotSetup { name, age: SignedDuration::from_hours(hours), snapshot_type: "manual", tags }
    };
    let snapshots = vec![there(14, 24), there(13, 48), there(12, 72)];
    Scenario {
        accounts: vec![account("default", ACCOUNT)],
        backups: vec![policy],
        databases: vec![DatabaseSetup { key, settings, snapshots }],
        turbulence: Duration::from_secs(420),
        ..Scenario::calm("one fault at every call of a backup")
    }
}

/// The settings at the end, and the snapshots.
fn end(run: &Run) -> (BackupSettings, Vec<(String, String)>) {
    let held = run.databases[0].1.clone().unwrap();
    let snapshots = held.snapshots.into_iter().map(|one| (one.identifier, one.status));
    (held.database.settings, snapshots.collect())
}

fn at_every_call(faults: &[Fault]) {
    let scenario = scenario();
    let calm = run(&scenario).unwrap();
    let violations = judge(&calm);
    assert!(violations.is_empty(), "{}", explain(&scenario.name, &violations, &calm));
    let expected = end(&calm);
    let until = calm.epoch + scenario.turbulence;
    let indexes = |door: Door| {
        let early = calm.entries.iter().filter(|entry| entry.at < until);
        let indexes = early.filter_map(|entry| match &entry.what {
            What::Aws(call) if door == Door::Aws => Some(call.index),
            What::Kubernetes(call) if door == Door::Kubernetes => Some(call.index),
            _ => None,
        });
        (0..=indexes.max().unwrap()).map(move |index| (door, index))
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
                        let name = format!("{at:?}: {:?}", end(&run));
                        lock(&failures).push(explain(&name, &violations, &run));
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
fn both_slots_are_taken_and_what_they_replace_goes() {
    let run = run(&scenario()).unwrap();
    let (settings, snapshots) = end(&run);
    assert_eq!(settings.retention_days, 7);
    let there = ["orders-scheduled-20270115-080200", "orders-scheduled-20270115-080500"];
    assert_eq!(snapshots, there.map(|name| (name.to_owned(), "available".to_owned())));
}

/// Snapshots that nothing has told of are not read again: a schedule that is due tomorrow is no reason.
#[test]
fn while_nothing_is_due_no_snapshots_are_read() {
    let keys = (0..12).map(|number| (DatabaseKind::Instance, format!("db-{number:02}")));
    let (backups, databases) = keys
        .map(|key: rds::Key| {
            let settings = BackupSettings {
                retention_days: 7,
                window: None,
                copy_tags_to_snapshot: true,
                deletion_protection: false,
            };
            (backup(&key.1, &key, "0 2 * * *"), DatabaseSetup { key, settings, snapshots: Vec::new() })
        })
        .unzip();
    let quiet = Scenario {
        accounts: vec![account("default", ACCOUNT)],
        backups,
        databases,
        steady: Duration::from_secs(2 * 3600),
        ..Scenario::calm("nothing is due")
    };
    let run = run(&quiet).unwrap();
    let calls = |operation: &str| {
        let late = run.entries.iter().filter(|entry| entry.at >= run.steady_from);
        let made = late.filter(|entry| matches!(&entry.what, What::Aws(call) if call.call.operation() == operation));
        made.count()
    };
    assert!(calls("DescribeDBInstances") > 20, "they are looked at");
    assert_eq!(calls("DescribeDBSnapshots"), 0);
}

#[test]
fn the_operator_may_die_at_every_call_of_a_backup() {
    at_every_call(&[Fault::CrashBefore, Fault::CrashAfter]);
}

#[test]
fn every_call_of_a_backup_may_fail_or_have_its_effect_late() {
    at_every_call(&[
        Fault::ErrorBefore,
        Fault::ErrorAfter,
        Fault::Throttle,
        Fault::HangThenEffect(Duration::from_secs(3)),
    ]);
}
