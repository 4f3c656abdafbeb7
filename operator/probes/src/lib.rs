//! Questions to what is not AWS: databases, by SQL.
//!
//! ```text
//! statements ─► sql::run ─► dialer ─► networks ─► TCP ─► TLS (roots) ─► PostgreSQL
//!                └─ SqlOutcome or SqlFailure, which runbook-core judges
//! ```

pub mod dialer;
pub mod networks;
pub mod roots;
pub mod sql;

pub use dialer::{DialError, Dialer};
pub use networks::Networks;
pub use roots::Trust;
pub use sql::{Limits, SqlTarget, run};
