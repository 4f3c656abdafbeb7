//! What a step will have done: the facts as they are after it.

use jiff::Timestamp;

use super::input::Input;
use super::overrides::{Change, Override};
use crate::facts::{Answer, Facts};
use crate::observed::{AppliedPolicy, AppliedPolicyKind, ScalableTarget, ServiceLookup};
use crate::query::Query;
use crate::step::Step;

/// Makes `facts` what they will be when `step` has been made.
pub fn predict(facts: &mut Facts, step: &Step) {
    let service = step.service().clone();
    match step {
        Step::SetDesiredCount { to, .. } => set_desired(facts, step, |_| *to),
        Step::RegisterScalableTarget { to, .. } => {
            set_desired(facts, step, |desired| to.clamp(desired));
            let target = ScalableTarget { arn: None, capacity: *to };
            facts.insert(Query::ScalableTarget(service), Ok(Answer::ScalableTarget(Some(target))));
        }
        Step::PutTargetTrackingPolicy { name, configuration, .. } => {
            let query = Query::ScalingPolicies(service);
            let mut policies = match facts.get(&query) {
                Some(Ok(Answer::ScalingPolicies(policies))) => policies.clone(),
                _ => Vec::new(),
            };
            policies.retain(|policy| policy.name != *name);
            policies.push(AppliedPolicy {
                name: name.clone(),
                kind: AppliedPolicyKind::TargetTracking(configuration.clone()),
            });
            facts.insert(query, Ok(Answer::ScalingPolicies(policies)));
        }
        // AWS stays as it is; see `predict_input`.
        Step::AdoptScaleOut { .. } => {}
    }
}

/// Makes `input` what it will be when `step` has been made: an adopted scale-out is an override from then on.
pub fn predict_input(input: &mut Input, step: &Step, now: Timestamp) {
    if let Step::AdoptScaleOut { adoption, .. } = step {
        input.overrides.push(Override {
            name: adoption.id.name.clone(),
            created: now,
            expires_at: adoption.expires_at,
            change: Change::AtLeast(adoption.at_least),
            suspend_scheduled: None,
        });
    }
}

fn set_desired(facts: &mut Facts, step: &Step, size: impl Fn(i32) -> i32) {
    let query = Query::EcsService(step.service().clone());
    if let Some(Ok(Answer::EcsService(ServiceLookup::Found(service)))) = facts.get(&query) {
        let mut service = service.clone();
        service.desired_count = size(service.desired_count);
        facts.insert(query, Ok(Answer::EcsService(ServiceLookup::Found(service))));
    }
}
