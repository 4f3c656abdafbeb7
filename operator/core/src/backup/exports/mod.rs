//! Exports on schedules. Each is a DatabaseBackup with `export`, which makes the Job and follows it; what is decided here is when there is
//! to be one, and what came of them.

pub mod due;
pub mod input;
pub mod report;
pub mod runs;
pub mod slots;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::scheduled_export::{ExportSlot, ExportState, MadeExport, ScheduledExportStatus};

pub use self::due::DueExport;
pub use self::input::Export;
pub use self::runs::Run;
use super::input::Input;
use super::ledger::{Entry, Slots, Stage};
use crate::plan::{Finding, Plan};
use crate::report::conditions::whole_seconds;
use crate::step::Step;

/// How soon to look again at a DatabaseBackup that has not ended, and for the way to be free for one.
const SOON: SignedDuration = SignedDuration::from_secs(60);

/// Says what came of the exports of each schedule, and which are to be begun. Nothing else waits for them.
pub(super) fn plan(input: &Input, now: Timestamp, plan: &mut Plan) -> (Vec<Step>, Vec<ScheduledExportStatus>) {
    let (mut steps, mut told) = (Vec::new(), Vec::new());
    for export in &input.exports {
        let slots = slots::judge(input, export, now);
        slots.next.into_iter().for_each(|at| plan.wake(at));
        plan.findings.extend(export.refused.clone());
        say(export, &slots, plan);
        let is_running = slots.ledger.iter().any(|slot| slot.stage() == Stage::Running);
        let step = slots.due.and_then(|slot| begin(input, export, slot, plan));
        if is_running || (slots.due.is_some() && step.is_none()) {
            now.checked_add(SOON).ok().into_iter().for_each(|at| plan.wake(at));
        }
        steps.extend(step);
        told.push(ScheduledExportStatus {
            name: export.name.clone(),
            last_succeeded: newest(input, export),
            scheduled: Some(slots.scheduled),
            next_time: slots.next.map(|time| Time(whole_seconds(time))),
            slots: slots.ledger,
        });
    }
    (steps, told)
}

/// The step that begins the export for a slot, if it can be begun.
fn begin(input: &Input, export: &Export, slot: Timestamp, plan: &mut Plan) -> Option<Step> {
    if export.refused.is_some() {
        return None;
    }
    let due = DueExport::of(input, export, slot);
    if input.exported.iter().any(|run| run.name == due.id.name) {
        let message = format!(
            "there is a DatabaseBackup {} that this policy has not made, so export {} that is due is not made: delete it",
            due.id, export.name
        );
        plan.findings.push(Finding::stalled("NameTaken", message));
        return None;
    }
    Some(Step::ExportDatabase { database: input.database.clone(), export: Box::new(due) })
}

/// The newest that is in S3, as far as anything remembers.
fn newest(input: &Input, export: &Export) -> Option<MadeExport> {
    let before = input.memory.exports.get(&export.name).and_then(|memory| memory.last.clone());
    let of_export = input.exported.iter().filter(|run| run.slot_of(export).is_some());
    of_export.filter_map(|run| run.made.clone()).chain(before).max_by_key(|made| made.time.0)
}

/// Says what a person should know of the newest that is over.
fn say(export: &Export, slots: &Slots<ExportSlot>, plan: &mut Plan) {
    let Some(newest) = slots.ledger.iter().find(|slot| slot.stage() == Stage::Over) else { return };
    let reason = match newest.state {
        ExportState::Failed => "ExportFailed",
        ExportState::Unknown => "ExportUnknown",
        ExportState::Missed => "ExportMissed",
        ExportState::Waiting | ExportState::Running | ExportState::Complete => return,
    };
    let why = newest.message.as_deref().unwrap_or("nothing was said");
    let message = format!("there is no export {} for the slot of {}: {why}", export.name, newest.time.0);
    plan.findings.push(Finding::note(reason, message));
}
