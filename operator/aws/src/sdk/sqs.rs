//! SQS.

use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::DeleteMessageBatchRequestEntry;
use runbook_core::CloudError;
use runbook_core::events::Queue;

use super::classify::classify_request;
use crate::door::transient;
use crate::queue::{MOST, Message, delete, receive};

pub(super) async fn receive_message(
    client: &Client,
    queue: &Queue,
    wait: Duration,
) -> Result<Vec<Message>, CloudError> {
    let wait = i32::try_from(wait.as_secs()).unwrap_or(i32::MAX);
    let output = client
        .receive_message()
        .queue_url(&queue.url)
        .max_number_of_messages(MOST)
        .wait_time_seconds(wait)
        .send()
        .await
        .map_err(|error| classify_request(receive(queue), &error))?;
    let messages = output.messages.unwrap_or_default().into_iter().filter_map(|message| {
        let (id, receipt) = (message.message_id.unwrap_or_default(), message.receipt_handle?);
        Some(Message { id, receipt, body: message.body.unwrap_or_default() })
    });
    Ok(messages.collect())
}

pub(super) async fn delete_message_batch(
    client: &Client,
    queue: &Queue,
    receipts: &[String],
) -> Result<usize, CloudError> {
    let mut request = client.delete_message_batch().queue_url(&queue.url);
    for (number, receipt) in receipts.iter().enumerate() {
        let entry = DeleteMessageBatchRequestEntry::builder().id(number.to_string()).receipt_handle(receipt).build();
        request = request.entries(entry.map_err(|error| transient(&delete(queue), "BadRequest", error.to_string()))?);
    }
    let output = request.send().await.map_err(|error| classify_request(delete(queue), &error))?;
    Ok(output.failed.len())
}
