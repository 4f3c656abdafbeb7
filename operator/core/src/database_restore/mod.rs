//! DatabaseRestore: one restore into a new DB instance, kept, or verified and deleted again.

pub mod deletion;
pub mod follow;
pub mod input;
pub mod instance;
pub mod memory;
pub mod outlook;
pub mod plan;
pub mod predict;
pub mod reach;
pub mod report;
pub mod source;
pub mod turn;
pub mod verify;

pub use input::Input;
pub use memory::Memory;
pub use outlook::Outlook;
pub use plan::plan;
