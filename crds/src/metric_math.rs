//! Metric math: the value of a target tracking policy made of several metrics.

use std::collections::BTreeMap;

use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::scaling_policy::DimensionValue;

/// One metric, or an expression over the others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.expression) != has(self.metricStat)").message("set exactly one of expression and metricStat"))]
pub struct MetricQuery {
    /// What the expressions call it: begins with a lower-case letter.
    #[schemars(length(max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z][A-Za-z0-9_]*$')")
        .message("id must begin with a lower-case letter and go on with letters, digits and underscores"))]
    pub id: String,
    /// An expression over the ids of the others, for example "visible / tasks". Set this or metricStat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub expression: Option<String>,
    /// A CloudWatch metric. Set this or expression.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_stat: Option<MetricStat>,
    /// What people call it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256))]
    pub label: Option<String>,
    /// Whether this is the value to keep near targetValue: true for exactly one.
    #[serde(default)]
    pub return_data: bool,
}

/// A CloudWatch metric in metric math. Dimensions match exactly: all that the metric was published with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MetricStat {
    /// Namespace of the metric, for example AWS/SQS.
    #[schemars(length(min = 1, max = 255))]
    pub namespace: String,
    /// Name of the metric.
    #[schemars(length(min = 1, max = 255))]
    pub metric_name: String,
    /// All dimensions that the metric was published with.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 30))]
    pub dimensions: BTreeMap<String, DimensionValue>,
    /// How the datapoints are put together: Average, Minimum, Maximum, SampleCount, Sum or a percentile such as p99.
    #[schemars(length(min = 1, max = 100))]
    pub stat: String,
    /// Unit of the metric. Leave out unless it is published with several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub unit: Option<String>,
}
