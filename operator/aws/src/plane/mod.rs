//! The observation plane: questions about AWS, answered with as few calls as its API allows.
//!
//! - Questions of a short window share a call (`group`), and spare room in it is filled with those that will be asked next (`ahead`).
//! - Every asking, call and write has its place in one order, the tick (`state`): an answer serves only those who may have one that old.
//! - Calls wait for the budget before it is decided what they ask, so that those who come meanwhile share them (`flight`).
//! - Scaling policies are listed for all targets at once where that is cheaper (`listing`).

mod ahead;
mod direct;
mod entry;
mod flight;
mod group;
mod listing;
mod read;
mod state;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use runbook_core::account::Budget;
use runbook_core::events::Recent;
use runbook_core::facts::Answer;
use runbook_core::{CloudError, DatabaseKind, ErrorClass, Query, Scope};
use tokio::time::Instant;

use self::flight::Shared;
use self::group::{Group, resource_of};
use self::state::Asked;
use crate::budget::Budgets;
use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::door::Door;
use crate::metrics::AwsMetrics;
use crate::vault::Vault;

/// Writes whose request ids are remembered: those of an hour at the default budget, which is longer than CloudTrail takes to tell.
const OWN_WRITES: usize = 10_000;

/// How old an answer may be; the greater, the newer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Freshness {
    /// No older than half the resync interval. (For who the credentials are, and for scaling policies: an hour.)
    #[default]
    WithinResync,
    /// Read after the asking where the answer changes without anybody writing ([`Query::moves_by_itself`]), else as
    /// [`Freshness::WithinResync`]: for another look at something that is under way.
    Moving,
    /// Read since then. (For who the credentials are: ten minutes.)
    Since(Instant),
    /// Read after the asking. (For who the credentials are: ten minutes.)
    Now,
}

/// How the plane works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlaneOptions {
    /// How often each object is reconciled when nothing happens.
    pub resync: Duration,
    /// How long a question waits for others to join its call.
    pub window: Duration,
    /// How long one read may take.
    pub call_timeout: Duration,
}

impl Default for PlaneOptions {
    fn default() -> Self {
        Self {
            resync: Duration::from_secs(300),
            window: Duration::from_millis(50),
            call_timeout: Duration::from_secs(10),
        }
    }
}

/// How many will ask for what can be listed for all at once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// ECS services whose scaling policies will be asked for.
    pub services: HashMap<Scope, usize>,
    /// Databases whose snapshots will be asked for.
    pub databases: HashMap<(Scope, DatabaseKind), usize>,
}

/// A question, what came of it, and when the read that answers it began.
pub type Observed = (Query, Result<Answer, CloudError>, Timestamp);

/// Answers questions about AWS with as few calls as AWS's API allows, within a budget of calls.
pub struct Plane {
    shared: Arc<Shared>,
    own_writes: Mutex<Recent>,
    vault: Vault,
}

impl Plane {
    /// A plane over `cloud`. Call it, and all its methods, within a tokio runtime.
    pub fn new(cloud: Arc<dyn Cloud>, clock: Arc<dyn Clock>, options: PlaneOptions, metrics: AwsMetrics) -> Arc<Self> {
        let door = Door { cloud, budgets: Budgets::default(), metrics };
        let own_writes = Mutex::new(Recent::new(OWN_WRITES));
        Arc::new(Self { shared: Shared::new(door, clock, options), own_writes, vault: Vault::default() })
    }

    /// The passwords that were set for restored databases.
    pub fn vault(&self) -> &Vault {
        &self.vault
    }

    /// Sets the calls a second that may be made in an account, in each of its regions, as the AwsAccount `name` declares them. Where
    /// several declare a budget for one account, the least counts, rate by rate.
    pub fn set_budget(&self, account_id: &str, name: &str, budget: Budget) {
        self.shared.door.budgets.set(account_id, name, budget);
    }

    /// What the AwsAccount `name` declared no longer counts.
    pub fn remove_budget(&self, account_id: &str, name: &str) {
        self.shared.door.budgets.remove(account_id, name);
    }

    /// Answers every question, in the order of asking. Errors are answers too; each names the resource of its own question.
    ///
    /// Dropping the future withdraws the questions. A question that may not be asked must not get here: grants are checked before.
    pub async fn observe(&self, queries: &[Query], freshness: Freshness) -> Vec<Observed> {
        let asked: Vec<Asked> = {
            let now = Instant::now();
            let mut state = self.shared.state();
            let asked = queries.iter().map(|query| state.ask(query, freshness, now)).collect();
            self.shared.door.metrics.entries(state.entries.len());
            asked
        };
        let mut answers = Vec::with_capacity(queries.len());
        let mut promises = Vec::with_capacity(queries.len());
        for asked in asked {
            match asked {
                Asked::Known(outcome) => promises.push(Err(outcome)),
                Asked::Promised(promise, start) => {
                    if let Some(group) = start {
                        self.shared.start(group);
                    }
                    promises.push(Ok(promise));
                }
            }
        }
        for (query, promise) in queries.iter().zip(promises) {
            let (result, read_at) = match promise {
                Err(known) => known,
                Ok(promise) => promise.await.unwrap_or_else(|_| (Err(interrupted(query)), self.shared.clock.now())),
            };
            answers.push((query.clone(), result, read_at));
        }
        answers
    }

    /// Tells how many will ask over time: what a list of all is weighed against before they have asked, as at start-up. It replaces
    /// what was told before.
    pub fn expect(&self, expected: Expected) {
        self.shared.state().expected = expected;
    }

    /// The last good answer and when its read began, even if something was written after it.
    pub(crate) fn last(&self, query: &Query) -> Option<(Answer, Instant)> {
        self.shared.state().last(query)
    }

    /// Reads the answer to one question at once, past those that wait for theirs: for a write that is about to be sent. Returns when
    /// the read began as well.
    ///
    /// # Errors
    /// What AWS answered.
    pub(crate) async fn read_directly(&self, query: &Query) -> Result<(Answer, Instant), CloudError> {
        self.shared.read_directly(query).await
    }

    /// Forgets a question: its object was deleted, so it is no longer read ahead.
    pub fn forget(&self, query: &Query) {
        let mut state = self.shared.state();
        state.forget(query);
        self.shared.door.metrics.entries(state.entries.len());
    }

    /// These questions as they are kept here, so that whoever remembers them too holds no copies: there are tens of thousands.
    pub fn shared(&self, queries: Vec<Query>) -> Box<[Arc<Query>]> {
        let state = self.shared.state();
        queries.into_iter().map(|query| state.shared(query)).collect()
    }

    /// What was read before now no longer answers this question.
    pub fn invalidate(&self, query: &Query) {
        self.shared.state().invalidate(query);
    }

    /// As [`Plane::invalidate`] for every question of one connection: its role or endpoint changed.
    pub fn invalidate_connection(&self, name: &str) {
        self.shared.state().invalidate_connection(name);
    }

    /// Whether this process made the write that AWS gave this request id, as far as it remembers.
    pub fn is_own_write(&self, request_id: &str) -> bool {
        self.own_writes().contains(request_id)
    }

    /// Remembers a write of this process.
    pub(crate) fn wrote(&self, request_id: &str) {
        self.own_writes().insert(request_id);
    }

    fn own_writes(&self) -> MutexGuard<'_, Recent> {
        self.own_writes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn door(&self) -> &Door {
        &self.shared.door
    }
}

fn interrupted(query: &Query) -> CloudError {
    CloudError {
        class: ErrorClass::Transient,
        operation: Group::of(query).operation(),
        resource: resource_of(query),
        code: "Interrupted".into(),
        message: "the call ended without an answer".into(),
        request_id: None,
    }
}
