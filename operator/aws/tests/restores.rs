//! Restores, and the end of those that were made to be verified, on a scripted AWS: which steps are not sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use runbook_aws::{Call, Executor, RdsCall};
use runbook_core::ownership::OWNER_TAG;
use runbook_core::step::{DatabaseStep, RestoreFrom, RestoredInstance};
use runbook_core::{ErrorClass, Step};
use support::*;

const SCRATCH: &str = "rbv-nightly-1";

fn tags() -> Vec<(String, String)> {
    vec![(OWNER_TAG.into(), "production/clocked/databaserestores/nightly".into())]
}

/// AWS with a database of two snapshots and, unless it is still to be made, an instance that is restored of it.
fn cloud(restored: bool) -> Arc<FakeAws> {
    let cloud = unbanded(0);
    let mut world = cloud.world.lock().unwrap();
    world.databases.insert("clocked-db".into(), database("clocked-db", 2));
    if restored {
        let (mut made, _) = database(SCRATCH, 0);
        made.tags = tags().into_iter().collect();
        world.databases.insert(SCRATCH.into(), (made, Vec::new()));
    }
    drop(world);
    cloud
}

/// Tries a step after `change` by somebody else. What was sent, if anything.
async fn sent(restored: bool, step: DatabaseStep, change: impl FnOnce(&mut World)) -> Option<RdsCall> {
    let cloud = cloud(restored);
    let plane = plane(&cloud);
    change(&mut cloud.world.lock().unwrap());
    tokio::time::sleep(Duration::from_secs(60)).await;
    let result = Executor::new(plane, leader()).execute(&Step::Database(step), &origin()).await;
    let sent = cloud.calls().into_iter().find_map(|call| match call {
        Call::Rds(call) if call.is_write() => Some(call),
        _ => None,
    });
    if let Err(error) = result {
        assert_eq!((error.class, error.code.as_str()), (ErrorClass::Conflict, "ChangedMeanwhile"));
        assert_eq!(sent, None);
    }
    sent
}

fn restore() -> DatabaseStep {
    DatabaseStep::RestoreInstance {
        database: database_id(SCRATCH),
        from: RestoreFrom::Snapshot { source: database_id("clocked-db"), snapshot: "clocked-db-0".into() },
        instance: Box::new(RestoredInstance {
            class: "db.t4g.medium".into(),
            subnet_group: "private".into(),
            security_groups: vec!["sg-1".into()],
            parameter_group: "clocked".into(),
            option_group: None,
            multi_az: false,
            storage_type: None,
            iops: None,
            iam_authentication: false,
        }),
        tags: tags(),
    }
}

fn delete() -> DatabaseStep {
    DatabaseStep::DeleteInstance { database: database_id(SCRATCH), resource_id: format!("db-{SCRATCH}"), tags: tags() }
}

fn made(world: &mut World) -> &mut runbook_core::observed::Database {
    &mut world.databases.get_mut(SCRATCH).unwrap().0
}

#[tokio::test(start_paused = true)]
async fn nothing_is_restored_over_a_database_or_from_what_is_no_longer_there() {
    assert!(matches!(sent(false, restore(), |_| {}).await, Some(RdsCall::Restore { .. })));
    assert_eq!(sent(true, restore(), |_| {}).await, None, "somebody was first");
    let gone = |world: &mut World| world.databases.get_mut("clocked-db").unwrap().1.clear();
    assert_eq!(sent(false, restore(), gone).await, None);
    let busy = |world: &mut World| world.databases.get_mut("clocked-db").unwrap().1[0].status = "deleting".into();
    assert_eq!(sent(false, restore(), busy).await, None);
}

#[tokio::test(start_paused = true)]
async fn only_the_very_instance_that_was_restored_to_be_verified_is_deleted() {
    assert_eq!(sent(true, delete(), |_| {}).await, Some(RdsCall::DeleteInstance { identifier: SCRATCH.into() }));
    assert_eq!(sent(true, delete(), |world| made(world).resource_id = "db-other".into()).await, None);
    assert_eq!(sent(true, delete(), |world| made(world).tags.clear()).await, None);
    assert_eq!(sent(true, delete(), |world| made(world).status = "deleting".into()).await, None);
    // A step that names another database by mistake, with everything else right.
    let other = DatabaseStep::DeleteInstance {
        database: database_id("clocked-db"),
        resource_id: "db-clocked-db".into(),
        tags: tags(),
    };
    let tagged = |world: &mut World| {
        world.databases.get_mut("clocked-db").unwrap().0.tags = tags().into_iter().collect();
    };
    assert_eq!(sent(true, other, tagged).await, None);
    let untagged = DatabaseStep::DeleteInstance {
        database: database_id(SCRATCH),
        resource_id: format!("db-{SCRATCH}"),
        tags: Vec::new(),
    };
    assert_eq!(sent(true, untagged, |_| {}).await, None, "without a tag it is nobody's");
}

#[tokio::test(start_paused = true)]
async fn a_password_is_set_alone_and_kept_when_rds_has_it() {
    let step = || DatabaseStep::SetMasterPassword {
        database: database_id(SCRATCH),
        resource_id: format!("db-{SCRATCH}"),
        tags: tags(),
    };
    let pending = |world: &mut World| {
        made(world).pending.insert("EngineVersion".into(), "16.4".into());
    };
    assert_eq!(sent(true, step(), pending).await, None, "what others have asked for would be done with it");
    assert_eq!(sent(true, step(), |world| made(world).status = "modifying".into()).await, None);
    let cloud = cloud(true);
    let plane = plane(&cloud);
    let executor = Executor::new(plane.clone(), leader());
    executor.execute(&Step::Database(step()), &origin()).await.unwrap();
    let sent = cloud.calls().into_iter().find_map(|call| match call {
        Call::Rds(RdsCall::SetMasterPassword { password, .. }) => Some(password),
        _ => None,
    });
    let resource_id = format!("db-{SCRATCH}");
    assert_eq!(plane.vault().holds(&database_id(SCRATCH)).as_ref(), Some(&resource_id));
    assert_eq!(plane.vault().password(&database_id(SCRATCH), &resource_id), sent);
    executor.execute(&Step::Database(delete()), &origin()).await.unwrap();
    assert_eq!(plane.vault().holds(&database_id(SCRATCH)), None, "it goes with the instance");
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_is_tagged_that_is_of_the_database_and_was_made_by_hand() {
    let step = || DatabaseStep::TagVerified {
        database: database_id("clocked-db"),
        snapshot: "clocked-db-1".into(),
        verified_at: Timestamp::UNIX_EPOCH,
    };
    let tagged = sent(true, step(), |_| {}).await;
    assert!(matches!(tagged, Some(RdsCall::AddTags { arn, .. }) if arn.ends_with(":snapshot:clocked-db-1")));
    let automated = |world: &mut World| {
        world.databases.get_mut("clocked-db").unwrap().1[1].snapshot_type = "automated".into();
    };
    assert_eq!(sent(true, step(), automated).await, None);
}
