//! Which questions share a call.

use runbook_core::{DatabaseKind, Namespace, Query, Scope};

use crate::call::Api;

/// Questions that one call can answer.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Group {
    /// STS GetCallerIdentity: one question.
    Identity(Scope),
    /// ECS DescribeServices: ten services of one cluster.
    Services(Scope, String),
    /// RDS DescribeDBClusters: fifty identifiers in a filter, whose answer fits on a page.
    Clusters(Scope),
    /// Application Auto Scaling DescribeScalableTargets: fifty ids.
    Targets(Scope, Namespace),
    /// Application Auto Scaling DescribeScalingPolicies: one id, or all of the namespace.
    Policies(Scope, Namespace),
    /// Application Auto Scaling DescribeScheduledActions: one id, or all of the namespace.
    Actions(Scope, Namespace),
    /// Application Auto Scaling ListTagsForResource: one scalable target.
    Tags(Scope),
    /// RDS DescribeDBInstances or DescribeDBClusters: as many identifiers in a filter as fit on a page.
    Databases(Scope, DatabaseKind),
    /// RDS DescribeDBSnapshots or DescribeDBClusterSnapshots: of one database, or of all.
    Snapshots(Scope, DatabaseKind),
    /// RDS DescribeDBSnapshots or DescribeDBClusterSnapshots with a filter: one snapshot.
    Snapshot(Scope, DatabaseKind),
    /// RDS DescribeDBInstances without a filter: one question.
    Instances(Scope),
    /// What is not asked of AWS, and never gets here.
    Elsewhere(Scope),
    /// RDS DescribeAccountAttributes: one question.
    Quotas(Scope),
}

impl Group {
    pub(super) fn of(query: &Query) -> Self {
        match query {
            Query::CallerIdentity(scope) => Self::Identity(scope.clone()),
            Query::EcsService(service) => Self::Services(service.scope.clone(), service.cluster.clone()),
            Query::DbCluster(cluster) => Self::Clusters(cluster.scope.clone()),
            Query::ScalableTarget(target) => Self::Targets(target.scope().clone(), target.namespace()),
            Query::ScalingPolicies(target) => Self::Policies(target.scope().clone(), target.namespace()),
            Query::ScheduledActions(target) => Self::Actions(target.scope().clone(), target.namespace()),
            Query::ScalableTargetTags(tagged) => Self::Tags(tagged.target.scope().clone()),
            Query::Database(database) => Self::Databases(database.scope.clone(), database.kind),
            Query::DatabaseSnapshots(database) => Self::Snapshots(database.scope.clone(), database.kind),
            Query::Snapshot(snapshot) => Self::Snapshot(snapshot.scope.clone(), snapshot.kind),
            Query::Credential(_) | Query::Sql(_) | Query::ExportJob(_) | Query::UsableSecret(_) => {
                Self::Elsewhere(query.scope().clone())
            }
            Query::VerificationInstances(scope) => Self::Instances(scope.clone()),
            Query::RdsQuotas(scope) => Self::Quotas(scope.clone()),
        }
    }

    pub(super) fn scope(&self) -> &Scope {
        match self {
            Self::Identity(scope)
            | Self::Services(scope, _)
            | Self::Clusters(scope)
            | Self::Targets(scope, _)
            | Self::Policies(scope, _)
            | Self::Actions(scope, _)
            | Self::Tags(scope)
            | Self::Databases(scope, _)
            | Self::Snapshots(scope, _)
            | Self::Snapshot(scope, _)
            | Self::Instances(scope)
            | Self::Elsewhere(scope)
            | Self::Quotas(scope) => scope,
        }
    }

    /// The namespace of Application Auto Scaling that it asks about; where it asks something else, that is no matter.
    pub(super) fn namespace(&self) -> Namespace {
        match self {
            Self::Targets(_, namespace) | Self::Policies(_, namespace) | Self::Actions(_, namespace) => *namespace,
            _ => Namespace::Ecs,
        }
    }

    pub(super) fn api(&self) -> Api {
        match self {
            Self::Identity(_) => Api::Sts,
            Self::Services(..) => Api::Ecs,
            Self::Clusters(_)
            | Self::Databases(..)
            | Self::Snapshots(..)
            | Self::Snapshot(..)
            | Self::Instances(_)
            | Self::Elsewhere(_)
            | Self::Quotas(_) => Api::Rds,
            Self::Targets(..) | Self::Policies(..) | Self::Actions(..) | Self::Tags(_) => Api::ApplicationAutoScaling,
        }
    }

    pub(super) fn operation(&self) -> &'static str {
        match self {
            Self::Identity(_) => "GetCallerIdentity",
            Self::Services(..) => "DescribeServices",
            Self::Clusters(_) => "DescribeDBClusters",
            Self::Targets(..) => "DescribeScalableTargets",
            Self::Policies(..) => "DescribeScalingPolicies",
            Self::Actions(..) => "DescribeScheduledActions",
            Self::Tags(_) => "ListTagsForResource",
            Self::Databases(_, DatabaseKind::Instance) | Self::Instances(_) => "DescribeDBInstances",
            Self::Databases(_, DatabaseKind::Cluster) => "DescribeDBClusters",
            Self::Snapshots(_, DatabaseKind::Instance) | Self::Snapshot(_, DatabaseKind::Instance) => {
                "DescribeDBSnapshots"
            }
            Self::Snapshots(_, DatabaseKind::Cluster) | Self::Snapshot(_, DatabaseKind::Cluster) => {
                "DescribeDBClusterSnapshots"
            }
            Self::Elsewhere(_) => "nothing",
            Self::Quotas(_) => "DescribeAccountAttributes",
        }
    }

    /// How many questions fit into one call (API References of Amazon ECS, Amazon RDS and Application Auto Scaling).
    pub(super) fn room(&self) -> usize {
        match self {
            Self::Identity(_)
            | Self::Policies(..)
            | Self::Actions(..)
            | Self::Tags(_)
            | Self::Snapshots(..)
            | Self::Snapshot(..)
            | Self::Instances(_)
            | Self::Elsewhere(_)
            | Self::Quotas(_) => 1,
            Self::Services(..) => 10,
            Self::Clusters(_) | Self::Targets(..) => 50,
            Self::Databases(..) => 100,
        }
    }
}

/// What a question is about, for errors.
pub(super) fn resource_of(query: &Query) -> String {
    match query {
        Query::CallerIdentity(scope) => format!("the credentials of AwsAccount {}", scope.connection),
        Query::EcsService(service) => service.to_string(),
        Query::DbCluster(cluster) => cluster.to_string(),
        Query::ScalableTarget(target) | Query::ScalingPolicies(target) | Query::ScheduledActions(target) => {
            target.resource_id()
        }
        Query::ScalableTargetTags(target) => target.arn.clone(),
        Query::Database(database) => database.to_string(),
        Query::DatabaseSnapshots(database) => format!("the snapshots of {database}"),
        Query::Snapshot(snapshot) => snapshot.to_string(),
        Query::Credential(database) => format!("the password of {database}"),
        Query::Sql(question) => question.database.to_string(),
        Query::VerificationInstances(scope) => format!("the DB instances in {}", scope.region),
        Query::ExportJob(object) => format!("Job {}", object.id),
        Query::UsableSecret(object) => format!("Secret {}", object.id),
        Query::RdsQuotas(scope) => format!("the quotas of RDS in {}", scope.region),
    }
}
