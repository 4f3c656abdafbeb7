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

/// The way into one account: an AwsAccount as far as the calls depend on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Name of the AwsAccount, which is [`Scope::connection`].
    pub name: String,
    /// Twelve digits.
    pub account_id: String,
    /// ARN of the role to assume, and the external id that its trust policy asks for. Without it the process's own credentials are used.
    pub assume_role: Option<(String, Option<String>)>,
    /// Use FIPS endpoints.
    pub use_fips: bool,
    /// Use dual-stack endpoints.
    pub use_dual_stack: bool,
    /// Another endpoint for every API.
    pub endpoint_url: Option<String>,
}

/// Where the connections that calls may use are kept.
pub trait Connections: Send + Sync {
    /// Adds a connection or replaces the one of that name. A connection that did not change keeps its clients.
    fn set_connection(&self, connection: Connection);

    /// Removes a connection: calls in its scopes fail from now on.
    fn remove_connection(&self, name: &str);
}
