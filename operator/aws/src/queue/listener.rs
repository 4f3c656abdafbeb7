//! Listens to one queue, for ever.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use runbook_core::backoff::{self, seed_of};
use runbook_core::events::Queue;
use runbook_core::{CloudError, ErrorClass};
use tokio::time::{Instant, sleep};
use tracing::{debug, warn};

use super::{Message, Queues, delete, receive};
use crate::call::Api;
use crate::plane::Plane;

/// How long SQS is to wait for a message: as long as it can.
const WAIT: Duration = Duration::from_secs(20);
/// How long an answer may take beyond that.
const SLACK: Duration = Duration::from_secs(10);
/// How long a deletion may take.
const DELETE_TIMEOUT: Duration = Duration::from_secs(10);
/// The pause after an answer of nothing that came long before its time: whoever gave it does not wait as SQS does.
const PAUSE: Duration = Duration::from_secs(2);

/// Takes what a [`Listener`] hears. It must not take long: the next messages wait.
pub trait Ear: Send + Sync {
    /// Messages came. They are deleted when this returns.
    fn hear(&self, messages: &[Message]);

    /// SQS does all that is asked of it.
    fn well(&self);

    /// A call failed, so many in a row. `error` says which.
    fn miss(&self, error: &CloudError, failures: u32);
}

/// Listens to queues, within the plane's budget.
pub struct Listener {
    queues: Arc<dyn Queues>,
    plane: Arc<Plane>,
}

impl Listener {
    /// A listener to `queues`.
    pub fn new(queues: Arc<dyn Queues>, plane: Arc<Plane>) -> Self {
        Self { queues, plane }
    }

    /// Listens to one queue until the future is dropped, which ends it at once: what was received and not yet deleted comes again.
    pub async fn listen(&self, queue: &Queue, ear: &dyn Ear) -> Infallible {
        let seed = seed_of(&queue.url);
        let mut failures = 0;
        loop {
            match self.round(queue, ear).await {
                Ok(()) => {
                    failures = 0;
                    ear.well();
                }
                Err(error) => {
                    failures += 1;
                    ear.miss(&error, failures);
                    let pause = backoff::delay(error.class, failures, seed);
                    if error.class.is_temporary() {
                        debug!(queue = queue.url, %error, ?pause, "the queue could not be read");
                    } else {
                        warn!(queue = queue.url, %error, ?pause, "the queue cannot be read: drift is found by the resync only");
                    }
                    sleep(pause).await;
                }
            }
        }
    }

    /// Receives once, and deletes what was heard.
    async fn round(&self, queue: &Queue, ear: &dyn Ear) -> Result<(), CloudError> {
        let (door, scope) = (self.plane.door(), &queue.scope);
        door.admit(scope, Api::Sqs, false).await;
        let asked = Instant::now();
        let messages = door.timed(scope, receive(queue), WAIT + SLACK, self.queues.receive(queue, WAIT)).await?;
        if messages.is_empty() {
            if asked.elapsed() < WAIT / 2 {
                sleep(PAUSE).await;
            }
            return Ok(());
        }
        ear.hear(&messages);
        let receipts: Vec<String> = messages.into_iter().map(|message| message.receipt).collect();
        door.admit(scope, Api::Sqs, true).await;
        let deleted = door.timed(scope, delete(queue), DELETE_TIMEOUT, self.queues.delete(queue, &receipts)).await;
        match deleted {
            Ok(0) => Ok(()),
            Ok(left) => {
                debug!(queue = queue.url, left, "messages were not deleted and come again");
                Ok(())
            }
            // They come again and are known by then; to receive goes on.
            Err(error) if error.class.is_temporary() => {
                debug!(queue = queue.url, %error, "messages were not deleted and come again");
                if error.class == ErrorClass::Throttled { Err(error) } else { Ok(()) }
            }
            Err(error) => Err(error),
        }
    }
}
