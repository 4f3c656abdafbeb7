//! Why an export has failed.

use runbook_core::export::Reason;

/// An export that did not come about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", .reason.as_str())]
pub struct Failure {
    /// The kind of it.
    pub reason: Reason,
    /// For a person: what happened, to what, what to do next. Nothing of a row.
    pub message: String,
}

impl Failure {
    /// A failure.
    pub fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }

    /// The same, and what is left to be done because of it.
    #[must_use]
    pub fn and(mut self, more: &str) -> Self {
        self.message = format!("{}; {more}", self.message);
        self
    }
}
