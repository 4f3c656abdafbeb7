//! Why a database could not be asked, classified once.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Whose turn it is when a database could not be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FailureClass {
    /// No connection: the name does not resolve, nobody listens, the connection broke.
    Unreachable,
    /// The server has no TLS, or a certificate that is not trusted for this name.
    Tls,
    /// The server does not take this user or password.
    Credentials,
    /// The server takes no session: no such database, no permission to connect, too many connections, starting up.
    Refused,
    /// No answer in time.
    Timeout,
    /// The statement failed: it is wrong, writes, lacks a permission, or has a result that cannot be read.
    Statement,
    /// The address may not be connected to from here.
    Denied,
}

impl FailureClass {
    /// Whether it says something of the data: the database has answered, and the statement is what failed. Every other failure says
    /// that nobody knows.
    pub fn is_answer(self) -> bool {
        self == Self::Statement
    }

    /// As a reason of a condition and a label of a metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "Unreachable",
            Self::Tls => "Tls",
            Self::Credentials => "Credentials",
            Self::Refused => "Refused",
            Self::Timeout => "Timeout",
            Self::Statement => "Statement",
            Self::Denied => "Denied",
        }
    }
}

/// A question that a database did not answer. The message has no secret and nothing of any row.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SqlFailure {
    /// What sort of failure.
    pub class: FailureClass,
    /// What happened, to what, and what to do about it.
    pub message: String,
}

impl SqlFailure {
    /// A failure of a class.
    pub fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into() }
    }
}

impl fmt::Display for SqlFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: {}", self.class.as_str(), self.message)
    }
}

impl std::error::Error for SqlFailure {}
