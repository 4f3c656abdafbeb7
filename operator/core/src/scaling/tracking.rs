//! Target tracking policies: from the spec to AWS's configuration, and whether two configurations are the same.

use runbook_api::scaling_policy::TargetTracking;

use crate::observed::{DEFAULT_COOLDOWN, TargetTrackingConfiguration, TrackedMetric};
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
    let metric = match (&entry.predefined_metric, &entry.customized_metric) {
        (Some(metric), None) => TrackedMetric::Predefined {
            metric_type: metric.as_str().into(),
            resource_label: entry.resource_label.clone(),
        },
        (None, Some(metric)) => TrackedMetric::Customized {
            namespace: metric.namespace.clone(),
            metric_name: metric.metric_name.clone(),
            dimensions: metric.dimensions.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect(),
            statistic: metric.statistic.as_str().into(),
            unit: metric.unit.clone(),
        },
        _ => return Err(invalid("metric", "set exactly one of predefinedMetric and customizedMetric".into())),
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

/// Whether AWS would do the same under both: an absent cooldown is AWS's default.
pub fn equivalent(one: &TargetTrackingConfiguration, other: &TargetTrackingConfiguration) -> bool {
    let cooldown = |value: Option<i32>| value.unwrap_or(DEFAULT_COOLDOWN);
    one.metric == other.metric
        && one.metric != TrackedMetric::MetricMath
        && same_value(one.target_value, other.target_value)
        && cooldown(one.scale_out_cooldown) == cooldown(other.scale_out_cooldown)
        && cooldown(one.scale_in_cooldown) == cooldown(other.scale_in_cooldown)
        && one.disable_scale_in == other.disable_scale_in
}

/// Equal but for what is lost on the way through JSON.
fn same_value(one: f64, other: f64) -> bool {
    (one - other).abs() <= 1e-12 * one.abs().max(other.abs())
}
