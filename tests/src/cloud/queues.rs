//! Queues of events: none. No AwsAccount of a scenario names one, because an event can only make a look come sooner.

use std::time::Duration;

use async_trait::async_trait;
use runbook_aws::{Message, Queues};
use runbook_core::events::Queue;
use runbook_core::{CloudError, ErrorClass};

/// An SQS without queues.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoQueues;

fn missing(operation: &'static str, queue: &Queue) -> CloudError {
    CloudError {
        class: ErrorClass::NotFound,
        operation,
        resource: queue.arn(),
        code: "QueueDoesNotExist".into(),
        message: "there are no queues".into(),
        request_id: None,
    }
}

#[async_trait]
impl Queues for NoQueues {
    async fn receive(&self, queue: &Queue, _: Duration) -> Result<Vec<Message>, CloudError> {
        Err(missing("ReceiveMessage", queue))
    }

    async fn delete(&self, queue: &Queue, _: &[String]) -> Result<usize, CloudError> {
        Err(missing("DeleteMessageBatch", queue))
    }
}
