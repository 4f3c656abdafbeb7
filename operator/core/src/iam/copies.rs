//! The permissions of steps about copies.
//!
//! Sources: Service Authorization Reference, "Actions, resources, and condition keys for Amazon RDS"; Amazon RDS User Guide, "Sharing
//! encrypted snapshots" and "Encrypting Amazon RDS resources" for the keys, which RDS uses in its caller's name.

use super::database::{delete, slots_of};
use super::needs::permission;
use super::{Condition, Permission, Purpose, Resource};
use crate::arn::partition_of;
use crate::ids::{DatabaseId, Scope};
use crate::step::CopyStep;

/// What a key is used for.
const OF_KEYS: [&str; 3] = ["kms:CreateGrant", "kms:Decrypt", "kms:DescribeKey"];

/// To make a step.
pub(super) fn write(step: &CopyStep) -> Vec<Permission> {
    let action = step.iam_action();
    let exactly = |arn: String| Resource { arn, of_cluster: None };
    match step {
        CopyStep::CopySnapshot { from, source, to, snapshot, kms_key, option_group, .. } => {
            let made = to.snapshot_arn(&any_slot(snapshot));
            let group = option_group.as_ref().map(|group| group_arn(&to.scope, group));
            let of = [from.snapshot_arn(&any_slot(source)), made.clone()].into_iter().chain(group);
            let copies = of.map(|arn| permission(Purpose::CopySnapshots, action, exactly(arn)));
            let tagged = permission(Purpose::CopySnapshots, "rds:AddTagsToResource", exactly(made));
            copies.chain([tagged]).chain(kms_key.iter().flat_map(|key| key_of(key, to))).collect()
        }
        CopyStep::ShareSnapshot { database, snapshot, .. } => {
            let made = database.snapshot_arn(&any_slot(snapshot));
            vec![permission(Purpose::CopySnapshots, action, exactly(made))]
        }
        CopyStep::DeleteCopy { database, snapshot, tags, .. } | CopyStep::DeleteShared { database, snapshot, tags } => {
            vec![delete(action, database.snapshot_arn(&any_slot(snapshot)), tags)]
        }
    }
}

/// Any slot of the identifier's prefix, also of what is made to be shared: `PREFIX-YYYYmmdd-HHMMSS-to-NAME`.
fn any_slot(snapshot: &str) -> String {
    match snapshot.rsplit_once("-to-") {
        Some((of, name)) if slots_of(of) != of => format!("{}-to-{name}", slots_of(of)),
        _ => slots_of(snapshot),
    }
}

/// To use a key through RDS, and no other way.
pub(crate) fn key_of(key: &str, database: &DatabaseId) -> Vec<Permission> {
    let region = &database.scope.region;
    let suffix = if partition_of(region) == "aws-cn" { "amazonaws.com.cn" } else { "amazonaws.com" };
    let value = format!("rds.{region}.{suffix}");
    let condition = Condition { operator: "StringEquals", key: "kms:ViaService", value };
    OF_KEYS
        .iter()
        .map(|action| Permission {
            condition: Some(condition.clone()),
            ..permission(Purpose::KeysOfCopies, action, Resource { arn: key.to_owned(), of_cluster: None })
        })
        .collect()
}

fn group_arn(scope: &Scope, group: &str) -> String {
    super::needs::arn(scope, "rds", &format!("og:{group}"))
}
