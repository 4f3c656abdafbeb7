//! From what is in AWS to the ScalingPolicy that says the same, so that a plan for it has no step.

mod policies;
mod schedules;
mod words;

use jiff::Timestamp;
use runbook_api::common::DeletionPolicy;
use runbook_api::scaling_policy::{Autoscaling, EcsServiceRef, ScalingPolicySpec, ScalingTarget, SuspendedState};

use super::capability;
use crate::ids::ServiceId;
use crate::observed::{AppliedPolicy, Capacity, EcsService, ScalableTarget, ScheduledAction, ServiceLookup, Suspended};
use crate::ownership::stack;

/// Bound of the schema (`runbook_api::scaling_policy`).
const MOST_TASKS: i32 = 5000;

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
    /// Its scheduled actions.
    pub actions: &'a [ScheduledAction],
}

/// A spec that says what AWS shows, as far as it can.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// The spec, of the default account and region.
    pub spec: ScalingPolicySpec,
    /// What it cannot say, and what a person should look at, a line each.
    pub remarks: Vec<String>,
}

/// The spec that says what AWS shows at `now`. The registered band becomes the policy's own; what the scheduled actions make of it is
/// theirs.
///
/// # Errors
/// Why there is none.
pub fn import(seen: Seen<'_>, now: Timestamp) -> Result<Imported, String> {
    let Seen { id, lookup, target, .. } = seen;
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
    if let Some(stack) = stack(&service.tags) {
        remarks.push(format!(
            "the service belongs to the CloudFormation stack {stack}: nothing is written before the template no longer says its size, and \
             takeOwnership: true says so here"
        ));
    }
    match target {
        None if service.desired_count > MOST_TASKS => {
            return Err(format!("{id} is to run {} tasks, more than replicas can say", service.desired_count));
        }
        None => {
            spec.replicas = Some(service.desired_count);
            spec.allow_zero = service.desired_count == 0;
        }
        Some(target) if target.capacity.max > MOST_TASKS => {
            let most = target.capacity.max;
            return Err(format!("the scalable target of {id} reaches {most}, more than maxCapacity can say"));
        }
        Some(target) => autoscaled(&seen, target, service, now, &mut spec, &mut remarks),
    }
    Ok(Imported { spec, remarks })
}

fn autoscaled(
    seen: &Seen<'_>,
    target: &ScalableTarget,
    service: &EcsService,
    now: Timestamp,
    spec: &mut ScalingPolicySpec,
    remarks: &mut Vec<String>,
) {
    let capacity = target.capacity;
    let (target_tracking, step_scaling) = policies::expressed(seen.policies, remarks);
    let autoscaling = Autoscaling {
        min_capacity: capacity.min,
        max_capacity: capacity.max,
        suspended: suspended(capacity.suspended),
        target_tracking,
        step_scaling,
        windows: Vec::new(),
        scheduled_actions: schedules::expressed(seen.actions, remarks),
        prune: false,
    };
    let stops = |limit: Option<i32>| limit == Some(0);
    spec.allow_zero = capacity.min == 0
        || autoscaling.scheduled_actions.iter().any(|action| stops(action.min_capacity) || stops(action.max_capacity));
    let Capacity { min, max, .. } = capacity;
    let moved = capacity.clamp(service.desired_count);
    if let Some(remark) = schedules::difference(seen, target, &autoscaling, now) {
        spec.suspend = true;
        remarks.push(remark);
    } else if moved != service.desired_count {
        spec.suspend = true;
        remarks.push(format!(
            "desiredCount is {}, outside minCapacity {min} and maxCapacity {max}: the policy is suspended, because without that it \
             would move the service to {moved}; correct the limits or accept the move, then remove suspend",
            service.desired_count
        ));
    }
    spec.autoscaling = Some(autoscaling);
}

fn empty(id: &ServiceId) -> ScalingPolicySpec {
    let service = EcsServiceRef { cluster: id.cluster.clone(), service: id.service.clone() };
    ScalingPolicySpec {
        deletion_policy: DeletionPolicy::Retain,
        account_ref: Default::default(),
        target: ScalingTarget { ecs_service: Some(service), aurora_replicas: None },
        region: None,
        mode: Default::default(),
        suspend: false,
        replicas: None,
        autoscaling: None,
        allow_zero: false,
        take_ownership: false,
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
