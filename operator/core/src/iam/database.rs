//! The permissions of questions and steps about databases.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon RDS".

use super::needs::{arn, permission};
use super::{Condition, Permission, Purpose, Resource, copies};
use crate::ids::{DatabaseId, DatabaseKind, Scope, SnapshotId};
use crate::ownership::OWNER_TAG;
use crate::step::{DatabaseStep, RestoreFrom, RestoredInstance, VERIFICATION_PREFIX};

/// To ask about a database: by a filter, so of all.
pub(super) fn read(id: &DatabaseId) -> Permission {
    let (action, of) = match id.kind {
        DatabaseKind::Instance => ("rds:DescribeDBInstances", "db:*"),
        DatabaseKind::Cluster => ("rds:DescribeDBClusters", "cluster:*"),
    };
    permission(Purpose::ReadDatabases, action, resource(&id.scope, of))
}

/// To ask for all DB instances.
pub(super) fn read_instances(scope: &Scope) -> Permission {
    permission(Purpose::ReadDatabases, "rds:DescribeDBInstances", resource(scope, "db:*"))
}

/// To ask for the snapshots of a database, or of all of them at once.
pub(super) fn read_snapshots(id: &DatabaseId) -> Vec<Permission> {
    let (action, of) = match id.kind {
        DatabaseKind::Instance => ("rds:DescribeDBSnapshots", ["db:*", "snapshot:*"]),
        DatabaseKind::Cluster => ("rds:DescribeDBClusterSnapshots", ["cluster:*", "cluster-snapshot:*"]),
    };
    of.map(|of| permission(Purpose::ReadDatabases, action, resource(&id.scope, of))).into()
}

/// To ask for one snapshot: by a filter, so of all.
pub(super) fn read_snapshot(id: &SnapshotId) -> Vec<Permission> {
    let (scope, kind) = (id.scope.clone(), id.kind);
    read_snapshots(&DatabaseId { scope, kind, identifier: String::new() })
}

/// To ask for the quotas: it knows no resources.
pub(super) fn read_quotas(_: &Scope) -> Permission {
    permission(Purpose::ReadDatabases, "rds:DescribeAccountAttributes", Resource { arn: "*".into(), of_cluster: None })
}

/// To make a step.
pub(super) fn write(step: &DatabaseStep) -> Vec<Permission> {
    let action = step.iam_action();
    let exactly = |arn: String| Resource { arn, of_cluster: None };
    match step {
        DatabaseStep::ModifyBackupSettings { database, .. } => {
            vec![permission(Purpose::ModifyDatabases, action, exactly(database.arn()))]
        }
        // One that is made with tags is tagged in our name.
        DatabaseStep::CreateSnapshot { database, snapshot, .. } => {
            let made = exactly(database.snapshot_arn(&slots_of(snapshot)));
            vec![
                permission(Purpose::TakeSnapshots, action, exactly(database.arn())),
                permission(Purpose::TakeSnapshots, action, made.clone()),
                permission(Purpose::TakeSnapshots, "rds:AddTagsToResource", made),
            ]
        }
        DatabaseStep::DeleteSnapshot { database, snapshot, tags, .. } => {
            vec![delete(action, database.snapshot_arn(&slots_of(snapshot)), tags)]
        }
        DatabaseStep::Copy(step) => copies::write(step),
        DatabaseStep::RestoreInstance { database, from, instance, .. } => restore(action, database, from, instance),
        DatabaseStep::SetMasterPassword { database, .. } => {
            vec![permission(Purpose::VerifyBackups, action, exactly(verifications(database)))]
        }
        DatabaseStep::TagVerified { database, snapshot, .. } => {
            vec![permission(Purpose::VerifyBackups, action, exactly(database.snapshot_arn(&slots_of(snapshot))))]
        }
        DatabaseStep::DeleteInstance { database, .. } => {
            vec![permission(Purpose::VerifyBackups, action, exactly(verifications(database)))]
        }
    }
}

/// To delete a snapshot, of those that have the owner's tag.
pub(super) fn delete(action: &'static str, arn: String, tags: &[(String, String)]) -> Permission {
    let owner = tags.iter().find(|(key, _)| key == OWNER_TAG).map(|(_, value)| value.clone());
    let condition = owner.map(|owner| Condition {
        operator: "StringLike",
        key: "aws:ResourceTag/ops.clocked.app/owner",
        value: of_any_cluster(&owner),
    });
    Permission { condition, ..permission(Purpose::DeleteSnapshots, action, Resource { arn, of_cluster: None }) }
}

/// A restore needs leave for what it makes, for what it is made of, and for the groups that it is put into.
fn restore(
    action: &'static str,
    database: &DatabaseId,
    from: &RestoreFrom,
    instance: &RestoredInstance,
) -> Vec<Permission> {
    let made =
        if database.identifier.starts_with(VERIFICATION_PREFIX) { verifications(database) } else { database.arn() };
    let source = match from {
        RestoreFrom::Snapshot { source, snapshot } => source.snapshot_arn(&slots_of(snapshot)),
        RestoreFrom::PointInTime { source, .. } => source.arn(),
    };
    let group = |sort: &str, name: &str| resource(&database.scope, &format!("{sort}:{name}")).arn;
    let groups = [
        Some(group("subgrp", &instance.subnet_group)),
        Some(group("pg", &instance.parameter_group)),
        instance.option_group.as_ref().map(|name| group("og", name)),
    ];
    let needed = [made.clone(), source].into_iter().chain(groups.into_iter().flatten());
    let exactly = |arn: String| Resource { arn, of_cluster: None };
    let tagged = permission(Purpose::RestoreDatabases, "rds:AddTagsToResource", exactly(made));
    needed.map(|arn| permission(Purpose::RestoreDatabases, action, exactly(arn))).chain([tagged]).collect()
}

/// All instances that are restored to be verified: their names are not known beforehand, and nothing else has such.
fn verifications(database: &DatabaseId) -> String {
    resource(&database.scope, &format!("db:{VERIFICATION_PREFIX}*")).arn
}

/// The owner, whichever cluster it is in: a policy for IAM is written before anybody knows the cluster's id.
fn of_any_cluster(owner: &str) -> String {
    owner.split_once('/').map_or_else(|| owner.to_owned(), |(_, object)| format!("*/{object}"))
}

/// All slots of the identifier's prefix: which will be written is not known beforehand. One that names no slot is meant alone.
pub(super) fn slots_of(snapshot: &str) -> String {
    const SLOT: &str = "-00000000-000000";
    let is_slot = |text: &str| {
        text.chars().zip(SLOT.chars()).all(|(c, like)| if like == '0' { c.is_ascii_digit() } else { c == like })
    };
    let at = snapshot.len().checked_sub(SLOT.len()).filter(|at| *at > 0);
    match at.and_then(|at| snapshot.split_at_checked(at)) {
        Some((prefix, slot)) if is_slot(slot) => format!("{prefix}-*"),
        _ => snapshot.to_owned(),
    }
}

fn resource(scope: &Scope, of: &str) -> Resource {
    Resource { arn: arn(scope, "rds", of), of_cluster: None }
}
