//! Statements asked of a PostgreSQL database, read-only and within bounds.
//!
//! All are asked in one read-only transaction, which is rolled back: each by the extended protocol, which takes one statement alone, and
//! in a savepoint, so that one that fails, or sets something, leaves the others as they were. Where a connection is lost the rest is
//! asked on another one.

mod ask;
mod bounded;
mod classify;
mod session;
mod values;

use std::time::Duration;

use runbook_core::checks::{FailureClass, SqlFailure, SqlOutcome};
use secrecy::SecretString;
use tokio::time::{Instant, timeout_at};

use crate::dialer::Dialer;
use crate::roots::Trust;
use session::Session;

/// A database, and as whom to ask it. Printing it shows no password.
#[derive(Clone, Debug)]
pub struct SqlTarget {
    /// Name or address of the host; its certificate has to be for this.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Name of the database.
    pub database: String,
    /// Role to log in as.
    pub user: String,
    /// Its password.
    pub password: SecretString,
    /// Whose certificate the host has to show.
    pub trust: Trust,
}

/// How much an answer may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// For one statement, waiting for locks included.
    pub statement: Duration,
    /// For everything, from the first connection on.
    pub total: Duration,
    /// So many rows are counted; of more it is said that there are more.
    pub rows: u16,
    /// So many bytes of one statement's result are read.
    pub bytes: u64,
}

impl Default for Limits {
    /// 30 seconds for a statement, five minutes for all, 1,000 rows, 4 MiB.
    fn default() -> Self {
        Self { statement: Duration::from_secs(30), total: Duration::from_mins(5), rows: 1000, bytes: 4 << 20 }
    }
}

/// What came of one statement.
pub type Answer = Result<SqlOutcome, SqlFailure>;

/// Asks a database all statements, in their order, and returns what came of each by its name.
///
/// # Errors
/// There was no session to ask any in.
pub async fn run(
    dialer: &Dialer,
    target: &SqlTarget,
    statements: &[(String, String)],
    limits: Limits,
) -> Result<Vec<(String, Answer)>, SqlFailure> {
    let deadline = Instant::now() + limits.total;
    let late = || {
        let seconds = limits.total.as_secs_f64();
        SqlFailure::new(
            FailureClass::Timeout,
            format!("{}: not answered within the {seconds} s that all statements have together", target.place()),
        )
    };
    let mut answers: Vec<Answer> = Vec::new();
    while let Some(rest) = statements.get(answers.len()..).filter(|rest| !rest.is_empty()) {
        let session = match timeout_at(deadline, Session::open(dialer, target, limits)).await {
            Ok(Ok(session)) => Ok(session),
            Ok(Err(failure)) => Err(failure),
            Err(_) => Err(late()),
        };
        let mut session = match session {
            Ok(session) => session,
            Err(failure) if answers.is_empty() => return Err(failure),
            Err(failure) => {
                answers.resize(statements.len(), Err(failure));
                break;
            }
        };
        let before = answers.len();
        match timeout_at(deadline, session.ask_all(rest, &mut answers)).await {
            Ok(Ok(())) => {}
            Ok(Err(failure)) if answers.is_empty() => return Err(failure),
            // Not even the first could be asked: on another connection it would be no better.
            Ok(Err(failure)) if answers.len() == before => answers.resize(statements.len(), Err(failure)),
            Ok(Err(_)) => {}
            Err(_) => answers.resize(statements.len(), Err(late())),
        }
    }
    Ok(statements.iter().map(|(name, _)| name.clone()).zip(answers).collect())
}

impl SqlTarget {
    /// For messages.
    fn place(&self) -> String {
        format!("database {} at {}:{}", self.database, self.host, self.port)
    }
}
