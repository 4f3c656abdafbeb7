//! A step as a call: what is sent, what it changes, what it was decided on.

use runbook_core::facts::Answer;
use runbook_core::observed::{AppliedPolicyKind, ServiceLookup};
use runbook_core::{Query, Step};

use crate::call::Call;

/// The call that makes a step.
pub(super) fn call_of(step: &Step) -> Call {
    match step {
        Step::SetDesiredCount { service, to, .. } => Call::UpdateService {
            cluster: service.cluster.clone(),
            service: service.service.clone(),
            desired_count: *to,
        },
        Step::RegisterScalableTarget { service, to, tags, .. } => {
            Call::RegisterScalableTarget { resource_id: service.resource_id(), capacity: *to, tags: tags.clone() }
        }
        Step::PutTargetTrackingPolicy { service, name, configuration, .. } => Call::PutTargetTrackingPolicy {
            resource_id: service.resource_id(),
            name: name.clone(),
            configuration: configuration.clone(),
        },
    }
}

/// The questions whose answers a step changes.
pub(super) fn changes(step: &Step) -> Vec<Query> {
    let service = step.service().clone();
    match step {
        Step::SetDesiredCount { .. } => vec![Query::EcsService(service)],
        // Registering moves desiredCount into the band.
        Step::RegisterScalableTarget { .. } => vec![Query::ScalableTarget(service.clone()), Query::EcsService(service)],
        Step::PutTargetTrackingPolicy { .. } => vec![Query::ScalingPolicies(service)],
    }
}

/// The question whose answer a step was decided on.
pub(super) fn basis(step: &Step) -> Query {
    let service = step.service().clone();
    match step {
        Step::SetDesiredCount { .. } => Query::EcsService(service),
        Step::RegisterScalableTarget { .. } => Query::ScalableTarget(service),
        Step::PutTargetTrackingPolicy { .. } => Query::ScalingPolicies(service),
    }
}

/// Whether the answer to [`basis`] is still what the step was decided on.
pub(super) fn still_holds(step: &Step, answer: &Answer) -> bool {
    match (step, answer) {
        (Step::SetDesiredCount { from, .. }, Answer::EcsService(ServiceLookup::Found(service))) => {
            service.desired_count == *from
        }
        (Step::RegisterScalableTarget { from, .. }, Answer::ScalableTarget(target)) => {
            target.as_ref().map(|target| target.capacity) == *from
        }
        (Step::PutTargetTrackingPolicy { name, from, .. }, Answer::ScalingPolicies(policies)) => {
            match policies.iter().find(|policy| policy.name == *name).map(|policy| &policy.kind) {
                Some(AppliedPolicyKind::TargetTracking(current)) => from.as_deref() == Some(current),
                Some(AppliedPolicyKind::Other(_)) => false,
                None => from.is_none(),
            }
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use runbook_core::observed::{AppliedPolicy, Capacity, ScalableTarget, Suspended};
    use runbook_core::{Scope, ServiceId};

    #[test]
    fn a_step_holds_while_its_from_does() {
        let scope =
            Scope { connection: "default".into(), account_id: "123456789012".into(), region: "eu-central-1".into() };
        let service = ServiceId { scope, cluster: "app".into(), service: "web".into() };
        let capacity = |min| Capacity { min, max: 9, suspended: Suspended::default() };
        let target = |min| Answer::ScalableTarget(Some(ScalableTarget { arn: None, capacity: capacity(min) }));
        let change = Step::RegisterScalableTarget {
            service: service.clone(),
            from: Some(capacity(1)),
            to: capacity(2),
            desired_count: 2,
            tags: vec![],
        };
        assert!(still_holds(&change, &target(1)));
        assert!(!still_holds(&change, &target(3)));
        assert!(!still_holds(&change, &Answer::ScalableTarget(None)));
        let first = Step::RegisterScalableTarget {
            service: service.clone(),
            from: None,
            to: capacity(2),
            desired_count: 2,
            tags: vec![],
        };
        assert!(still_holds(&first, &Answer::ScalableTarget(None)));
        assert!(!still_holds(&first, &target(2)));
        let scale = Step::SetDesiredCount { service, from: 1, to: 2 };
        assert!(!still_holds(&scale, &Answer::EcsService(ServiceLookup::ServiceMissing)));
        let policy = AppliedPolicy { name: "cpu".into(), kind: AppliedPolicyKind::Other("StepScaling".into()) };
        assert!(!still_holds(&scale, &Answer::ScalingPolicies(vec![policy])), "an answer to another question");
    }
}
