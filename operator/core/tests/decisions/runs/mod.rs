//! Runs: one backup, one restore.

mod backup;
mod cloud;
mod export;
mod iam;
mod restore;
