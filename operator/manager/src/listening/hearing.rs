//! How the queues do, for the statuses of AwsAccounts.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use runbook_api::AwsAccount;
use runbook_core::account::events::{Health, Heard, queues};

use crate::metrics::Metrics;

/// How the queues do, by URL, since this process leads.
pub struct Hearing {
    metrics: Metrics,
    queues: Mutex<HashMap<String, Record>>,
}

#[derive(Clone, Default)]
struct Record {
    health: Health,
    received: Option<Timestamp>,
}

impl Hearing {
    /// Nothing is listened to yet.
    pub fn new(metrics: Metrics) -> Self {
        Self { metrics, queues: Mutex::default() }
    }

    /// How the queues of an account do.
    pub fn of(&self, account: &AwsAccount) -> Vec<Heard> {
        let known = self.queues();
        let heard = queues(account).into_iter().map(|queue| match queue {
            Err(heard) => heard,
            Ok(queue) => {
                let Record { health, received } = known.get(&queue.url).cloned().unwrap_or_default();
                Heard { region: queue.scope.region, queue_url: queue.url, health, received }
            }
        });
        heard.collect()
    }

    /// A queue is listened to from now on, or anew.
    pub(super) fn begin(&self, url: &str) {
        self.change(url, |_| {});
    }

    /// Only these queues are still listened to.
    pub(super) fn retain(&self, keep: impl Fn(&str) -> bool) {
        let mut queues = self.queues();
        queues.retain(|url, _| keep(url));
        self.measure(&queues);
    }

    /// Messages came.
    pub(super) fn received(&self, url: &str, now: Timestamp) {
        self.change(url, |record| record.received = Some(now));
    }

    /// The queue does differently.
    pub(super) fn health(&self, url: &str, change: impl FnOnce(Health) -> Health) {
        self.change(url, |record| record.health = change(std::mem::take(&mut record.health)));
    }

    fn change(&self, url: &str, change: impl FnOnce(&mut Record)) {
        let mut queues = self.queues();
        change(queues.entry(url.into()).or_default());
        self.measure(&queues);
    }

    fn measure(&self, queues: &HashMap<String, Record>) {
        let failing = queues.values().filter(|record| matches!(record.health, Health::Failing { .. })).count();
        self.metrics.event_queues(queues.len(), failing);
    }

    fn queues(&self) -> MutexGuard<'_, HashMap<String, Record>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
