//! The queue that an AwsAccount names: what its URL says, and what IAM must allow for it to be read.

use serde::Serialize;

use crate::arn::partition_of;
use crate::iam::{Permission, Purpose, Resource};
use crate::ids::Scope;

/// A queue of SQS that events come by.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// Where it is, and the credentials it is read with.
    pub scope: Scope,
    /// Its URL, as SQS gives it.
    pub url: String,
    /// The account it belongs to. Another's only where a sandbox stands in for AWS.
    pub owner: String,
    /// Its name.
    pub name: String,
}

/// A URL that names no queue, or one elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueueError {
    /// The URL has not the form of a queue's.
    #[error("queueUrl {0} is no URL of a queue: write https://sqs.REGION.amazonaws.com/ACCOUNT/NAME, as SQS shows it")]
    NoQueue(String),
    /// The queue is not one of this account and region.
    #[error(
        "queueUrl {url} must begin with https://sqs.{region}. and name account {account}: a rule sends the events of a region to a queue there"
    )]
    Elsewhere {
        /// The URL.
        url: String,
        /// The region that it is to be in.
        region: String,
        /// The account that it is to belong to.
        account: String,
    },
}

impl Queue {
    /// The queue with this URL. Where AWS has another endpoint (`custom`), the host may be any.
    ///
    /// # Errors
    /// When the URL is none of a queue in `scope`. The schema refuses it, too; an older object may still have it.
    pub fn new(scope: Scope, url: &str, custom: bool) -> Result<Self, QueueError> {
        let no_queue = || QueueError::NoQueue(url.into());
        let (scheme, rest) = url.split_once("://").ok_or_else(no_queue)?;
        let [host, owner, name] = rest.split('/').collect::<Vec<_>>()[..] else { return Err(no_queue()) };
        let is_account = owner.len() == 12 && owner.bytes().all(|byte| byte.is_ascii_digit());
        let is_name = (1..=80).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
        if host.is_empty() || !is_account || !is_name || !["http", "https"].contains(&scheme) {
            return Err(no_queue());
        }
        let hosts = [format!("sqs.{}.", scope.region), format!("sqs-fips.{}.", scope.region)];
        let here = scheme == "https" && owner == scope.account_id && hosts.iter().any(|begin| host.starts_with(begin));
        if !here && !custom {
            let Scope { account_id: account, region, .. } = scope;
            return Err(QueueError::Elsewhere { url: url.into(), region, account });
        }
        Ok(Self { url: url.into(), owner: owner.into(), name: name.into(), scope })
    }

    /// The queue's ARN.
    pub fn arn(&self) -> String {
        let Self { scope: Scope { region, .. }, owner, name, .. } = self;
        format!("arn:{}:sqs:{region}:{owner}:{name}", partition_of(region))
    }

    /// What IAM must allow for the queue to be read.
    pub fn permissions(&self) -> Vec<Permission> {
        let resource = Resource { arn: self.arn(), of_cluster: None };
        let allow = |action| Permission {
            purpose: Purpose::ReceiveEvents,
            action,
            resource: resource.clone(),
            condition: None,
        };
        ["sqs:DeleteMessage", "sqs:ReceiveMessage"].map(allow).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        Scope { connection: "default".into(), account_id: "123456789012".into(), region: "eu-central-1".into() }
    }

    #[test]
    fn a_url_names_a_queue() {
        let queue = Queue::new(scope(), "https://sqs.eu-central-1.amazonaws.com/123456789012/runbook-events", false);
        assert_eq!(queue.unwrap().arn(), "arn:aws:sqs:eu-central-1:123456789012:runbook-events");
        let sandbox = Queue::new(scope(), "http://127.0.0.1:4566/123456789012/runbook-events", true);
        assert_eq!(sandbox.unwrap().arn(), "arn:aws:sqs:eu-central-1:123456789012:runbook-events");
    }

    #[test]
    fn a_queue_elsewhere_is_refused() {
        for url in [
            "https://sqs.eu-west-1.amazonaws.com/123456789012/q",
            "https://sqs.eu-central-1.amazonaws.com/999999999999/q",
            "https://evil.example/123456789012/q",
            "http://sqs.eu-central-1.amazonaws.com/123456789012/q",
        ] {
            assert!(matches!(Queue::new(scope(), url, false), Err(QueueError::Elsewhere { .. })), "{url}");
        }
        for url in
            ["", "q", "https://sqs.eu-central-1.amazonaws.com/q", "https:///123456789012/q", "https://h/1/q.fifo"]
        {
            assert!(matches!(Queue::new(scope(), url, true), Err(QueueError::NoQueue(_))), "{url}");
        }
    }
}
