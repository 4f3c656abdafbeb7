//! What came of a reconcile.

use runbook_api::common::Mode;

use crate::error::CloudError;
use crate::plan::{Finding, Plan, Weight};

/// Reason of a claim: steps are about to be made.
pub const APPLYING: &str = "Applying";

/// Why planned steps are not made although nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hold {
    /// `spec.suspend` of the policy.
    Suspended,
    /// `spec.mode` of the policy.
    Observe,
    /// `spec.mode` of the AwsAccount.
    AccountObserve,
    /// `spec.freeze` of the AwsAccount.
    Frozen,
    /// A tag on the service.
    HeldByTag,
    /// `spec.drift` of the policy says Report.
    DriftReported,
}

impl Hold {
    /// Everything that may hold writing back.
    pub const ALL: [Self; 6] =
        [Self::Suspended, Self::Observe, Self::AccountObserve, Self::Frozen, Self::HeldByTag, Self::DriftReported];

    /// Whether something holds back writing, the nearest to the policy first.
    pub fn of(suspend: bool, policy: Mode, account: Mode) -> Option<Self> {
        match (suspend, policy, account) {
            (true, _, _) => Some(Self::Suspended),
            (_, Mode::Observe, _) => Some(Self::Observe),
            (_, _, Mode::Observe) => Some(Self::AccountObserve),
            _ => None,
        }
    }

    /// As a reason of a condition.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Suspended => "Suspended",
            Self::Observe => "Observe",
            Self::AccountObserve => "AccountObserve",
            Self::Frozen => "Frozen",
            Self::HeldByTag => "HeldByTag",
            Self::DriftReported => "DriftReported",
        }
    }

    /// For a person.
    pub fn message(self) -> &'static str {
        match self {
            Self::Suspended => "suspended: set spec.suspend to false to go on",
            Self::Observe => "mode is Observe: set spec.mode to Enforce to let it write",
            Self::AccountObserve => "the AwsAccount's mode is Observe: set its spec.mode to Enforce to let it write",
            Self::Frozen => "the AwsAccount is frozen: until it ends only overrides are followed, and snapshots taken",
            Self::HeldByTag => "a tag on the service holds every change back",
            Self::DriftReported => {
                "somebody changed the size in AWS, and spec.drift says Report: set it back, change the policy, or write Correct"
            }
        }
    }
}

/// What came of a reconcile, as far as conditions tell it.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// AWS is as declared.
    InSync,
    /// Steps are about to be or have been made, or something happens by itself.
    Working {
        /// A reason of a condition.
        reason: String,
        /// For a person.
        message: String,
    },
    /// AWS could not be read or written for now.
    Unavailable {
        /// A reason of a condition.
        reason: String,
        /// For a person.
        message: String,
    },
    /// A person must act.
    Stalled {
        /// A reason of a condition.
        reason: String,
        /// For a person.
        message: String,
    },
    /// Steps are planned and not made, or nothing is planned, while something holds back writing.
    Held {
        /// What holds it back.
        hold: Hold,
        /// How many steps are planned.
        pending: usize,
    },
}

impl Outcome {
    /// What a plan without needs means before any of its steps is made.
    pub fn of_plan(plan: &Plan, hold: Option<Hold>) -> Self {
        match plan.weightiest() {
            Some(finding) if finding.weight > Weight::Waiting => return Self::of_finding(finding),
            _ => {}
        }
        if let Some(hold) = hold.or(plan.hold) {
            return Self::Held { hold, pending: plan.steps.len() };
        }
        match (plan.steps.first(), plan.weightiest()) {
            (Some(_), _) => Self::Working { reason: APPLYING.into(), message: steps_message(plan) },
            (None, Some(finding)) if finding.weight == Weight::Waiting => Self::of_finding(finding),
            _ => Self::InSync,
        }
    }

    /// Whether AWS is as declared.
    pub fn is_in_sync(&self) -> bool {
        matches!(self, Self::InSync)
    }

    /// What a finding on its own means.
    pub fn of_finding(finding: &Finding) -> Self {
        let (reason, message) = (finding.reason.clone(), finding.message.clone());
        match finding.weight {
            Weight::Note => Self::InSync,
            Weight::Waiting => Self::Working { reason, message },
            Weight::Unavailable => Self::Unavailable { reason, message },
            Weight::Stalled => Self::Stalled { reason, message },
        }
    }

    /// What a failed write means.
    pub fn of_error(error: &CloudError) -> Self {
        Self::of_finding(&Finding::from_error(error))
    }
}

fn steps_message(plan: &Plan) -> String {
    let mut message = plan.steps.iter().take(3).map(ToString::to_string).collect::<Vec<_>>().join("; ");
    if plan.steps.len() > 3 {
        message.push_str(&format!("; and {} more", plan.steps.len() - 3));
    }
    message
}
