//! Runs: kinds of which each object is one act, made once. What has ended is not looked at again.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, ObjectMeta};
use runbook_api::run::condition::{COMPLETE, FAILED};
use runbook_api::scaling_override::MADE_BY;

use crate::plan::{Finding, Plan};
use crate::report::Summary;
use crate::report::conditions::flag;

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It has done what it was for.
    Complete {
        /// For a person.
        message: String,
    },
    /// It has ended without, and will not do it any more.
    Failed {
        /// A reason of a condition.
        reason: String,
        /// For a person: what happened, to what, what to do next.
        message: String,
    },
}

impl Ended {
    /// It has ended without.
    pub fn failed(reason: &str, message: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), message: message.into() }
    }

    /// It has done what it was for.
    pub fn complete(message: impl Into<String>) -> Self {
        Self::Complete { message: message.into() }
    }

    /// How a run ended, by the conditions of its status; none for one that has not.
    pub fn of(conditions: &[Condition]) -> Option<Self> {
        let set = |type_: &str| conditions.iter().find(|one| one.type_ == type_ && one.status == "True");
        match (set(FAILED), set(COMPLETE)) {
            (Some(failed), _) => Some(Self::failed(&failed.reason, &failed.message)),
            (None, Some(complete)) => Some(Self::complete(&complete.message)),
            (None, None) => None,
        }
    }

    /// The plan for a run that has ended: nothing is asked, and nothing done.
    pub fn plan(&self) -> Plan {
        match self {
            Self::Complete { .. } => Plan::default(),
            Self::Failed { reason, message } => Plan::only(Finding::stalled(reason, message)),
        }
    }
}

/// How long a run that the operator has made is there to be read after it has ended.
pub const KEPT: SignedDuration = SignedDuration::from_hours(7 * 24);

/// When a run that ended at `completed` is removed: one that the operator has made. What people wrote stays.
pub fn removed_at(metadata: &ObjectMeta, completed: Timestamp) -> Option<Timestamp> {
    let made_by = metadata.labels.as_ref()?.get(MADE_BY)?;
    (made_by == "operator").then(|| completed.checked_add(KEPT).ok()).flatten()
}

/// Adds to the conditions of every kind how a run ended; that it has not, where nothing is known of its end. What has ended stays so.
pub fn conditions(
    mut conditions: Vec<Condition>,
    previous: &[Condition],
    ended: Option<&Ended>,
    summary: &Summary<'_>,
) -> Vec<Condition> {
    let before = Ended::of(previous);
    let (complete, failed) = match before.as_ref().or(ended) {
        Some(Ended::Complete { message }) => {
            (("True", "Complete", message.as_str()), ("False", "Complete", "it has done what it was for"))
        }
        Some(Ended::Failed { reason, message }) => {
            (("False", reason.as_str(), message.as_str()), ("True", reason.as_str(), message.as_str()))
        }
        None => (("False", "Running", "it has not ended"), ("False", "Running", "it has not failed")),
    };
    for (type_, (status, reason, message)) in [(COMPLETE, complete), (FAILED, failed)] {
        let before = previous.iter().find(|one| one.type_ == type_);
        conditions.push(match (before, Ended::of(previous)) {
            // It is not told anew at each look.
            (Some(before), Some(_)) => before.clone(),
            (before, _) => flag(type_, (status, reason, message), before, summary),
        });
    }
    conditions
}
