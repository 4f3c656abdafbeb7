//! What may be done with a database in which state.
//!
//! Sources: Amazon RDS API Reference, CreateDBSnapshot, CreateDBClusterSnapshot and ModifyDBInstance; Amazon RDS User Guide, "Viewing
//! Amazon RDS DB instance status".

use crate::ids::{DatabaseId, DatabaseKind};
use crate::plan::Finding;

/// States that a database does not leave by itself.
const BROKEN: [&str; 11] = [
    "failed",
    "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable",
    "incompatible-credentials",
    "incompatible-network",
    "incompatible-option-group",
    "incompatible-parameters",
    "incompatible-restore",
    "insufficient-capacity",
    "restore-error",
    "storage-full",
];

/// Whether its settings may be changed.
///
/// # Errors
/// A finding that says why not.
pub fn ready_for_settings(id: &DatabaseId, status: &str) -> Result<(), Finding> {
    ready(id, status, status == "available", "its backup settings are changed")
}

/// Whether a snapshot may be taken.
///
/// # Errors
/// A finding that says why not.
pub fn ready_for_snapshot(id: &DatabaseId, status: &str) -> Result<(), Finding> {
    let optimizing = id.kind == DatabaseKind::Instance && status == "storage-optimization";
    ready(id, status, status == "available" || optimizing, "the snapshot that is due is taken")
}

/// Whether a database is in a state that it does not leave by itself.
pub fn is_broken(status: &str) -> bool {
    BROKEN.contains(&status)
}

fn ready(id: &DatabaseId, status: &str, is_ready: bool, what: &str) -> Result<(), Finding> {
    if is_ready {
        Ok(())
    } else if is_broken(status) {
        Err(Finding::stalled(
            "DatabaseUnusable",
            format!("{id} is {status}, which it does not leave by itself: mend it; then {what}"),
        ))
    } else {
        Err(Finding::waiting("DatabaseNotAvailable", format!("{id} is {status}: {what} when it is available")))
    }
}
