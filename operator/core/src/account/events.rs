//! The queues that an AwsAccount names, and what there is to say of them. That one cannot be read stops nothing: the resync finds what
//! no event has told.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::AwsAccount;
use runbook_api::aws_account::EventQueueStatus;

use crate::error::{CloudError, ErrorClass};
use crate::events::Queue;
use crate::ids::Scope;
use crate::plan::Finding;
use crate::report::conditions::{truncate, whole_seconds};

/// How often the time of the last message is written, where nothing else is new.
const TOLD_EVERY: SignedDuration = SignedDuration::from_hours(1);
/// Temporary failures in a row after which a queue is said to fail: about half a minute.
const PATIENCE: u32 = 5;
/// SQS answers.
pub const RECEIVING: &str = "Receiving";
/// SQS was not heard of yet.
const STARTING: &str = "Starting";

/// What is known of one queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The queue's region.
    pub region: String,
    /// Its URL.
    pub queue_url: String,
    /// How it does.
    pub health: Health,
    /// When a message last came, since this process listens.
    pub received: Option<Timestamp>,
}

/// How a queue does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Health {
    /// SQS has not answered yet.
    #[default]
    Unknown,
    /// SQS answers.
    Receiving,
    /// It does not, or not what is wanted.
    Failing {
        /// A reason of a condition.
        reason: String,
        /// For a person.
        message: String,
    },
}

/// The queues of an account that can be read, and what is wrong with the others.
pub fn queues(account: &AwsAccount) -> Vec<Result<Queue, Heard>> {
    let spec = &account.spec;
    let name = account.metadata.name.clone().unwrap_or_default();
    let of = |region: &str, url: &str| {
        let scope = Scope { connection: name.clone(), account_id: spec.account_id.clone(), region: region.to_owned() };
        Queue::new(scope, url, spec.endpoint_url.is_some()).map_err(|error| {
            let health = Health::Failing { reason: "InvalidSpec".into(), message: error.to_string() };
            Heard { region: region.into(), queue_url: url.into(), health, received: None }
        })
    };
    spec.events.iter().map(|queue| of(&queue.region, &queue.queue_url)).collect()
}

impl Health {
    /// How a queue does after a call that failed, `failures` in a row. What passes by itself is no news for a while.
    pub fn after(self, error: &CloudError, failures: u32, queue: &Queue) -> Self {
        if error.class.is_temporary() && failures < PATIENCE {
            return self;
        }
        let arn = queue.arn();
        let (reason, advice) = match error.class {
            ErrorClass::Denied => (
                "AwsAccessDenied",
                format!(
                    "allow sqs:ReceiveMessage and sqs:DeleteMessage on {arn} in the IAM policy of the operator's role"
                ),
            ),
            ErrorClass::NotFound => {
                ("QueueNotFound", format!("create {arn}, or correct spec.events of the AwsAccount"))
            }
            ErrorClass::Invalid => ("AwsRejected", "correct the queue, or spec.events of the AwsAccount".into()),
            ErrorClass::Throttled => ("AwsThrottled", "it is tried again, slower, by itself".into()),
            ErrorClass::Transient | ErrorClass::Conflict => ("AwsUnreachable", "it is tried again by itself".into()),
        };
        Self::Failing { reason: reason.into(), message: format!("{error} ({advice})") }
    }

    /// The reason that a status gives.
    fn reason(&self) -> &str {
        match self {
            Self::Unknown => STARTING,
            Self::Receiving => RECEIVING,
            Self::Failing { reason, .. } => reason,
        }
    }
}

impl Heard {
    /// What is worth knowing about it, where something is wrong.
    pub fn finding(&self) -> Option<Finding> {
        let Health::Failing { message, .. } = &self.health else { return None };
        let Self { region, .. } = self;
        let text = format!("no events are received from {region}, so drift is found by the resync only: {message}");
        Some(Finding::note("EventsNotReceived", text))
    }

    /// The queue's part of a status that says `previous`. The same, where nothing worth a write has happened.
    pub fn status(&self, previous: Option<&EventQueueStatus>) -> EventQueueStatus {
        let previous = previous.filter(|previous| previous.queue_url == self.queue_url);
        let known = previous.and_then(|previous| previous.last_received_at.clone());
        let last_received_at = match (&known, self.received) {
            (Some(known), Some(received)) if received.duration_since(known.0) < TOLD_EVERY => Some(known.clone()),
            (_, Some(received)) => Some(Time(whole_seconds(received))),
            (known, None) => (*known).clone(),
        };
        match previous {
            // A process that has just begun to lead knows less than the one before.
            Some(previous) if self.health == Health::Unknown => {
                EventQueueStatus { last_received_at, ..previous.clone() }
            }
            _ => EventQueueStatus {
                region: self.region.clone(),
                queue_url: self.queue_url.clone(),
                reason: self.health.reason().into(),
                message: match &self.health {
                    Health::Failing { message, .. } => Some(truncate(message)),
                    Health::Unknown | Health::Receiving => None,
                },
                last_received_at,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(health: Health, received: Option<i64>) -> Heard {
        let received = received.map(|seconds| Timestamp::from_second(seconds).unwrap());
        Heard { region: "eu-central-1".into(), queue_url: "https://q".into(), health, received }
    }

    fn error(class: ErrorClass) -> CloudError {
        CloudError {
            class,
            operation: "ReceiveMessage",
            resource: "q".into(),
            code: "Code".into(),
            message: "no".into(),
            request_id: None,
        }
    }

    #[test]
    fn a_message_a_minute_is_a_write_an_hour() {
        let mut told = heard(Health::Receiving, Some(0)).status(None);
        let mut writes = 0;
        for minute in 1..=180 {
            let next = heard(Health::Receiving, Some(minute * 60)).status(Some(&told));
            writes += usize::from(next != told);
            told = next;
        }
        assert_eq!(writes, 3);
    }

    #[test]
    fn a_new_leader_has_nothing_new_to_say() {
        let before = heard(Health::Receiving, Some(7)).status(None);
        assert_eq!(heard(Health::Unknown, None).status(Some(&before)), before);
        assert_eq!(heard(Health::Receiving, None).status(Some(&before)), before);
    }

    #[test]
    fn what_is_missing_in_iam_is_named_and_what_passes_is_not_told_at_once() {
        let scope =
            Scope { connection: "default".into(), account_id: "123456789012".into(), region: "eu-central-1".into() };
        let queue = Queue::new(scope, "https://sqs.eu-central-1.amazonaws.com/123456789012/q", false).unwrap();
        let denied = heard(Health::Receiving.after(&error(ErrorClass::Denied), 1, &queue), None);
        let message = denied.finding().unwrap().message;
        assert!(message.contains("sqs:ReceiveMessage") && message.contains("sqs:DeleteMessage"), "{message}");
        assert!(message.contains("arn:aws:sqs:eu-central-1:123456789012:q"), "{message}");
        assert_eq!(denied.status(None).reason, "AwsAccessDenied");
        let away = error(ErrorClass::Transient);
        assert_eq!(Health::Receiving.after(&away, PATIENCE - 1, &queue), Health::Receiving);
        assert_eq!(heard(Health::Receiving.after(&away, PATIENCE, &queue), None).status(None).reason, "AwsUnreachable");
    }
}
