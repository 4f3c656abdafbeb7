//! The DatabaseRestores of a policy's namespace, as far as verifications go.

use jiff::{SignedDuration, Timestamp};
use runbook_api::DatabaseRestore;
use runbook_api::scheduled_verification::VerificationState;
use runbook_api::verification::{VerificationResult, VerificationStatus};

use crate::backup::ledger::made;
use crate::run::Ended;

/// One DatabaseRestore.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// The slot that it was made for, where the operator has made it for the policy that looks.
    pub slot: Option<Timestamp>,
    /// The snapshot that it restores.
    pub snapshot: Option<String>,
    /// How it ended, if it has: the state of its slot, and why.
    pub ended: Option<(VerificationState, Option<String>)>,
    /// When the restored database was found good, if it was.
    pub passed_at: Option<Timestamp>,
    /// How long RDS took to restore it, as far as that was seen.
    pub time_to_restore: Option<SignedDuration>,
}

impl Run {
    /// What an object says to the policy of this name.
    pub fn read(object: &DatabaseRestore, policy: &str) -> Self {
        let status = object.status.clone().unwrap_or_default();
        let metadata = &object.metadata;
        let between = status.start_time.as_ref().zip(status.available_time.as_ref());
        let passed = status.verification.as_ref().filter(|verdict| verdict.result == VerificationResult::Passed);
        let disproved = |verdict: &VerificationStatus| {
            let failed = verdict.checks.iter().filter(|check| !check.passed);
            let told = failed.map(|check| format!("{}: {}", check.name, check.message.as_deref().unwrap_or_default()));
            told.collect::<Vec<_>>().join("; ")
        };
        Self {
            name: metadata.name.clone().unwrap_or_default(),
            slot: made::slot(metadata, policy),
            snapshot: object.spec.source.snapshot_identifier.clone().or(status.snapshot_identifier),
            ended: Ended::of(&status.conditions).map(|ended| match ended {
                Ended::Complete { .. } => (VerificationState::Passed, None),
                Ended::Failed { reason, .. } if reason == "ChecksFailed" => {
                    (VerificationState::Failed, status.verification.as_ref().map(disproved))
                }
                Ended::Failed { message, .. } => (VerificationState::Unknown, Some(message)),
            }),
            passed_at: passed.map(|verdict| verdict.time.0),
            time_to_restore: between.map(|(start, available)| available.0.duration_since(start.0)),
        }
    }
}
