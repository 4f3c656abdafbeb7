//! The permissions of questions and steps about databases.
//!
//! Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon RDS".

use super::needs::{arn, permission};
use super::{Condition, Permission, Purpose, Resource};
use crate::ids::{DatabaseId, DatabaseKind, Scope};
use crate::ownership::OWNER_TAG;
use crate::step::DatabaseStep;

/// To ask about a database: by a filter, so of all.
pub(super) fn read(id: &DatabaseId) -> Permission {
    let (action, of) = match id.kind {
        DatabaseKind::Instance => ("rds:DescribeDBInstances", "db:*"),
        DatabaseKind::Cluster => ("rds:DescribeDBClusters", "cluster:*"),
    };
    permission(Purpose::ReadDatabases, action, resource(&id.scope, of))
}

/// To ask for the snapshots of a database, or of all of them at once.
pub(super) fn read_snapshots(id: &DatabaseId) -> Vec<Permission> {
    let (action, of) = match id.kind {
        DatabaseKind::Instance => ("rds:DescribeDBSnapshots", ["db:*", "snapshot:*"]),
        DatabaseKind::Cluster => ("rds:DescribeDBClusterSnapshots", ["cluster:*", "cluster-snapshot:*"]),
    };
    of.map(|of| permission(Purpose::ReadDatabases, action, resource(&id.scope, of))).into()
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
            let made = exactly(database.snapshot_arn(&slots_of(snapshot)));
            let owner = tags.iter().find(|(key, _)| key == OWNER_TAG).map(|(_, value)| value.clone());
            let condition = owner.map(|owner| Condition {
                operator: "StringLike",
                key: "aws:ResourceTag/ops.clocked.app/owner",
                value: of_any_cluster(&owner),
            });
            vec![Permission { condition, ..permission(Purpose::DeleteSnapshots, action, made) }]
        }
    }
}

/// The owner, whichever cluster it is in: a policy for IAM is written before anybody knows the cluster's id.
fn of_any_cluster(owner: &str) -> String {
    owner.split_once('/').map_or_else(|| owner.to_owned(), |(_, object)| format!("*/{object}"))
}

/// All slots of the identifier's prefix: which will be written is not known beforehand.
fn slots_of(snapshot: &str) -> String {
    const SLOT: usize = "-YYYYmmdd-HHMMSS".len();
    let prefix = snapshot.len().checked_sub(SLOT).and_then(|end| snapshot.get(..end)).unwrap_or(snapshot);
    format!("{prefix}-*")
}

fn resource(scope: &Scope, of: &str) -> Resource {
    Resource { arn: arn(scope, "rds", of), of_cluster: None }
}
