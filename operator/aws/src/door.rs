//! The way every call goes: budget, timeout, measurement.

use std::sync::Arc;
use std::time::Duration;

use runbook_core::{CloudError, ErrorClass, Scope};
use tokio::time::Instant;

use crate::budget::Budgets;
use crate::call::{Api, Call};
use crate::cloud::{Answered, Cloud};
use crate::metrics::AwsMetrics;

pub(crate) struct Door {
    pub(crate) cloud: Arc<dyn Cloud>,
    pub(crate) budgets: Budgets,
    pub(crate) metrics: AwsMetrics,
}

impl Door {
    /// Waits until the budget admits one call, and returns how long that took.
    pub(crate) async fn admit(&self, scope: &Scope, api: Api, write: bool) -> Duration {
        let start = Instant::now();
        self.budgets.admit(scope, api, write).await;
        let waited = start.elapsed();
        self.metrics.waited(api, write, waited);
        waited
    }

    /// Makes a call that was admitted.
    pub(crate) async fn call(&self, scope: &Scope, call: &Call, timeout: Duration) -> Result<Answered, CloudError> {
        let start = Instant::now();
        let result = match tokio::time::timeout(timeout, self.cloud.call(scope, call)).await {
            Ok(result) => result,
            Err(_) => Err(failure(call, "Timeout", format!("no answer within {} s", timeout.as_secs_f32()))),
        };
        let error = result.as_ref().err();
        self.metrics.called(call, start.elapsed(), error);
        if error.is_some_and(|error| error.class == ErrorClass::Throttled) {
            self.budgets.throttled(scope, call.api(), call.is_write());
        }
        result
    }
}

/// A failure on our side of the wire: it may be tried again.
pub(crate) fn failure(call: &Call, code: &str, message: impl Into<String>) -> CloudError {
    CloudError {
        class: ErrorClass::Transient,
        operation: call.operation(),
        resource: call.resource(),
        code: code.into(),
        message: message.into(),
        request_id: None,
    }
}
