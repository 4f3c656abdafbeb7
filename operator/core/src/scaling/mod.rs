//! ScalingPolicy: how one ECS service scales.

pub mod capability;
pub mod claim;
pub mod input;
pub mod plan;
pub mod policies;
pub mod predict;
pub mod report;
pub mod tracking;

pub use input::{Input, Size};
pub use plan::plan;
