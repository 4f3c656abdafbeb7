//! Target tracking: a metric that is kept near a value.

use std::collections::BTreeMap;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;
use crate::metric_math::MetricQuery;
use crate::number::Number;

/// A metric of the service that AWS knows by name. Set this, customizedMetric or metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum PredefinedMetric {
    /// Average CPU utilization of the service, in percent.
    ECSServiceAverageCPUUtilization,
    /// Average memory utilization of the service, in percent.
    ECSServiceAverageMemoryUtilization,
    /// Requests completed per target of a load balancer's target group.
    ALBRequestCountPerTarget,
    /// Average CPU utilization of the Aurora Replicas, in percent. For auroraReplicas alone.
    RDSReaderAverageCPUUtilization,
    /// Average number of connections to the Aurora Replicas. For auroraReplicas alone.
    RDSReaderAverageDatabaseConnections,
}

impl PredefinedMetric {
    /// The name as AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ECSServiceAverageCPUUtilization => "ECSServiceAverageCPUUtilization",
            Self::ECSServiceAverageMemoryUtilization => "ECSServiceAverageMemoryUtilization",
            Self::ALBRequestCountPerTarget => "ALBRequestCountPerTarget",
            Self::RDSReaderAverageCPUUtilization => "RDSReaderAverageCPUUtilization",
            Self::RDSReaderAverageDatabaseConnections => "RDSReaderAverageDatabaseConnections",
        }
    }
}

/// Keeps a metric near a value by adding and removing tasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("[has(self.predefinedMetric), has(self.customizedMetric), has(self.metrics)].exists_one(set, set)")
    .message("set exactly one of predefinedMetric, customizedMetric and metrics"))]
#[x_kube(validation = Rule::new("has(self.resourceLabel) == (has(self.predefinedMetric) && self.predefinedMetric == 'ALBRequestCountPerTarget')")
    .message("resourceLabel belongs to predefinedMetric: ALBRequestCountPerTarget, which needs it: app/LOAD-BALANCER/ID/targetgroup/TARGET-GROUP/ID"))]
pub struct TargetTracking {
    /// Name of the policy in AWS, unique for the service.
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9][A-Za-z0-9._/=+@-]*$')")
        .message("name must begin with a letter or digit and go on with letters, digits and ._/=+@-"))]
    pub name: String,
    /// A metric of the service that AWS knows by name. Set this, customizedMetric or metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub predefined_metric: Option<PredefinedMetric>,
    /// For ALBRequestCountPerTarget: `app/LOAD-BALANCER/ID/targetgroup/TARGET-GROUP/ID`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1023))]
    #[x_kube(validation = Rule::new("self.matches('^app/[^/]+/[^/]+/targetgroup/[^/]+/[^/]+$')")
        .message("resourceLabel must be app/LOAD-BALANCER/ID/targetgroup/TARGET-GROUP/ID: the ends of the two ARNs, joined by a slash"))]
    pub resource_label: Option<String>,
    /// A CloudWatch metric. Set this, predefinedMetric or metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customized_metric: Option<CustomizedMetric>,
    /// Metric math: metrics and expressions over them, one of which returns its data. Set this instead of the other two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 10))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    #[x_kube(validation = Rule::new("self.exists_one(query, query.returnData)")
        .message("set returnData: true on exactly one of the metrics: the value to keep near targetValue"))]
    pub metrics: Vec<MetricQuery>,
    /// The value to keep the metric near: an integer, or a string such as "0.5". More than zero.
    #[x_kube(validation = Rule::new(Number::POSITIVE).message("targetValue must be more than 0"))]
    pub target_value: Number,
    /// How long after a scale-out the next may begin. AWS's default is 300 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_out_cooldown: Option<Duration>,
    /// How long after a scale-in the next may begin. AWS's default is 300 s.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_in_cooldown: Option<Duration>,
    /// Never remove tasks because of this policy.
    #[serde(default)]
    pub disable_scale_in: bool,
}

/// A CloudWatch metric. Dimensions match exactly: all that the metric was published with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct CustomizedMetric {
    /// Namespace of the metric, for example AWS/SQS.
    #[schemars(length(min = 1, max = 255))]
    pub namespace: String,
    /// Name of the metric.
    #[schemars(length(min = 1, max = 255))]
    pub metric_name: String,
    /// All dimensions that the metric was published with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 30))]
    #[x_kube(validation = Rule::new("self.all(name, name.size() <= 255 && name.matches('^[^:]'))")
        .message("the name of a dimension has 1 to 255 characters and does not begin with a colon"))]
    pub dimensions: BTreeMap<String, DimensionValue>,
    /// How the datapoints are put together.
    pub statistic: Statistic,
    /// Unit of the metric. Leave out unless it is published with several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub unit: Option<String>,
}

/// Value of a dimension, at most 1024 characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct DimensionValue(#[schemars(length(min = 1, max = 1024))] pub String);

/// How datapoints are put together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Statistic {
    /// The mean.
    Average,
    /// The smallest.
    Minimum,
    /// The greatest.
    Maximum,
    /// How many.
    SampleCount,
    /// The total.
    Sum,
}

impl Statistic {
    /// The name as AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Average => "Average",
            Self::Minimum => "Minimum",
            Self::Maximum => "Maximum",
            Self::SampleCount => "SampleCount",
            Self::Sum => "Sum",
        }
    }
}
