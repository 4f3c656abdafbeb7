//! Everything that a ScalingPolicy may ever ask or do, whatever AWS is like.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use runbook_api::common::DeletionPolicy;

use super::input::{Band, Deletion, Input, Size};
use super::plan;
use crate::facts::{Answer, Facts};
use crate::iam::Permission;
use crate::observed::db_cluster::MADE_BY_AUTOSCALING;
use crate::observed::{
    AppliedPolicy, AppliedPolicyKind, CallerIdentity, Capacity, ClusterMember, DbCluster, EcsService, ScalableTarget,
    ScheduledAction, ServiceLookup, StepScaling, TargetTrackingConfiguration, TrackedMetric,
};
use crate::query::Query;

/// What IAM must allow for the policy to be brought about and kept so, and to be deleted where it removes what it created: the permissions
/// of the questions and steps of the plans for every situation that makes a difference to which there are.
pub fn permissions(input: &Input) -> Vec<Permission> {
    let mut needed = BTreeSet::new();
    let kept = situations(input).into_iter().map(|situation| (with_deletion(input, None), situation));
    let gone = Some(Deletion::default());
    let deleting = deletions(input).into_iter().map(|situation| (with_deletion(input, gone.clone()), situation));
    for (input, situation) in kept.chain(deleting) {
        let mut facts = Facts::default();
        loop {
            let plan = plan(&input, &facts, Timestamp::UNIX_EPOCH);
            needed.extend(plan.needs.iter().flat_map(Query::permissions));
            needed.extend(plan.steps.iter().flat_map(|step| step.permissions()));
            if plan.needs.is_empty() {
                break;
            }
            for query in plan.needs {
                let answer = situation.answer(&input, &query);
                facts.insert(query, Ok(answer));
            }
        }
    }
    needed.into_iter().collect()
}

/// What AWS may be like: the service's size, the band that is registered, and what hangs on it.
struct Situation {
    desired_count: i32,
    registered: Option<Capacity>,
    policies: Vec<AppliedPolicy>,
    actions: Vec<ScheduledAction>,
}

fn situations(input: &Input) -> Vec<Situation> {
    // None that is declared is there, so that each is put; one is that is not, so that it is deleted where that is asked for.
    let situation = |desired_count, registered| Situation {
        desired_count,
        registered,
        policies: vec![foreign_policy()],
        actions: vec![foreign_action()],
    };
    match &input.size {
        Size::Fixed(replicas) => vec![situation(replicas + 1, None)],
        Size::Band(Band { capacity, .. }) => {
            let other = Capacity { max: capacity.max + 1, ..*capacity };
            vec![
                // Nothing is there yet; another band is; the size is outside the right one.
                situation(capacity.min, None),
                situation(capacity.min, Some(other)),
                situation(capacity.max + 1, Some(*capacity)),
            ]
        }
    }
}

/// What AWS may be like when the policy is deleted: everything is there as declared, alone or beside something of others.
fn deletions(input: &Input) -> Vec<Situation> {
    let (Size::Band(Band { capacity, tracking, step_scaling, scheduled, .. }), DeletionPolicy::Delete) =
        (&input.size, input.deletion_policy)
    else {
        return Vec::new();
    };
    let tracking = tracking.iter().map(|(name, configuration)| AppliedPolicy {
        name: name.clone(),
        kind: AppliedPolicyKind::TargetTracking(configuration.clone()),
    });
    let step_scaling = step_scaling.iter().map(|(name, configuration)| AppliedPolicy {
        name: name.clone(),
        kind: AppliedPolicyKind::StepScaling(StepScaling {
            configuration: configuration.clone(),
            arn: None,
            alarms: 0,
        }),
    });
    let policies: Vec<AppliedPolicy> = tracking.chain(step_scaling).collect();
    let actions: Vec<ScheduledAction> = scheduled.iter().map(|one| one.action.clone()).collect();
    let beside = policies.iter().cloned().chain([foreign_policy()]).collect();
    let situation = |policies| Situation {
        desired_count: capacity.min,
        registered: Some(*capacity),
        policies,
        actions: actions.clone(),
    };
    vec![situation(policies), situation(beside)]
}

fn with_deletion(input: &Input, deletion: Option<Deletion>) -> Input {
    Input { deletion, ..input.clone() }
}

impl Situation {
    fn answer(&self, input: &Input, query: &Query) -> Answer {
        match query {
            Query::CallerIdentity(scope) => {
                Answer::CallerIdentity(CallerIdentity { account_id: scope.account_id.clone(), arn: String::new() })
            }
            Query::EcsService(_) => {
                Answer::EcsService(ServiceLookup::Found(Box::new(steady(input, self.desired_count))))
            }
            Query::DbCluster(_) => Answer::DbCluster(Some(with_readers(input, self.desired_count))),
            Query::ScalableTarget(_) => {
                let target = |capacity| ScalableTarget { arn: Some(FOREIGN.into()), capacity, created_at: None };
                Answer::ScalableTarget(self.registered.map(target))
            }
            Query::ScalingPolicies(_) => Answer::ScalingPolicies(self.policies.clone()),
            Query::ScheduledActions(_) => Answer::ScheduledActions(self.actions.clone()),
            Query::ScalableTargetTags(_) => Answer::ScalableTargetTags(input.owner_tags.iter().cloned().collect()),
            // No plan for scaling asks these.
            Query::Database(_) => Answer::Database(None),
            Query::DatabaseSnapshots(_) => Answer::DatabaseSnapshots(Vec::new()),
            Query::Snapshot(_) => Answer::Snapshot(None),
            Query::Credential(_) => Answer::Credential(None),
            Query::Sql(_) => Answer::Sql(Ok(Vec::new())),
            Query::ExportJob(_) => Answer::ExportJob(None),
            Query::UsableSecret(_) => Answer::UsableSecret(None),
            Query::RdsQuotas(_) => Answer::RdsQuotas(BTreeMap::new()),
            Query::VerificationInstances(_) => Answer::VerificationInstances(BTreeMap::new()),
        }
    }
}

/// No schema lets this name through, so that nobody declares it.
const FOREIGN: &str = " ";

/// Of the kind that takes most to delete.
fn foreign_policy() -> AppliedPolicy {
    let metric = TrackedMetric::Predefined { metric_type: FOREIGN.into(), resource_label: None };
    let configuration = TargetTrackingConfiguration {
        metric,
        target_value: 1.0,
        scale_out_cooldown: None,
        scale_in_cooldown: None,
        disable_scale_in: false,
    };
    AppliedPolicy { name: FOREIGN.into(), kind: AppliedPolicyKind::TargetTracking(configuration) }
}

/// It sets no limit, so that it says nothing of which band is right.
fn foreign_action() -> ScheduledAction {
    ScheduledAction {
        name: FOREIGN.into(),
        schedule: "at(1970-01-01T00:00:00)".into(),
        time_zone: None,
        start_time: None,
        end_time: None,
        min_capacity: None,
        max_capacity: None,
        created_at: None,
    }
}

/// A cluster with so many readers, which can be scaled.
fn with_readers(input: &Input, readers: i32) -> DbCluster {
    let member = |number| ClusterMember { instance: format!("{MADE_BY_AUTOSCALING}{number}"), is_writer: number == 0 };
    DbCluster {
        arn: input.target.arn(),
        status: "available".into(),
        engine: "aurora-postgresql".into(),
        members: (0..=readers).map(member).collect(),
        tags: BTreeMap::new(),
    }
}

/// A service that can be scaled and is not being deployed.
fn steady(input: &Input, desired_count: i32) -> EcsService {
    EcsService {
        arn: input.target.arn(),
        status: "ACTIVE".into(),
        desired_count,
        running_count: desired_count,
        pending_count: 0,
        deployments: Vec::new(),
        scheduling_strategy: "REPLICA".into(),
        deployment_controller: "ECS".into(),
        deployment_strategy: None,
        resource_management_type: None,
        tags: BTreeMap::new(),
    }
}
