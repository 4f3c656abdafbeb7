//! What can go wrong with one call, and who decides that it does.

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use crate::dice::{self, Dice};

/// The two doors of the operator to the world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Door {
    /// Calls to AWS.
    Aws,
    /// Requests to the Kubernetes API.
    Kubernetes,
}

/// What goes wrong with a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The operator dies before the call has its effect.
    CrashBefore,
    /// The operator dies after the call had its effect, before it sees the answer.
    CrashAfter,
    /// The server fails (500) and nothing happened.
    ErrorBefore,
    /// The call had its effect, and the answer is lost: the connection is reset.
    ErrorAfter,
    /// No answer comes and nothing happened.
    HangBefore,
    /// No answer comes, and the call has its effect only later.
    HangThenEffect(Duration),
    /// Too many requests; nothing happened.
    Throttle,
    /// Something else changes the resource (AWS: ConcurrentUpdateException; Kubernetes: 409); nothing happened.
    Conflict,
    /// The credentials do not allow it; nothing happened.
    Denied,
    /// The answer comes late.
    Slow(Duration),
}

/// One call, as a schedule of faults sees it.
#[derive(Clone, Debug)]
pub struct CallSite {
    /// Through which door.
    pub door: Door,
    /// How many calls went through that door before.
    pub index: u64,
    /// What the call is about: stable for the same seed.
    pub key: String,
    /// How many calls of the same key there were before.
    pub nth: u64,
    /// Whether the call changes anything.
    pub is_write: bool,
    /// When it is made.
    pub at: Timestamp,
}

/// Decides what goes wrong with a call.
pub trait Schedule: Send {
    /// The fault of this call, if any.
    fn decide(&mut self, call: &CallSite) -> Option<Fault>;
}

/// Nothing goes wrong.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calm;

impl Schedule for Calm {
    fn decide(&mut self, _: &CallSite) -> Option<Fault> {
        None
    }
}

/// One fault at one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    /// Through which door.
    pub door: Door,
    /// Which call through that door.
    pub index: u64,
    /// What goes wrong.
    pub fault: Fault,
}

impl Schedule for At {
    fn decide(&mut self, call: &CallSite) -> Option<Fault> {
        (call.door == self.door && call.index == self.index).then_some(self.fault)
    }
}

/// One fault at the first write to AWS, whichever call that is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FirstWrite {
    fault: Option<Fault>,
}

impl FirstWrite {
    /// This goes wrong.
    pub fn new(fault: Fault) -> Self {
        Self { fault: Some(fault) }
    }
}

impl Schedule for FirstWrite {
    fn decide(&mut self, call: &CallSite) -> Option<Fault> {
        if call.door == Door::Aws && call.is_write { self.fault.take() } else { None }
    }
}

/// Faults by seed until a point in time, then none.
#[derive(Clone, Debug)]
pub struct Mixed {
    /// The seed.
    pub dice: Dice,
    /// Probability that something goes wrong with a call to AWS.
    pub aws: f64,
    /// Probability that something goes wrong with a request to Kubernetes.
    pub kubernetes: f64,
    /// Probability that the operator dies at a call.
    pub crash: f64,
    /// When it ends.
    pub until: Timestamp,
}

impl Schedule for Mixed {
    fn decide(&mut self, call: &CallSite) -> Option<Fault> {
        if call.at >= self.until {
            return None;
        }
        let mut rng = self.dice.nth(&format!("fault {:?} {}", call.door, call.key), call.nth);
        if dice::happens(&mut rng, self.crash) {
            return Some(if rng.bool() { Fault::CrashBefore } else { Fault::CrashAfter });
        }
        let probability = match call.door {
            Door::Aws => self.aws,
            Door::Kubernetes => self.kubernetes,
        };
        if !dice::happens(&mut rng, probability) {
            return None;
        }
        Some(match rng.u8(0..9) {
            0 => Fault::ErrorBefore,
            1 | 2 => Fault::ErrorAfter,
            3 => Fault::HangBefore,
            // Shorter than what a lease leaves: the effect of a dead leader's request ends before the next leader begins.
            4 => Fault::HangThenEffect(dice::between(&mut rng, 100, 4_000)),
            5 => Fault::Throttle,
            6 => Fault::Conflict,
            7 if call.door == Door::Aws => Fault::Denied,
            _ => Fault::Slow(dice::between(&mut rng, 200, 3_000)),
        })
    }
}

/// Numbers the calls of both doors.
#[derive(Debug, Default)]
pub struct Counter {
    doors: HashMap<Door, u64>,
    keys: HashMap<(Door, String), u64>,
}

impl Counter {
    /// The next call through a door.
    pub fn next(&mut self, door: Door, key: &str, is_write: bool, at: Timestamp) -> CallSite {
        let index = self.doors.entry(door).or_default();
        let nth = self.keys.entry((door, key.to_owned())).or_default();
        let call = CallSite { door, index: *index, key: key.to_owned(), nth: *nth, is_write, at };
        *index += 1;
        *nth += 1;
        call
    }

    /// How many calls went through a door.
    pub fn count(&self, door: Door) -> u64 {
        self.doors.get(&door).copied().unwrap_or_default()
    }
}
