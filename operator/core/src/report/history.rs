//! What was done, and what would be: as it stands in a status.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::common::{HistoryEntry, PlanStatus, PlannedStep};

use super::conditions::whole_seconds;
use crate::error::CloudError;
use crate::step::Step;

/// Acts kept in a status.
pub const HISTORY_LIMIT: usize = 20;
/// Steps of a plan kept in a status.
pub const PLAN_LIMIT: usize = 50;
/// Longest description of a step.
const LONGEST_DESCRIPTION: usize = 512;

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
    let shown =
        steps.iter().take(PLAN_LIMIT).map(|step| PlannedStep { step: step.name().into(), description: describe(step) });
    let omitted = steps.len().saturating_sub(PLAN_LIMIT);
    (!steps.is_empty()).then(|| PlanStatus {
        steps: shown.collect(),
        omitted: (omitted > 0).then(|| i32::try_from(omitted).unwrap_or(i32::MAX)),
    })
}

/// The history with new acts in front, cut to [`HISTORY_LIMIT`].
pub fn append(history: &[HistoryEntry], acts: &[Act]) -> Vec<HistoryEntry> {
    acts.iter().rev().map(entry).chain(history.iter().cloned()).take(HISTORY_LIMIT).collect()
}

fn entry(act: &Act) -> HistoryEntry {
    let (outcome, request_id) = match &act.result {
        Ok(request_id) => ("Succeeded".to_owned(), request_id.clone()),
        Err(error) => (error.class.as_str().to_owned(), error.request_id.clone()),
    };
    HistoryEntry {
        time: Time(whole_seconds(act.time)),
        step: act.step.name().into(),
        description: describe(&act.step),
        reason: act.reason.clone(),
        outcome,
        request_id,
    }
}

fn describe(step: &Step) -> String {
    step.to_string().chars().take(LONGEST_DESCRIPTION).collect()
}
