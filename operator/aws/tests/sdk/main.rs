//! The SDKs against a small HTTP server of this test: what is sent, what is made of answers and of errors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod autoscaling;
mod credentials;
mod ecs;
mod errors;
mod rds;
mod server;
#[path = "../support/mod.rs"]
mod support;
