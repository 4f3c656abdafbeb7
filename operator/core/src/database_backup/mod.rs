//! DatabaseBackup: one snapshot, or one export, made once.

pub mod deletion;
pub mod export;
pub mod input;
pub mod memory;
pub mod outlook;
pub mod plan;
pub mod reach;
pub mod report;

pub use input::Input;
pub use memory::Memory;
pub use outlook::Outlook;
pub use plan::plan;
