//! What is remembered of one question.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use runbook_core::CloudError;
use runbook_core::facts::Answer;
use tokio::sync::oneshot;
use tokio::time::Instant;

use super::group::Group;

/// When something happened.
#[derive(Clone, Copy)]
pub(super) struct Moment {
    /// To reckon with: it never goes back, as the clock on the wall may.
    pub(super) at: Instant,
    /// To show.
    pub(super) time: Timestamp,
}

/// What came of a question, and when the read began.
pub(super) type Outcome = (Result<Answer, CloudError>, Timestamp);

/// One who waits. Dropped without an answer, it tells the asker that the call was interrupted.
pub(super) type Waiter = oneshot::Sender<Outcome>;

/// Order of events in the plane: what is later has a greater tick. Timestamps of one moment would be equal.
pub(super) type Tick = u64;

pub(super) struct Entry {
    pub(super) group: Arc<Group>,
    /// The last good answer.
    pub(super) kept: Option<Kept>,
    /// Reads that began before this do not count: something was written after them.
    pub(super) invalid_before: Tick,
    /// AWS refused this one: it would spoil the batch of the others.
    pub(super) alone: bool,
    /// When it was last asked.
    pub(super) demanded: Instant,
    /// How long it usually is between two askings.
    pub(super) interval: Duration,
    /// When it is expected to be asked next: its place in the order of reading ahead.
    pub(super) due: Instant,
    /// Whether all who wait want to be answered by a read that begins after their asking.
    pub(super) strict: bool,
    /// Those who wait for a call that has not been sent.
    pub(super) pending: Vec<Waiter>,
    /// Whether it stands in its group's queue.
    pub(super) queued: bool,
    /// Calls under way.
    pub(super) flights: Vec<Joined>,
}

pub(super) struct Kept {
    pub(super) answer: Answer,
    pub(super) began: Tick,
    pub(super) read_at: Moment,
}

/// The part that a question has in a call under way.
pub(super) struct Joined {
    pub(super) flight: Tick,
    pub(super) began: Tick,
    pub(super) waiters: Vec<Waiter>,
}

impl Entry {
    pub(super) fn new(group: Arc<Group>, now: Instant, resync: Duration) -> Self {
        Self {
            group,
            kept: None,
            invalid_before: 0,
            alone: false,
            demanded: now,
            interval: resync,
            due: later(now, resync),
            strict: true,
            pending: Vec::new(),
            queued: false,
            flights: Vec::new(),
        }
    }

    /// Notes an asking. Askings of one reconcile count once.
    pub(super) fn demand(&mut self, now: Instant, resync: Duration) {
        let gap = elapsed(self.demanded, now);
        if gap >= resync / 2 {
            self.interval = gap.clamp(resync, resync * 2);
        }
        self.demanded = now;
        self.due = later(now, self.interval);
    }

    /// The answer kept, where it is no older than `age`.
    pub(super) fn fresh(&self, now: Instant, age: Duration) -> Option<&Kept> {
        self.kept.as_ref().filter(|kept| kept.began > self.invalid_before && elapsed(kept.read_at.at, now) <= age)
    }

    /// Whether somebody still waits for a call that has not been sent.
    pub(super) fn is_wanted(&mut self) -> bool {
        self.pending.retain(|waiter| !waiter.is_closed());
        !self.pending.is_empty()
    }

    /// Whether nobody waits and nothing is under way.
    pub(super) fn is_idle(&mut self) -> bool {
        self.flights.is_empty() && !self.is_wanted()
    }
}

pub(super) fn elapsed(from: Instant, to: Instant) -> Duration {
    to.saturating_duration_since(from)
}

pub(super) fn later(time: Instant, by: Duration) -> Instant {
    time.checked_add(by).unwrap_or(time)
}
