//! Backups of databases.

mod cron;
