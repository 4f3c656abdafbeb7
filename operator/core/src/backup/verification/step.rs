//! The DatabaseRestore that verifies a backup.

use std::fmt;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use runbook_api::DatabaseRestore;
use runbook_api::database_restore::{DatabaseRestoreSpec, RestoreSource};
use runbook_api::run::{POLICY, SLOT};
use runbook_api::scaling_override::MADE_BY;
use serde::Serialize;

use super::Verifications;
use super::runs::{OPERATOR, Run};
use crate::backoff::seed_of;
use crate::backup::input::Input;
use crate::ids::ObjectId;

/// Longest name of a DatabaseRestore.
const LONGEST: usize = 40;
/// What a name ends with: the slot.
const SLOT_LENGTH: usize = "-YYYYmmdd-HHMMSS".len();

/// A DatabaseRestore that is to be made.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// The object: the same for the same slot, so that it is made once.
    pub id: ObjectId,
    /// The policy.
    pub policy: String,
    /// When it was due.
    pub slot: Timestamp,
    /// Identifier of the snapshot.
    pub snapshot: String,
    /// What it says.
    pub spec: Box<DatabaseRestoreSpec>,
}

impl Verification {
    /// The verification of a snapshot for a slot.
    pub(super) fn of(input: &Input, verifications: &Verifications, slot: Timestamp, snapshot: &str) -> Self {
        let source =
            RestoreSource { backup_ref: None, snapshot_identifier: Some(snapshot.to_owned()), point_in_time: None };
        let id = ObjectId { namespace: input.policy.namespace.clone(), name: name(&input.policy.name, slot) };
        let spec = Box::new(DatabaseRestoreSpec { source, ..verifications.restore.clone() });
        Self { id, policy: input.policy.name.clone(), slot, snapshot: snapshot.to_owned(), spec }
    }

    /// The object to create.
    pub fn object(&self) -> DatabaseRestore {
        let labels = [(MADE_BY, OPERATOR), (POLICY, &self.policy)];
        let owned = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
        let metadata = ObjectMeta {
            name: Some(self.id.name.clone()),
            namespace: Some(self.id.namespace.clone()),
            labels: Some(labels.map(owned).into()),
            annotations: Some([owned((SLOT, &self.slot.to_string()))].into()),
            ..ObjectMeta::default()
        };
        DatabaseRestore { metadata, ..DatabaseRestore::new("", (*self.spec).clone()) }
    }

    /// Whether `existing`, which has the name, is this one, made before. It may restore another snapshot: the slot was begun with that.
    pub fn is_made(&self, existing: &DatabaseRestore) -> bool {
        let run = Run::read(existing, &self.policy);
        run.slot == Some(self.slot) && run.name == self.id.name
    }
}

impl fmt::Display for Verification {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "by DatabaseRestore {} for the slot of {}", self.id, self.slot)
    }
}

/// The name for a slot. A policy's that is too long is cut, and told from others by what follows from all of it.
fn name(policy: &str, slot: Timestamp) -> String {
    let slot = TimeZone::UTC.to_datetime(slot).strftime("%Y%m%d-%H%M%S");
    let most = LONGEST - SLOT_LENGTH;
    if policy.len() <= most {
        return format!("{policy}-{slot}");
    }
    let hash = format!("{:08x}", seed_of(policy) & 0xffff_ffff);
    let cut: String = policy.chars().take(most - hash.len() - 1).collect();
    format!("{}-{hash}-{slot}", cut.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_short_enough_and_tells_policies_apart() {
        let slot = "2026-03-01T05:00:00Z".parse().unwrap();
        assert_eq!(name("clocked-db", slot), "clocked-db-20260301-050000");
        let (one, other) = (name(&"a".repeat(39), slot), name(&"a".repeat(40), slot));
        assert_ne!(one, other);
        assert!(one.len() <= LONGEST && other.len() <= LONGEST, "{one}");
    }
}
