//! Target tracking policies: from the spec to AWS's configuration, and whether two configurations are the same.

use runbook_api::metric_math::MetricQuery;
use runbook_api::scaling_policy::TargetTracking;

use crate::observed::{DEFAULT_COOLDOWN, MetricDataQuery, MetricSource, TargetTrackingConfiguration, TrackedMetric};
use crate::plan::Finding;

/// The configuration that an entry of `targetTracking` declares, by the policy's name.
///
/// # Errors
/// A stalled finding that says which field of which entry is wrong.
pub fn desired(entry: &TargetTracking) -> Result<(String, TargetTrackingConfiguration), Finding> {
    let invalid = |field: &str, why: String| {
        Finding::stalled("InvalidSpec", format!("autoscaling.targetTracking {}: {field}: {why}", entry.name))
    };
    let target_value = entry.target_value.value().map_err(|error| invalid("targetValue", error.to_string()))?;
    if target_value <= 0.0 {
        return Err(invalid("targetValue", "must be more than 0".into()));
    }
    let seconds = |field: &str, duration: &Option<runbook_api::duration::Duration>| match duration {
        None => Ok(None),
        Some(duration) => duration
            .seconds()
            .map_err(|error| error.to_string())
            .and_then(|seconds| i32::try_from(seconds).map_err(|_| format!("{duration} is longer than AWS can hold")))
            .map(Some)
            .map_err(|why| invalid(field, why)),
    };
    let metric = match (&entry.predefined_metric, &entry.customized_metric, entry.metrics.as_slice()) {
        (Some(metric), None, []) => TrackedMetric::Predefined {
            metric_type: metric.as_str().into(),
            resource_label: entry.resource_label.clone(),
        },
        (None, Some(metric), []) => TrackedMetric::Customized {
            namespace: metric.namespace.clone(),
            metric_name: metric.metric_name.clone(),
            dimensions: metric.dimensions.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect(),
            statistic: metric.statistic.as_str().into(),
            unit: metric.unit.clone(),
        },
        (None, None, [_, ..]) => {
            TrackedMetric::MetricMath(math(&entry.metrics).map_err(|why| invalid("metrics", why))?)
        }
        _ => return Err(invalid("metric", "set exactly one of predefinedMetric, customizedMetric and metrics".into())),
    };
    let configuration = TargetTrackingConfiguration {
        metric,
        target_value,
        scale_out_cooldown: seconds("scaleOutCooldown", &entry.scale_out_cooldown)?,
        scale_in_cooldown: seconds("scaleInCooldown", &entry.scale_in_cooldown)?,
        disable_scale_in: entry.disable_scale_in,
    };
    Ok((entry.name.clone(), configuration))
}

/// The queries that a list of metrics declares.
fn math(metrics: &[MetricQuery]) -> Result<Vec<MetricDataQuery>, String> {
    if metrics.iter().filter(|metric| metric.return_data).count() != 1 {
        return Err("set returnData: true on exactly one of them".into());
    }
    let query = |metric: &MetricQuery| {
        let source = match (&metric.expression, &metric.metric_stat) {
            (Some(expression), None) => MetricSource::Expression(expression.clone()),
            (None, Some(stat)) => MetricSource::Metric {
                namespace: stat.namespace.clone(),
                metric_name: stat.metric_name.clone(),
                dimensions: stat.dimensions.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect(),
                stat: stat.stat.clone(),
                unit: stat.unit.clone(),
            },
            _ => return Err(format!("{}: set exactly one of expression and metricStat", metric.id)),
        };
        let MetricQuery { id, label, return_data, .. } = metric;
        Ok(MetricDataQuery { id: id.clone(), label: label.clone(), return_data: *return_data, source })
    };
    metrics.iter().map(query).collect()
}

/// Whether AWS would do the same under both: an absent cooldown is AWS's default.
pub fn equivalent(one: &TargetTrackingConfiguration, other: &TargetTrackingConfiguration) -> bool {
    let cooldown = |value: Option<i32>| value.unwrap_or(DEFAULT_COOLDOWN);
    one.metric == other.metric
        && same_value(one.target_value, other.target_value)
        && cooldown(one.scale_out_cooldown) == cooldown(other.scale_out_cooldown)
        && cooldown(one.scale_in_cooldown) == cooldown(other.scale_in_cooldown)
        && one.disable_scale_in == other.disable_scale_in
}

/// Equal but for what is lost on the way through JSON.
fn same_value(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-12 * one.abs().max(other.abs())
}
