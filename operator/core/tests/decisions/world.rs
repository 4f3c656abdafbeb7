//! The one service that the tests are about.

use std::collections::BTreeMap;

use jiff::Timestamp;
use runbook_api::aws_account::{Grant, Verb};
use runbook_api::common::Mode;
use runbook_core::account::grants::Grants;
use runbook_core::account::{Access, Brakes};
use runbook_core::facts::Answer;
use runbook_core::ids::ObjectId;
use runbook_core::observed::{CallerIdentity, ClusterMember, DbCluster, Deployment, EcsService, ServiceLookup};
use runbook_core::query::TargetArn;
use runbook_core::{ClusterId, Facts, Query, Scope, ServiceId, TargetId};

pub const ACCOUNT: &str = "123456789012";
pub const NAMESPACE: &str = "clocked";

pub fn now() -> Timestamp {
    "2026-03-01T03:00:00Z".parse().unwrap()
}

pub fn scope() -> Scope {
    Scope { connection: "default".into(), account_id: ACCOUNT.into(), region: "eu-central-1".into() }
}

pub fn service_id() -> ServiceId {
    ServiceId { scope: scope(), cluster: "clocked-cluster".into(), service: "clocked-app-service".into() }
}

/// The cluster that the tests of Aurora Replicas are about.
pub fn cluster_id() -> ClusterId {
    ClusterId { scope: scope(), cluster: "clocked-db".into() }
}

/// A cluster with a writer, so many readers of Application Auto Scaling, and so many of others.
pub fn cluster(readers: i32, others: i32) -> DbCluster {
    let member = |instance: String| ClusterMember { is_writer: instance == "writer", instance };
    let made = (0..readers).map(|number| member(format!("application-autoscaling-{number}")));
    let others = (0..others).map(|number| member(format!("reader-{number}")));
    DbCluster {
        arn: cluster_id().arn(),
        status: "available".into(),
        engine: "aurora-postgresql".into(),
        members: std::iter::once(member("writer".into())).chain(made).chain(others).collect(),
        tags: BTreeMap::new(),
    }
}

pub fn policy_id() -> ObjectId {
    ObjectId { namespace: NAMESPACE.into(), name: "clocked-app".into() }
}

pub fn access(grants: &[Grant], mode: Mode) -> Access {
    Access { scope: scope(), grants: Grants::of("default", NAMESPACE, grants), mode, brakes: Brakes::default() }
}

pub fn everything_granted() -> Vec<Grant> {
    let resources =
        vec!["arn:aws:ecs:*:*:service/clocked-cluster/*".into(), "arn:aws:rds:*:*:cluster:clocked-db".into()];
    vec![Grant { namespaces: vec![NAMESPACE.into()], verbs: vec![Verb::Scale], resources }]
}

pub fn identity(account_id: &str) -> Answer {
    let arn = format!("arn:aws:sts::{account_id}:assumed-role/runbook/operator");
    Answer::CallerIdentity(CallerIdentity { account_id: account_id.into(), arn })
}

/// A steady rolling service.
pub fn service(desired: i32, running: i32) -> EcsService {
    EcsService {
        arn: service_id().arn(),
        status: "ACTIVE".into(),
        desired_count: desired,
        running_count: running,
        pending_count: 0,
        deployments: vec![deployment("PRIMARY", Some("COMPLETED"))],
        scheduling_strategy: "REPLICA".into(),
        deployment_controller: "ECS".into(),
        deployment_strategy: Some("ROLLING".into()),
        resource_management_type: None,
        tags: BTreeMap::new(),
    }
}

pub fn deployment(status: &str, rollout_state: Option<&str>) -> Deployment {
    Deployment {
        id: format!("ecs-svc/{status}"),
        status: status.into(),
        rollout_state: rollout_state.map(Into::into),
        desired_count: 1,
        running_count: 1,
        created_at: None,
    }
}

/// The questions that a plan about the service may ask, by their name.
pub fn queries() -> [(&'static str, Query); 5] {
    queries_of(&service_id().into())
}

/// The questions that a plan about a target may ask, by their name.
pub fn queries_of(target: &TargetId) -> [(&'static str, Query); 5] {
    let whole = match target {
        TargetId::EcsService(_) => "EcsService",
        TargetId::AuroraReplicas(_) => "DbCluster",
    };
    [
        ("CallerIdentity", Query::CallerIdentity(scope())),
        (whole, Query::of_target(target)),
        ("ScalableTarget", Query::ScalableTarget(target.clone())),
        ("ScalingPolicies", Query::ScalingPolicies(target.clone())),
        ("ScheduledActions", Query::ScheduledActions(target.clone())),
    ]
}

/// The scalable target's ARN, where it has one.
pub const TARGET_ARN: &str = "arn:aws:application-autoscaling:eu-central-1:123456789012:scalable-target/0ec5a1b2";

/// What a plan for a policy that is being deleted asks besides.
pub fn tags_query(target: &TargetId) -> Query {
    Query::ScalableTargetTags(TargetArn { target: target.clone(), arn: TARGET_ARN.into() })
}

/// The size of the service as the facts have it.
pub fn desired_count(facts: &Facts) -> Option<i32> {
    match facts.get(&Query::EcsService(service_id())) {
        Some(Ok(Answer::EcsService(ServiceLookup::Found(service)))) => Some(service.desired_count),
        _ => None,
    }
}
