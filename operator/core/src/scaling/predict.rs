//! What a step will have done: the facts as they are after it.

use jiff::Timestamp;

use super::input::Input;
use super::overrides::{Change, Override};
use crate::facts::{Answer, Facts};
use crate::ids::TargetId;
use crate::observed::db_cluster::MADE_BY_AUTOSCALING;
use crate::observed::{
    AppliedPolicy, AppliedPolicyKind, ClusterMember, DbCluster, EcsService, ScalableTarget, ScheduledAction,
    ServiceLookup, StepScaling,
};
use crate::query::Query;
use crate::step::Step;

/// Makes `facts` what they will be when `step` has been made.
pub fn predict(facts: &mut Facts, step: &Step) {
    let Some(target) = step.target() else { return };
    match step {
        Step::SetDesiredCount { to, .. } => set_desired(facts, &target, |_| *to),
        Step::RegisterScalableTarget { to, .. } => {
            set_desired(facts, &target, |desired| to.clamp(desired));
            let query = Query::ScalableTarget(target.clone());
            // A change leaves the target what it is; a first registration is later than every firing.
            let (arn, created_at) = match facts.get(&query) {
                Some(Ok(Answer::ScalableTarget(Some(before)))) => (before.arn.clone(), before.created_at),
                _ => (None, None),
            };
            facts.insert(query, Ok(Answer::ScalableTarget(Some(ScalableTarget { arn, capacity: *to, created_at }))));
        }
        Step::PutTargetTrackingPolicy { name, configuration, .. } => {
            set_policy(facts, &target, name, Some(AppliedPolicyKind::TargetTracking(configuration.clone())));
        }
        Step::PutStepScalingPolicy { name, configuration, .. } => {
            let (arn, alarms) = match policies(facts, &target).into_iter().find(|policy| policy.name == *name) {
                Some(AppliedPolicy { kind: AppliedPolicyKind::StepScaling(current), .. }) => {
                    (current.arn, current.alarms)
                }
                _ => (None, 0),
            };
            let kind = StepScaling { configuration: configuration.clone(), arn, alarms };
            set_policy(facts, &target, name, Some(AppliedPolicyKind::StepScaling(kind)));
        }
        Step::DeleteScalingPolicy { name, .. } => set_policy(facts, &target, name, None),
        Step::PutScheduledAction { from, action, .. } => {
            let created_at = from.as_ref().and_then(|from| from.created_at);
            let action = ScheduledAction { created_at, ..(**action).clone() };
            set_action(facts, &target, &action.name.clone(), Some(action));
        }
        Step::DeleteScheduledAction { from, .. } => set_action(facts, &target, &from.name, None),
        Step::DeregisterScalableTarget { .. } => {
            facts.insert(Query::ScalableTarget(target.clone()), Ok(Answer::ScalableTarget(None)));
            facts.insert(Query::ScalingPolicies(target.clone()), Ok(Answer::ScalingPolicies(Vec::new())));
            facts.insert(Query::ScheduledActions(target), Ok(Answer::ScheduledActions(Vec::new())));
        }
        // AWS stays as it is; see `predict_input`.
        Step::AdoptScaleOut { .. }
        | Step::VerifyBackup { .. }
        | Step::ExportDatabase { .. }
        | Step::Database(_)
        | Step::Export(_) => {}
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

fn policies(facts: &Facts, target: &TargetId) -> Vec<AppliedPolicy> {
    match facts.get(&Query::ScalingPolicies(target.clone())) {
        Some(Ok(Answer::ScalingPolicies(policies))) => policies.clone(),
        _ => Vec::new(),
    }
}

fn set_policy(facts: &mut Facts, target: &TargetId, name: &str, kind: Option<AppliedPolicyKind>) {
    let mut policies = policies(facts, target);
    policies.retain(|policy| policy.name != name);
    policies.extend(kind.map(|kind| AppliedPolicy { name: name.into(), kind }));
    facts.insert(Query::ScalingPolicies(target.clone()), Ok(Answer::ScalingPolicies(policies)));
}

fn set_action(facts: &mut Facts, target: &TargetId, name: &str, action: Option<ScheduledAction>) {
    let query = Query::ScheduledActions(target.clone());
    let mut actions = match facts.get(&query) {
        Some(Ok(Answer::ScheduledActions(actions))) => actions.clone(),
        _ => Vec::new(),
    };
    actions.retain(|action| action.name != name);
    actions.extend(action);
    facts.insert(query, Ok(Answer::ScheduledActions(actions)));
}

fn set_desired(facts: &mut Facts, target: &TargetId, size: impl Fn(i32) -> i32) {
    let query = Query::of_target(target);
    let answer = match facts.get(&query) {
        Some(Ok(Answer::EcsService(ServiceLookup::Found(service)))) => {
            let desired_count = size(service.desired_count);
            Answer::EcsService(ServiceLookup::Found(Box::new(EcsService { desired_count, ..(**service).clone() })))
        }
        Some(Ok(Answer::DbCluster(Some(cluster)))) => {
            let readers = size(cluster.scaled().desired_count);
            Answer::DbCluster(Some(with_readers(cluster, readers)))
        }
        _ => return,
    };
    facts.insert(query, Ok(answer));
}

/// The cluster with so many readers, as far as Application Auto Scaling makes and removes them.
fn with_readers(cluster: &DbCluster, wanted: i32) -> DbCluster {
    let mut cluster = cluster.clone();
    let wanted = usize::try_from(wanted).unwrap_or_default();
    while cluster.readers().count() > wanted {
        let own = |member: &ClusterMember| !member.is_writer && member.instance.starts_with(MADE_BY_AUTOSCALING);
        let Some(last) = cluster.members.iter().rposition(own) else { break };
        cluster.members.remove(last);
    }
    while cluster.readers().count() < wanted {
        let instance = format!("{MADE_BY_AUTOSCALING}{}", cluster.members.len());
        cluster.members.push(ClusterMember { instance, is_writer: false });
    }
    cluster
}
