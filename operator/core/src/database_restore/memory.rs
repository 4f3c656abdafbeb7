//! What the status of a DatabaseRestore remembers.

use jiff::Timestamp;
use runbook_api::database_restore::{DatabaseRestoreStatus, RestorePhase};
use runbook_api::verification::VerificationStatus;

use crate::report::history::may_have_been_made;
use crate::run::Ended;

/// What the status of a run remembers for the next decision.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// How it ended, if it has.
    pub ended: Option<Ended>,
    /// When AWS was first asked for the instance, or was about to be.
    pub started: Option<Timestamp>,
    /// Whether AWS may have been asked for it by this run.
    pub requested: bool,
    /// Whether the instance was seen in AWS.
    pub seen: bool,
    /// Whether the instance goes: what is said of the backup then is the last word.
    pub tearing_down: bool,
    /// What the restored database answered.
    pub verification: Option<VerificationStatus>,
}

impl Memory {
    /// What a status remembers.
    pub fn of(status: &DatabaseRestoreStatus) -> Self {
        // What was about to be made when a process ended may have been.
        let step = "RestoreInstance";
        let made = status.history.iter().any(|one| one.step == step && may_have_been_made(one));
        let planned = status.plan.iter().flat_map(|plan| &plan.steps).any(|one| one.step == step);
        Self {
            ended: Ended::of(&status.conditions),
            started: status.start_time.as_ref().map(|time| time.0),
            requested: made || planned || status.resource_arn.is_some(),
            seen: status.resource_arn.is_some(),
            tearing_down: status.phase == Some(RestorePhase::Deleting),
            verification: status.verification.clone(),
        }
    }
}
