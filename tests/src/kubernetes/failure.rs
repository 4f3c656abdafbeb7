//! Refusals, as the API server words them: a `Status` of kind `Failure`.

use serde_json::{Value, json};

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// HTTP status.
    pub code: u16,
    /// Machine-readable reason.
    pub reason: &'static str,
    /// For a person.
    pub message: String,
}

impl Failure {
    /// 400: the request itself is wrong.
    pub fn bad_request(message: impl Into<String>) -> Self {
        Self { code: 400, reason: "BadRequest", message: message.into() }
    }

    /// 404: no such object or kind.
    pub fn not_found(what: &str) -> Self {
        Self { code: 404, reason: "NotFound", message: format!("{what} not found") }
    }

    /// 405: the server has no such verb there.
    pub fn not_allowed(what: &str) -> Self {
        Self {
            code: 405,
            reason: "MethodNotAllowed",
            message: format!("the server does not allow this method on {what}"),
        }
    }

    /// 409: an object of that name exists.
    pub fn already_exists(what: &str) -> Self {
        Self { code: 409, reason: "AlreadyExists", message: format!("{what} already exists") }
    }

    /// 409: the object changed in the meantime.
    pub fn conflict(what: &str) -> Self {
        Self {
            code: 409,
            reason: "Conflict",
            message: format!(
                "Operation cannot be fulfilled on {what}: the object has been modified; please apply your changes to the latest version and try again"
            ),
        }
    }

    /// 410: what was asked for is too long ago.
    pub fn gone(message: impl Into<String>) -> Self {
        Self { code: 410, reason: "Expired", message: message.into() }
    }

    /// 415: a patch of a sort that the kind does not take.
    pub fn unsupported_media(message: impl Into<String>) -> Self {
        Self { code: 415, reason: "UnsupportedMediaType", message: message.into() }
    }

    /// 422: the object is wrong.
    pub fn invalid(what: &str, message: &str) -> Self {
        Self { code: 422, reason: "Invalid", message: format!("{what} is invalid: {message}") }
    }

    /// 429: too many requests.
    pub fn too_many() -> Self {
        Self {
            code: 429,
            reason: "TooManyRequests",
            message: "the server has received too many requests and has asked us to try again later".into(),
        }
    }

    /// 500: the server failed.
    pub fn internal() -> Self {
        Self {
            code: 500,
            reason: "InternalError",
            message: "Internal error occurred: etcdserver: request timed out".into(),
        }
    }

    /// The `Status` object.
    pub fn status(&self) -> Value {
        json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code
        })
    }
}
