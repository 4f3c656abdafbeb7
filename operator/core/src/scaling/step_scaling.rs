//! Step scaling policies: from the spec to AWS's configuration, and which are to be put.

use runbook_api::step_scaling::StepScaling as StepScalingSpec;

use crate::ids::TargetId;
use crate::observed::{AppliedPolicy, AppliedPolicyKind, StepAdjustment, StepScalingConfiguration};
use crate::plan::{Finding, Plan};
use crate::step::Step;

/// The configuration that an entry of `stepScaling` declares, by the policy's name.
///
/// # Errors
/// A stalled finding that says which field of which entry is wrong. The steps' intervals must neither overlap nor leave a gap
/// (Application Auto Scaling API Reference, StepAdjustment).
pub fn desired(entry: &StepScalingSpec) -> Result<(String, StepScalingConfiguration), Finding> {
    let invalid = |field: &str, why: String| {
        Finding::stalled("InvalidSpec", format!("autoscaling.stepScaling {}: {field}: {why}", entry.name))
    };
    let mut steps = Vec::new();
    for step in &entry.step_adjustments {
        let bound = |value: &Option<runbook_api::signed::SignedNumber>| {
            let value = value.as_ref().map(runbook_api::signed::SignedNumber::value).transpose();
            value.map_err(|error| invalid("stepAdjustments", error.to_string()))
        };
        steps.push(StepAdjustment {
            lower: bound(&step.metric_interval_lower_bound)?,
            upper: bound(&step.metric_interval_upper_bound)?,
            adjustment: step.scaling_adjustment,
        });
    }
    steps.sort_by(|one, other| one.interval().0.total_cmp(&other.interval().0));
    judge(&steps).map_err(|why| invalid("stepAdjustments", why))?;
    let cooldown = match &entry.cooldown {
        None => None,
        Some(cooldown) => {
            let seconds = cooldown.seconds().map_err(|error| invalid("cooldown", error.to_string()))?;
            let seconds = i32::try_from(seconds);
            Some(seconds.map_err(|_| invalid("cooldown", format!("{cooldown} is longer than AWS can hold")))?)
        }
    };
    let configuration = StepScalingConfiguration {
        adjustment_type: entry.adjustment_type.as_str().into(),
        steps,
        cooldown,
        min_adjustment_magnitude: entry.min_adjustment_magnitude,
        metric_aggregation_type: entry.metric_aggregation_type.map(|kind| kind.as_str().into()),
    };
    Ok((entry.name.clone(), configuration))
}

/// What is wrong with steps in the order of their intervals.
fn judge(steps: &[StepAdjustment]) -> Result<(), String> {
    for step in steps {
        let (lower, upper) = step.interval();
        if lower >= upper {
            return Err(format!("{step} holds nowhere: its lower bound must be below its upper bound"));
        }
    }
    for pair in steps.windows(2) {
        let ((_, upper), (lower, _)) = (pair[0].interval(), pair[1].interval());
        if lower < upper {
            return Err(format!("{} and {} overlap", pair[0], pair[1]));
        }
        if lower > upper {
            return Err(format!("there is a gap between {} and {}", pair[0], pair[1]));
        }
    }
    // "If there is a step with a negative lower bound, one must have no lower bound", and the same above.
    let (first, last) = (steps.first().map(StepAdjustment::interval), steps.last().map(StepAdjustment::interval));
    match (first, last) {
        (Some((lower, _)), _) if lower < 0.0 && lower.is_finite() => {
            Err("a step begins below the threshold, so one must have no metricIntervalLowerBound".into())
        }
        (_, Some((_, upper))) if upper > 0.0 && upper.is_finite() => {
            Err("a step ends above the threshold, so one must have no metricIntervalUpperBound".into())
        }
        _ => Ok(()),
    }
}

/// Adds to `plan` what brings the `applied` policies of a service in line with the `declared` ones.
pub fn put(id: &TargetId, declared: &[(String, StepScalingConfiguration)], applied: &[AppliedPolicy], plan: &mut Plan) {
    for (name, configuration) in declared {
        let current = applied.iter().find(|policy| policy.name == *name).map(|policy| &policy.kind);
        let from = match current {
            Some(AppliedPolicyKind::StepScaling(current)) => {
                if current.alarms == 0 {
                    plan.findings.push(no_alarm(name, current.arn.as_deref()));
                }
                if current.configuration.is_equivalent(configuration) {
                    continue;
                }
                Some(Box::new(current.configuration.clone()))
            }
            Some(other) => {
                plan.findings.push(super::policies::name_taken(id, name, other));
                continue;
            }
            None => None,
        };
        plan.steps.push(Step::PutStepScalingPolicy {
            target: id.clone(),
            name: name.clone(),
            from,
            configuration: configuration.clone(),
        });
    }
}

fn no_alarm(name: &str, arn: Option<&str>) -> Finding {
    let arn = arn.map(|arn| format!(" {arn}")).unwrap_or_default();
    Finding::note(
        "NoAlarm",
        format!(
            "no alarm names step scaling policy {name}, so it never scales: give its ARN{arn} to an alarm as an action"
        ),
    )
}
