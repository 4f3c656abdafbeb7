//! What a decision returns.

use jiff::Timestamp;
use serde::Serialize;

use crate::account::events::Heard;
use crate::backup::Outlook;
use crate::error::{CloudError, ErrorClass};
use crate::facts::Missing;
use crate::query::Query;
use crate::report::Hold;
use crate::scaling::overrides::Intent;
use crate::step::Step;

/// What is to be asked, or done, or said; and when to decide again.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Questions to answer before anything can be decided. When there are any, there are no steps.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Query>,
    /// Writes, in their order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// What there is to say about the resource.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// When to decide again, where that is sooner than the resync.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
    /// What holds the steps back, where the plan itself says so.
    #[serde(skip)]
    pub hold: Option<Hold>,
    /// What a plan for a ScalingPolicy works towards, for its status.
    #[serde(skip)]
    pub intent: Option<Box<Intent>>,
    /// What a plan for a BackupPolicy saw and expects, for its status.
    #[serde(skip)]
    pub outlook: Option<Box<Outlook>>,
    /// Where a run stands, for its status.
    #[serde(skip)]
    pub progress: Option<Box<Progress>>,
    /// How the queues of an AwsAccount do, for its status.
    #[serde(skip)]
    pub queues: Vec<Heard>,
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq)]
pub enum Progress {
    /// A DatabaseBackup.
    Backup(crate::database_backup::Outlook),
    /// A DatabaseRestore.
    Restore(crate::database_restore::Outlook),
}

/// Something to say about a resource.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What follows from it.
    pub weight: Weight,
    /// A reason of a condition: CamelCase.
    pub reason: String,
    /// For a person: what happened, to what, what to do next.
    pub message: String,
}

/// What follows from a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Weight {
    /// Nothing: it is worth knowing.
    Note,
    /// The operator waits for something that happens by itself.
    Waiting,
    /// AWS could not be read or written for now.
    Unavailable,
    /// A person must act.
    Stalled,
}

impl Finding {
    /// A person must act.
    pub fn stalled(reason: &str, message: impl Into<String>) -> Self {
        Self { weight: Weight::Stalled, reason: reason.into(), message: message.into() }
    }

    /// Something happens by itself.
    pub fn waiting(reason: &str, message: impl Into<String>) -> Self {
        Self { weight: Weight::Waiting, reason: reason.into(), message: message.into() }
    }

    /// Worth knowing.
    pub fn note(reason: &str, message: impl Into<String>) -> Self {
        Self { weight: Weight::Note, reason: reason.into(), message: message.into() }
    }

    /// What an error of AWS means for the resource: the one place where a class becomes a reason.
    pub fn from_error(error: &CloudError) -> Self {
        if error.is_of_kubernetes() {
            return match error.class.is_temporary() {
                true => Self {
                    weight: Weight::Unavailable,
                    reason: "KubernetesUnavailable".into(),
                    message: format!("{error} (it is tried again by itself)"),
                },
                false => Self::stalled(
                    "KubernetesRefused",
                    format!("{error} (where it is forbidden, add the namespace to exports.namespaces of the chart)"),
                ),
            };
        }
        let (weight, reason, advice) = match error.class {
            ErrorClass::Transient => (Weight::Unavailable, "AwsUnreachable", "it is tried again by itself"),
            ErrorClass::Throttled => (Weight::Unavailable, "AwsThrottled", "it is tried again, slower, by itself"),
            ErrorClass::Conflict => {
                (Weight::Unavailable, "AwsConflict", "something else is changing it; it is tried again by itself")
            }
            ErrorClass::Denied => (
                Weight::Stalled,
                "AwsAccessDenied",
                "allow it in the IAM policy of the operator's role, or correct the role",
            ),
            ErrorClass::NotFound => (Weight::Stalled, "TargetNotFound", "create it, or correct the target"),
            ErrorClass::Invalid => (Weight::Stalled, "AwsRejected", "correct the spec by what AWS says"),
        };
        Self { weight, reason: reason.into(), message: format!("{error} ({advice})") }
    }
}

impl Plan {
    /// A plan that does nothing and says one thing.
    pub fn only(finding: Finding) -> Self {
        Self { findings: vec![finding], ..Self::default() }
    }

    /// The plan for an inquiry that is still open: ask, or say why it could not be asked.
    pub fn missing(missing: Missing) -> Self {
        match missing {
            Missing::Needs(needs) => Self { needs, ..Self::default() },
            Missing::Failures(errors) => {
                Self { findings: errors.iter().map(Finding::from_error).collect(), ..Self::default() }
            }
        }
    }

    /// Decides again at `time`, unless something is due before.
    pub fn wake(&mut self, time: Timestamp) {
        self.next_at = Some(self.next_at.map_or(time, |known| known.min(time)));
    }

    /// The weightiest finding, the first of them where several weigh the same.
    pub fn weightiest(&self) -> Option<&Finding> {
        self.findings.iter().rev().max_by_key(|finding| finding.weight)
    }
}
