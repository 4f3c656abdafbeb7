//! Backups of databases.

mod any;
mod claims;
mod cron;
mod exports;
mod life;
mod plans;
mod properties;
mod retention;
mod situation;
mod status;
pub mod world;
