//! What is remembered of an object from one reconcile to the next. All of it may be lost at any time.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use runbook_api::common::PlanStatus;
use runbook_aws::Freshness;
use runbook_core::Query;
use runbook_core::report::Act;
use runbook_core::report::history::HISTORY_LIMIT;
use runbook_core::report::reason::is_claimed;

use super::kind::Reported;

/// What is remembered of all objects, by uid. It outlives the leadership: acts that could not be reported are reported later.
#[derive(Default)]
pub struct Memory {
    objects: Mutex<HashMap<String, Remembered>>,
}

/// What is remembered of one object.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Remembered {
    /// Failures of AWS in a row.
    pub failures: u32,
    /// Statuses in a row that the API server did not take. Counted apart: what was done is told as soon as it can be told,
    /// however long AWS has failed.
    pub untold: u32,
    /// Reconciles in a row that wrote to AWS and did not find it in line afterwards.
    pub acts: u32,
    /// When its status was last written.
    pub written: Option<Timestamp>,
    /// How new what is known of AWS must be at the next look: something was written, is happening by itself, or could not be read.
    pub outdated: Freshness,
    /// Acts that could not be reported yet.
    pub unreported: Vec<Act>,
    /// What was last asked about it.
    pub asked: Box<[Arc<Query>]>,
    /// The steps in the status as this process wrote it last: a claim of others is another process's.
    pub planned: Option<PlanStatus>,
    /// Name of an adoption that something else has.
    pub taken: Option<String>,
}

impl Remembered {
    /// Whether a status holds a claim that this process has not made, nor told of.
    pub fn is_untold(&self, status: &impl Reported) -> bool {
        is_claimed(status.conditions()) && status.plan() != self.planned.as_ref()
    }
}

impl Memory {
    /// What is remembered of the object.
    pub fn of(&self, uid: &str) -> Remembered {
        self.objects().get(uid).cloned().unwrap_or_default()
    }

    /// The object is there: things may be remembered of it.
    pub fn begin(&self, uid: &str) -> Remembered {
        self.objects().entry(uid.into()).or_default().clone()
    }

    /// Remembers something of the object, unless it has been forgotten meanwhile.
    pub fn update(&self, uid: &str, change: impl FnOnce(&mut Remembered)) {
        let mut objects = self.objects();
        let Some(remembered) = objects.get_mut(uid) else { return };
        change(remembered);
        let excess = remembered.unreported.len().saturating_sub(HISTORY_LIMIT);
        remembered.unreported.drain(..excess);
    }

    /// Uids of the objects with acts that could not be reported.
    pub fn untold(&self) -> HashSet<String> {
        let objects = self.objects();
        objects.iter().filter(|(_, of)| !of.unreported.is_empty()).map(|(uid, _)| uid.clone()).collect()
    }

    /// The object is gone. What was remembered of it.
    pub fn forget(&self, uid: &str) -> Remembered {
        self.objects().remove(uid).unwrap_or_default()
    }

    /// Only objects with these uids are still there.
    pub fn retain(&self, uids: &HashSet<String>) {
        self.objects().retain(|uid, _| uids.contains(uid));
    }

    fn objects(&self) -> MutexGuard<'_, HashMap<String, Remembered>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
