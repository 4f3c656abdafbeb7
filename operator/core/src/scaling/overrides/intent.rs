//! What a plan works towards, for the status that remembers it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::common::HistoryEntry;
use runbook_api::scaling_policy::{ActiveOverride, FollowedSize, ScalingPolicyStatus};

use super::{Bounds, Lift, Override, bounds::Declared};
use crate::contest::{self, Contest};
use crate::report::Reason;
use crate::report::conditions::whole_seconds;
use crate::report::history::may_have_been_made;

/// Overrides shown in a status.
const SHOWN: usize = 20;
/// Longest text about one of them.
const LONGEST: usize = 256;

/// What a plan works towards.
#[derive(Clone, Debug, PartialEq)]
pub struct Intent {
    /// What holds without overrides.
    pub declared: Declared,
    /// The size that is wanted.
    pub bounds: Bounds,
    /// Whether AWS shows it.
    pub settled: bool,
    /// Whether AWS was not yet seen to follow it, so that a difference is ours to make, and nobody's drift.
    pub moved: bool,
    /// The overrides that hold.
    pub active: Vec<ActiveOverride>,
    /// Whether somebody keeps undoing what the operator puts right.
    pub contest: Option<Contest>,
}

/// What the status of a policy remembers for the next decision. It may be lost: then nothing is taken for drift.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// The size that AWS was last seen to follow, and since when.
    pub followed: Option<(Bounds, Timestamp)>,
    /// When the size was last changed by the operator.
    pub moved_at: Option<Timestamp>,
    /// The size to which it was changed then, where that was no limit of the band.
    pub moved_to: Option<i32>,
    /// Whether AWS was seen to follow this generation of the spec.
    pub in_line: bool,
    /// What somebody changed, and the operator put right: newest first.
    pub corrections: Vec<HistoryEntry>,
}

impl Memory {
    /// What the status of a policy of this generation remembers.
    pub fn of(status: &ScalingPolicyStatus, generation: Option<i64>) -> Self {
        let followed = status.followed.as_ref().map(|followed| (bounds(followed), followed.since.0));
        let moved = status.history.iter().find(|entry| {
            may_have_been_made(entry) && ["SetDesiredCount", "RegisterScalableTarget"].contains(&&*entry.step)
        });
        Self {
            followed,
            moved_at: moved.map(|entry| entry.time.0),
            moved_to: moved.filter(|entry| entry.step == "SetDesiredCount").and_then(contest::sizes).map(|(_, to)| to),
            in_line: Reason::of(&status.conditions, generation) == Reason::Drift,
            corrections: contest::corrections(&status.history).cloned().collect(),
        }
    }

    /// Whether AWS was seen to follow these bounds, so that a difference is drift.
    pub fn follows(&self, bounds: Bounds) -> bool {
        self.followed.is_some_and(|(followed, _)| followed == bounds)
    }
}

impl Intent {
    /// The intent of a plan.
    pub fn new(
        bounds: Bounds,
        settled: bool,
        memory: &Memory,
        active: &[&Override],
        declared: &Declared,
        contest: Option<Contest>,
    ) -> Self {
        let lift = Lift::of(active);
        let shown = active.iter().filter(|one| lift.decides(&one.name)).take(SHOWN).map(|one| ActiveOverride {
            name: one.name.clone(),
            expires_at: Time(one.expires_at),
            changes: lift.changes(&one.name, declared).chars().take(LONGEST).collect(),
        });
        Self { declared: *declared, bounds, settled, moved: !memory.follows(bounds), active: shown.collect(), contest }
    }
}

/// What the status remembers after a plan; an outage leaves nothing new to remember.
pub fn followed(previous: Option<&FollowedSize>, intent: Option<&Intent>, now: Timestamp) -> Option<FollowedSize> {
    match (previous, intent) {
        (previous, Some(intent)) if intent.settled && previous.is_none_or(|one| bounds(one) != intent.bounds) => {
            let Bounds { least, most } = intent.bounds;
            Some(FollowedSize { minimum: least, maximum: most, since: Time(whole_seconds(now)) })
        }
        // On the way to another size, what AWS shows is our own doing from the claim on.
        (Some(previous), Some(intent)) if bounds(previous) != intent.bounds => None,
        (previous, _) => previous.cloned(),
    }
}

/// The overrides that a status lists; without a plan those listed before that have not ended.
pub fn listed(previous: &[ActiveOverride], intent: Option<&Intent>, now: Timestamp) -> Vec<ActiveOverride> {
    match intent {
        Some(intent) => intent.active.clone(),
        None => previous.iter().filter(|one| now < one.expires_at.0).cloned().collect(),
    }
}

fn bounds(followed: &FollowedSize) -> Bounds {
    Bounds { least: followed.minimum, most: followed.maximum }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_write_whose_answer_was_lost_may_have_moved_the_service() {
        let moved = |step: &str, outcome: &str| {
            let entry = json!({"time": "2026-03-01T12:00:00Z", "step": step, "description": "", "reason": "Drift",
                "outcome": outcome});
            let status: ScalingPolicyStatus = serde_json::from_value(json!({"history": [entry]})).unwrap();
            Memory::of(&status, None).moved_at.is_some()
        };
        assert!(moved("SetDesiredCount", "Succeeded") && moved("RegisterScalableTarget", "Transient"));
        assert!(moved("SetDesiredCount", "Unknown"), "whoever claimed it has ended");
        assert!(!moved("SetDesiredCount", "Denied") && !moved("PutScheduledAction", "Succeeded"));
    }
}
