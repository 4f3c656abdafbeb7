//! From what happened to conditions and status: the same for every kind.

pub mod conditions;
pub mod history;
pub mod outcome;

pub use conditions::{Before, conditions};
pub use outcome::{Hold, Outcome};
