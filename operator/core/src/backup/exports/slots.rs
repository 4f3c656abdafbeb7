//! Which slots of an export's schedule there were, what came of each, and which is to be begun now.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::scheduled_export::{ExportSlot, ExportState};

use super::input::Export;
use super::runs::Run;
use crate::backup::input::Input;
use crate::backup::ledger::{self, Entry, Memory, Schedule, Slots, Stage, shortened};

impl Entry for ExportSlot {
    const KIND: &'static str = "DatabaseBackup";
    const KEPT: usize = 8;

    fn time(&self) -> Timestamp {
        self.time.0
    }

    fn stage(&self) -> Stage {
        match self.state {
            ExportState::Waiting => Stage::Waiting,
            ExportState::Running => Stage::Running,
            ExportState::Complete | ExportState::Failed | ExportState::Unknown | ExportState::Missed => Stage::Over,
        }
    }

    fn unmade(time: Timestamp, missed: Option<String>) -> Self {
        let state = if missed.is_some() { ExportState::Missed } else { ExportState::Waiting };
        Self { time: Time(time), state, backup: None, message: missed }
    }

    fn lost(self, message: String) -> Self {
        Self { state: ExportState::Unknown, message: Some(message), ..self }
    }
}

/// Judges each slot of one export.
pub fn judge(input: &Input, export: &Export, now: Timestamp) -> Slots<ExportSlot> {
    let nothing = Memory::default();
    let schedule = Schedule {
        timetable: &export.timetable,
        seed: seed(input, export),
        memory: input.memory.exports.get(&export.name).map_or(&nothing, |memory| &memory.remembered),
        was_suspended: input.memory.was_suspended,
    };
    let made: Vec<ExportSlot> =
        input.exported.iter().filter_map(|run| Some(of_run(run.slot_of(export)?, run))).collect();
    ledger::judge(&schedule, &made, now)
}

/// What the jitter follows from: another for each export.
pub(super) fn seed(input: &Input, export: &Export) -> String {
    format!("{}/exports/{}", input.owner, export.name)
}

fn of_run(time: Timestamp, run: &Run) -> ExportSlot {
    let (state, message) = run.ended.clone().unwrap_or((ExportState::Running, None));
    let message = message.as_deref().map(shortened);
    ExportSlot { time: Time(time), state, backup: Some(run.name.clone()), message }
}
