//! Databases and their snapshots on a scripted AWS and a paused clock: how many calls are made, and which steps are not sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use jiff::Timestamp;
use runbook_aws::{Call, Executor, Expected, Freshness, Plane, RdsCall};
use runbook_core::facts::Answer;
use runbook_core::observed::BackupSettings;
use runbook_core::step::{DatabaseStep, SettingsChange};
use runbook_core::{CloudError, DatabaseKind, ErrorClass, Query, Step, backoff};
use support::*;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until};

fn with_databases(count: usize, snapshots: usize) -> Arc<FakeAws> {
    let cloud = unbanded(0);
    cloud.world.lock().unwrap().databases =
        (0..count).map(|number| (name(number), database(&name(number), snapshots))).collect();
    cloud
}

fn questions(name: &str) -> [Query; 2] {
    [Query::Database(database_id(name)), Query::DatabaseSnapshots(database_id(name))]
}

#[tokio::test(start_paused = true)]
async fn databases_share_a_call_and_one_that_is_missing_is_no_error() {
    let cloud = with_databases(249, 0);
    let plane = plane(&cloud);
    let queries: Vec<Query> = (0..250).map(|number| Query::Database(database_id(&name(number)))).collect();
    let answers = plane.observe(&queries, Freshness::Now).await;
    let found = |answer: &Result<Answer, CloudError>| matches!(answer, Ok(Answer::Database(Some(_))));
    assert_eq!(answers.iter().filter(|(_, answer, _)| found(answer)).count(), 249);
    assert!(matches!(answers[249].1, Ok(Answer::Database(None))));
    assert_eq!(cloud.count("DescribeDBInstances"), 3);
}

#[tokio::test(start_paused = true)]
async fn snapshots_are_read_to_the_end_of_the_list() {
    let cloud = with_databases(1, 250);
    let plane = plane(&cloud);
    let answer = one(&plane, questions(&name(0))[1].clone(), Freshness::Now).await.unwrap();
    assert!(matches!(answer, Answer::DatabaseSnapshots(snapshots) if snapshots.len() == 250));
    assert_eq!(cloud.count("DescribeDBSnapshots"), 3);
}

/// What four hours of quiet cost a database, for which a list of all is believed, in calls of RDS for each resync.
#[allow(clippy::cast_precision_loss)]
async fn a_quiet_time_of(databases: usize, snapshots: usize) -> f64 {
    const RESYNC: Duration = Duration::from_secs(300);
    const HOUR: Duration = Duration::from_secs(3600);
    let cloud = with_databases(databases, snapshots);
    let plane = plane(&cloud);
    let (start, warm, measured_for) = (Instant::now(), HOUR, 4 * HOUR);
    let resyncs: usize = join_all((0..databases).map(|number| {
        let (plane, name) = (&plane, name(number));
        let cloud = &cloud;
        async move {
            let interval = backoff::spread(RESYNC, backoff::seed_of(&format!("uid-{name}")));
            let (mut at, mut measured) = (start, 0);
            while at < start + warm + measured_for {
                sleep_until(at).await;
                if number == 0 && at < start + warm {
                    cloud.clear();
                }
                for (_, answer, _) in plane.observe(&questions(&name), Freshness::WithinResync).await {
                    answer.unwrap();
                }
                measured += usize::from(at >= start + warm);
                at = Instant::now() + interval;
            }
            measured
        }
    }))
    .await
    .into_iter()
    .sum();
    (cloud.count("DescribeDBInstances") + cloud.count("DescribeDBSnapshots")) as f64 / resyncs as f64
}

#[tokio::test(start_paused = true)]
async fn many_databases_cost_a_fiftieth_of_a_call_each() {
    // A call has room for a hundred, of which fewer than half are due soon enough where there are no more.
    for (databases, snapshots, most) in [(500, 20, 0.02), (100, 3, 0.03)] {
        let cost = a_quiet_time_of(databases, snapshots).await;
        println!("{databases} databases with {snapshots} snapshots each: {cost:.4} calls for each and resync");
        assert!(cost <= most, "{databases} with {snapshots}: {cost}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_first_look_at_many_databases_is_one_list() {
    for (expected, calls) in [(500, 100..=100), (0, 500..=700)] {
        let cloud = with_databases(500, 20);
        let plane = plane(&cloud);
        let databases = [((scope(), DatabaseKind::Instance), expected)].into();
        plane.expect(Expected { databases, ..Expected::default() });
        let slots = Semaphore::new(32);
        join_all((0..500).map(|number| {
            let (plane, slots) = (&plane, &slots);
            async move {
                let _slot = slots.acquire().await.unwrap();
                let answer = one(plane, questions(&name(number))[1].clone(), Freshness::WithinResync).await;
                assert!(matches!(answer, Ok(Answer::DatabaseSnapshots(snapshots)) if snapshots.len() == 20));
            }
        }))
        .await;
        let made = cloud.count("DescribeDBSnapshots");
        assert!(calls.contains(&made), "where {expected} are expected: {made}");
    }
}

async fn executor(cloud: &Arc<FakeAws>) -> (Arc<Plane>, Executor) {
    let plane = plane(cloud);
    plane.observe(&questions(&name(0)), Freshness::Now).await;
    (Arc::clone(&plane), Executor::new(plane, leader()))
}

/// Tries a step on AWS after `change` by somebody else; whether it was sent.
async fn sent(step: DatabaseStep, change: impl FnOnce(&mut World)) -> bool {
    let cloud = with_databases(1, 1);
    let (_, executor) = executor(&cloud).await;
    change(&mut cloud.world.lock().unwrap());
    // What was read is no longer fresh.
    tokio::time::sleep(Duration::from_secs(60)).await;
    let result = executor.execute(&Step::Database(step), &origin()).await;
    let sent = cloud.calls().iter().any(Call::is_write);
    match result {
        Ok(_) => assert!(sent),
        Err(error) => {
            assert_eq!((error.class, error.code.as_str()), (ErrorClass::Conflict, "ChangedMeanwhile"));
            assert!(!sent);
        }
    }
    sent
}

fn only(world: &mut World) -> &mut (runbook_core::observed::Database, Vec<runbook_core::observed::DatabaseSnapshot>) {
    world.databases.get_mut(&name(0)).unwrap()
}

fn create() -> DatabaseStep {
    DatabaseStep::CreateSnapshot {
        database: database_id(&name(0)),
        resource_id: format!("db-{}", name(0)),
        snapshot: "new".into(),
        slot: Some(Timestamp::UNIX_EPOCH),
        tags: vec![],
    }
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_taken_of_the_database_that_was_meant_and_not_twice() {
    assert!(sent(create(), |_| {}).await);
    assert!(sent(create(), |world| only(world).0.status = "storage-optimization".into()).await);
    assert!(!sent(create(), |world| only(world).0.status = "modifying".into()).await);
    assert!(!sent(create(), |world| only(world).0.resource_id = "db-another".into()).await);
    assert!(!sent(create(), |world| only(world).1.push(snapshot(&name(0), "new"))).await);
    assert!(!sent(create(), |world| world.databases.clear()).await);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_deleted_only_while_it_is_still_what_it_was() {
    let delete = || DatabaseStep::DeleteSnapshot {
        database: database_id(&name(0)),
        snapshot: format!("{}-0", name(0)),
        tags: vec![("owner".into(), "test".into())],
        created_at: Timestamp::UNIX_EPOCH,
    };
    assert!(sent(delete(), |_| {}).await);
    assert!(!sent(delete(), |world| only(world).1[0].tags.clear()).await);
    assert!(!sent(delete(), |world| only(world).1[0].status = "copying".into()).await);
    assert!(!sent(delete(), |world| only(world).1[0].snapshot_type = "automated".into()).await);
}

#[tokio::test(start_paused = true)]
async fn settings_are_changed_only_while_they_are_what_they_were() {
    let modify = |apply_immediately| DatabaseStep::ModifyBackupSettings {
        database: database_id(&name(0)),
        from: Box::new(database(&name(0), 0).0.settings),
        changes: SettingsChange { retention_days: Some(14), ..SettingsChange::default() },
        apply_immediately,
    };
    let pending = |world: &mut World| {
        only(world).0.pending.insert("DBInstanceClass".into(), "db.r6g.large".into());
    };
    assert!(sent(modify(false), |_| {}).await);
    assert!(sent(modify(false), pending).await);
    assert!(!sent(modify(true), pending).await, "it would be done with it");
    let moved = |world: &mut World| {
        let settings = only(world).0.settings.clone();
        only(world).0.settings = BackupSettings { retention_days: 3, ..settings };
    };
    assert!(!sent(modify(false), moved).await);
    // What it is decided on is what the retention will be, where a change of it is under way.
    let asked_for = |world: &mut World| {
        only(world).0.pending.insert("BackupRetentionPeriod".into(), "3".into());
    };
    let over = |apply_immediately| {
        let DatabaseStep::ModifyBackupSettings { database, from, changes, .. } = modify(false) else { unreachable!() };
        let from = Box::new(BackupSettings { retention_days: 3, ..*from });
        DatabaseStep::ModifyBackupSettings { database, from, changes, apply_immediately }
    };
    assert!(sent(over(false), asked_for).await);
    assert!(sent(over(true), asked_for).await, "it is what it changes");
    assert!(!sent(modify(false), asked_for).await);
}

#[tokio::test(start_paused = true)]
async fn what_a_step_changes_is_read_again() {
    let cloud = with_databases(1, 1);
    let (plane, executor) = executor(&cloud).await;
    executor.execute(&Step::Database(create()), &origin()).await.unwrap();
    let before = cloud.count("DescribeDBSnapshots");
    plane.observe(&questions(&name(0)), Freshness::WithinResync).await;
    assert_eq!(cloud.count("DescribeDBSnapshots"), before + 1);
    let created: Vec<Call> = cloud.calls().into_iter().filter(Call::is_write).collect();
    assert!(matches!(created.as_slice(), [Call::Rds(RdsCall::CreateSnapshot { snapshot, .. })] if snapshot == "new"));
}
