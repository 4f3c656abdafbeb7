//! Whether there is room for a snapshot.
//!
//! Source: Amazon RDS User Guide, "Quotas and constraints for Amazon RDS"; API Reference, AccountQuota, for the names.

use std::collections::BTreeMap;

use crate::ids::{DatabaseId, DatabaseKind};
use crate::observed::{DatabaseSnapshot, Quota};
use crate::plan::Finding;

/// From so many percent on it is said what could go.
const NEARLY_FULL: i64 = 80;

/// Where a quota leaves a snapshot that is due.
#[derive(Clone, Debug, PartialEq)]
pub enum Room {
    /// There is room; there may be little.
    Yes(Option<Finding>),
    /// There is none.
    No(Finding),
}

/// The snapshots by hand that there are of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Those of the policy that asks, where a policy does.
    own: Option<usize>,
    /// Those of others.
    others: usize,
}

impl Kept {
    /// Counts them.
    pub fn of(own: Option<usize>, all: &[DatabaseSnapshot]) -> Self {
        let manual = all.iter().filter(|one| one.snapshot_type == "manual").count();
        Self { own, others: manual.saturating_sub(own.unwrap_or_default()) }
    }
}

/// How many more snapshots of a database the quota leaves where it is; none where AWS tells nothing.
pub fn left(database: &DatabaseId, quotas: &BTreeMap<String, Quota>) -> Option<i64> {
    let Quota { used, max } = quotas.get(counted(database.kind).0).copied()?;
    Some(max.saturating_sub(used).max(0))
}

/// The quota that snapshots count against, and what it counts.
fn counted(kind: DatabaseKind) -> (&'static str, &'static str) {
    match kind {
        DatabaseKind::Instance => ("ManualSnapshots", "DB snapshots"),
        DatabaseKind::Cluster => ("ManualClusterSnapshots", "DB cluster snapshots"),
    }
}

/// Looks at the quota that a snapshot of the database counts against. One of which AWS tells nothing limits nothing.
pub fn room(database: &DatabaseId, quotas: &BTreeMap<String, Quota>, kept: &Kept) -> Room {
    let (name, sort) = counted(database.kind);
    let Some(Quota { used, max }) = quotas.get(name).copied() else { return Room::Yes(None) };
    let of_database = match kept {
        Kept { own: Some(own), others } => format!(
            "there are {own} of this policy, which a shorter snapshots.retention would delete, and {others} of others"
        ),
        Kept { own: None, others } => format!("there are {others}"),
    };
    let what = format!("{used} of {max} manual {sort} of the region are used ({name}); of {database} {of_database}");
    if used >= max {
        let message = format!("{what}: no snapshot can be taken until some are deleted, or AWS raises the quota");
        return Room::No(Finding::stalled("SnapshotQuotaExceeded", message));
    }
    let nearly = used.saturating_mul(100) >= max.saturating_mul(NEARLY_FULL);
    Room::Yes(nearly.then(|| Finding::note("SnapshotQuotaNearlyUsed", what)))
}

/// Whether the quota leaves no DB instance that is to be made. One of which AWS tells nothing limits nothing.
pub fn instances(quotas: &BTreeMap<String, Quota>) -> Option<Finding> {
    let Quota { used, max } = quotas.get("DBInstances").copied()?;
    let message = format!(
        "{used} of {max} DB instances of the region are used (DBInstances): none can be restored until one is deleted, or AWS raises the \
         quota"
    );
    (used >= max).then(|| Finding::stalled("InstanceQuotaExceeded", message))
}
