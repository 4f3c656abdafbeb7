//! Exports: what a Job is told to write to S3, and what it says came of it.
//!
//! The operator writes an [`Order`] into a Job, `runbook-export` carries it out, and its termination message is an [`Outcome`].

mod order;
mod outcome;

pub use order::{Compression, FILE_TIME, MOST_TABLES, Order, Retention, Source, Store, is_bucket, is_name};
pub use outcome::{Done, Outcome, Reason};
