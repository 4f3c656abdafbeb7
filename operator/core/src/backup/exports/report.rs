//! What a status says of exports.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use runbook_api::common::condition::EXPORTED;
use runbook_api::scheduled_export::{ExportSlot, ExportState, ScheduledExportStatus};

use crate::report::conditions::flag;
use crate::report::{Act, Summary};
use crate::step::Step;

/// What is told of exports, with those that were just begun.
pub fn with_begun(told: &[ScheduledExportStatus], acts: &[Act]) -> Vec<ScheduledExportStatus> {
    let mut told = told.to_vec();
    for act in acts.iter().filter(|act| act.result.is_ok()) {
        let Step::ExportDatabase { export, .. } = &act.step else { continue };
        let slots = told.iter_mut().filter(|one| one.name == export.name).flat_map(|one| &mut one.slots);
        let waits = |slot: &&mut ExportSlot| slot.time.0 == export.slot && slot.state == ExportState::Waiting;
        if let Some(slot) = slots.into_iter().find(waits) {
            slot.state = ExportState::Running;
            slot.backup = Some(export.id.name.clone());
        }
    }
    told
}

/// The condition that says whether the last of each was made; none where none is declared.
pub fn condition(
    told: &[ScheduledExportStatus],
    before: Option<&Condition>,
    summary: &Summary<'_>,
) -> Option<Condition> {
    let last = |one: &ScheduledExportStatus| {
        let has_ended = |slot: &&ExportSlot| {
            matches!(slot.state, ExportState::Complete | ExportState::Failed | ExportState::Unknown)
        };
        let slot = one.slots.iter().find(has_ended);
        let why = slot.and_then(|slot| slot.message.clone()).unwrap_or_default();
        // What was made longer ago than slots are kept was made all the same.
        let state = slot.map(|slot| slot.state).or(one.last_succeeded.is_some().then_some(ExportState::Complete));
        (one.name.clone(), state, why)
    };
    let all: Vec<_> = told.iter().map(last).collect();
    let of = |state: Option<ExportState>| all.iter().find(|(_, found, _)| *found == state);
    let (status, reason, message) = match (of(Some(ExportState::Failed)), of(Some(ExportState::Unknown)), of(None)) {
        _ if all.is_empty() => return None,
        (Some((name, _, why)), ..) => ("False", "ExportFailed", format!("the last export {name} has failed: {why}")),
        (None, Some((name, _, why)), _) => {
            ("Unknown", "ExportUnknown", format!("nothing is known of the last export {name}: {why}"))
        }
        (None, None, Some((name, ..))) => ("Unknown", "NotYetExported", format!("export {name} has not been made yet")),
        (None, None, None) => ("True", "Complete", "the last of each export is in S3".to_owned()),
    };
    Some(flag(EXPORTED, (status, reason, &message), before, summary))
}
