//! The invariants can fail: an operator with a defect is found out, each defect by its own rule.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use runbook_core::DatabaseKind;
use runbook_core::observed::BackupSettings;
use runbook_tests::cloud::{cluster_id, rds};
use runbook_tests::invariants::{explain, judge};
use runbook_tests::kubernetes::Key;
use runbook_tests::world::event::Event;
use runbook_tests::world::objects::{account, backup, backup_tags, band, fixed, of_aurora, tracking, with};
use runbook_tests::world::run::EPOCH;
use runbook_tests::world::scenario::Mutation;
use runbook_tests::world::{
    ACCOUNT, ClusterSetup, DatabaseSetup, NAMESPACE, REGION, Scenario, ServiceSetup, SnapshotSetup, run,
};
use serde_json::json;

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

/// A database with a snapshot every three minutes, of which two are kept, one of yesterday and one that somebody took by hand.
fn databases(mutation: Option<Mutation>) -> Scenario {
    let key: rds::Key = (DatabaseKind::Instance, "orders".into());
    let settings = BackupSettings {
        retention_days: 3,
        window: Some("03:00-04:00".into()),
        copy_tags_to_snapshot: true,
        deletion_protection: false,
    };
    let mut policy = backup("nightly", &key, "2-14/3 8 * * *");
    policy = with(policy, "/spec/snapshots/retention", json!({"keepLast": 2}));
    policy = with(policy, "/spec/automated", json!({"retentionDays": 7}));
    let slot = Timestamp::from_second(EPOCH - 24 * 3600).unwrap();
    let name = "orders-scheduled-20270114-080000";
    let arn = rds::Stored::new(ACCOUNT, REGION, &key, settings.clone()).arn_of_snapshot(key.0, name);
    let there = |name: &str, tags| SnapshotSetup {
        name: name.into(),
        age: SignedDuration::from_hours(24),
        snapshot_type: "manual",
        tags,
    };
    let snapshots = vec![there(name, backup_tags("nightly", &arn, slot)), there("by-hand", BTreeMap::new())];
    Scenario {
        accounts: vec![account("default", ACCOUNT)],
        backups: vec![policy],
        databases: vec![DatabaseSetup { key, settings, snapshots }],
        settle: Duration::from_secs(1300),
        mutation,
        ..Scenario::calm("a defective operator")
    }
}

/// The rules that a run with this defect breaks.
fn broken(mutation: Option<Mutation>) -> Vec<&'static str> {
    broken_in(&scenario(mutation))
}

fn broken_in(scenario: &Scenario) -> Vec<&'static str> {
    let mutation = scenario.mutation;
    let run = run(scenario).unwrap();
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

/// The Aurora Replicas of a cluster: too few at first, one of a person's goes, and then the cluster is modified.
fn replicas(mutation: Option<Mutation>) -> Scenario {
    let wanted = of_aurora(band("readers", "", (2, 4), &[tracking("cpu", 60)]), "shop");
    let replicas = cluster_id("shop");
    Scenario {
        accounts: vec![account("default", ACCOUNT)],
        policies: vec![wanted],
        clusters: vec![ClusterSetup { name: "shop".into(), readers: 1, capacity: None }],
        script: vec![
            (Duration::from_secs(200), Event::Desired(replicas.clone(), 1)),
            (Duration::from_secs(700), Event::Deploy(replicas, Duration::from_secs(60))),
            (Duration::from_secs(705), Event::RequestReconcile(Key::new(NAMESPACE, "readers"))),
        ],
        turbulence: Duration::from_secs(720),
        mutation,
        ..Scenario::calm("a defective operator of Aurora Replicas")
    }
}

#[test]
fn a_sound_operator_breaks_no_rule_about_aurora_replicas() {
    let scenario = replicas(None);
    assert_eq!(broken_in(&scenario), Vec::<&str>::new());
    let run = run(&scenario).unwrap();
    let (_, held) = &run.held[0];
    let held = held.as_ref().unwrap();
    assert_eq!((held.desired, held.permanent), (2, 1), "Application Auto Scaling has made another");
}

#[test]
fn a_band_that_is_registered_while_a_cluster_is_modified_is_noticed() {
    let rules = broken_in(&replicas(Some(Mutation::BusyCluster)));
    assert!(rules.contains(&"a cluster that is not available is left alone"), "{rules:?}");
    assert!(rules.contains(&"every write is wanted"), "{rules:?}");
}

#[test]
fn a_sound_operator_breaks_no_rule_about_databases() {
    assert_eq!(broken_in(&databases(None)), Vec::<&str>::new());
}

#[test]
fn a_defect_about_databases_is_noticed() {
    let wanted = "every write about a database is wanted";
    for (mutation, rules) in [
        (Mutation::SecondSnapshot, ["a slot has one snapshot", wanted]),
        (Mutation::DeleteForeign, [wanted, "a write is claimed before it is made"]),
        (Mutation::DeleteNewest, [wanted, "what a policy says of its slots is so"]),
        (Mutation::SkipSlot, ["every slot has its snapshot", "every slot has its snapshot"]),
        (Mutation::NoTags, [wanted, "every slot has its snapshot"]),
        (Mutation::WrongSetting, [wanted, "the conditions say how it is"]),
        (Mutation::LoseWrites, ["every slot has its snapshot", "the conditions say how it is"]),
    ] {
        let found = broken_in(&databases(Some(mutation)));
        assert!(rules.iter().all(|rule| found.contains(rule)), "{mutation:?}: {found:?}");
    }
}
