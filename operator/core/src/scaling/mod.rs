//! ScalingPolicy: how one ECS service scales, or the Aurora Replicas of one cluster.

pub mod actions;
pub mod aurora;
pub mod capability;
pub mod claim;
pub mod deletion;
pub mod expected;
pub mod foreign;
pub mod held;
pub mod import;
pub mod input;
pub mod overrides;
pub mod plan;
pub mod policies;
pub mod predict;
pub mod reach;
pub mod report;
pub mod schedule;
pub mod scheduled;
pub mod sizing;
pub mod step_scaling;
pub mod tracking;

pub use input::{Input, Size};
pub use plan::plan;
