//! Where a DatabaseBackup stands, for its status.

use super::export::plan::Export;
use crate::observed::DatabaseSnapshot;
use crate::run::Ended;

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outlook {
    /// Identifier of the snapshot; empty where there is none.
    pub snapshot_identifier: String,
    /// The snapshot, where AWS has it.
    pub snapshot: Option<DatabaseSnapshot>,
    /// Where it stands, of an export.
    pub export: Option<Box<Export>>,
    /// How it ended, if it has.
    pub ended: Option<Ended>,
}
