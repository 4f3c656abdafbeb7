//! A step as a call: what is sent, what it changes, what it was decided on.

use runbook_core::CloudError;
use runbook_core::facts::Answer;
use runbook_core::observed::{AppliedPolicy, AppliedPolicyKind, EcsService, ServiceLookup};
use runbook_core::ownership::OWNER_TAG;
use runbook_core::query::TargetArn;
use runbook_core::{Query, Step};

use super::database;
use crate::call::Call;
use crate::vault::Vault;

/// The call that makes a step; none for a step that is not made in AWS.
pub(super) fn call_of(step: &Step, vault: &Vault) -> Option<Call> {
    Some(match step {
        Step::SetDesiredCount { service, to, .. } => Call::UpdateService {
            cluster: service.cluster.clone(),
            service: service.service.clone(),
            desired_count: *to,
        },
        Step::RegisterScalableTarget { target, to, tags, .. } => {
            Call::RegisterScalableTarget { resource_id: target.resource_id(), capacity: *to, tags: tags.clone() }
        }
        Step::PutTargetTrackingPolicy { target, name, configuration, .. } => Call::PutTargetTrackingPolicy {
            resource_id: target.resource_id(),
            name: name.clone(),
            configuration: configuration.clone(),
        },
        Step::PutStepScalingPolicy { target, name, configuration, .. } => Call::PutStepScalingPolicy {
            resource_id: target.resource_id(),
            name: name.clone(),
            configuration: configuration.clone(),
        },
        Step::DeleteScalingPolicy { target, name, .. } => {
            Call::DeleteScalingPolicy { resource_id: target.resource_id(), name: name.clone() }
        }
        Step::PutScheduledAction { target, action, .. } => {
            Call::PutScheduledAction { resource_id: target.resource_id(), action: (**action).clone() }
        }
        Step::DeleteScheduledAction { target, from } => {
            Call::DeleteScheduledAction { resource_id: target.resource_id(), name: from.name.clone() }
        }
        Step::DeregisterScalableTarget { target, .. } => {
            Call::DeregisterScalableTarget { resource_id: target.resource_id() }
        }
        Step::AdoptScaleOut { .. } | Step::VerifyBackup { .. } | Step::ExportDatabase { .. } | Step::Export(_) => {
            return None;
        }
        Step::Database(step) => Call::Rds(database::call_of(step, vault)),
    })
}

/// What is kept here of a step that was made, or was not.
pub(super) fn remember(step: &Step, result: &Result<Option<String>, CloudError>, vault: &Vault) {
    if let Step::Database(step) = step {
        database::remember(step, result.is_ok(), vault);
    }
}

/// The questions whose answers a step changes.
pub(super) fn changes(step: &Step) -> Vec<Query> {
    let target = match (step, step.target()) {
        (Step::Database(step), _) => return database::changes(step),
        (_, None) => return Vec::new(),
        (_, Some(target)) => target,
    };
    match step {
        Step::SetDesiredCount { .. } => vec![Query::of_target(&target)],
        // Registering moves the size into the band.
        Step::RegisterScalableTarget { .. } => vec![Query::ScalableTarget(target.clone()), Query::of_target(&target)],
        // It takes everything that hangs on it along.
        Step::DeregisterScalableTarget { .. } => vec![
            Query::ScalableTarget(target.clone()),
            Query::ScalingPolicies(target.clone()),
            Query::ScheduledActions(target),
        ],
        Step::AdoptScaleOut { .. }
        | Step::VerifyBackup { .. }
        | Step::ExportDatabase { .. }
        | Step::Export(_)
        | Step::Database(_) => Vec::new(),
        Step::PutTargetTrackingPolicy { .. } | Step::PutStepScalingPolicy { .. } | Step::DeleteScalingPolicy { .. } => {
            vec![Query::ScalingPolicies(target)]
        }
        Step::PutScheduledAction { .. } | Step::DeleteScheduledAction { .. } => vec![Query::ScheduledActions(target)],
    }
}

/// The questions whose answers a step was decided on, those of the slower API first.
pub(super) fn basis(step: &Step) -> Vec<Query> {
    let target = match (step, step.target()) {
        (Step::Database(step), _) => return database::basis(step),
        (_, None) => return Vec::new(),
        (_, Some(target)) => target,
    };
    match step {
        Step::SetDesiredCount { .. } | Step::RegisterScalableTarget { .. } => {
            vec![Query::ScalableTarget(target.clone()), Query::of_target(&target)]
        }
        Step::DeregisterScalableTarget { from, .. } => vec![
            Query::ScalableTargetTags(TargetArn { target: target.clone(), arn: from.arn.clone() }),
            Query::ScalableTarget(target.clone()),
            Query::ScalingPolicies(target.clone()),
            Query::ScheduledActions(target),
        ],
        Step::AdoptScaleOut { .. } => vec![Query::of_target(&target)],
        Step::VerifyBackup { .. } | Step::ExportDatabase { .. } | Step::Export(_) | Step::Database(_) => Vec::new(),
        Step::PutTargetTrackingPolicy { .. } | Step::PutStepScalingPolicy { .. } | Step::DeleteScalingPolicy { .. } => {
            vec![Query::ScalingPolicies(target)]
        }
        Step::PutScheduledAction { .. } | Step::DeleteScheduledAction { .. } => vec![Query::ScheduledActions(target)],
    }
}

/// Whether an answer to one of [`basis`] is still what the step was decided on.
pub(super) fn still_holds(step: &Step, answer: &Answer) -> bool {
    match (step, answer) {
        (Step::SetDesiredCount { from, to, .. }, Answer::EcsService(ServiceLookup::Found(service))) => {
            service.desired_count == *from && !waits(service, *to)
        }
        // Into the band, or a part of the way down to it: where a target stands that would move the size elsewhere, the size is the
        // autoscaler's.
        (Step::SetDesiredCount { from, to, .. }, Answer::ScalableTarget(target)) => {
            target.as_ref().is_none_or(|target| {
                let within = target.capacity.clamp(*from);
                within == *to || (within..*from).contains(to)
            })
        }
        // The autoscaler may have moved the size within the band, but what the registration does to it must be what was planned.
        (Step::RegisterScalableTarget { to, desired_count, .. }, Answer::EcsService(ServiceLookup::Found(service))) => {
            let size = to.clamp(service.desired_count);
            (service.desired_count == *desired_count || size == service.desired_count) && !waits(service, size)
        }
        (Step::RegisterScalableTarget { to, desired_count, .. }, Answer::DbCluster(Some(cluster))) => {
            let scaled = cluster.scaled();
            scaled.desired_count == *desired_count || scaled.within(to) == scaled.desired_count
        }
        (Step::RegisterScalableTarget { from, .. }, Answer::ScalableTarget(target)) => {
            target.as_ref().map(|target| target.capacity) == *from
        }
        (Step::PutTargetTrackingPolicy { name, from, .. }, Answer::ScalingPolicies(policies)) => {
            match of_name(policies, name) {
                Some(AppliedPolicyKind::TargetTracking(current)) => from.as_deref() == Some(current),
                Some(_) => false,
                None => from.is_none(),
            }
        }
        (Step::PutStepScalingPolicy { name, from, .. }, Answer::ScalingPolicies(policies)) => {
            match of_name(policies, name) {
                Some(AppliedPolicyKind::StepScaling(current)) => from.as_deref() == Some(&current.configuration),
                Some(_) => false,
                None => from.is_none(),
            }
        }
        (Step::DeleteScalingPolicy { name, from, .. }, Answer::ScalingPolicies(policies)) => {
            of_name(policies, name) == Some(from)
        }
        (Step::PutScheduledAction { from, action, .. }, Answer::ScheduledActions(actions)) => {
            actions.iter().find(|current| current.name == action.name) == from.as_deref()
        }
        (Step::DeleteScheduledAction { from, .. }, Answer::ScheduledActions(actions)) => {
            actions.iter().any(|current| *current == **from)
        }
        (Step::DeregisterScalableTarget { from, .. }, Answer::ScalableTargetTags(tags)) => {
            tags.get(OWNER_TAG) == Some(&from.owner)
        }
        // Registered anew it has another ARN, and other tags. Its band may have moved: a scheduled action fires when it does.
        (Step::DeregisterScalableTarget { from, .. }, Answer::ScalableTarget(target)) => {
            target.as_ref().is_some_and(|target| target.arn.as_ref() == Some(&from.arn))
        }
        (Step::DeregisterScalableTarget { from, .. }, Answer::ScalingPolicies(policies)) => {
            policies.iter().all(|policy| from.policies.contains(&policy.name))
        }
        (Step::DeregisterScalableTarget { from, .. }, Answer::ScheduledActions(actions)) => {
            actions.iter().all(|action| from.scheduled_actions.contains(&action.name))
        }
        (Step::Database(step), answer) => database::still_holds(step, answer),
        _ => false,
    }
}

fn of_name<'p>(policies: &'p [AppliedPolicy], name: &str) -> Option<&'p AppliedPolicyKind> {
    policies.iter().find(|policy| policy.name == name).map(|policy| &policy.kind)
}

/// Whether the service is not to be brought to this size now: nothing is scaled in during a deployment.
fn waits(service: &EcsService, size: i32) -> bool {
    size < service.desired_count && service.deployment_in_progress()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use runbook_core::observed::{
        Capacity, Deployment, ScalableTarget, ScheduledAction, StepAdjustment, StepScaling, StepScalingConfiguration,
        Suspended,
    };
    use runbook_core::step::Registration;
    use runbook_core::{Scope, ServiceId, TargetId};

    use super::*;

    #[test]
    fn a_target_is_deregistered_only_while_it_is_ours_alone() {
        let scope =
            Scope { connection: "default".into(), account_id: "123456789012".into(), region: "eu-central-1".into() };
        let target = TargetId::from(ServiceId { scope, cluster: "app".into(), service: "web".into() });
        let capacity = Capacity { min: 1, max: 9, suspended: Suspended::default() };
        let from = Registration {
            arn: "arn-1".into(),
            capacity,
            owner: "production/clocked/web".into(),
            policies: vec!["cpu".into()],
            scheduled_actions: Vec::new(),
        };
        let step = Step::DeregisterScalableTarget { target, from: Box::new(from) };
        let tags = |owner: &str| Answer::ScalableTargetTags([(OWNER_TAG.to_owned(), owner.to_owned())].into());
        assert!(still_holds(&step, &tags("production/clocked/web")));
        assert!(!still_holds(&step, &tags("staging/clocked/web")));
        assert!(!still_holds(&step, &Answer::ScalableTargetTags(BTreeMap::new())));
        let target = |arn: &str| {
            Answer::ScalableTarget(Some(ScalableTarget { arn: Some(arn.into()), capacity, created_at: None }))
        };
        assert!(still_holds(&step, &target("arn-1")));
        assert!(!still_holds(&step, &target("arn-2")), "somebody has registered another");
        assert!(!still_holds(&step, &Answer::ScalableTarget(None)));
        let policy = |name: &str| {
            let kind = AppliedPolicyKind::Other("PredictiveScaling".into());
            Answer::ScalingPolicies(vec![AppliedPolicy { name: name.into(), kind }])
        };
        assert!(still_holds(&step, &policy("cpu")));
        assert!(!still_holds(&step, &policy("theirs")), "somebody has put one on it");
    }

    #[test]
    fn a_step_holds_while_its_from_does() {
        let scope =
            Scope { connection: "default".into(), account_id: "123456789012".into(), region: "eu-central-1".into() };
        let service = ServiceId { scope, cluster: "app".into(), service: "web".into() };
        let target = TargetId::from(service.clone());
        let capacity = |min| Capacity { min, max: 9, suspended: Suspended::default() };
        let registered =
            |min| Answer::ScalableTarget(Some(ScalableTarget { arn: None, capacity: capacity(min), created_at: None }));
        let change = Step::RegisterScalableTarget {
            target: target.clone(),
            from: Some(capacity(1)),
            to: capacity(2),
            desired_count: 2,
            tags: vec![],
        };
        assert!(still_holds(&change, &registered(1)));
        assert!(!still_holds(&change, &registered(3)));
        assert!(!still_holds(&change, &Answer::ScalableTarget(None)));
        let first = Step::RegisterScalableTarget {
            target: target.clone(),
            from: None,
            to: capacity(2),
            desired_count: 2,
            tags: vec![],
        };
        assert!(still_holds(&first, &Answer::ScalableTarget(None)));
        assert!(!still_holds(&first, &registered(2)));
        let found = |desired_count, deploying| {
            let deployment = Deployment {
                id: "ecs-svc/1".into(),
                status: "PRIMARY".into(),
                rollout_state: Some("IN_PROGRESS".into()),
                desired_count,
                running_count: 0,
                created_at: None,
            };
            Answer::EcsService(ServiceLookup::Found(Box::new(EcsService {
                arn: String::new(),
                status: "ACTIVE".into(),
                desired_count,
                running_count: 0,
                pending_count: 0,
                deployments: if deploying { vec![deployment] } else { vec![] },
                scheduling_strategy: "REPLICA".into(),
                deployment_controller: "ECS".into(),
                deployment_strategy: None,
                resource_management_type: None,
                tags: BTreeMap::new(),
            })))
        };
        assert!(still_holds(&first, &found(5, true)), "within the band nothing moves");
        assert!(still_holds(&first, &found(2, false)));
        assert!(!still_holds(&first, &found(1, false)), "it would move what was not to be moved");
        let narrow = Step::RegisterScalableTarget {
            target: target.clone(),
            from: None,
            to: capacity(2),
            desired_count: 12,
            tags: vec![],
        };
        assert!(still_holds(&narrow, &found(12, false)));
        assert!(!still_holds(&narrow, &found(12, true)), "a scale-in waits for the deployment");
        let scale = Step::SetDesiredCount { service: service.clone(), from: 1, to: 2 };
        assert!(still_holds(&scale, &found(1, true)), "a scale-out does not wait");
        assert!(still_holds(&scale, &registered(2)), "into the band");
        assert!(!still_holds(&scale, &registered(1)), "the size is the autoscaler's");
        let step_in = |to| Step::SetDesiredCount { service: service.clone(), from: 12, to };
        assert!(still_holds(&step_in(10), &registered(1)), "a step on the way down");
        assert!(!still_holds(&step_in(8), &registered(1)), "below the band");
        assert!(!still_holds(&scale, &Answer::EcsService(ServiceLookup::ServiceMissing)));
        let policy = AppliedPolicy { name: "cpu".into(), kind: AppliedPolicyKind::Other("StepScaling".into()) };
        assert!(!still_holds(&scale, &Answer::ScalingPolicies(vec![policy])), "an answer to another question");
    }

    #[test]
    fn what_is_put_or_deleted_is_still_what_was_seen() {
        let scope =
            Scope { connection: "default".into(), account_id: "123456789012".into(), region: "eu-central-1".into() };
        let target = TargetId::from(ServiceId { scope, cluster: "app".into(), service: "web".into() });
        let action = |min| ScheduledAction {
            name: "morning".into(),
            schedule: "cron(0 6 * * ? *)".into(),
            time_zone: None,
            start_time: None,
            end_time: None,
            min_capacity: Some(min),
            max_capacity: None,
            created_at: None,
        };
        let there = |actions: &[ScheduledAction]| Answer::ScheduledActions(actions.to_vec());
        let put = |from: Option<i32>| Step::PutScheduledAction {
            target: target.clone(),
            from: from.map(|min| Box::new(action(min))),
            action: Box::new(action(5)),
        };
        assert!(still_holds(&put(None), &there(&[])));
        assert!(!still_holds(&put(None), &there(&[action(2)])), "somebody has put one of that name");
        assert!(still_holds(&put(Some(2)), &there(&[action(2)])));
        assert!(!still_holds(&put(Some(2)), &there(&[action(3)])));
        assert!(!still_holds(&put(Some(2)), &there(&[])), "somebody has deleted it");
        let delete = Step::DeleteScheduledAction { target: target.clone(), from: Box::new(action(2)) };
        assert!(still_holds(&delete, &there(&[action(2)])));
        assert!(!still_holds(&delete, &there(&[action(3)])), "it is another one by now");
        assert!(!still_holds(&delete, &there(&[])));
        let steps = |adjustment| StepScalingConfiguration {
            adjustment_type: "ChangeInCapacity".into(),
            steps: vec![StepAdjustment { lower: Some(0.0), upper: None, adjustment }],
            cooldown: None,
            min_adjustment_magnitude: None,
            metric_aggregation_type: None,
        };
        let kind = |adjustment, alarms| {
            AppliedPolicyKind::StepScaling(StepScaling { configuration: steps(adjustment), arn: None, alarms })
        };
        let policies = |kind| Answer::ScalingPolicies(vec![AppliedPolicy { name: "busy".into(), kind }]);
        let put = Step::PutStepScalingPolicy {
            target: target.clone(),
            name: "busy".into(),
            from: Some(Box::new(steps(1))),
            configuration: steps(2),
        };
        assert!(still_holds(&put, &policies(kind(1, 0))));
        assert!(still_holds(&put, &policies(kind(1, 1))), "an alarm that names it changes nothing of it");
        assert!(!still_holds(&put, &policies(kind(3, 0))));
        assert!(!still_holds(&put, &policies(AppliedPolicyKind::Other("PredictiveScaling".into()))));
        let delete = Step::DeleteScalingPolicy { target, name: "busy".into(), from: Box::new(kind(1, 0)) };
        assert!(still_holds(&delete, &policies(kind(1, 0))));
        assert!(!still_holds(&delete, &policies(kind(1, 1))), "by now an alarm uses it");
        assert_eq!(basis(&delete), changes(&delete));
    }
}
