//! What follows from the messages of one queue.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use kube::runtime::reflector::ObjectRef;
use runbook_aws::{Message, queue};
use runbook_core::account::events::Health;
use runbook_core::events::{Event, Queue, Recent, Verdict, decode};
use runbook_core::{CloudError, Query, Scope};
use tracing::{debug, warn};

use super::Wakes;
use crate::context::Context;
use crate::controllers::backup_policy::of_database;
use crate::controllers::scaling_policy::of_target;

/// Events that are remembered, so that their copies are known as such.
const REMEMBERED: usize = 10_000;

/// Takes what is heard from one queue.
pub(super) struct Ear {
    context: Arc<Context>,
    wakes: Wakes,
    queue: Queue,
    accounts: Vec<String>,
    heard: Mutex<Recent>,
}

impl Ear {
    pub(super) fn new(context: Arc<Context>, wakes: Wakes, queue: Queue, accounts: Vec<String>) -> Self {
        Self { context, wakes, queue, accounts, heard: Mutex::new(Recent::new(REMEMBERED)) }
    }

    /// Acts on one message. Returns why it cannot be read, where it is heard for the first time.
    fn act(&self, message: &Message, now: Timestamp) -> Option<String> {
        let own = |id: &str| self.context.plane.is_own_write(id);
        let Event { kind, id, time, verdict } = decode(message.body.as_bytes(), &self.queue.scope, own);
        let new = {
            let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.insert(id.as_deref().unwrap_or(&message.id))
        };
        let mut poison = None;
        let outcome = match verdict {
            // EventBridge and SQS both deliver at least once.
            _ if !new => "Duplicate",
            Verdict::Outdated(queries) if self.outdate(&queries) => "Outdated",
            Verdict::Outdated(_) => "Unwatched",
            Verdict::Ignored(why) => {
                poison = why.is_poison().then(|| format!("{why:?}"));
                why.as_str()
            }
        };
        debug!(queue = self.queue.url, message = message.id, event = id, kind = kind.as_str(), outcome, "event");
        let age = time.and_then(|time| Duration::try_from(now.duration_since(time)).ok());
        self.context.metrics.aws_event(kind, outcome, age);
        poison
    }

    /// What was read of these is read again, and those who decide by it are looked at. Whether there are any.
    fn outdate(&self, queries: &[Query]) -> bool {
        let mut watched = false;
        for query in queries {
            let mut outdated = |scope: &Scope| {
                // Accounts are told apart by their id: another AwsAccount of the same may be the policy's.
                self.context.plane.invalidate(&query.clone().within(scope));
                watched = true;
            };
            for (policy, scope) in query.target().iter().flat_map(|target| of_target(target, &self.context.stores)) {
                outdated(&scope);
                self.wakes.policy(policy);
            }
            for (policy, scope) in query.database().iter().flat_map(|id| of_database(id, &self.context.stores)) {
                outdated(&scope);
                self.wakes.backup(policy);
            }
        }
        watched
    }

    /// Wakes the accounts whose status says something else about the queue than what is known now.
    fn tell(&self) {
        for name in &self.accounts {
            let Some(account) = self.context.stores.accounts.get(&ObjectRef::new(name)) else { continue };
            let told = account.status.as_ref().map(|status| status.events.as_slice()).unwrap_or_default();
            let news = self.context.hearing.of(&account).iter().any(|heard| {
                let before = told.iter().find(|told| told.region == heard.region);
                before != Some(&heard.status(before))
            });
            if news {
                self.wakes.account(name);
            }
        }
    }
}

impl queue::Ear for Ear {
    fn hear(&self, messages: &[Message]) {
        let now = self.context.clock.now();
        let poison: Vec<String> = messages.iter().filter_map(|message| self.act(message, now)).collect();
        if let Some(first) = poison.first() {
            warn!(
                queue = self.queue.url,
                count = poison.len(),
                first,
                "messages that are no events of EventBridge are deleted: only its rules should be able to send to the queue"
            );
        }
        self.context.hearing.received(&self.queue.url, now);
        self.tell();
    }

    fn well(&self) {
        self.context.hearing.health(&self.queue.url, |_| Health::Receiving);
        self.tell();
    }

    fn miss(&self, error: &CloudError, failures: u32) {
        self.context.hearing.health(&self.queue.url, |health| health.after(error, failures, &self.queue));
        self.tell();
    }
}
