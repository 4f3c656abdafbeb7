//! ScalingPolicy: how one ECS service scales.

pub mod capability;
pub mod claim;
pub mod held;
pub mod import;
pub mod input;
pub mod overrides;
pub mod plan;
pub mod policies;
pub mod predict;
pub mod reach;
pub mod report;
pub mod sizing;
pub mod tracking;

pub use input::{Input, Size};
pub use plan::plan;
