//! Defects between the operator and AWS, made on purpose: what the invariants must notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use runbook_aws::{Answered, Call, Cloud, Reply};
use runbook_core::{CloudError, Scope};

use super::scenario::Mutation;

/// AWS as a defective operator would use it.
pub struct Mutant {
    cloud: Arc<dyn Cloud>,
    mutation: Mutation,
    done: AtomicBool,
}

impl Mutant {
    /// A way into AWS with a defect.
    pub fn new(cloud: Arc<dyn Cloud>, mutation: Mutation) -> Self {
        Self { cloud, mutation, done: AtomicBool::new(false) }
    }
}

#[async_trait]
impl Cloud for Mutant {
    async fn call(&self, scope: &Scope, call: &Call) -> Result<Answered, CloudError> {
        match (self.mutation, call) {
            (Mutation::DoubleWrites, call) if call.is_write() => {
                self.cloud.call(scope, call).await?;
                self.cloud.call(scope, call).await
            }
            (Mutation::LoseWrites, call) if call.is_write() => {
                Ok(Answered { reply: Reply::Done, request_id: Some("request-lost".into()) })
            }
            // After a read that shows a service, it is set to its minimum: once, so that the run comes to an end.
            (Mutation::WriteInBand, Call::DescribeServices { cluster, services }) => {
                let answered = self.cloud.call(scope, call).await?;
                if let (Reply::Services(found), Some(service)) = (&answered.reply, services.first())
                    && found.first().is_some_and(|(_, service)| service.desired_count == 5)
                    && !self.done.swap(true, Ordering::Relaxed)
                {
                    let write =
                        Call::UpdateService { cluster: cluster.clone(), service: service.clone(), desired_count: 2 };
                    self.cloud.call(scope, &write).await?;
                }
                Ok(answered)
            }
            (Mutation::BlindWrite, Call::GetCallerIdentity) => {
                if !self.done.swap(true, Ordering::Relaxed) {
                    let (cluster, service) = (super::CLUSTER.into(), "app".into());
                    self.cloud.call(scope, &Call::UpdateService { cluster, service, desired_count: 4 }).await?;
                }
                self.cloud.call(scope, call).await
            }
            _ => self.cloud.call(scope, call).await,
        }
    }
}
