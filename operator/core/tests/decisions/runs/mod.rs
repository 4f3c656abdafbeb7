//! Runs: one backup, one restore.

mod backup;
mod cloud;
mod iam;
mod restore;
