//! Why a step is made.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use runbook_api::common::condition::{READY, RECONCILING, SYNCED};

use super::outcome::APPLYING;
use crate::step::{CopyStep, DatabaseStep, Step};

/// Why a step is made, as history, events and the audit log say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// AWS followed this generation of the spec before: somebody else changed it there.
    Drift,
    /// A ScalingOverride began, changed or ended: AWS followed another size before, by our own doing.
    Override,
    /// AWS did not follow this generation of the spec yet.
    SpecChanged,
    /// The object is being deleted.
    Deletion,
    /// A snapshot, or a verification, is due.
    Schedule,
    /// A snapshot is kept no longer.
    Retention,
    /// A run does what it is for.
    Run,
}

impl Reason {
    /// Why steps are made for `generation`, by what was reported before.
    pub fn of(before: &[Condition], generation: Option<i64>) -> Self {
        // Ready stays as it was while the operator works: it says whether this generation was ever seen in AWS.
        let followed = before.iter().any(|condition| {
            condition.type_ == READY
                && condition.status == "True"
                && condition.reason == "InSync"
                && condition.observed_generation == generation
        });
        if followed { Self::Drift } else { Self::SpecChanged }
    }

    /// The reason, when the size that is wanted is another than the one that AWS was seen to follow.
    pub fn or_override(self, moved: bool) -> Self {
        if self == Self::Drift && moved { Self::Override } else { self }
    }

    /// The reason for one step of a plan that is carried out for this one: time alone makes a snapshot due, or too old.
    pub fn for_step(self, step: &Step) -> Self {
        match step {
            Step::Database(DatabaseStep::CreateSnapshot { slot: Some(_), .. })
            | Step::VerifyBackup { .. }
            | Step::ExportDatabase { .. } => Self::Schedule,
            Step::Database(DatabaseStep::DeleteSnapshot { .. }) if self != Self::Deletion => Self::Retention,
            Step::Database(DatabaseStep::Copy(CopyStep::CopySnapshot { .. } | CopyStep::ShareSnapshot { .. })) => {
                Self::Schedule
            }
            Step::Database(DatabaseStep::Copy(CopyStep::DeleteCopy { .. } | CopyStep::DeleteShared { .. })) => {
                Self::Retention
            }
            Step::Database(
                DatabaseStep::CreateSnapshot { slot: None, .. }
                | DatabaseStep::RestoreInstance { .. }
                | DatabaseStep::SetMasterPassword { .. }
                | DatabaseStep::TagVerified { .. },
            ) => Self::Run,
            Step::Database(DatabaseStep::DeleteInstance { .. }) if self != Self::Deletion => Self::Run,
            _ => self,
        }
    }

    /// The same for a step of which the name is left.
    pub fn for_step_named(self, step: &str) -> Self {
        match (step, self) {
            (_, Self::Run | Self::Deletion) => self,
            ("CreateSnapshot" | "VerifyBackup" | "ExportDatabase", _) => Self::Schedule,
            ("DeleteSnapshot", _) => Self::Retention,
            _ => self,
        }
    }

    /// As a word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Drift => "Drift",
            Self::Override => "Override",
            Self::SpecChanged => "SpecChanged",
            Self::Deletion => "Deletion",
            Self::Schedule => "Schedule",
            Self::Retention => "Retention",
            Self::Run => "Run",
        }
    }
}

/// Whether steps planned now are news: what was reported before was in line with AWS. Counts drift once, not at each attempt.
pub fn is_news(before: &[Condition]) -> bool {
    before.iter().any(|condition| condition.type_ == SYNCED && condition.status == "True")
}

/// Whether steps are about to be made, or were, by a process that has not told what came of them.
pub fn is_claimed(before: &[Condition]) -> bool {
    before
        .iter()
        .any(|condition| condition.type_ == RECONCILING && condition.status == "True" && condition.reason == APPLYING)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::report::{Before, Hold, Outcome, conditions};

    fn after(before: &[Condition], outcome: Outcome, generation: i64) -> Vec<Condition> {
        conditions(Before { conditions: before }, &outcome, Some(generation), Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_generation_that_was_in_line_has_drifted() {
        let working = || Outcome::Working { reason: "Applying".into(), message: String::new() };
        assert_eq!(Reason::of(&[], Some(1)), Reason::SpecChanged);
        let first = after(&[], working(), 1);
        assert_eq!(Reason::of(&first, Some(1)), Reason::SpecChanged);
        let in_line = after(&first, Outcome::InSync, 1);
        assert_eq!(Reason::of(&in_line, Some(1)), Reason::Drift);
        // The second step of a correction is made for the same reason as the first, and is no second drift.
        assert!(is_news(&in_line));
        let correcting = after(&in_line, working(), 1);
        assert_eq!(Reason::of(&correcting, Some(1)), Reason::Drift);
        assert!(!is_news(&correcting));
        assert_eq!(Reason::of(&correcting, Some(2)), Reason::SpecChanged);
        // An outage changes nothing about it.
        let outage = after(&in_line, Outcome::Unavailable { reason: "AwsThrottled".into(), message: String::new() }, 1);
        assert_eq!(Reason::of(&outage, Some(1)), Reason::Drift);
    }

    #[test]
    fn what_was_only_observed_was_never_followed() {
        let held = after(&[], Outcome::Held { hold: Hold::AccountObserve, pending: 1 }, 1);
        assert_eq!(Reason::of(&held, Some(1)), Reason::SpecChanged);
    }
}
