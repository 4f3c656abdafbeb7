//! Controllers, leader election, health and metrics of the Runbook operator.
//!
//! Wiring only: what is decided is decided in `runbook-core`, what is asked of AWS and written to it goes through `runbook-aws`.

pub mod accounts;
pub mod asking;
pub mod context;
pub mod controllers;
pub mod errors;
pub mod events;
pub mod exporting;
pub mod health;
pub mod leader;
pub mod listening;
pub mod metrics;
pub mod operator;
pub mod options;
mod radius;
mod removal;
pub mod runner;
mod slots;
pub mod status;
pub mod stores;
pub mod tasks;
pub mod traces;
pub mod warmup;

pub use errors::OperatorError;
pub use metrics::Metrics;
pub use operator::Operator;
pub use options::Options;
