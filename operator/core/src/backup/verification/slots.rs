//! Which slots of the verification's schedule there were, what came of each, and which is to be begun now.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::duration::Duration;
use runbook_api::scheduled_verification::{VerificationSlot, VerificationState};

use super::Verifications;
use super::runs::Run;
use crate::backup::input::Input;
use crate::backup::ledger::{self, Entry, Schedule, Slots, Stage, shortened};

impl Entry for VerificationSlot {
    const KIND: &'static str = "DatabaseRestore";
    const KEPT: usize = 12;

    fn time(&self) -> Timestamp {
        self.time.0
    }

    fn stage(&self) -> Stage {
        match self.state {
            VerificationState::Waiting => Stage::Waiting,
            VerificationState::Running => Stage::Running,
            VerificationState::Passed
            | VerificationState::Failed
            | VerificationState::Unknown
            | VerificationState::Missed => Stage::Over,
        }
    }

    fn unmade(time: Timestamp, missed: Option<String>) -> Self {
        let state = if missed.is_some() { VerificationState::Missed } else { VerificationState::Waiting };
        let time = Time(time);
        Self { time, state, restore: None, snapshot_identifier: None, time_to_restore: None, message: missed }
    }

    fn lost(self, message: String) -> Self {
        Self { state: VerificationState::Unknown, message: Some(message), ..self }
    }
}

/// Judges each slot.
pub fn judge(input: &Input, verifications: &Verifications, now: Timestamp) -> Slots<VerificationSlot> {
    let schedule = Schedule {
        timetable: &verifications.timetable,
        // Another than of the snapshots.
        seed: format!("{}/verification", input.owner),
        memory: &input.memory.verifications.remembered,
        was_suspended: input.memory.was_suspended,
    };
    let made: Vec<VerificationSlot> = input.runs.iter().filter_map(|run| Some(of_run(run.slot?, run))).collect();
    ledger::judge(&schedule, &made, now)
}

fn of_run(time: Timestamp, run: &Run) -> VerificationSlot {
    let (state, message) = run.ended.clone().unwrap_or((VerificationState::Running, None));
    VerificationSlot {
        time: Time(time),
        state,
        restore: Some(run.name.clone()),
        snapshot_identifier: run.snapshot.clone(),
        time_to_restore: run.time_to_restore.map(in_schema),
        message: message.as_deref().map(shortened),
    }
}

/// A duration as the schema writes it, in whole seconds: `1h12m5s`.
pub(super) fn in_schema(length: SignedDuration) -> Duration {
    let seconds = length.as_secs().max(0);
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let text: String =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    Duration::new(if text.is_empty() { "0s".into() } else { text })
}
