//! The observation plane.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use runbook_core::account::Budget;
use runbook_core::facts::Answer;
use runbook_core::{CloudError, Query};

use crate::clock::Clock;
use crate::cloud::Cloud;
use crate::metrics::AwsMetrics;

/// How old an answer may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Read after the asking. (For who the credentials are: ten minutes.)
    Now,
    /// No older than half the resync interval. (For who the credentials are, and for scaling policies: an hour.)
    WithinResync,
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

/// A question, what came of it, and when the read that answers it began.
pub type Observed = (Query, Result<Answer, CloudError>, Timestamp);

/// Answers questions about AWS with as few calls as AWS's API allows, within a budget of calls.
pub struct Plane {}

impl Plane {
    /// A plane over `cloud`. Call it within a tokio runtime.
    pub fn new(cloud: Arc<dyn Cloud>, clock: Arc<dyn Clock>, options: PlaneOptions, metrics: AwsMetrics) -> Arc<Self> {
        let _ = (cloud, clock, options, metrics);
        Arc::new(Self {})
    }

    /// Sets the calls a second that may be made in an account, in each of its regions.
    pub fn set_budget(&self, account_id: &str, budget: Budget) {
        let _ = (account_id, budget);
    }

    /// Answers every question, in the order of asking. Errors are answers too.
    pub async fn observe(&self, queries: &[Query], freshness: Freshness) -> Vec<Observed> {
        let _ = (queries, freshness);
        Vec::new()
    }

    /// Forgets a question: its object was deleted, so it is no longer read ahead.
    pub fn forget(&self, query: &Query) {
        let _ = query;
    }

    /// What was read before now no longer answers this question.
    pub fn invalidate(&self, query: &Query) {
        let _ = query;
    }

    /// As [`Plane::invalidate`] for every question of one connection: its role or endpoint changed.
    pub fn invalidate_connection(&self, name: &str) {
        let _ = name;
    }
}
