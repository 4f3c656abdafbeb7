//! The account: who may do what there, and whether it is the account it says it is.

pub mod blast;
pub mod brakes;
pub mod budget;
pub mod events;
pub mod grants;
pub mod plan;
pub mod report;
pub mod resolve;
pub mod usable;

pub use brakes::Brakes;
pub use budget::{Budget, Rates};
pub use resolve::{Access, resolve};
pub use usable::usable;
