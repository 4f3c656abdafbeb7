//! Whether a database is as it should be, asked of the database itself: a statement, and what is expected of its result.
//!
//! Who asks is `runbook-probes`; here is what may be asked, what an answer is, and what it means.

pub mod expectation;
pub mod failure;
mod functions;
mod language;
pub mod outcome;
pub mod sql;

pub use expectation::{Expectation, Verdict};
pub use failure::{FailureClass, SqlFailure};
pub use outcome::{SqlOutcome, SqlValue};
pub use sql::SqlCheck;
