//! Which slots of the verification's schedule there were, what came of each, and which is to be begun now.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::backup_policy::ScheduledSince;
use runbook_api::duration::Duration;
use runbook_api::scheduled_verification::{VerificationSlot, VerificationState};

use super::runs::Run;
use super::{Told, Verifications};
use crate::backup::input::Input;
use crate::backup::window::in_words;
use crate::report::conditions::whole_seconds;

/// Slots kept in a status.
pub const LEDGER: usize = 12;
/// How far back slots are looked for that nothing remembers.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(35 * 24);
/// How long a DatabaseRestore that was created may not be seen yet.
const UNSEEN: SignedDuration = SignedDuration::from_mins(2);
/// Longest message of a slot, in characters.
const LONGEST: usize = 256;

/// The slots of a schedule at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Slots {
    /// Slots after this time count.
    pub since: Timestamp,
    /// What came of each, newest first.
    pub ledger: Vec<VerificationSlot>,
    /// The slot that may be begun now.
    pub due: Option<Timestamp>,
    /// When the next one is due.
    pub next: Option<Timestamp>,
}

impl Slots {
    /// For a status.
    pub(super) fn told(&self, verifications: &Verifications) -> Told {
        let schedule = verifications.timetable.cron.text().to_owned();
        Told {
            scheduled: Some(ScheduledSince { schedule, since: Time(self.since) }),
            ledger: self.ledger.clone(),
            next: self.next,
            left: Vec::new(),
        }
    }
}

/// Judges each slot.
pub fn judge(input: &Input, verifications: &Verifications, now: Timestamp) -> Slots {
    let (memory, timetable) = (&input.memory.verifications, &verifications.timetable);
    let since = since(input, verifications, now);
    let remembered = || memory.ledger.iter().map(|slot| slot.time.0);
    let made = || input.runs.iter().filter_map(|run| run.slot);
    let from = remembered().max().or_else(|| now.checked_sub(FORGOTTEN).ok()).map_or(since, |from| from.max(since));
    let mut times: BTreeSet<Timestamp> = timetable.cron.between(from, now, LEDGER).into_iter().collect();
    times.extend(remembered().filter(|time| since < *time && *time <= now));
    let due_at = |slot| timetable.due_at(&seed(input), slot);
    let candidate = times.iter().rev().copied().find(|time| due_at(*time) <= now);
    let view = View { input, verifications, times: &times, candidate, now };
    let all: BTreeSet<Timestamp> = times.iter().copied().chain(remembered()).chain(made()).collect();
    let ledger: Vec<VerificationSlot> = all.into_iter().rev().take(LEDGER).map(|time| view.entry(time)).collect();
    // Also one whose slot is too long ago to be told.
    let runs = input.runs.iter().any(|run| run.slot.is_some() && run.ended.is_none());
    let is_running = runs || ledger.iter().any(|slot| slot.state == VerificationState::Running);
    let waits =
        |time: &Timestamp| ledger.iter().any(|slot| slot.time.0 == *time && slot.state == VerificationState::Waiting);
    let due = candidate.filter(|time| !is_running && waits(time));
    let to_come = timetable.cron.next(now).into_iter().chain(times.iter().copied());
    let next = to_come.map(due_at).filter(|due| *due > now).min();
    Slots { since, ledger, due, next }
}

/// What the jitter follows from: another than of the snapshots.
pub(super) fn seed(input: &Input) -> String {
    format!("{}/verification", input.owner)
}

/// From when on slots count. A policy that goes on, is new, or whose status was lost begins with the next slot.
fn since(input: &Input, verifications: &Verifications, now: Timestamp) -> Timestamp {
    match &input.memory.verifications.scheduled {
        _ if input.memory.was_suspended => whole_seconds(now),
        Some((text, since)) if text.is_empty() || text == verifications.timetable.cron.text() => *since,
        Some(_) | None => whole_seconds(now),
    }
}

/// What a slot is judged by.
struct View<'v> {
    input: &'v Input,
    verifications: &'v Verifications,
    /// The slots that count.
    times: &'v BTreeSet<Timestamp>,
    /// The newest that is due: the only one that may be begun.
    candidate: Option<Timestamp>,
    now: Timestamp,
}

impl View<'_> {
    fn entry(&self, time: Timestamp) -> VerificationSlot {
        if let Some(run) = self.input.runs.iter().find(|run| run.slot == Some(time)) {
            return of_run(time, run);
        }
        let memory = &self.input.memory.verifications;
        let before = memory.ledger.iter().find(|slot| slot.time.0 == time);
        match before {
            Some(before) if before.state == VerificationState::Running => self.unseen(before),
            Some(before) if before.state != VerificationState::Waiting => before.clone(),
            _ => self.without_run(time),
        }
    }

    /// A slot whose DatabaseRestore is not there: it was just made, or somebody has deleted it.
    fn unseen(&self, before: &VerificationSlot) -> VerificationSlot {
        let made = self.input.memory.verifications.made;
        let just_made = made.and_then(|made| made.checked_add(UNSEEN).ok()).is_some_and(|until| self.now < until);
        if just_made {
            return before.clone();
        }
        let message = Some("its DatabaseRestore was deleted before it ended".to_owned());
        VerificationSlot { state: VerificationState::Unknown, message, ..before.clone() }
    }

    fn without_run(&self, time: Timestamp) -> VerificationSlot {
        let timetable = &self.verifications.timetable;
        let over = timetable.deadline(timetable.due_at(&seed(self.input), time)) < self.now;
        let (state, message) = if !self.times.contains(&time) {
            (VerificationState::Missed, Some("the schedule was changed, or suspended, before it was begun".into()))
        } else if self.candidate == Some(time) && over {
            let deadline = in_words(timetable.starting_deadline);
            (VerificationState::Missed, Some(format!("it was not begun within startingDeadline, {deadline}")))
        } else if self.candidate.is_none_or(|candidate| candidate <= time) {
            (VerificationState::Waiting, None)
        } else {
            (VerificationState::Missed, Some("it was not begun before a newer one was due".into()))
        };
        VerificationSlot {
            time: Time(time),
            state,
            restore: None,
            snapshot_identifier: None,
            time_to_restore: None,
            message,
        }
    }
}

fn of_run(time: Timestamp, run: &Run) -> VerificationSlot {
    let (state, message) = run.ended.clone().unwrap_or((VerificationState::Running, None));
    VerificationSlot {
        time: Time(time),
        state,
        restore: Some(run.name.clone()),
        snapshot_identifier: run.snapshot.clone(),
        time_to_restore: run.time_to_restore.map(in_schema),
        message: message.map(|message| message.chars().take(LONGEST).collect()),
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
