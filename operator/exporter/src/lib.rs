//! `runbook-export`: what the Job of an export runs.
//!
//! ```text
//! Order ─► prepare (the bucket, what was left behind, the server, its tables)
//!            └─► one snapshot ─► pg_dump ─► compress, hash ─► parts ─► S3
//!                          └──► count the rows                        │
//!                                     └────────── manifest ◄──────────┘
//! ```
//!
//! What is decided is in `parts`, `version`, `tables`, `retention` and `manifest`, which do nothing; what does is in the others.
//! Memory holds two parts of an upload, no file holds anything of the database, and what fails takes its upload along.

mod bucket;
mod compress;
mod connection;
mod dump;
mod failure;
mod manifest;
mod parts;
mod prune;
mod refused;
mod retention;
mod run;
mod server;
mod stream;
mod tables;
mod version;

pub use connection::Connection;
pub use failure::Failure;
pub use run::{Program, run};
