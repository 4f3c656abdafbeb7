//! A DatabaseBackup with `export`: a Job that exports the database to S3, made once and followed.

pub mod job;
pub mod plan;
pub mod wanted;

pub use job::{JobState, Program};
pub use plan::plan;
pub use wanted::Wanted;
