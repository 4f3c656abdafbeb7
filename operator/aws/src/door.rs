//! The way every call goes: budget, timeout, measurement.

use std::sync::Arc;
use std::time::Duration;

use runbook_core::{CloudError, ErrorClass, Scope};
use tokio::time::Instant;
use tracing::field::Empty;
use tracing::{Instrument, debug_span};

use crate::budget::Budgets;
use crate::call::{Api, Call, Request};
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
        let request = call.request();
        let span = debug_span!(
            "aws",
            otel.name = request.operation,
            otel.kind = "client",
            otel.status_code = Empty,
            rpc.system = "aws-api",
            rpc.service = request.api.as_str(),
            rpc.method = request.operation,
            cloud.account.id = scope.account_id,
            cloud.region = scope.region,
            cloud.resource_id = request.resource,
            aws.request_id = Empty,
            error.type = Empty,
        );
        let answered = self.timed(scope, request, timeout, self.cloud.call(scope, call)).instrument(span.clone()).await;
        let request_id = match &answered {
            Ok(answered) => &answered.request_id,
            Err(error) => {
                span.record("otel.status_code", "ERROR");
                span.record("error.type", error.code.as_str());
                &error.request_id
            }
        };
        span.record("aws.request_id", request_id.as_deref());
        answered
    }

    /// Waits for the answer to a request that was admitted, and measures it.
    pub(crate) async fn timed<T>(
        &self,
        scope: &Scope,
        request: Request,
        timeout: Duration,
        answer: impl Future<Output = Result<T, CloudError>>,
    ) -> Result<T, CloudError> {
        let start = Instant::now();
        let result = match tokio::time::timeout(timeout, answer).await {
            Ok(result) => result,
            Err(_) => Err(transient(&request, TIMEOUT, format!("no answer within {} s", timeout.as_secs_f32()))),
        };
        let error = result.as_ref().err();
        self.metrics.called(request.api, request.operation, start.elapsed(), error);
        if error.is_some_and(|error| error.class == ErrorClass::Throttled) {
            self.budgets.throttled(scope, request.api, request.write);
        }
        result
    }
}

/// Code of an error by which nobody answered in time.
pub(crate) const TIMEOUT: &str = "Timeout";

/// A failure on our side of the wire: it may be tried again.
pub(crate) fn failure(call: &Call, code: &str, message: impl Into<String>) -> CloudError {
    transient(&call.request(), code, message)
}

/// As [`failure`], of a request that is no [`Call`].
pub(crate) fn transient(request: &Request, code: &str, message: impl Into<String>) -> CloudError {
    CloudError {
        class: ErrorClass::Transient,
        operation: request.operation,
        resource: request.resource.clone(),
        code: code.into(),
        message: message.into(),
        request_id: None,
    }
}
