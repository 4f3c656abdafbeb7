//! The one door to AWS.

use std::time::Duration;

use async_trait::async_trait;
use runbook_core::{CloudError, Scope};

use crate::call::{Call, Reply};

/// A reply, and AWS's id of the request.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// The reply.
    pub reply: Reply,
    /// AWS's id of the request.
    pub request_id: Option<String>,
}

/// Makes one API call: no retries, no cache, no budget. The SDKs behind it in production, a fake in the simulator.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// Makes the call in the account and region of `scope`.
    ///
    /// # Errors
    /// A classified error. After an error of class `Transient` a write may or may not have had its effect.
    async fn call(&self, scope: &Scope, call: &Call) -> Result<Answered, CloudError>;
}

/// Says how long this process may still write: what is left of the leader's lease.
pub trait WriteGuard: Send + Sync {
    /// Zero when it may not.
    fn time_left(&self) -> Duration;
}
