//! Errors of AWS, classified once: the class decides the requeue, the condition and the metric's label.

use std::fmt;

use serde::Serialize;

/// What an error means for what is to be done next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub enum ErrorClass {
    /// Unreachable, timed out, failed inside AWS: try again.
    Transient,
    /// Too many calls: try again, slower.
    Throttled,
    /// IAM or the credentials refuse: a person must act.
    Denied,
    /// The resource, or what it is in, does not exist.
    NotFound,
    /// Something else is changing the resource: observe and try again.
    Conflict,
    /// AWS refuses the request as it is: a person must act.
    Invalid,
}

impl ErrorClass {
    /// As a reason of a condition and a label of a metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Transient => "Transient",
            Self::Throttled => "Throttled",
            Self::Denied => "Denied",
            Self::NotFound => "NotFound",
            Self::Conflict => "Conflict",
            Self::Invalid => "Invalid",
        }
    }

    /// Whether trying again may help without anybody acting.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::Transient | Self::Throttled | Self::Conflict)
    }
}

/// A call to AWS that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct CloudError {
    /// What to do next.
    pub class: ErrorClass,
    /// Name of the API operation: `UpdateService`.
    pub operation: &'static str,
    /// What it was about: an ARN or a name.
    pub resource: String,
    /// AWS's error code, or `Timeout` and the like where no answer came.
    pub code: String,
    /// AWS's message.
    pub message: String,
    /// AWS's id of the request, where an answer came.
    pub request_id: Option<String>,
}

impl CloudError {
    /// Whether it was a call to Kubernetes, on behalf of something in AWS: `Kubernetes.CreateJob`.
    pub fn is_of_kubernetes(&self) -> bool {
        self.operation.starts_with("Kubernetes.")
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of {} failed with {}: {}", self.operation, self.resource, self.code, self.message)
    }
}
