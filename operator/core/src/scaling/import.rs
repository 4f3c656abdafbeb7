//! From what is in AWS to the ScalingPolicy that says the same, so that a plan for it has no step.

use runbook_api::duration::Duration;
use runbook_api::number::Number;
use runbook_api::scaling_policy::{
    Autoscaling, CustomizedMetric, DimensionValue, EcsServiceRef, PredefinedMetric, ScalingPolicySpec, ScalingTarget,
    Statistic, SuspendedState, TargetTracking,
};

use super::{capability, tracking};
use crate::ids::ServiceId;
use crate::observed::{
    AppliedPolicy, AppliedPolicyKind, ScalableTarget, ServiceLookup, Suspended, TargetTrackingConfiguration,
    TrackedMetric,
};

/// Bounds of the schema (`runbook_api::scaling_policy`).
const MOST_TASKS: i32 = 5000;
const MOST_POLICIES: usize = 20;

/// A service as AWS shows it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Which.
    pub id: &'a ServiceId,
    /// The service.
    pub lookup: &'a ServiceLookup,
    /// Its scalable target, where one is registered.
    pub target: Option<&'a ScalableTarget>,
    /// Its scaling policies.
    pub policies: &'a [AppliedPolicy],
}

/// A spec that says what AWS shows, as far as it can.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The spec, of the default account and region.
    pub spec: ScalingPolicySpec,
    /// What it cannot say, and what a person should look at, a line each.
    pub remarks: Vec<String>,
}

/// The spec that says what AWS shows.
///
/// # Errors
/// Why there is none.
pub fn import(seen: Seen<'_>) -> Result<Imported, String> {
    let Seen { id, lookup, target, policies } = seen;
    let service = match lookup {
        ServiceLookup::Found(service) if service.status == "ACTIVE" => service,
        ServiceLookup::Found(service) => return Err(format!("service {id} is {}, not ACTIVE", service.status)),
        ServiceLookup::ServiceMissing => return Err(format!("there is no service {id}")),
        ServiceLookup::ClusterMissing => return Err(format!("there is no cluster {}", id.cluster)),
    };
    if let Some(why) = capability::unsupported(service) {
        return Err(format!("service {id} {why}"));
    }
    let mut remarks = Vec::new();
    let mut spec = empty(id);
    match target {
        None if service.desired_count > MOST_TASKS => {
            return Err(format!("{id} is to run {} tasks, more than replicas can say", service.desired_count));
        }
        None => {
            spec.replicas = Some(service.desired_count);
            spec.allow_zero = service.desired_count == 0;
        }
        Some(ScalableTarget { capacity, .. }) => {
            if capacity.max > MOST_TASKS {
                return Err(format!(
                    "the scalable target of {id} reaches {}, more than maxCapacity can say",
                    capacity.max
                ));
            }
            spec.autoscaling = Some(Autoscaling {
                min_capacity: capacity.min,
                max_capacity: capacity.max,
                suspended: suspended(capacity.suspended),
                target_tracking: expressed(policies, &mut remarks),
            });
            spec.allow_zero = capacity.min == 0;
            let moved = capacity.clamp(service.desired_count);
            if moved != service.desired_count {
                spec.suspend = true;
                remarks.push(format!(
                    "desiredCount is {}, outside minCapacity {} and maxCapacity {}: the policy is suspended, because without that it \
                     would move the service to {moved}; correct the limits or accept the move, then remove suspend",
                    service.desired_count, capacity.min, capacity.max
                ));
            }
        }
    }
    Ok(Imported { spec, remarks })
}

fn empty(id: &ServiceId) -> ScalingPolicySpec {
    let service = EcsServiceRef { cluster: id.cluster.clone(), service: id.service.clone() };
    ScalingPolicySpec {
        account_ref: Default::default(),
        target: ScalingTarget { ecs_service: Some(service) },
        region: None,
        mode: Default::default(),
        suspend: false,
        replicas: None,
        autoscaling: None,
        allow_zero: false,
        drift: None,
        override_ceiling: None,
    }
}

fn suspended(state: Suspended) -> Option<SuspendedState> {
    (state != Suspended::default()).then_some(SuspendedState {
        dynamic_scaling_in: state.dynamic_scaling_in,
        dynamic_scaling_out: state.dynamic_scaling_out,
        scheduled_scaling: state.scheduled_scaling,
    })
}

/// The policies that can be said. What is not declared is left alone, so what cannot be said makes no step either.
fn expressed(policies: &[AppliedPolicy], remarks: &mut Vec<String>) -> Vec<TargetTracking> {
    let mut entries = Vec::new();
    for AppliedPolicy { name, kind } in policies {
        let entry = match kind {
            AppliedPolicyKind::Other(kind) => Err(format!("is of type {kind}, which cannot be declared yet")),
            AppliedPolicyKind::TargetTracking(_) if entries.len() == MOST_POLICIES => {
                Err(format!("is beyond the {MOST_POLICIES} that can be declared"))
            }
            AppliedPolicyKind::TargetTracking(configuration) => entry(name, configuration),
        };
        match entry {
            Ok(entry) => entries.push(entry),
            Err(why) => remarks.push(format!("scaling policy {name} {why}: it is left out here and left alone in AWS")),
        }
    }
    entries
}

fn entry(name: &str, configuration: &TargetTrackingConfiguration) -> Result<TargetTracking, String> {
    let mut characters = name.chars();
    let first = characters.next().is_some_and(|c| c.is_ascii_alphanumeric());
    if !first || name.len() > 256 || !characters.all(|c| c.is_ascii_alphanumeric() || "._/=+@-".contains(c)) {
        return Err("has a name that targetTracking does not take".into());
    }
    let TargetTrackingConfiguration { metric, target_value, scale_out_cooldown, scale_in_cooldown, disable_scale_in } =
        configuration;
    let mut entry = TargetTracking {
        name: name.into(),
        predefined_metric: None,
        resource_label: None,
        customized_metric: None,
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
        TrackedMetric::MetricMath => return Err("follows metric math, which cannot be declared yet".into()),
    }
    // What the plan will read out of it must be what was put in.
    match tracking::desired(&entry) {
        Ok((_, declared)) if tracking::equivalent(&declared, configuration) => Ok(entry),
        _ => Err("cannot be declared as it is".into()),
    }
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

/// A number as people write it: whole, or a string with at most nine decimals. None where that would not be the same number.
fn number(value: f64) -> Option<Number> {
    #[allow(clippy::cast_possible_truncation)]
    if value.fract() == 0.0 && value.abs() < 1e15 {
        return Some(Number::Int(value as i64));
    }
    let text = format!("{value:.9}");
    let text = text.trim_end_matches('0');
    (value > 0.0 && value < 1e15 && text.parse() == Ok(value)).then(|| Number::Text(text.into()))
}

/// Seconds as people write them: `90s` is `1m30s`.
fn duration(seconds: i32) -> Duration {
    let units = [(seconds / 3600, 'h'), (seconds / 60 % 60, 'm'), (seconds % 60, 's')];
    let text: String =
        units.into_iter().filter(|(count, _)| *count != 0).map(|(count, unit)| format!("{count}{unit}")).collect();
    Duration::new(if text.is_empty() { "0s".to_owned() } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_do() {
        assert_eq!(number(60.0), Some(Number::Int(60)));
        assert_eq!(number(0.5), Some(Number::Text("0.5".into())));
        assert_eq!(number(1.0 / 3.0), None);
        assert_eq!(number(f64::NAN), None);
        assert_eq!(number(1e300), None);
    }

    #[test]
    fn durations_are_written_as_people_do() {
        for (seconds, text) in [(0, "0s"), (60, "1m"), (90, "1m30s"), (300, "5m"), (3600, "1h"), (3661, "1h1m1s")] {
            assert_eq!(duration(seconds).to_string(), text);
            assert_eq!(duration(seconds).seconds(), Ok(seconds.into()));
        }
    }
}
