//! What was done, and what would be: as it stands in a status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::common::{HistoryEntry, PlanStatus, PlannedStep};

use super::conditions::whole_seconds;
use super::reason::Reason;
use crate::error::{CloudError, ErrorClass};
use crate::step::Step;

/// Acts kept in a status.
pub const HISTORY_LIMIT: usize = 20;
/// Outcome of an act that was claimed by a process which ended, or lost its lease, before it could tell what came of it.
pub const UNKNOWN: &str = "Unknown";
/// Steps of a plan kept in a status.
pub const PLAN_LIMIT: usize = 50;
/// Longest description of a step.
const LONGEST_DESCRIPTION: usize = 512;
/// Longest name of what a step changes: the longest PolicyName.
const LONGEST_RESOURCE: usize = 256;

/// What came of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// The step.
    pub step: Step,
    /// When it was made.
    pub time: Timestamp,
    /// Why: `Drift`, `SpecChanged`.
    pub reason: String,
    /// AWS's id of the request, or the error.
    pub result: Result<Option<String>, CloudError>,
}

/// The steps of a plan as a status shows them; `None` for an empty plan.
pub fn plan_status(steps: &[Step]) -> Option<PlanStatus> {
    let shown = steps.iter().take(PLAN_LIMIT).map(|step| PlannedStep {
        step: step.name().into(),
        description: describe(step),
        resource: if let Step::Database(step) = step { step.snapshot().map(Into::into) } else { None },
        from: step.sizes().map(|(from, _)| from),
        to: step.sizes().map(|(_, to)| to),
    });
    let omitted = steps.len().saturating_sub(PLAN_LIMIT);
    (!steps.is_empty()).then(|| PlanStatus {
        steps: shown.collect(),
        omitted: (omitted > 0).then(|| i32::try_from(omitted).unwrap_or(i32::MAX)),
    })
}

/// What a plan had claimed, where nobody can tell any more whether it was made: newest first.
pub fn untold(plan: &PlanStatus, reason: Reason, now: Timestamp) -> Vec<HistoryEntry> {
    let entry = |step: &PlannedStep| HistoryEntry {
        time: Time(whole_seconds(now)),
        step: step.step.clone(),
        description: step.description.clone(),
        resource: step.resource.clone(),
        from: step.from,
        to: step.to,
        reason: reason.for_step_named(&step.step).as_str().into(),
        outcome: UNKNOWN.into(),
        request_id: None,
    };
    // Half of what is kept at most: what is known to have been done is not pushed out by what may have been.
    plan.steps.iter().rev().map(entry).take(HISTORY_LIMIT / 2).collect()
}

/// Whether an act had its effect, or may have had it: its answer was lost, or whoever made it.
pub fn may_have_been_made(entry: &HistoryEntry) -> bool {
    ["Succeeded", ErrorClass::Transient.as_str(), UNKNOWN].contains(&&*entry.outcome)
}

/// The history with new acts in front, cut to [`HISTORY_LIMIT`]. An act that is in it already, because the answer to its report was
/// lost, is not told twice.
pub fn append(history: &[HistoryEntry], acts: &[Act]) -> Vec<HistoryEntry> {
    let told = |entry: &HistoryEntry| history.contains(entry);
    acts.iter()
        .rev()
        .map(entry)
        .filter(|entry| !told(entry))
        .chain(history.iter().cloned())
        .take(HISTORY_LIMIT)
        .collect()
}

fn entry(act: &Act) -> HistoryEntry {
    let (outcome, request_id) = match &act.result {
        Ok(request_id) => ("Succeeded".to_owned(), request_id.clone()),
        Err(error) => (error.class.as_str().to_owned(), error.request_id.clone()),
    };
    let sizes = act.step.sizes();
    HistoryEntry {
        time: Time(whole_seconds(act.time)),
        step: act.step.name().into(),
        description: describe(&act.step),
        resource: Some(act.step.part().chars().take(LONGEST_RESOURCE).collect()),
        from: sizes.map(|(from, _)| from),
        to: sizes.map(|(_, to)| to),
        reason: act.reason.clone(),
        outcome,
        request_id,
    }
}

fn describe(step: &Step) -> String {
    step.to_string().chars().take(LONGEST_DESCRIPTION).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{Scope, ServiceId};

    fn act(to: i32, request_id: &str) -> Act {
        let scope =
            Scope { connection: "default".into(), account_id: "123456789012".into(), region: "eu-central-1".into() };
        let service = ServiceId { scope, cluster: "clocked-cluster".into(), service: "app".into() };
        Act {
            step: Step::SetDesiredCount { service, from: 1, to },
            time: Timestamp::UNIX_EPOCH,
            reason: "Drift".into(),
            result: Ok(Some(request_id.into())),
        }
    }

    #[test]
    fn the_newest_act_stands_first_and_old_ones_go() {
        let history = (0..25).fold(Vec::new(), |history, to| append(&history, &[act(to, &to.to_string())]));
        assert_eq!(history.len(), HISTORY_LIMIT);
        assert_eq!(history[0].request_id.as_deref(), Some("24"));
    }

    #[test]
    fn what_an_act_changed_is_told_apart_from_its_line() {
        let [entry] = &append(&[], &[act(3, "a")])[..] else { panic!() };
        assert_eq!(
            (entry.resource.as_deref(), entry.from, entry.to),
            (Some("service/clocked-cluster/app"), Some(1), Some(3))
        );
    }

    #[test]
    fn what_was_claimed_may_have_been_made() {
        let plan = plan_status(&[act(2, "a").step, act(3, "b").step]).unwrap();
        let entries = untold(&plan, Reason::Drift, Timestamp::UNIX_EPOCH);
        let told: Vec<_> = entries.iter().map(|one| (one.description.as_str(), one.outcome.as_str())).collect();
        let line = |to| format!("set desiredCount of clocked-cluster/app from 1 to {to}");
        assert_eq!(told, [(line(3).as_str(), "Unknown"), (line(2).as_str(), "Unknown")]);
        assert!(entries.iter().all(may_have_been_made));
        let denied = HistoryEntry { outcome: ErrorClass::Denied.as_str().into(), ..entries[0].clone() };
        assert!(!may_have_been_made(&denied));
    }

    #[test]
    fn an_act_is_told_once_and_the_same_act_again_is_another() {
        let history = append(&[], &[act(2, "a")]);
        assert_eq!(append(&history, &[act(2, "a")]), history);
        assert_eq!(append(&history, &[act(2, "b")]).len(), 2);
    }
}
