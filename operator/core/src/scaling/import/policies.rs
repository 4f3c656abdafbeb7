//! Scaling policies, as a spec says them.

use runbook_api::metric_math::{MetricQuery, MetricStat};
use runbook_api::scaling_policy::{CustomizedMetric, DimensionValue, PredefinedMetric, Statistic, TargetTracking};
use runbook_api::step_scaling::{AdjustmentType, MetricAggregationType, StepAdjustment, StepScaling};

use super::words::{duration, is_name, number, signed};
use crate::observed::{
    self, AppliedPolicy, AppliedPolicyKind, MetricDataQuery, MetricSource, StepScalingConfiguration,
    TargetTrackingConfiguration, TrackedMetric,
};
use crate::scaling::{step_scaling, tracking};

/// Bounds of the schema (`runbook_api::scaling_policy`, `step_scaling`).
const MOST_POLICIES: usize = 20;
const MOST_METRICS: usize = 10;
const MOST_STEPS: usize = 20;
/// What a name may have beside letters and digits.
const NAMES: &str = "._/=+@-";

/// The policies that can be said. What is not declared is left alone, so what cannot be said makes no step either.
pub fn expressed(policies: &[AppliedPolicy], remarks: &mut Vec<String>) -> (Vec<TargetTracking>, Vec<StepScaling>) {
    let (mut tracking, mut steps) = (Vec::new(), Vec::new());
    for AppliedPolicy { name, kind } in policies {
        let full = tracking.len().max(steps.len()) == MOST_POLICIES;
        let said = match kind {
            AppliedPolicyKind::Other(kind) => Err(format!("is of type {kind}, which cannot be declared yet")),
            _ if full => Err(format!("is beyond the {MOST_POLICIES} that can be declared")),
            AppliedPolicyKind::TargetTracking(configuration) => {
                entry(name, configuration).map(|entry| tracking.push(entry))
            }
            AppliedPolicyKind::StepScaling(policy) => {
                step_entry(name, &policy.configuration).map(|entry| steps.push(entry))
            }
        };
        if let Err(why) = said {
            remarks.push(format!("scaling policy {name} {why}: it is left out here and left alone in AWS"));
        }
    }
    (tracking, steps)
}

fn entry(name: &str, configuration: &TargetTrackingConfiguration) -> Result<TargetTracking, String> {
    if !is_name(name, NAMES) {
        return Err("has a name that targetTracking does not take".into());
    }
    let TargetTrackingConfiguration { metric, target_value, scale_out_cooldown, scale_in_cooldown, disable_scale_in } =
        configuration;
    let mut entry = TargetTracking {
        name: name.into(),
        predefined_metric: None,
        resource_label: None,
        customized_metric: None,
        metrics: Vec::new(),
        target_value: number(*target_value)
            .ok_or_else(|| format!("has the target value {target_value}, which cannot be declared"))?,
        scale_out_cooldown: scale_out_cooldown.map(duration),
        scale_in_cooldown: scale_in_cooldown.map(duration),
        disable_scale_in: *disable_scale_in,
    };
    match metric {
        TrackedMetric::Predefined { metric_type, resource_label } => {
            let unknown = || format!("follows the metric {metric_type}, which cannot be declared yet");
            entry.predefined_metric = Some(predefined(metric_type).ok_or_else(unknown)?);
            entry.resource_label.clone_from(resource_label);
        }
        TrackedMetric::Customized { namespace, metric_name, dimensions, statistic: name, unit } => {
            let unknown = || format!("follows the statistic {name}, which cannot be declared");
            let value = |(name, value): (&String, &String)| (name.clone(), DimensionValue(value.clone()));
            entry.customized_metric = Some(CustomizedMetric {
                namespace: namespace.clone(),
                metric_name: metric_name.clone(),
                dimensions: dimensions.iter().map(value).collect(),
                statistic: statistic(name).ok_or_else(unknown)?,
                unit: unit.clone(),
            });
        }
        TrackedMetric::MetricMath(queries) => entry.metrics = math(queries)?,
    }
    // What the plan will read out of it must be what was put in.
    match tracking::desired(&entry) {
        Ok((_, declared)) if tracking::equivalent(&declared, configuration) => Ok(entry),
        _ => Err("cannot be declared as it is".into()),
    }
}

fn math(queries: &[MetricDataQuery]) -> Result<Vec<MetricQuery>, String> {
    if queries.is_empty() || queries.len() > MOST_METRICS {
        return Err("follows metric math that cannot be declared".into());
    }
    Ok(queries.iter().map(query).collect())
}

fn query(query: &MetricDataQuery) -> MetricQuery {
    let MetricDataQuery { id, label, return_data, source } = query.clone();
    let (expression, metric_stat) = match source {
        MetricSource::Expression(expression) => (Some(expression), None),
        MetricSource::Metric { namespace, metric_name, dimensions, stat, unit } => {
            let dimensions = dimensions.into_iter().map(|(name, value)| (name, DimensionValue(value))).collect();
            (None, Some(MetricStat { namespace, metric_name, dimensions, stat, unit }))
        }
    };
    MetricQuery { id, expression, metric_stat, label, return_data }
}

fn step_entry(name: &str, configuration: &StepScalingConfiguration) -> Result<StepScaling, String> {
    if !is_name(name, NAMES) {
        return Err("has a name that stepScaling does not take".into());
    }
    if configuration.steps.is_empty() || configuration.steps.len() > MOST_STEPS {
        return Err("has steps that cannot be declared".into());
    }
    let adjustment_type = adjustment_type(&configuration.adjustment_type).ok_or_else(|| {
        format!("has the adjustment type {}, which cannot be declared", configuration.adjustment_type)
    })?;
    let aggregation =
        |name: &String| aggregation(name).ok_or_else(|| format!("aggregates by {name}, which cannot be declared"));
    // AWS gives a magnitude back that it does not look at.
    let magnitude = configuration.min_adjustment_magnitude;
    let entry = StepScaling {
        name: name.into(),
        adjustment_type,
        step_adjustments: configuration.steps.iter().map(step).collect::<Result<_, _>>()?,
        cooldown: configuration.cooldown.map(duration),
        min_adjustment_magnitude: magnitude.filter(|_| adjustment_type == AdjustmentType::PercentChangeInCapacity),
        metric_aggregation_type: configuration.metric_aggregation_type.as_ref().map(aggregation).transpose()?,
    };
    match step_scaling::desired(&entry) {
        Ok((_, declared)) if declared.is_equivalent(configuration) => Ok(entry),
        _ => Err("cannot be declared as it is".into()),
    }
}

fn step(step: &observed::StepAdjustment) -> Result<StepAdjustment, String> {
    let bound = |value: Option<f64>| match value {
        None => Ok(None),
        Some(value) => {
            signed(value).map(Some).ok_or_else(|| format!("has the bound {value}, which cannot be declared"))
        }
    };
    Ok(StepAdjustment {
        metric_interval_lower_bound: bound(step.lower)?,
        metric_interval_upper_bound: bound(step.upper)?,
        scaling_adjustment: step.adjustment,
    })
}

fn adjustment_type(name: &str) -> Option<AdjustmentType> {
    use AdjustmentType::{ChangeInCapacity, ExactCapacity, PercentChangeInCapacity};
    [ChangeInCapacity, PercentChangeInCapacity, ExactCapacity].into_iter().find(|kind| kind.as_str() == name)
}

fn aggregation(name: &str) -> Option<MetricAggregationType> {
    use MetricAggregationType::{Average, Maximum, Minimum};
    [Average, Minimum, Maximum].into_iter().find(|kind| kind.as_str() == name)
}

fn predefined(name: &str) -> Option<PredefinedMetric> {
    use PredefinedMetric::{
        ALBRequestCountPerTarget, ECSServiceAverageCPUUtilization, ECSServiceAverageMemoryUtilization,
    };
    [ECSServiceAverageCPUUtilization, ECSServiceAverageMemoryUtilization, ALBRequestCountPerTarget]
        .into_iter()
        .find(|metric| metric.as_str() == name)
}

fn statistic(name: &str) -> Option<Statistic> {
    use Statistic::{Average, Maximum, Minimum, SampleCount, Sum};
    [Average, Minimum, Maximum, SampleCount, Sum].into_iter().find(|statistic| statistic.as_str() == name)
}
