//! A step about a database as a call: what is sent, what it changes, what it was decided on.

use runbook_core::Query;
use runbook_core::backup::settings::{RETENTION, with_pending};
use runbook_core::facts::Answer;
use runbook_core::observed::{Database, DatabaseSnapshot};
use runbook_core::ownership::VERIFIED_TAG;
use runbook_core::step::{DatabaseStep, RestoreFrom, VERIFICATION_PREFIX};
use runbook_core::{DatabaseId, SnapshotId};

use super::copies;
use crate::call::RdsCall;
use crate::vault::Vault;

/// The call that makes a step.
pub(super) fn call_of(step: &DatabaseStep, vault: &Vault) -> RdsCall {
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
        DatabaseStep::RestoreInstance { database, from, instance, tags } => RdsCall::Restore {
            identifier: database.identifier.clone(),
            from: from.clone(),
            instance: instance.clone(),
            tags: tags.clone(),
        },
        DatabaseStep::SetMasterPassword { database, resource_id, .. } => RdsCall::SetMasterPassword {
            identifier: database.identifier.clone(),
            password: vault.renew(database, resource_id),
        },
        DatabaseStep::TagVerified { database, snapshot, verified_at } => RdsCall::AddTags {
            arn: database.snapshot_arn(snapshot),
            tags: vec![(VERIFIED_TAG.into(), verified_at.to_string())],
        },
        DatabaseStep::DeleteInstance { database, .. } => {
            RdsCall::DeleteInstance { identifier: database.identifier.clone() }
        }
        DatabaseStep::Copy(step) => copies::call_of(step),
    }
}

/// What is kept here of a step that was made, or was not: a password that RDS may not have taken is not used.
pub(super) fn remember(step: &DatabaseStep, made: bool, vault: &Vault) {
    match step {
        DatabaseStep::SetMasterPassword { database, .. } if made => vault.confirm(database),
        DatabaseStep::SetMasterPassword { database, .. } | DatabaseStep::DeleteInstance { database, .. } => {
            vault.forget(database);
        }
        _ => {}
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
        DatabaseStep::RestoreInstance { .. } | DatabaseStep::DeleteInstance { .. } => {
            let scope = database.scope.clone();
            let all = Query::VerificationInstances(scope.clone());
            vec![Query::Database(database), Query::RdsQuotas(scope), all]
        }
        DatabaseStep::SetMasterPassword { .. } => vec![Query::Database(database)],
        DatabaseStep::TagVerified { snapshot, .. } => {
            vec![Query::Snapshot(snapshot_id(&database, snapshot)), Query::DatabaseSnapshots(database)]
        }
        DatabaseStep::Copy(step) => copies::changes(step),
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
        DatabaseStep::RestoreInstance { from: RestoreFrom::Snapshot { source, snapshot }, .. } => {
            vec![Query::Snapshot(snapshot_id(source, snapshot)), Query::Database(database)]
        }
        DatabaseStep::RestoreInstance { .. }
        | DatabaseStep::SetMasterPassword { .. }
        | DatabaseStep::DeleteInstance { .. } => vec![Query::Database(database)],
        DatabaseStep::TagVerified { snapshot, .. } => vec![Query::Snapshot(snapshot_id(&database, snapshot))],
        DatabaseStep::Copy(step) => copies::basis(step),
    }
}

fn snapshot_id(database: &DatabaseId, snapshot: &str) -> SnapshotId {
    SnapshotId { scope: database.scope.clone(), kind: database.kind, identifier: snapshot.to_owned() }
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
        (DatabaseStep::RestoreInstance { .. }, Answer::Database(database)) => database.is_none(),
        (DatabaseStep::RestoreInstance { from, .. }, Answer::Snapshot(Some(found))) => {
            found.source == from.source().identifier && found.snapshot.status == "available"
        }
        (DatabaseStep::SetMasterPassword { resource_id, tags, .. }, Answer::Database(Some(database))) => {
            is_scratch(database, step.database(), resource_id, tags)
                && database.status == "available"
                && database.pending.is_empty()
        }
        (DatabaseStep::DeleteInstance { resource_id, tags, .. }, Answer::Database(Some(database))) => {
            is_scratch(database, step.database(), resource_id, tags) && database.status != "deleting"
        }
        (DatabaseStep::TagVerified { database, .. }, Answer::Snapshot(Some(found))) => {
            found.source == database.identifier && found.snapshot.snapshot_type == "manual"
        }
        (DatabaseStep::Copy(step), answer) => copies::still_holds(step, answer),
        _ => false,
    }
}

/// Whether an instance is the very one that was restored to be verified, by its name, its resource id and its tags.
fn is_scratch(found: &Database, id: &DatabaseId, resource_id: &str, tags: &[(String, String)]) -> bool {
    id.identifier.starts_with(VERIFICATION_PREFIX)
        && !tags.is_empty()
        && found.resource_id == resource_id
        && tags.iter().all(|(key, value)| found.tags.get(key) == Some(value))
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
