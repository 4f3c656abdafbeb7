//! The decision on a ScalingPolicy.

use jiff::{SignedDuration, Timestamp};

use super::input::{Input, Size};
use super::{capability, tracking};
use crate::account;
use crate::facts::{Facts, Inquiry};
use crate::ids::ServiceId;
use crate::observed::{
    AppliedPolicy, AppliedPolicyKind, Capacity, EcsService, ScalableTarget, TargetTrackingConfiguration,
};
use crate::plan::{Finding, Plan, Weight};
use crate::query::Query;
use crate::step::Step;

/// How soon to look again at something that happens by itself.
const SOON: SignedDuration = SignedDuration::from_secs(15);

/// Decides what is to be asked, or written, so that the service follows the policy.
pub fn plan(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
    let id = &input.service;
    let mut inquiry = Inquiry::new(facts);
    let identity = inquiry.caller_identity(Query::CallerIdentity(id.scope.clone()));
    let lookup = inquiry.ecs_service(Query::EcsService(id.clone()));
    let target = inquiry.scalable_target(Query::ScalableTarget(id.clone()));
    let policies = inquiry.scaling_policies(Query::ScalingPolicies(id.clone()));
    if let Some(missing) = inquiry.open() {
        return Plan::missing(missing);
    }
    let (Some(identity), Some(lookup), Some(target), Some(policies)) = (identity, lookup, target, policies) else {
        return Plan::default();
    };
    if let Some(finding) = account::plan::mismatch(&id.scope, identity) {
        return Plan::only(finding);
    }
    let service = match capability::scalable(id, lookup) {
        Ok(service) => service,
        Err(finding) => return Plan::only(finding),
    };
    let mut plan = match &input.size {
        Size::Fixed(replicas) => fixed(id, *replicas, service, target.as_ref()),
        Size::Band { capacity, tracking } => {
            let mut plan = band(input, capacity, service, target.as_ref());
            put_policies(id, tracking, policies, &mut plan);
            plan
        }
    };
    if let Some(replicas) = input.leftover_replicas {
        plan.findings.push(Finding::note(
            "ReplicasIgnored",
            format!("replicas: {replicas} is ignored because autoscaling is set: remove one of the two"),
        ));
    }
    // Ready although no task runs is what users of other tools complain about.
    if plan.steps.is_empty() && service.desired_count > 0 && service.running_count == 0 {
        plan.findings.push(Finding::waiting(
            "NoTaskRunning",
            format!("no task of {id} runs yet; its events in ECS say why if that lasts"),
        ));
    }
    // A change that a person must first make possible is not begun.
    if plan.findings.iter().any(|finding| finding.weight == Weight::Stalled) {
        plan.steps.clear();
    }
    if plan.findings.iter().any(|finding| finding.weight == Weight::Waiting) {
        plan.next_at = now.checked_add(SOON).ok();
    }
    plan
}

fn fixed(id: &ServiceId, replicas: i32, service: &EcsService, target: Option<&ScalableTarget>) -> Plan {
    // Two who move one number would undo each other's work for ever.
    if let Some(target) = target {
        return Plan::only(Finding::stalled(
            "AutoscalerPresent",
            format!(
                "replicas is fixed, but {id} has a scalable target ({} to {}) that would move it: declare autoscaling instead, or remove the \
                 target with aws application-autoscaling deregister-scalable-target --service-namespace ecs --scalable-dimension \
                 ecs:service:DesiredCount --resource-id {}",
                target.capacity.min,
                target.capacity.max,
                id.resource_id()
            ),
        ));
    }
    set_desired(id, service, replicas)
}

fn band(input: &Input, capacity: &Capacity, service: &EcsService, target: Option<&ScalableTarget>) -> Plan {
    let id = &input.service;
    let registered = target.map(|target| target.capacity);
    if registered == Some(*capacity) {
        // Inside the band the size is the autoscaler's. Outside it nobody moves it back: AWS clamps when the target is registered, not later.
        return set_desired(id, service, capacity.clamp(service.desired_count));
    }
    if capacity.clamp(service.desired_count) < service.desired_count && service.deployment_in_progress() {
        return wait_for_deployment(id);
    }
    let tags = if target.is_none() { input.owner_tags.clone() } else { Vec::new() };
    let step = Step::RegisterScalableTarget { service: id.clone(), from: registered, to: *capacity, tags };
    Plan { steps: vec![step], ..Plan::default() }
}

fn set_desired(id: &ServiceId, service: &EcsService, to: i32) -> Plan {
    let from = service.desired_count;
    if from == to {
        return Plan::default();
    }
    // AWS's own autoscaler does not scale in during a deployment either: tasks of the old and the new version are counted together.
    if to < from && service.deployment_in_progress() {
        return wait_for_deployment(id);
    }
    Plan { steps: vec![Step::SetDesiredCount { service: id.clone(), from, to }], ..Plan::default() }
}

fn wait_for_deployment(id: &ServiceId) -> Plan {
    Plan::only(Finding::waiting(
        "DeploymentInProgress",
        format!("{id} is being deployed; it is scaled in when the deployment has ended"),
    ))
}

fn put_policies(
    id: &ServiceId,
    declared: &[(String, TargetTrackingConfiguration)],
    applied: &[AppliedPolicy],
    plan: &mut Plan,
) {
    for (name, configuration) in declared {
        let existing = applied.iter().find(|policy| policy.name == *name);
        match existing.map(|policy| &policy.kind) {
            Some(AppliedPolicyKind::TargetTracking(current)) if tracking::equivalent(configuration, current) => {}
            // AWS refuses to change the PolicyType of an existing policy.
            Some(AppliedPolicyKind::Other(kind)) => plan.findings.push(Finding::stalled(
                "PolicyNameTaken",
                format!(
                    "{id} already has a policy named {name} of type {kind}: choose another name, or delete that policy"
                ),
            )),
            _ => plan.steps.push(Step::PutTargetTrackingPolicy {
                service: id.clone(),
                name: name.clone(),
                exists: existing.is_some(),
                configuration: configuration.clone(),
            }),
        }
    }
    let foreign: Vec<&str> = applied
        .iter()
        .filter(|policy| !declared.iter().any(|(name, _)| *name == policy.name))
        .map(|policy| policy.name.as_str())
        .collect();
    if !foreign.is_empty() {
        plan.findings.push(Finding::note(
            "ForeignPolicies",
            format!("{id} has scaling policies that are not declared here and are left alone: {}", foreign.join(", ")),
        ));
    }
}
