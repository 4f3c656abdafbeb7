//! What all actors share: time, chance, faults and the journal.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use runbook_aws::{Clock, TokioClock};

use crate::dice::Dice;
use crate::fault::{CallSite, Counter, Door, Fault, Schedule};
use crate::journal::Journal;

/// The world's time, chance, faults and memory.
pub struct Stage {
    /// Time: tokio's, paused.
    pub clock: TokioClock,
    /// Chance.
    pub dice: Dice,
    /// What happened.
    pub journal: Journal,
    faults: Mutex<(Counter, Box<dyn Schedule>)>,
}

impl fmt::Debug for Stage {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stage").field("now", &self.now()).finish_non_exhaustive()
    }
}

/// Locks, also after a panic elsewhere: the panic itself is what a test reports.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stage {
    /// A stage on which time begins at `epoch`. Needs a tokio runtime around it.
    pub fn new(epoch: Timestamp, dice: Dice, schedule: Box<dyn Schedule>) -> Self {
        Self {
            clock: TokioClock::starting_at(epoch),
            dice,
            journal: Journal::default(),
            faults: Mutex::new((Counter::default(), schedule)),
        }
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Numbers a call and decides what goes wrong with it.
    pub fn call(&self, door: Door, key: &str, is_write: bool) -> (CallSite, Option<Fault>) {
        let mut faults = lock(&self.faults);
        let (counter, schedule) = &mut *faults;
        let call = counter.next(door, key, is_write, self.clock.now());
        let fault = schedule.decide(&call);
        (call, fault)
    }

    /// How many calls went through a door.
    pub fn calls(&self, door: Door) -> u64 {
        lock(&self.faults).0.count(door)
    }
}
