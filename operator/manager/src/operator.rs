//! The whole operator: stores, leader, controllers, put together.

use std::sync::Arc;

use kube::Client;
use runbook_aws::{Clock, Cloud, Connections};

use crate::errors::OperatorError;
use crate::leader::{Elector, Leadership};
use crate::metrics::Metrics;
use crate::options::Options;

/// The operator, with everything that the world is to it: Kubernetes, AWS, time.
pub struct Operator {
    /// The API server.
    pub client: Client,
    /// AWS.
    pub cloud: Arc<dyn Cloud>,
    /// Told which accounts there are and how they are reached; usually the same as `cloud`.
    pub connections: Arc<dyn Connections>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How it works.
    pub options: Options,
    /// What is measured.
    pub metrics: Metrics,
}

impl Operator {
    /// Runs until `shutdown`, then ends what is under way and gives the Lease back. When the future is dropped, everything
    /// stops where it is, as if the process had been killed.
    ///
    /// # Errors
    /// What made it end by itself.
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), OperatorError> {
        self.options.check()?;
        let leadership = Arc::new(Leadership::default());
        let elector = Elector::new(self.client.clone(), self.options.lease.clone(), self.clock.clone(), leadership);
        tokio::pin!(shutdown);
        let mut held = tokio::select! {
            held = elector.acquire() => held,
            () = &mut shutdown => return Ok(()),
        };
        tokio::select! {
            _ = elector.hold(&mut held) => {}
            () = &mut shutdown => elector.release(held).await,
        }
        Ok(())
    }
}
