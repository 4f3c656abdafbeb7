//! A step about a database as a call: what is sent, what it changes, what it was decided on.

use runbook_core::Query;
use runbook_core::backup::settings::{RETENTION, with_pending};
use runbook_core::facts::Answer;
use runbook_core::observed::{Database, DatabaseSnapshot};
use runbook_core::step::DatabaseStep;

use crate::call::RdsCall;

/// The call that makes a step.
pub(super) fn call_of(step: &DatabaseStep) -> RdsCall {
    let kind = step.database().kind;
    match step {
        DatabaseStep::ModifyBackupSettings { database, changes, apply_immediately, .. } => RdsCall::Modify {
            kind,
            identifier: database.identifier.clone(),
            changes: changes.clone(),
            apply_immediately: *apply_immediately,
        },
        DatabaseStep::CreateSnapshot { database, snapshot, tags, .. } => RdsCall::CreateSnapshot {
            kind,
            source: database.identifier.clone(),
            snapshot: snapshot.clone(),
            tags: tags.clone(),
        },
        DatabaseStep::DeleteSnapshot { snapshot, .. } => RdsCall::DeleteSnapshot { kind, snapshot: snapshot.clone() },
    }
}

/// The questions whose answers a step changes.
pub(super) fn changes(step: &DatabaseStep) -> Vec<Query> {
    let database = step.database().clone();
    match step {
        DatabaseStep::ModifyBackupSettings { .. } => vec![Query::Database(database)],
        // The database backs up, and the quota is used.
        DatabaseStep::CreateSnapshot { .. } => vec![
            Query::DatabaseSnapshots(database.clone()),
            Query::Database(database.clone()),
            Query::RdsQuotas(database.scope),
        ],
        DatabaseStep::DeleteSnapshot { .. } => {
            vec![Query::DatabaseSnapshots(database.clone()), Query::RdsQuotas(database.scope)]
        }
    }
}

/// The questions whose answers a step was decided on.
pub(super) fn basis(step: &DatabaseStep) -> Vec<Query> {
    let database = step.database().clone();
    match step {
        DatabaseStep::ModifyBackupSettings { .. } => vec![Query::Database(database)],
        DatabaseStep::CreateSnapshot { .. } => {
            vec![Query::DatabaseSnapshots(database.clone()), Query::Database(database)]
        }
        DatabaseStep::DeleteSnapshot { .. } => vec![Query::DatabaseSnapshots(database)],
    }
}

/// Whether an answer to one of [`basis`] is still what the step was decided on.
pub(super) fn still_holds(step: &DatabaseStep, answer: &Answer) -> bool {
    match (step, answer) {
        (DatabaseStep::ModifyBackupSettings { from, apply_immediately, .. }, Answer::Database(Some(database))) => {
            // Everything that is pending would be done at once with it; what it changes itself may be.
            let alone = || database.pending.keys().all(|name| name == RETENTION);
            with_pending(database) == **from && (!apply_immediately || alone())
        }
        (DatabaseStep::CreateSnapshot { resource_id, .. }, Answer::Database(Some(database))) => {
            database.resource_id == *resource_id && may_be_snapshotted(database)
        }
        (DatabaseStep::CreateSnapshot { snapshot, .. }, Answer::DatabaseSnapshots(snapshots)) => {
            !snapshots.iter().any(|one| one.identifier == *snapshot)
        }
        (DatabaseStep::DeleteSnapshot { snapshot, tags, .. }, Answer::DatabaseSnapshots(snapshots)) => snapshots
            .iter()
            .any(|one| one.identifier == *snapshot && may_be_deleted(one) && tags.iter().all(|tag| carries(one, tag))),
        _ => false,
    }
}

/// Amazon RDS User Guide, "Creating a DB snapshot": of an instance that is available, or whose storage is being optimized.
fn may_be_snapshotted(database: &Database) -> bool {
    matches!(database.status.as_str(), "available" | "storage-optimization")
}

/// Amazon RDS API Reference, DeleteDBSnapshot: it must be available; automated ones are RDS's.
fn may_be_deleted(snapshot: &DatabaseSnapshot) -> bool {
    snapshot.status == "available" && snapshot.snapshot_type == "manual"
}

fn carries(snapshot: &DatabaseSnapshot, (key, value): &(String, String)) -> bool {
    snapshot.tags.get(key) == Some(value)
}
