//! One leader, by a `coordination.k8s.io/v1` Lease that expires locally before another can take it.
//!
//! The record in the API server says who leads; what a process may rely on is its own clock: it may write until a little less
//! than the lease's duration after the moment *before* its last successful renewal was sent. A successor waits the whole duration
//! from when it first saw the record unchanged, so the two never overlap, whatever the API server does in between.

pub mod elector;
pub mod leadership;
pub mod record;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, missing_docs)]
mod fake;
#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;

pub use elector::{Elector, Held, LeaseOptions, Lost};
pub use leadership::Leadership;
