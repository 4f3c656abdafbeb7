//! Queues of events: what of AWS's own telling comes to us.
//!
//! A message is deleted after it was acted on, so that one that was received by a process that then ended comes again; acting on it
//! twice makes no difference.

mod listener;

use std::time::Duration;

use async_trait::async_trait;
use runbook_core::CloudError;
use runbook_core::events::Queue;

pub use listener::{Ear, Listener};

use crate::call::{Api, Request};

/// Messages of one call: as many as SQS gives (Amazon SQS API Reference, "ReceiveMessage").
pub const MOST: i32 = 10;

/// A message as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// SQS's id of the message.
    pub id: String,
    /// What it is deleted by. Of this receipt: another has another.
    pub receipt: String,
    /// What it says.
    pub body: String,
}

/// Reads queues: no retries, no budget. SQS in production, a script in tests.
#[async_trait]
pub trait Queues: Send + Sync {
    /// Up to [`MOST`] messages, as soon as there are any; none when there were none for `wait`. They come again unless they are deleted
    /// before the queue's visibility timeout.
    ///
    /// # Errors
    /// A classified error.
    async fn receive(&self, queue: &Queue, wait: Duration) -> Result<Vec<Message>, CloudError>;

    /// Deletes messages, at most [`MOST`], and says how many could not be deleted: they come again.
    ///
    /// # Errors
    /// A classified error; then none is known to be deleted.
    async fn delete(&self, queue: &Queue, receipts: &[String]) -> Result<usize, CloudError>;
}

/// What is known of a ReceiveMessage while it is made.
pub(crate) fn receive(queue: &Queue) -> Request {
    Request { api: Api::Sqs, operation: "ReceiveMessage", resource: queue.arn(), write: false }
}

/// What is known of a DeleteMessageBatch while it is made.
pub(crate) fn delete(queue: &Queue) -> Request {
    Request { api: Api::Sqs, operation: "DeleteMessageBatch", resource: queue.arn(), write: true }
}
