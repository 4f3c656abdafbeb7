//! Which slots of the schedule there were, what came of each, and which is to be taken now.

use std::collections::BTreeSet;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::backup_policy::{Slot, SlotState};

use super::input::{Input, Scheduled};
use super::memory::Memory;
use super::own::Own;
use super::window::in_words;
use crate::observed::DatabaseSnapshot;
use crate::report::conditions::whole_seconds;

/// Slots kept in a status.
pub const LEDGER: usize = 30;
/// How far back slots are looked for that nothing remembers.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(35 * 24);
/// How much later than the schedule and its jitter say is still in time.
const IN_TIME: SignedDuration = SignedDuration::from_mins(5);

/// The slots of a schedule at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Slots {
    /// Slots after this time count.
    pub since: Timestamp,
    /// What came of each, newest first.
    pub ledger: Vec<Slot>,
    /// The slot whose snapshot may be begun now.
    pub due: Option<Timestamp>,
    /// When the next one is due.
    pub next: Option<Timestamp>,
    /// When the slot that waits for the catch-up window may be begun, or no longer.
    pub opens: Option<Timestamp>,
}

/// The identifier of the snapshot for a slot.
pub fn identifier(prefix: &str, slot: Timestamp) -> String {
    format!("{prefix}-{}", TimeZone::UTC.to_datetime(slot).strftime("%Y%m%d-%H%M%S"))
}

/// Judges each slot.
pub fn judge(input: &Input, scheduled: &Scheduled, own: &[Own<'_>], all: &[DatabaseSnapshot], now: Timestamp) -> Slots {
    let memory = &input.memory;
    let since = since(memory, scheduled, own, now);
    let remembered = || memory.slots.iter().map(|slot| slot.time.0);
    let from = remembered().max().or_else(|| now.checked_sub(FORGOTTEN).ok()).map_or(since, |from| from.max(since));
    let mut times: BTreeSet<Timestamp> = scheduled.timetable.cron.between(from, now, LEDGER).into_iter().collect();
    times.extend(remembered().filter(|time| since < *time && *time <= now));
    times.extend(on_create(memory, scheduled, since).filter(|created| *created <= now));
    let due_at = |slot| due_at(input, scheduled, slot);
    let candidate = times.iter().rev().copied().find(|time| due_at(*time) <= now);
    let view = View { input, scheduled, own, all, times: &times, candidate, now };
    let all_times: BTreeSet<Timestamp> =
        times.iter().copied().chain(remembered()).chain(own.iter().map(|one| one.slot)).collect();
    let ledger: Vec<Slot> = all_times.into_iter().rev().take(LEDGER).map(|time| view.entry(time)).collect();
    let waits =
        candidate.filter(|time| ledger.iter().any(|slot| slot.time.0 == *time && slot.state == SlotState::Waiting));
    let (due, opens) = match waits {
        Some(slot) => view.begins(slot),
        None => (None, None),
    };
    let to_come = scheduled.timetable.cron.next(now).into_iter().chain(times.iter().copied());
    let next = to_come.map(due_at).filter(|due| *due > now).min();
    Slots { since, ledger, due, next, opens }
}

/// From when on slots count.
fn since(memory: &Memory, scheduled: &Scheduled, own: &[Own<'_>], now: Timestamp) -> Timestamp {
    match &memory.scheduled {
        _ if memory.was_suspended => whole_seconds(now),
        Some((text, since)) if text.is_empty() || text == scheduled.timetable.cron.text() => *since,
        Some(_) => whole_seconds(now),
        // A new policy, or one whose status was lost: then its snapshots know.
        None => own.first().map(|newest| newest.slot).unwrap_or_else(|| {
            let created = memory.created.unwrap_or(now);
            whole_seconds(if scheduled.run_on_create { just_before(created) } else { created })
        }),
    }
}

/// The slot of the policy's creation: where slots count from just before it.
fn on_create(memory: &Memory, scheduled: &Scheduled, since: Timestamp) -> impl Iterator<Item = Timestamp> {
    memory
        .created
        .map(whole_seconds)
        .filter(|created| scheduled.run_on_create && since == just_before(*created))
        .into_iter()
}

fn just_before(time: Timestamp) -> Timestamp {
    time.checked_sub(SignedDuration::from_secs(1)).unwrap_or(Timestamp::MIN)
}

/// When a slot is due. What is asked for at once is so at once.
fn due_at(input: &Input, scheduled: &Scheduled, slot: Timestamp) -> Timestamp {
    let asked_for = input.memory.created.map(whole_seconds) == Some(slot) && scheduled.run_on_create;
    if asked_for { slot } else { scheduled.timetable.due_at(&input.owner, slot) }
}

/// What a slot is judged by.
struct View<'v> {
    input: &'v Input,
    scheduled: &'v Scheduled,
    own: &'v [Own<'v>],
    all: &'v [DatabaseSnapshot],
    /// The slots that count.
    times: &'v BTreeSet<Timestamp>,
    /// The newest that is due: the only one that may be begun.
    candidate: Option<Timestamp>,
    now: Timestamp,
}

impl View<'_> {
    fn entry(&self, time: Timestamp) -> Slot {
        let before = self.input.memory.slots.iter().find(|slot| slot.time.0 == time);
        if let Some(own) = self.own.iter().find(|own| own.slot == time) {
            return if self.goes(own, before) { slot_of(own, SlotState::Deleted, None) } else { of_snapshot(own) };
        }
        match before.map(|slot| slot.state) {
            Some(SlotState::Complete | SlotState::Creating) => self.gone(time, before),
            Some(SlotState::Failed | SlotState::Missed | SlotState::Lost | SlotState::Deleted) => {
                before.cloned().unwrap_or_else(|| slot(time, SlotState::Missed, None))
            }
            Some(SlotState::Waiting) | None => self.without_snapshot(time),
        }
    }

    /// Whether RDS is about to delete a snapshot that was deleted here.
    fn goes(&self, own: &Own<'_>, before: Option<&Slot>) -> bool {
        let known = before.is_some_and(|slot| slot.state == SlotState::Deleted);
        own.snapshot.status == "deleting" && (known || self.input.memory.deleted.contains(&own.snapshot.identifier))
    }

    /// A slot whose snapshot is not among the policy's own any more.
    fn gone(&self, time: Timestamp, before: Option<&Slot>) -> Slot {
        let Some(before) = before else { return self.without_snapshot(time) };
        let identifier = before.snapshot_identifier.as_deref().unwrap_or_default();
        if self.all.iter().any(|one| one.identifier == identifier) {
            return before.clone();
        }
        let (state, message) = if self.input.memory.deleted.contains(identifier) {
            (SlotState::Deleted, None)
        } else if before.state == SlotState::Creating && self.candidate == Some(time) && !self.is_over(time) {
            return slot(time, SlotState::Waiting, None);
        } else {
            (SlotState::Lost, Some("the snapshot is gone, and nothing here has deleted it".into()))
        };
        Slot { state, message, ..before.clone() }
    }

    fn without_snapshot(&self, time: Timestamp) -> Slot {
        let is_candidate = self.candidate == Some(time);
        if !self.times.contains(&time) {
            slot(time, SlotState::Missed, Some("the schedule was changed, or suspended, before it was begun".into()))
        } else if is_candidate && self.is_over(time) {
            let deadline = in_words(self.scheduled.timetable.starting_deadline);
            slot(time, SlotState::Missed, Some(format!("it was not begun within startingDeadline, {deadline}")))
        } else if is_candidate || self.candidate.is_none_or(|candidate| candidate < time) {
            slot(time, SlotState::Waiting, None)
        } else {
            slot(time, SlotState::Missed, Some("it was not begun before a newer one was due".into()))
        }
    }

    fn deadline(&self, slot: Timestamp) -> Timestamp {
        self.scheduled.timetable.deadline(due_at(self.input, self.scheduled, slot))
    }

    fn is_over(&self, slot: Timestamp) -> bool {
        self.deadline(slot) < self.now
    }

    /// The slot, if it may be begun now; else when that may change.
    fn begins(&self, slot: Timestamp) -> (Option<Timestamp>, Option<Timestamp>) {
        let in_time = slot.checked_add(self.scheduled.timetable.jitter + IN_TIME).unwrap_or(Timestamp::MAX);
        let zone = self.scheduled.timetable.cron.zone();
        match self.scheduled.catch_up.filter(|_| in_time < self.now) {
            Some(window) if !window.is_open(self.now, zone) => {
                let over = self.deadline(slot).checked_add(SignedDuration::from_secs(1)).ok();
                (None, [window.opens(self.now, zone), over].into_iter().flatten().min())
            }
            _ => (Some(slot), None),
        }
    }
}

fn of_snapshot(own: &Own<'_>) -> Slot {
    let (state, message) = match own.snapshot.status.as_str() {
        "creating" => (SlotState::Creating, None),
        "failed" => (SlotState::Failed, Some("RDS says that the snapshot has failed".into())),
        _ => (SlotState::Complete, None),
    };
    slot_of(own, state, message)
}

fn slot_of(own: &Own<'_>, state: SlotState, message: Option<String>) -> Slot {
    Slot { snapshot_identifier: Some(own.snapshot.identifier.clone()), ..slot(own.slot, state, message) }
}

fn slot(time: Timestamp, state: SlotState, message: Option<String>) -> Slot {
    Slot { time: Time(time), state, snapshot_identifier: None, message }
}
