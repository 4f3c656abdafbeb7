//! BackupPolicy: how one RDS DB instance, or one DB cluster, is backed up.

pub mod claim;
pub mod copies;
pub mod cron;
pub mod exports;
pub mod input;
pub mod ledger;
pub mod memory;
pub mod outlook;
pub mod own;
pub mod plan;
pub mod predict;
pub mod quota;
pub mod reach;
pub mod report;
pub mod retention;
pub mod settings;
pub mod slots;
pub mod status;
pub mod timetable;
pub mod verification;
pub mod window;

pub use input::Input;
pub use memory::Memory;
pub use outlook::Outlook;
pub use plan::plan;
