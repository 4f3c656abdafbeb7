//! The slots of a schedule for each of which an object is made that runs once: which there were, what came of each, and which is begun
//! now. One is under way at a time, the newest that was missed is made up for, and none that has failed stands in the way of the next.

pub mod made;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::backup_policy::ScheduledSince;

use super::timetable::Timetable;
use super::window::in_words;
use crate::report::conditions::whole_seconds;

/// How far back slots are looked for that nothing remembers.
const FORGOTTEN: SignedDuration = SignedDuration::from_hours(35 * 24);
/// How long an object that was created may not be seen yet.
const UNSEEN: SignedDuration = SignedDuration::from_mins(2);
/// Longest message of a slot, in characters.
const LONGEST: usize = 256;

/// One slot, as a status tells of it.
pub trait Entry: Clone {
    /// The kind of the objects that are made.
    const KIND: &'static str;
    /// Slots kept in a status.
    const KEPT: usize;

    /// When it was due by the schedule.
    fn time(&self) -> Timestamp;

    /// How far it has come.
    fn stage(&self) -> Stage;

    /// One for which no object was made: it waits or, with the reason why, it was missed.
    fn unmade(time: Timestamp, missed: Option<String>) -> Self;

    /// One of which nothing is known any more.
    fn lost(self, message: String) -> Self;
}

/// How far a slot has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing was made for it yet.
    Waiting,
    /// Its object is there, and has not ended.
    Running,
    /// It has ended, or was missed.
    Over,
}

/// What a status remembers of a schedule.
#[derive(Clone, Debug, PartialEq)]
pub struct Memory<E> {
    /// The schedule that slots were counted by, and since when.
    pub scheduled: Option<(String, Timestamp)>,
    /// The slots, newest first.
    pub ledger: Vec<E>,
    /// When the last object was made, as far back as the history goes.
    pub made: Option<Timestamp>,
}

impl<E> Default for Memory<E> {
    fn default() -> Self {
        Self { scheduled: None, ledger: Vec::new(), made: None }
    }
}

/// A schedule by which objects are made, and what is remembered of it.
#[derive(Clone, Debug)]
pub struct Schedule<'s, E> {
    /// When one is due.
    pub timetable: &'s Timetable,
    /// What the jitter follows from.
    pub seed: String,
    /// What the status remembers.
    pub memory: &'s Memory<E>,
    /// Whether the policy was suspended when it was last looked at.
    pub was_suspended: bool,
}

/// The slots of a schedule at a time.
#[derive(Clone, Debug, PartialEq)]
pub struct Slots<E> {
    /// The schedule, and since when it counts.
    pub scheduled: ScheduledSince,
    /// What came of each, newest first.
    pub ledger: Vec<E>,
    /// The slot that may be begun now.
    pub due: Option<Timestamp>,
    /// When the next one is due.
    pub next: Option<Timestamp>,
}

/// Judges each slot. `made` has an entry for each object that was made for the schedule.
pub fn judge<E: Entry>(schedule: &Schedule<'_, E>, made: &[E], now: Timestamp) -> Slots<E> {
    let Schedule { timetable, memory, .. } = schedule;
    let since = since(schedule, now);
    let remembered = || memory.ledger.iter().map(Entry::time);
    let from = remembered().max().or_else(|| now.checked_sub(FORGOTTEN).ok()).map_or(since, |from| from.max(since));
    let mut times: BTreeSet<Timestamp> = timetable.cron.between(from, now, E::KEPT).into_iter().collect();
    times.extend(remembered().filter(|time| since < *time && *time <= now));
    let due_at = |slot| timetable.due_at(&schedule.seed, slot);
    let candidate = times.iter().rev().copied().find(|time| due_at(*time) <= now);
    let view = View { schedule, made, times: &times, candidate, now };
    let all: BTreeSet<Timestamp> =
        times.iter().copied().chain(remembered()).chain(made.iter().map(Entry::time)).collect();
    let ledger: Vec<E> = all.into_iter().rev().take(E::KEPT).map(|time| view.entry(time)).collect();
    // Also one whose slot is too long ago to be told.
    let is_running = made.iter().chain(&ledger).any(|slot| slot.stage() == Stage::Running);
    let waits = |time: &Timestamp| ledger.iter().any(|slot| slot.time() == *time && slot.stage() == Stage::Waiting);
    let due = candidate.filter(|time| !is_running && waits(time));
    let to_come = timetable.cron.next(now).into_iter().chain(times.iter().copied());
    let next = to_come.map(due_at).filter(|due| *due > now).min();
    let text = timetable.cron.text().to_owned();
    Slots { scheduled: ScheduledSince { schedule: text, since: Time(since) }, ledger, due, next }
}

/// From when on slots count. A policy that goes on, is new, or whose status was lost begins with the next slot.
fn since<E>(schedule: &Schedule<'_, E>, now: Timestamp) -> Timestamp {
    match &schedule.memory.scheduled {
        _ if schedule.was_suspended => whole_seconds(now),
        Some((text, since)) if text.is_empty() || text == schedule.timetable.cron.text() => *since,
        Some(_) | None => whole_seconds(now),
    }
}

/// What a slot is judged by.
struct View<'v, E> {
    schedule: &'v Schedule<'v, E>,
    made: &'v [E],
    /// The slots that count.
    times: &'v BTreeSet<Timestamp>,
    /// The newest that is due: the only one that may be begun.
    candidate: Option<Timestamp>,
    now: Timestamp,
}

impl<E: Entry> View<'_, E> {
    fn entry(&self, time: Timestamp) -> E {
        if let Some(made) = self.made.iter().find(|made| made.time() == time) {
            return made.clone();
        }
        let before = self.schedule.memory.ledger.iter().find(|slot| slot.time() == time);
        match before.map(|before| (before, before.stage())) {
            Some((before, Stage::Running)) => self.unseen(before),
            Some((before, Stage::Over)) => before.clone(),
            Some((_, Stage::Waiting)) | None => self.unmade(time),
        }
    }

    /// A slot whose object is not there: it was just made, or somebody has deleted it.
    fn unseen(&self, before: &E) -> E {
        let made = self.schedule.memory.made;
        let just_made = made.and_then(|made| made.checked_add(UNSEEN).ok()).is_some_and(|until| self.now < until);
        match just_made {
            true => before.clone(),
            false => before.clone().lost(format!("its {} was deleted before it ended", E::KIND)),
        }
    }

    fn unmade(&self, time: Timestamp) -> E {
        let Schedule { timetable, seed, .. } = self.schedule;
        let over = timetable.deadline(timetable.due_at(seed, time)) < self.now;
        let missed = if !self.times.contains(&time) {
            Some("the schedule was changed, or suspended, before it was begun".into())
        } else if self.candidate == Some(time) && over {
            let deadline = in_words(timetable.starting_deadline);
            Some(format!("it was not begun within startingDeadline, {deadline}"))
        } else if self.candidate.is_none_or(|candidate| candidate <= time) {
            None
        } else {
            Some("it was not begun before a newer one was due".into())
        };
        E::unmade(time, missed)
    }
}

/// A message as the schema takes it.
pub fn shortened(message: &str) -> String {
    message.chars().take(LONGEST).collect()
}
