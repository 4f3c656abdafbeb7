//! Where a DatabaseBackup stands, for its status.

use crate::observed::DatabaseSnapshot;
use crate::run::Ended;

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// Identifier of the snapshot.
    pub snapshot_identifier: String,
    /// The snapshot, where AWS has it.
    pub snapshot: Option<DatabaseSnapshot>,
    /// How it ended, if it has.
    pub ended: Option<Ended>,
}
