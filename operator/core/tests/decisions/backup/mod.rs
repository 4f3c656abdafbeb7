//! Backups of databases.

mod any;
mod claims;
mod cron;
mod plans;
mod properties;
mod retention;
mod situation;
mod status;
mod world;
