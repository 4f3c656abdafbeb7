//! What the status of a DatabaseBackup remembers.

use runbook_api::database_backup::DatabaseBackupStatus;

use crate::run::Ended;

/// What the status of a run remembers for the next decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// How it ended, if it has.
    pub ended: Option<Ended>,
    /// Whether its snapshot was seen in AWS, or its Job in Kubernetes.
    pub seen: bool,
}

impl Memory {
    /// What a status remembers.
    pub fn of(status: &DatabaseBackupStatus) -> Self {
        let job_seen = status.export.as_ref().is_some_and(|export| export.job_name.is_some());
        Self { ended: Ended::of(&status.conditions), seen: status.snapshot_arn.is_some() || job_seen }
    }
}
