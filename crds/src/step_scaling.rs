//! Step scaling: adjustments by how far an alarm's metric is from its threshold.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::signed::SignedNumber;

/// Changes the size in steps when an alarm of yours goes off. The alarm is yours: it names the policy's ARN among its actions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.minAdjustmentMagnitude) || self.adjustmentType == 'PercentChangeInCapacity'")
    .message("minAdjustmentMagnitude belongs to adjustmentType: PercentChangeInCapacity"))]
#[x_kube(validation = Rule::new("self.adjustmentType != 'ExactCapacity' || self.stepAdjustments.all(step, step.scalingAdjustment >= 0)")
    .message("with adjustmentType: ExactCapacity scalingAdjustment is a number of tasks: write 0 or more"))]
pub struct StepScaling {
    /// Name of the policy in AWS, unique for the service.
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9][A-Za-z0-9._/=+@-]*$')")
        .message("name must begin with a letter or digit and go on with letters, digits and ._/=+@-"))]
    pub name: String,
    /// What scalingAdjustment is: tasks more or less, percent more or less, or the number of tasks.
    pub adjustment_type: AdjustmentType,
    /// Steps whose intervals neither overlap nor leave a gap, relative to the alarm's threshold; at most 20.
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub step_adjustments: Vec<StepAdjustment>,
    /// How long after an adjustment the next may begin. AWS's default for ECS is 300 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cooldown: Option<Duration>,
    /// The least number of tasks to add or remove, for PercentChangeInCapacity. AWS's default is 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub min_adjustment_magnitude: Option<i32>,
    /// How the alarm's datapoints are put together. AWS's default is Average.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_aggregation_type: Option<MetricAggregationType>,
}

/// One step: what to do when the metric is in an interval around the alarm's threshold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.metricIntervalLowerBound) || has(self.metricIntervalUpperBound)")
    .message("a step has a metricIntervalLowerBound, a metricIntervalUpperBound or both"))]
pub struct StepAdjustment {
    /// Metric minus threshold from which the step holds: an integer, or a string such as "-0.5". Absent: minus infinity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_interval_lower_bound: Option<SignedNumber>,
    /// Metric minus threshold up to which the step holds: an integer, or a string such as "-0.5". Absent: infinity.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_interval_upper_bound: Option<SignedNumber>,
    /// How much to change; what it counts says adjustmentType. Negative removes tasks.
    #[schemars(range(min = -5000, max = 5000))]
    pub scaling_adjustment: i32,
}

/// What a scaling adjustment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum AdjustmentType {
    /// Tasks more or less.
    ChangeInCapacity,
    /// Percent more or less.
    PercentChangeInCapacity,
    /// The number of tasks.
    ExactCapacity,
}

impl AdjustmentType {
    /// The name as AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ChangeInCapacity => "ChangeInCapacity",
            Self::PercentChangeInCapacity => "PercentChangeInCapacity",
            Self::ExactCapacity => "ExactCapacity",
        }
    }
}

/// How an alarm's datapoints are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum MetricAggregationType {
    /// The mean.
    Average,
    /// The smallest.
    Minimum,
    /// The greatest.
    Maximum,
}

impl MetricAggregationType {
    /// The name as AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Average => "Average",
            Self::Minimum => "Minimum",
            Self::Maximum => "Maximum",
        }
    }
}
