//! From the size that a service has to the one that is wanted: corrected, adopted, reported, or waited with.

use jiff::Timestamp;
use runbook_api::drift::{OnScaleIn, OnScaleOut};

use super::input::Input;
use super::overrides::bounds::Declared;
use super::overrides::{Adoption, Bounds};
use crate::account::brakes::Pace;
use crate::ids::ServiceId;
use crate::observed::Scaled;
use crate::plan::{Finding, Plan};
use crate::report::Hold;
use crate::step::Step;

/// What brings the size of `service` within `bounds`.
pub fn bring(
    input: &Input,
    service: &ServiceId,
    declared: &Declared,
    bounds: Bounds,
    scaled: &Scaled<'_>,
    now: Timestamp,
) -> Plan {
    let (from, to) = (scaled.desired_count, bounds.clamp(scaled.desired_count));
    if from == to {
        return Plan::default();
    }
    let mut hold = None;
    // Where another size was followed before (another spec, an override that has ended), the difference is ours to make.
    if input.memory.follows(bounds) {
        let rules = &input.drift;
        let reported = if from > to {
            if rules.scale_out == OnScaleOut::Adopt
                && let Some(adoption) = Adoption::of(input, declared, from, now)
            {
                return adopt(service, adoption, from);
            }
            rules.scale_out == OnScaleOut::Report
        } else if from == 0 {
            rules.from_zero == OnScaleIn::Report
        } else {
            rules.scale_in == OnScaleIn::Report
        };
        hold = reported.then_some(Hold::DriftReported);
    }
    // AWS's own autoscaler does not scale in during a deployment either: tasks of the old and the new version are counted together.
    if to < from && scaled.deploying {
        return wait_for_deployment(input, from, to);
    }
    let to = match input.brakes.pace(from, to, input.memory.moved_at, now) {
        // What is only said is said whole.
        _ if hold.is_some() => to,
        Pace::Go(to) => to,
        Pace::Wait(until) => return wait_for_step(input, from, to, until),
    };
    Plan { steps: vec![Step::SetDesiredCount { service: service.clone(), from, to }], hold, ..Plan::default() }
}

/// Waits with a scale-in.
pub fn wait_for_deployment(input: &Input, from: i32, to: i32) -> Plan {
    let id = &input.target;
    Plan::only(Finding::waiting(
        "DeploymentInProgress",
        format!("{id} is being deployed; it is scaled in from {from} to {to} when the deployment has ended"),
    ))
}

/// Waits with the next step of a scale-in.
pub fn wait_for_step(input: &Input, from: i32, to: i32, until: Timestamp) -> Plan {
    let id = &input.target;
    let mut plan = Plan::only(Finding::waiting(
        "ScaleInStep",
        format!(
            "{id} is scaled in from {from} to {to} in steps, as the AwsAccount's safety.scaleInStep says; the next is due at {until}"
        ),
    ));
    plan.wake(until);
    plan
}

fn adopt(service: &ServiceId, adoption: Adoption, desired_count: i32) -> Plan {
    let step = Step::AdoptScaleOut { service: service.clone(), desired_count, adoption: Box::new(adoption) };
    Plan { steps: vec![step], ..Plan::default() }
}
