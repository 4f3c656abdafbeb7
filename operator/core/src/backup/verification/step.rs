//! The DatabaseRestore that verifies a backup.

use std::fmt;

use jiff::Timestamp;
use runbook_api::DatabaseRestore;
use runbook_api::database_restore::{DatabaseRestoreSpec, RestoreSource};
use serde::Serialize;

use super::Verifications;
use super::runs::Run;
use crate::backup::input::Input;
use crate::backup::ledger::made::{metadata, name};
use crate::ids::ObjectId;

/// Longest name of a DatabaseRestore.
const LONGEST: usize = 40;

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
        let id = ObjectId { namespace: input.policy.namespace.clone(), name: name(&input.policy.name, slot, LONGEST) };
        let spec = Box::new(DatabaseRestoreSpec { source, ..verifications.restore.clone() });
        Self { id, policy: input.policy.name.clone(), slot, snapshot: snapshot.to_owned(), spec }
    }

    /// The object to create.
    pub fn object(&self) -> DatabaseRestore {
        let metadata = metadata(&self.id, &self.policy, self.slot);
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
