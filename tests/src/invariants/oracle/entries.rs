//! The scaling policies and scheduled actions that a policy declares, and when AWS's are the same.

use runbook_api::scheduled::Window;
use runbook_api::step_scaling::StepScaling as StepScalingSpec;
use runbook_core::observed::{
    AppliedPolicy, AppliedPolicyKind, ScheduledAction, StepScaling, TargetTrackingConfiguration, TrackedMetric,
};

use super::Policy;

impl Policy {
    /// The scheduled actions of the windows. Where services are made smaller in steps, none of them lowers the maximum.
    pub fn actions(&self, stepped: bool) -> Vec<ScheduledAction> {
        let Some(band) = &self.spec().autoscaling else { return Vec::new() };
        let highest = band.windows.iter().map(|window| window.max_capacity).fold(band.max_capacity, i32::max);
        let most = |max: i32| if stepped { highest } else { max };
        let action = |name: String, schedule: &String, min: i32, max: i32| ScheduledAction {
            name,
            schedule: schedule.clone(),
            time_zone: None,
            start_time: None,
            end_time: None,
            min_capacity: Some(min),
            max_capacity: Some(max),
            created_at: None,
        };
        let both = |window: &Window| {
            [
                action(format!("{}-start", window.name), &window.start, window.min_capacity, most(window.max_capacity)),
                action(format!("{}-end", window.name), &window.end, band.min_capacity, most(band.max_capacity)),
            ]
        };
        band.windows.iter().flat_map(both).collect()
    }

    /// The scaling policies that the policy declares.
    pub fn tracking(&self) -> Vec<AppliedPolicy> {
        let entries = self.spec().autoscaling.iter().flat_map(|band| &band.target_tracking);
        entries
            .map(|entry| {
                let metric = match (&entry.predefined_metric, &entry.customized_metric) {
                    (Some(metric), _) => TrackedMetric::Predefined {
                        metric_type: metric.as_str().into(),
                        resource_label: entry.resource_label.clone(),
                    },
                    (None, Some(metric)) => TrackedMetric::Customized {
                        namespace: metric.namespace.clone(),
                        metric_name: metric.metric_name.clone(),
                        dimensions: metric
                            .dimensions
                            .iter()
                            .map(|(name, value)| (name.clone(), value.0.clone()))
                            .collect(),
                        statistic: metric.statistic.as_str().into(),
                        unit: metric.unit.clone(),
                    },
                    (None, None) => TrackedMetric::MetricMath(Vec::new()),
                };
                let seconds = |duration: &Option<runbook_api::duration::Duration>| {
                    duration.as_ref().and_then(|duration| i32::try_from(duration.seconds().ok()?).ok())
                };
                let configuration = TargetTrackingConfiguration {
                    metric,
                    target_value: entry.target_value.value().unwrap_or_default(),
                    scale_out_cooldown: seconds(&entry.scale_out_cooldown),
                    scale_in_cooldown: seconds(&entry.scale_in_cooldown),
                    disable_scale_in: entry.disable_scale_in,
                };
                AppliedPolicy { name: entry.name.clone(), kind: AppliedPolicyKind::TargetTracking(configuration) }
            })
            .collect()
    }
}

/// Whether an action is as one that is declared: when it was made is AWS's.
pub(super) fn same_action(one: &ScheduledAction, other: &ScheduledAction) -> bool {
    let zone = |action: &ScheduledAction| action.time_zone.clone().filter(|zone| zone != "UTC");
    let what = |action: &ScheduledAction| {
        (action.name.clone(), action.schedule.clone(), zone(action), action.min_capacity, action.max_capacity)
    };
    what(one) == what(other)
}

/// Whether a scaling policy is as an entry of `stepScaling` with one step from the threshold up.
pub(super) fn is_step(entry: &StepScalingSpec, applied: &AppliedPolicyKind) -> bool {
    let AppliedPolicyKind::StepScaling(StepScaling { configuration, .. }) = applied else { return false };
    let declared: Vec<i32> = entry.step_adjustments.iter().map(|step| step.scaling_adjustment).collect();
    let there: Vec<i32> = configuration.steps.iter().map(|step| step.adjustment).collect();
    configuration.adjustment_type == entry.adjustment_type.as_str() && declared == there
}

/// Whether two scaling policies do the same: an absent cooldown is AWS's default of 300 s.
pub(super) fn same_policy(one: &AppliedPolicy, other: &AppliedPolicy) -> bool {
    let (AppliedPolicyKind::TargetTracking(a), AppliedPolicyKind::TargetTracking(b)) = (&one.kind, &other.kind) else {
        return false;
    };
    let cooldowns = |configuration: &TargetTrackingConfiguration| {
        (configuration.scale_out_cooldown.unwrap_or(300), configuration.scale_in_cooldown.unwrap_or(300))
    };
    one.name == other.name
        && a.metric == b.metric
        && (a.target_value - b.target_value).abs() < 1e-6
        && cooldowns(a) == cooldowns(b)
        && a.disable_scale_in == b.disable_scale_in
}
