//! AWS's refusals, classified as the SDK's are.

use runbook_aws::Call;
use runbook_core::{CloudError, ErrorClass};

/// A refusal without the call that it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What follows from it.
    pub class: ErrorClass,
    /// AWS's error code.
    pub code: &'static str,
    /// AWS's message.
    pub message: String,
}

impl Refusal {
    /// A refusal.
    pub fn new(class: ErrorClass, code: &'static str, message: impl Into<String>) -> Self {
        Self { class, code, message: message.into() }
    }

    /// `ClusterNotFoundException`.
    pub fn no_cluster() -> Self {
        Self::new(ErrorClass::NotFound, "ClusterNotFoundException", "Cluster not found.")
    }

    /// `ServiceNotFoundException`.
    pub fn no_service() -> Self {
        Self::new(ErrorClass::NotFound, "ServiceNotFoundException", "Service not found.")
    }

    /// `InvalidParameterException` of ECS.
    pub fn parameter(message: &str) -> Self {
        Self::new(ErrorClass::Invalid, "InvalidParameterException", message)
    }

    /// Application Auto Scaling knows no such object.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::NotFound, "ObjectNotFoundException", message)
    }

    /// `ValidationException` of Application Auto Scaling.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new(ErrorClass::Invalid, "ValidationException", message)
    }

    /// `ThrottlingException`.
    pub fn throttled() -> Self {
        Self::new(ErrorClass::Throttled, "ThrottlingException", "Rate exceeded")
    }

    /// `AccessDeniedException`.
    pub fn denied() -> Self {
        Self::new(ErrorClass::Denied, "AccessDeniedException", "User is not authorized to perform this action")
    }

    /// The error that a caller sees. Without a request id where no answer came.
    pub fn of(self, call: &Call, request_id: Option<&str>) -> CloudError {
        CloudError {
            class: self.class,
            operation: call.operation(),
            resource: call.resource(),
            code: self.code.into(),
            message: self.message,
            request_id: request_id.map(Into::into),
        }
    }
}
