//! Reading AWS without any way to write: for programs that only look.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use runbook_core::account::Budget;
use runbook_core::{CloudError, ErrorClass, Query, Scope};

use crate::call::{Call, Reply};
use crate::clock::Clock;
use crate::cloud::{Answered, Cloud};
use crate::door::failure;
use crate::metrics::AwsMetrics;
use crate::plane::{Freshness, Observed, Plane, PlaneOptions};

/// More pages than any cluster has: 5,000 services, a hundred a page (Amazon ECS service quotas).
const MOST_PAGES: usize = 200;

/// An observation plane that nothing can be written through.
///
/// An [`Executor`](crate::Executor) is made of a [`Plane`], and this one gives its own away to nobody; the cloud beneath it refuses
/// writes besides.
pub struct Observer {
    plane: Arc<Plane>,
    timeout: Duration,
}

/// A cloud that makes no call that changes anything.
struct ReadOnly(Arc<dyn Cloud>);

#[async_trait]
impl Cloud for ReadOnly {
    async fn call(&self, scope: &Scope, call: &Call) -> Result<Answered, CloudError> {
        if call.is_write() {
            let error = failure(call, "ReadOnly", "this program only reads; nothing was sent");
            return Err(CloudError { class: ErrorClass::Denied, ..error });
        }
        self.0.call(scope, call).await
    }
}

impl Observer {
    /// An observer of `cloud`. Call it, and all its methods, within a tokio runtime.
    pub fn new(cloud: Arc<dyn Cloud>, clock: Arc<dyn Clock>, options: PlaneOptions) -> Self {
        let plane = Plane::new(Arc::new(ReadOnly(cloud)), clock, options, AwsMetrics::default());
        Self { plane, timeout: options.call_timeout }
    }

    /// As [`Plane::set_budget`].
    pub fn set_budget(&self, account_id: &str, name: &str, budget: Budget) {
        self.plane.set_budget(account_id, name, budget);
    }

    /// As [`Plane::observe`].
    pub async fn observe(&self, queries: &[Query], freshness: Freshness) -> Vec<Observed> {
        self.plane.observe(queries, freshness).await
    }

    /// Names of the ACTIVE services of a cluster, the whole list, sorted.
    ///
    /// # Errors
    /// What AWS answered; `NotFound` where there is no such cluster. A list that could not be read to its end is an error.
    pub async fn list_services(&self, scope: &Scope, cluster: &str) -> Result<Vec<String>, CloudError> {
        let mut names = Vec::new();
        let mut token: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let call = Call::ListServices { cluster: cluster.into(), next_token: token.clone() };
            self.plane.door().admit(scope, call.api(), false).await;
            let answered = self.plane.door().call(scope, &call, self.timeout).await?;
            let Reply::ServiceNames { names: page, next_token } = answered.reply else {
                return Err(failure(&call, "UnexpectedReply", "the reply belongs to another operation"));
            };
            names.extend(page);
            token = next_token;
            if token.is_none() {
                names.sort_unstable();
                return Ok(names);
            }
        }
        let call = Call::ListServices { cluster: cluster.into(), next_token: token };
        Err(failure(&call, "EndlessList", format!("the list has not ended after {MOST_PAGES} pages")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Anything;

    #[async_trait]
    impl Cloud for Anything {
        async fn call(&self, _: &Scope, _: &Call) -> Result<Answered, CloudError> {
            Ok(Answered { reply: Reply::Done, request_id: None })
        }
    }

    #[tokio::test]
    async fn what_would_change_anything_is_not_sent() {
        let cloud = ReadOnly(Arc::new(Anything));
        let scope = Scope { connection: String::new(), account_id: String::new(), region: String::new() };
        let write = Call::UpdateService { cluster: "app".into(), service: "web".into(), desired_count: 1 };
        let refused = cloud.call(&scope, &write).await.unwrap_err();
        assert_eq!((refused.class, refused.code.as_str()), (ErrorClass::Denied, "ReadOnly"));
        assert!(cloud.call(&scope, &Call::GetCallerIdentity).await.is_ok());
    }
}
