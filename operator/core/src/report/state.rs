//! The state of an object in one word, for metrics.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use runbook_api::common::condition::{READY, RECONCILING, STALLED, SYNCED};

use super::outcome::Hold;

/// The state of an object in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing was reported yet.
    New,
    /// In line with AWS.
    InSync,
    /// On the way.
    Working,
    /// AWS could not be read or written.
    Unavailable,
    /// A person must act.
    Stalled,
    /// Suspended, or only observed.
    Held,
    /// It could not be read as an object of its kind.
    Malformed,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::New, Self::InSync, Self::Working, Self::Unavailable, Self::Stalled, Self::Held, Self::Malformed];

    /// The state that conditions tell of.
    pub fn of(conditions: &[Condition]) -> Self {
        let find = |type_: &str| conditions.iter().find(|condition| condition.type_ == type_);
        let is = |type_: &str, status: &str| find(type_).is_some_and(|condition| condition.status == status);
        let held = |condition: &Condition| Hold::ALL.iter().any(|hold| hold.reason() == condition.reason);
        if conditions.is_empty() {
            Self::New
        } else if is(STALLED, "True") {
            Self::Stalled
        } else if find(SYNCED).is_some_and(held) {
            Self::Held
        } else if is(SYNCED, "Unknown") {
            Self::Unavailable
        } else if is(RECONCILING, "True") {
            Self::Working
        } else if is(READY, "True") && is(SYNCED, "True") {
            Self::InSync
        } else {
            Self::Working
        }
    }

    /// As a label of a metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "New",
            Self::InSync => "InSync",
            Self::Working => "Working",
            Self::Unavailable => "Unavailable",
            Self::Stalled => "Stalled",
            Self::Held => "Held",
            Self::Malformed => "Malformed",
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::report::{Before, Outcome, conditions};

    #[test]
    fn each_outcome_has_its_state() {
        let (reason, message) = (String::from("Because"), String::new());
        for (outcome, state) in [
            (Outcome::InSync, State::InSync),
            (Outcome::Working { reason: reason.clone(), message: message.clone() }, State::Working),
            (Outcome::Unavailable { reason: reason.clone(), message: message.clone() }, State::Unavailable),
            (Outcome::Stalled { reason, message }, State::Stalled),
            (Outcome::Held { hold: Hold::Suspended, pending: 0 }, State::Held),
            (Outcome::Held { hold: Hold::Observe, pending: 2 }, State::Held),
        ] {
            let conditions = conditions(Before { conditions: &[] }, &outcome, Some(1), Timestamp::UNIX_EPOCH);
            assert_eq!(State::of(&conditions), state);
        }
        assert_eq!(State::of(&[]), State::New);
    }
}
