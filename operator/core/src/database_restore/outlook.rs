//! Where a DatabaseRestore stands, for its status.

use runbook_api::database_restore::RestorePhase;
use runbook_api::verification::VerificationStatus;

use super::input::{Input, Source};
use crate::observed::Database;
use crate::run::Ended;

/// Where a run stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Outlook {
    /// In one word.
    pub phase: RestorePhase,
    /// Identifier of the new DB instance.
    pub rds_instance: String,
    /// Identifier of the snapshot that is restored, where one is.
    pub snapshot_identifier: Option<String>,
    /// The new instance, where AWS has it and it is this run's.
    pub instance: Option<Box<Database>>,
    /// What the restored database answered.
    pub verification: Option<VerificationStatus>,
    /// How it ended, if it has.
    pub ended: Option<Ended>,
}

impl Outlook {
    /// Of a run of which nothing is seen in AWS.
    pub fn of(input: &Input, phase: RestorePhase) -> Self {
        let snapshot_identifier = match &input.source {
            Source::Snapshot(snapshot) => Some(snapshot.identifier.clone()),
            Source::PointInTime(..) => None,
        };
        Self {
            phase,
            rds_instance: input.target.identifier.clone(),
            snapshot_identifier,
            instance: None,
            verification: input.memory.verification.clone(),
            ended: None,
        }
    }
}
