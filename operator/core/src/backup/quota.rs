//! Whether there is room for a snapshot.
//!
//! Source: Amazon RDS User Guide, "Quotas and constraints for Amazon RDS"; API Reference, AccountQuota, for the names.

use std::collections::BTreeMap;

use super::input::Input;
use super::own::Own;
use crate::ids::DatabaseKind;
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

/// Looks at the quota that a snapshot of the database counts against. One of which AWS tells nothing limits nothing.
pub fn room(input: &Input, quotas: &BTreeMap<String, Quota>, own: &[Own<'_>], all: &[DatabaseSnapshot]) -> Room {
    let (name, sort) = match input.database.kind {
        DatabaseKind::Instance => ("ManualSnapshots", "DB snapshots"),
        DatabaseKind::Cluster => ("ManualClusterSnapshots", "DB cluster snapshots"),
    };
    let Some(Quota { used, max }) = quotas.get(name).copied() else { return Room::Yes(None) };
    let others = all.iter().filter(|one| one.snapshot_type == "manual").count().saturating_sub(own.len());
    let what = format!(
        "{used} of {max} manual {sort} of the region are used ({name}); of {} there are {} of this policy, which a shorter \
         snapshots.retention would delete, and {others} of others",
        input.database,
        own.len()
    );
    if used >= max {
        let message = format!("{what}: no snapshot can be taken until some are deleted, or AWS raises the quota");
        return Room::No(Finding::stalled("SnapshotQuotaExceeded", message));
    }
    let nearly = used.saturating_mul(100) >= max.saturating_mul(NEARLY_FULL);
    Room::Yes(nearly.then(|| Finding::note("SnapshotQuotaNearlyUsed", what)))
}
