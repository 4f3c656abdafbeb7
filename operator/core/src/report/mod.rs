//! From what happened to conditions and status: the same for every kind.

pub mod coalesce;
pub mod conditions;
pub mod history;
pub mod outcome;
pub mod reason;
pub mod requeue;
pub mod state;
pub mod summary;

pub use conditions::{Before, conditions};
pub use history::Act;
pub use outcome::{Hold, Outcome};
pub use reason::Reason;
pub use state::State;
pub use summary::Summary;
