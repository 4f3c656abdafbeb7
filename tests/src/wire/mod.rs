//! The fake cloud as a server that speaks AWS's protocols, for benchmarks: fast enough to serve ten thousand services, or as many
//! snapshots, beside the operator on one machine, where the sandbox is not.
//!
//! What operations do and refuse is [`cloud`](crate::cloud)'s; those that the benchmark does not need are not served. There is no IAM here,
//! and one account and region.

pub mod databases;
pub mod ecs;
pub mod rates;
pub mod rds;
pub mod scaling;
pub mod server;
pub mod sts;

use runbook_aws::{Call, Reply};
use runbook_core::{CloudError, ErrorClass};
use serde_json::{Value, json};

use crate::cloud::refusal::Refusal;

/// The account that everything belongs to.
pub const ACCOUNT: &str = "123456789012";
/// The region that everything is in.
pub const REGION: &str = "eu-central-1";
/// The cluster of all services.
pub const CLUSTER: &str = "bench";

/// The call that a request of AWS's JSON protocol means. `target` is its header `X-Amz-Target`.
///
/// # Errors
/// As AWS refuses what it cannot read.
pub fn call_of(target: &str, body: &Value) -> Result<Call, Refusal> {
    match target.split_once('.') {
        Some(("AmazonEC2ContainerServiceV20141113", operation)) => ecs::call_of(operation, body),
        Some(("AnyScaleFrontendService", operation)) => scaling::call_of(operation, body),
        _ => Err(unknown(target)),
    }
}

/// The body of an answer in AWS's JSON protocol.
pub fn answer_of(call: &Call, reply: &Reply) -> Value {
    match reply {
        Reply::Services(found) => ecs::services(call, found),
        Reply::ServiceNames { names, next_token } => ecs::names(names, next_token.as_deref()),
        Reply::ScalableTargets { targets, next_token } => scaling::targets(targets, next_token.as_deref()),
        Reply::ScalingPolicies { policies, next_token } => scaling::policies(policies, next_token.as_deref()),
        Reply::Tags(tags) => json!({"Tags": tags}),
        // None are ever put here.
        Reply::ScheduledActions { .. } => json!({"ScheduledActions": []}),
        // RDS speaks XML: see `rds`.
        Reply::CallerIdentity(_)
        | Reply::DbClusters { .. }
        | Reply::Databases { .. }
        | Reply::Snapshots { .. }
        | Reply::Quotas(_)
        | Reply::Done => json!({}),
    }
}

/// The body of a refusal in AWS's JSON protocol.
pub fn refusal_of(error: &CloudError) -> Value {
    json!({"__type": error.code, "message": error.message})
}

fn unknown(what: &str) -> Refusal {
    Refusal::new(ErrorClass::Invalid, "UnknownOperationException", format!("{what} is not served here"))
}

fn text(body: &Value, field: &str) -> Result<String, Refusal> {
    optional(body, field)
        .ok_or_else(|| Refusal::new(ErrorClass::Invalid, "ValidationException", format!("{field} is missing")))
}

fn optional(body: &Value, field: &str) -> Option<String> {
    body[field].as_str().map(Into::into)
}

fn texts(body: &Value, field: &str) -> Vec<String> {
    body[field].as_array().into_iter().flatten().filter_map(Value::as_str).map(Into::into).collect()
}

fn number(body: &Value, field: &str) -> Result<i32, Refusal> {
    body[field].as_i64().and_then(|number| i32::try_from(number).ok()).ok_or_else(|| {
        Refusal::new(ErrorClass::Invalid, "ValidationException", format!("{field} is missing or no number"))
    })
}
