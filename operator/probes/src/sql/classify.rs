//! What an error of PostgreSQL or of the way to it means, said without anything of a row.

use std::error::Error as _;

use runbook_core::checks::{FailureClass, SqlFailure};
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::dialer::DialError;

/// No more characters of a server's message are told.
const MAX_MESSAGE: usize = 200;

/// A connection that did not come about.
pub fn dial(error: &DialError) -> SqlFailure {
    let class = match error {
        DialError::Unresolved { .. } | DialError::Unreachable { .. } => FailureClass::Unreachable,
        DialError::Denied { .. } => FailureClass::Denied,
        DialError::Timeout { .. } => FailureClass::Timeout,
    };
    SqlFailure::new(class, error.to_string())
}

/// A session that did not begin.
pub fn opening(error: &Error, place: &str, user: &str) -> SqlFailure {
    if let Some(error) = error.as_db_error() {
        let (class, advice) = match error.code() {
            code if code.code().starts_with("28") => (
                FailureClass::Credentials,
                format!("look at the password of {user}, and at what the server lets it do"),
            ),
            code if *code == SqlState::INVALID_CATALOG_NAME => {
                (FailureClass::Refused, "correct the name of the database".to_owned())
            }
            code if code.code().starts_with("08") => (FailureClass::Unreachable, "it is tried again".to_owned()),
            _ => (FailureClass::Refused, format!("look at the server, and at what {user} may do")),
        };
        return SqlFailure::new(class, format!("{place}: {}; {advice}", told(error)));
    }
    match error.to_string().as_str() {
        "error performing TLS handshake" => SqlFailure::new(
            FailureClass::Tls,
            format!(
                "{place}: {}; TLS with a certificate for this host, of a CA that is known, is required: connect by the name that RDS \
                 gives, and give the operator the CA where it is not RDS's",
                cause(error)
            ),
        ),
        "authentication error" | "invalid configuration" => {
            SqlFailure::new(FailureClass::Credentials, format!("{place}: {user} cannot log in: {}", cause(error)))
        }
        "error encoding message to server" => SqlFailure::new(
            FailureClass::Refused,
            format!("{place}: the name of a database or a role has no NUL character: correct it"),
        ),
        _ => lost(error, place),
    }
}

/// A statement that failed. `None` where the connection is lost, and with it the session.
pub fn statement(error: &Error, limit: std::time::Duration) -> Option<SqlFailure> {
    let Some(error) = error.as_db_error() else {
        return match error.to_string().as_str() {
            "error encoding message to server" => {
                Some(SqlFailure::new(FailureClass::Statement, "the statement has a NUL character: write it without"))
            }
            _ => None,
        };
    };
    let code = error.code();
    let late = *code == SqlState::QUERY_CANCELED || *code == SqlState::LOCK_NOT_AVAILABLE;
    Some(if late {
        let within = limit.as_secs_f64();
        let message = format!("{}; it has {within} s: make it faster, or give it longer", told(error));
        SqlFailure::new(FailureClass::Timeout, message)
    } else if code.code().starts_with("08") || code.code().starts_with("57P") {
        SqlFailure::new(FailureClass::Unreachable, told(error))
    } else if code.code().starts_with("53") {
        // Out of memory, disk or connections: of the server, and not of the data.
        SqlFailure::new(FailureClass::Refused, told(error))
    } else if *code == SqlState::READ_ONLY_SQL_TRANSACTION {
        SqlFailure::new(FailureClass::Statement, format!("{}; a check reads, and changes nothing", told(error)))
    } else if *code == SqlState::INSUFFICIENT_PRIVILEGE {
        SqlFailure::new(FailureClass::Statement, format!("{}; grant it, or ask as another role", told(error)))
    } else {
        SqlFailure::new(FailureClass::Statement, told(error))
    })
}

/// A connection that was lost.
pub fn lost(error: &Error, place: &str) -> SqlFailure {
    let reason = match cause(error) {
        reason if reason.is_empty() => error.to_string(),
        reason => reason,
    };
    SqlFailure::new(FailureClass::Unreachable, format!("{place}: the connection was lost ({reason})"))
}

/// SQLSTATE and the primary message, where it speaks of the statement and not of what it has read: `invalid input syntax for type
/// integer: "alice"` is of class 22. Never DETAIL, HINT or CONTEXT.
fn told(error: &DbError) -> String {
    let code = error.code().code();
    let speaks_of_statement =
        ["0A", "25", "26", "28", "2D", "34", "3D", "3F", "40", "42", "53", "54", "55", "57", "58"];
    if !speaks_of_statement.iter().any(|class| code.starts_with(class)) {
        return format!("SQLSTATE {code}, whose message may hold values: run the statement by hand to read it");
    }
    format!("{} (SQLSTATE {code})", line(error.message()))
}

/// The innermost cause, on one line.
fn cause(error: &Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    cause.map(|cause| line(&cause.to_string())).unwrap_or_default()
}

fn line(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}
