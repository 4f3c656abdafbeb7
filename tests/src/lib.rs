//! The simulator: the whole operator in one process, on a paused clock, against a fake Kubernetes API and a fake AWS.
//!
//! ```text
//! seed ─► Scenario ─► World ──┬─► kubernetes::ApiServer ◄─┐
//!                             ├─► cloud::FakeAws        ◄─┼─ runbook_operator::Operator (one Process; it may crash at any call)
//!                             └─► actors, script          ┘
//!                                      │
//!                     Journal (everything that happened) ─► invariants
//! ```
//!
//! What the two fakes answer depends only on the seed and on what is asked: [`dice`] gives each call its latency and its fault by
//! what the call is about, not by a shared stream of random numbers, so that two calls of the same instant may change places
//! without changing the outcome.

pub mod cloud;
pub mod dice;
pub mod fault;
#[cfg(feature = "simulator")]
pub mod invariants;
pub mod journal;
pub mod kubernetes;
pub mod process;
pub mod stage;
pub mod wire;
#[cfg(feature = "simulator")]
pub mod world;
