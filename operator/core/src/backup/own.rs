//! The snapshots that a policy has taken, told from all others by their tags.

use jiff::Timestamp;

use super::input::Input;
use crate::observed::{Database, DatabaseSnapshot};
use crate::ownership::{OWN_ARN_TAG, OWNER_TAG, SHARED_TAG, SLOT_TAG, is_own};

/// A snapshot that the policy has taken of this very database.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Own<'f> {
    /// The slot that it was taken for.
    pub slot: Timestamp,
    /// The snapshot.
    pub snapshot: &'f DatabaseSnapshot,
}

impl Own<'_> {
    /// Whether a database can be restored from it.
    pub fn is_available(&self) -> bool {
        self.snapshot.status == "available"
    }

    /// When it was taken.
    pub fn taken_at(&self) -> Timestamp {
        self.snapshot.created_at.unwrap_or(self.slot)
    }
}

/// The policy's own snapshots, newest first: its tag and its own ARN say so, it was made by hand and not by RDS or AWS Backup, and it is
/// of this database and not of one that had its name before. What was made of one to be shared is none.
pub fn own<'f>(input: &Input, database: &Database, snapshots: &'f [DatabaseSnapshot]) -> Vec<Own<'f>> {
    let mut own: Vec<Own<'_>> = snapshots
        .iter()
        .filter(|one| one.snapshot_type == "manual" && is_own(&one.tags, &one.arn, &input.owner))
        .filter(|one| one.source_resource_id.as_ref() == Some(&database.resource_id))
        .filter(|one| !one.tags.contains_key(SHARED_TAG))
        .filter_map(|snapshot| Some(Own { slot: snapshot.tags.get(SLOT_TAG)?.parse().ok()?, snapshot }))
        .collect();
    own.sort_by(|one, other| (other.slot, &other.snapshot.identifier).cmp(&(one.slot, &one.snapshot.identifier)));
    own
}

/// The tags that say whose a snapshot is.
pub fn owner_tags(input: &Input, snapshot: &str) -> Vec<(String, String)> {
    vec![(OWNER_TAG.into(), input.owner.clone()), (OWN_ARN_TAG.into(), input.database.snapshot_arn(snapshot))]
}
