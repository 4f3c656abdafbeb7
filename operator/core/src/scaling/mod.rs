//! ScalingPolicy: how one ECS service scales.

pub mod capability;
pub mod input;
pub mod plan;
pub mod predict;
pub mod tracking;

pub use input::{Input, Size};
pub use plan::plan;
