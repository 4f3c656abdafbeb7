//! Step scaling policies.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A step scaling policy of a scalable target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepScaling {
    /// What it does.
    pub configuration: StepScalingConfiguration,
    /// PolicyARN: what the actions of an alarm name.
    pub arn: Option<String>,
    /// How many alarms name it. They are the user's; without one it never scales.
    pub alarms: usize,
}

/// A StepScalingPolicyConfiguration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepScalingConfiguration {
    /// AdjustmentType: `ChangeInCapacity`, `PercentChangeInCapacity` or `ExactCapacity`.
    pub adjustment_type: String,
    /// StepAdjustments.
    pub steps: Vec<StepAdjustment>,
    /// Cooldown in seconds.
    pub cooldown: Option<i32>,
    /// MinAdjustmentMagnitude, for PercentChangeInCapacity.
    pub min_adjustment_magnitude: Option<i32>,
    /// MetricAggregationType: `Average`, `Minimum` or `Maximum`.
    pub metric_aggregation_type: Option<String>,
}

/// What to do when the metric is so far from the alarm's threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepAdjustment {
    /// MetricIntervalLowerBound; absent means minus infinity.
    pub lower: Option<f64>,
    /// MetricIntervalUpperBound; absent means plus infinity.
    pub upper: Option<f64>,
    /// ScalingAdjustment.
    pub adjustment: i32,
}

impl StepAdjustment {
    /// The interval, with infinities for absent bounds.
    pub fn interval(&self) -> (f64, f64) {
        (self.lower.unwrap_or(f64::NEG_INFINITY), self.upper.unwrap_or(f64::INFINITY))
    }
}

impl StepScalingConfiguration {
    /// The settings as AWS names them, with AWS's defaults for what is absent and the steps in their order (Application Auto Scaling API
    /// Reference, StepScalingPolicyConfiguration).
    fn settings(&self) -> [(&'static str, String); 5] {
        let mut steps = self.steps.clone();
        steps.sort_by(|one, other| one.interval().0.total_cmp(&other.interval().0));
        let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
        let percent = self.adjustment_type == "PercentChangeInCapacity";
        let magnitude = if percent { self.min_adjustment_magnitude.unwrap_or(1) } else { 1 };
        [
            ("adjustmentType", self.adjustment_type.clone()),
            ("stepAdjustments", steps.join(", ")),
            ("cooldown", format!("{} s", self.cooldown.unwrap_or(super::DEFAULT_COOLDOWN))),
            ("minAdjustmentMagnitude", magnitude.to_string()),
            ("metricAggregationType", self.metric_aggregation_type.clone().unwrap_or_else(|| "Average".into())),
        ]
    }

    /// Whether AWS would do the same under both.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        self.settings() == other.settings()
    }

    /// What is different from `other`, for a person.
    pub fn changes_from(&self, other: &Self) -> Vec<String> {
        let pairs = self.settings().into_iter().zip(other.settings());
        pairs
            .filter(|(new, old)| new != old)
            .map(|((name, new), (_, old))| format!("{name} from {old} to {new}"))
            .collect()
    }
}

impl fmt::Display for StepAdjustment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |value: Option<f64>| value.map(|value| value.to_string()).unwrap_or_default();
        write!(formatter, "[{}..{}): {:+}", bound(self.lower), bound(self.upper), self.adjustment)
    }
}

impl fmt::Display for StepScalingConfiguration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [(_, adjustment_type), (_, steps), ..] = self.settings();
        write!(formatter, "{adjustment_type} {steps}")
    }
}
