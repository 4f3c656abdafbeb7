//! The table of conditions, for every kind that is reconciled for ever.
//!
//! | situation | `Ready` | `Synced` | `Stalled` | `Reconciling` |
//! |---|---|---|---|---|
//! | in line with AWS | True | True | False | False |
//! | working on it | as before, False if never yet | False/reason | False | True |
//! | AWS throttled, unreachable | as before | Unknown/reason | False | as before, True for a new spec |
//! | spec, reference, grant, conflict wrong | False/reason | False/reason | True/reason | False |
//! | Observe | True/reason | False/reason if a plan is pending | False | False |
//! | suspended | True/reason | Unknown/reason: AWS is not looked at | False | False |

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use runbook_api::common::condition::{CONTESTED, READY, RECONCILING, STALLED, SYNCED};

use super::outcome::{Hold, Outcome};
use super::summary::Summary;
use crate::contest::Contest;

/// What was reported before.
#[derive(Clone, Copy, Debug)]
pub struct Before<'a> {
    /// The conditions in the status.
    pub conditions: &'a [Condition],
}

/// Longest message of a condition; the API server refuses more than 32 768 characters, a reader far less.
const LONGEST_MESSAGE: usize = 1024;

struct Said<'a> {
    status: &'a str,
    reason: &'a str,
    message: &'a str,
}

/// The conditions after a reconcile of `generation` with this outcome. `lastTransitionTime` moves only when a status flips.
///
/// An outage is no news about the spec: `Ready` keeps its value *and* the generation it spoke of, so that `kubectl wait` does
/// not take an old `Ready` for the new spec's.
pub fn conditions(before: Before<'_>, outcome: &Outcome, generation: Option<i64>, now: Timestamp) -> Vec<Condition> {
    let said = |status, reason, message| Some(Said { status, reason, message });
    let idle = || said("False", "Idle", "nothing is under way");
    let fine = || said("False", "NotStalled", "no person need act");
    // None: as before.
    let [ready, synced, stalled, reconciling] = match outcome {
        Outcome::InSync => {
            [said("True", "InSync", "AWS is as declared"), said("True", "InSync", "AWS is as declared"), fine(), idle()]
        }
        Outcome::Working { reason, message } => {
            [None, said("False", reason, message), fine(), said("True", reason, message)]
        }
        Outcome::Unavailable { reason, message } => {
            // Ready speaks of an older spec: this one is still to come, and nobody may take the old Ready for it.
            let ready = before.conditions.iter().find(|condition| condition.type_ == READY);
            let outdated = ready.is_some_and(|ready| ready.observed_generation != generation);
            [
                None,
                said("Unknown", reason, message),
                fine(),
                if outdated { said("True", reason, message) } else { None },
            ]
        }
        Outcome::Stalled { reason, message } => [
            said("False", reason, message),
            said("False", reason, message),
            said("True", reason, message),
            said("False", reason, "waits for a person; see Stalled"),
        ],
        Outcome::Held { hold, pending } => {
            let synced = if *pending > 0 {
                said("False", hold.reason(), "status.plan says what would be written")
            } else if *hold == Hold::Suspended {
                said("Unknown", hold.reason(), "AWS is not looked at while suspended")
            } else {
                said("True", hold.reason(), "AWS is as declared")
            };
            [said("True", hold.reason(), hold.message()), synced, fine(), idle()]
        }
    };
    [(READY, ready), (SYNCED, synced), (STALLED, stalled), (RECONCILING, reconciling)]
        .into_iter()
        .map(|(type_, said)| {
            let previous = before.conditions.iter().find(|condition| condition.type_ == type_);
            match (said, previous) {
                (None, Some(previous)) => previous.clone(),
                (None, None) if type_ == READY => {
                    let never = Said {
                        status: "False",
                        reason: "NotYetReconciled",
                        message: "AWS has not yet been seen as declared",
                    };
                    condition(type_, &never, None, generation, now)
                }
                (None, None) => {
                    let begun = Said {
                        status: "True",
                        reason: "NotYetReconciled",
                        message: "AWS has not yet been seen as declared",
                    };
                    condition(type_, &begun, None, generation, now)
                }
                (Some(said), previous) => condition(type_, &said, previous, generation, now),
            }
        })
        .collect()
}

fn condition(
    type_: &str,
    said: &Said<'_>,
    previous: Option<&Condition>,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let last_transition_time = match previous {
        Some(previous) if previous.status == said.status => previous.last_transition_time.clone(),
        _ => Time(whole_seconds(now)),
    };
    Condition {
        type_: type_.into(),
        status: said.status.into(),
        reason: said.reason.into(),
        message: truncate(said.message),
        observed_generation: generation,
        last_transition_time,
    }
}

/// Adds whether somebody keeps undoing corrections, once that has been so; as before where nothing was planned.
pub fn with_contest(
    mut conditions: Vec<Condition>,
    previous: &[Condition],
    planned: Option<Option<&Contest>>,
    summary: &Summary<'_>,
) -> Vec<Condition> {
    let before = previous.iter().find(|condition| condition.type_ == CONTESTED);
    let said = match (planned, before) {
        (None, before) => before.cloned(),
        (Some(Some(contest)), before) => {
            let message =
                format!("put right {} times since {}, and changed again each time", contest.corrections, contest.since);
            Some(contested(before, true, &message, summary))
        }
        (Some(None), Some(before)) => Some(contested(Some(before), false, "nobody undoes what is put right", summary)),
        (Some(None), None) => None,
    };
    conditions.extend(said);
    conditions
}

/// A condition of a kind of its own: status, reason and message.
pub(crate) fn flag(
    type_: &str,
    (status, reason, message): (&str, &str, &str),
    previous: Option<&Condition>,
    summary: &Summary<'_>,
) -> Condition {
    condition(type_, &Said { status, reason, message }, previous, summary.generation, summary.now)
}

/// The condition that says whether somebody keeps undoing what the operator puts right.
fn contested(previous: Option<&Condition>, status: bool, message: &str, summary: &Summary<'_>) -> Condition {
    let (status, reason) = if status { ("True", "Undone") } else { ("False", "Settled") };
    condition(CONTESTED, &Said { status, reason, message }, previous, summary.generation, summary.now)
}

/// Kubernetes' `metav1.Time` has whole seconds; a fraction would make equal statuses differ.
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// A message that is not too long for a reader.
pub(crate) fn truncate(message: &str) -> String {
    match message.char_indices().nth(LONGEST_MESSAGE - 1) {
        None => message.into(),
        Some((end, _)) => format!("{}…", &message[..end]),
    }
}
