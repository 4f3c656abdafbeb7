//! Metric math of a target tracking policy.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A TargetTrackingMetricDataQuery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricDataQuery {
    /// Id.
    pub id: String,
    /// Label.
    pub label: Option<String>,
    /// ReturnData: whether this is the value that is kept near the target.
    pub return_data: bool,
    /// What it is.
    pub source: MetricSource,
}

/// What a query of metric math is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MetricSource {
    /// Expression over the other ids.
    Expression(String),
    /// MetricStat.
    Metric {
        /// Namespace.
        namespace: String,
        /// MetricName.
        metric_name: String,
        /// Dimensions.
        dimensions: BTreeMap<String, String>,
        /// Stat.
        stat: String,
        /// Unit.
        unit: Option<String>,
    },
}

/// Which metrics an expression is made of, for a person: the expression that is returned, else the ids.
pub(super) fn summary(queries: &[MetricDataQuery]) -> String {
    match queries.iter().find(|query| query.return_data).map(|query| &query.source) {
        Some(MetricSource::Expression(expression)) => format!("metric math {expression}"),
        Some(MetricSource::Metric { namespace, metric_name, stat, .. }) => {
            format!("{stat} of {namespace} {metric_name}")
        }
        None => "metric math".into(),
    }
}
