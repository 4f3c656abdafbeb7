//! ScalingPolicy: how one ECS service scales.

pub mod actions;
pub mod capability;
pub mod claim;
pub mod held;
pub mod import;
pub mod expected;
pub mod foreign;
pub mod input;
pub mod overrides;
pub mod plan;
pub mod policies;
pub mod predict;
pub mod reach;
pub mod report;
pub mod sizing;
pub mod schedule;
pub mod scheduled;
pub mod step_scaling;
pub mod tracking;

pub use input::{Input, Size};
pub use plan::plan;
