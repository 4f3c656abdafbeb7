//! The API calls that are made, as data: what the budget counts, the simulator fakes and the tests assert on.

mod rds;

use std::collections::BTreeMap;

use runbook_core::Namespace;
use runbook_core::observed::{
    AppliedPolicy, CallerIdentity, Capacity, Database, DatabaseSnapshot, DbCluster, EcsService, Quota, ScalableTarget,
    ScheduledAction, StepScalingConfiguration, TargetTrackingConfiguration,
};

pub use self::rds::RdsCall;

/// One API call. The region and the credentials are the [`Scope`](runbook_core::Scope)'s it is made in.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// STS GetCallerIdentity.
    GetCallerIdentity,
    /// ECS DescribeServices with TAGS; at most 10 services. A missing cluster is an error of class `NotFound` with code
    /// `ClusterNotFoundException`.
    DescribeServices {
        /// Name of the cluster.
        cluster: String,
        /// Names of the services.
        services: Vec<String>,
    },
    /// ECS ListServices of one cluster: the ACTIVE services; pages of at most 100. A missing cluster is an error as above.
    ListServices {
        /// Name of the cluster.
        cluster: String,
        /// NextToken of the page before.
        next_token: Option<String>,
    },
    /// RDS DescribeDBClusters with a filter for these; pages of at most 100. A missing cluster is absent.
    DescribeDbClusters {
        /// DBClusterIdentifiers.
        clusters: Vec<String>,
        /// Marker of the page before.
        marker: Option<String>,
    },
    /// Application Auto Scaling DescribeScalableTargets for the namespace's dimension; at most 50 ids.
    DescribeScalableTargets {
        /// ServiceNamespace.
        namespace: Namespace,
        /// ResourceIds.
        resource_ids: Vec<String>,
        /// NextToken of the page before.
        next_token: Option<String>,
    },
    /// Application Auto Scaling DescribeScalingPolicies for one namespace; pages of at most 10.
    DescribeScalingPolicies {
        /// ServiceNamespace.
        namespace: Namespace,
        /// One ResourceId, or all.
        resource_id: Option<String>,
        /// NextToken of the page before.
        next_token: Option<String>,
    },
    /// Application Auto Scaling DescribeScheduledActions for one namespace; pages of at most 50.
    DescribeScheduledActions {
        /// ServiceNamespace.
        namespace: Namespace,
        /// One ResourceId, or all.
        resource_id: Option<String>,
        /// NextToken of the page before.
        next_token: Option<String>,
    },
    /// ECS UpdateService with desiredCount and nothing beside it.
    UpdateService {
        /// Name of the cluster.
        cluster: String,
        /// Name of the service.
        service: String,
        /// DesiredCount.
        desired_count: i32,
    },
    /// Application Auto Scaling RegisterScalableTarget for the dimension of the ResourceId's namespace.
    RegisterScalableTarget {
        /// ResourceId.
        resource_id: String,
        /// The limits.
        capacity: Capacity,
        /// Tags, for a first registration only.
        tags: Vec<(String, String)>,
    },
    /// Application Auto Scaling PutScalingPolicy of type TargetTrackingScaling.
    PutTargetTrackingPolicy {
        /// ResourceId.
        resource_id: String,
        /// PolicyName.
        name: String,
        /// The configuration.
        configuration: TargetTrackingConfiguration,
    },
    /// Application Auto Scaling PutScalingPolicy of type StepScaling.
    PutStepScalingPolicy {
        /// ResourceId.
        resource_id: String,
        /// PolicyName.
        name: String,
        /// The configuration.
        configuration: StepScalingConfiguration,
    },
    /// Application Auto Scaling DeleteScalingPolicy. One that is gone already is deleted.
    DeleteScalingPolicy {
        /// ResourceId.
        resource_id: String,
        /// PolicyName.
        name: String,
    },
    /// Application Auto Scaling PutScheduledAction, always with everything that the action says.
    PutScheduledAction {
        /// ResourceId.
        resource_id: String,
        /// The action.
        action: ScheduledAction,
    },
    /// Application Auto Scaling DeleteScheduledAction. One that is gone already is deleted.
    DeleteScheduledAction {
        /// ResourceId.
        resource_id: String,
        /// ScheduledActionName.
        name: String,
    },
    /// Application Auto Scaling ListTagsForResource of a scalable target.
    ListTagsForResource {
        /// ScalableTargetARN.
        arn: String,
    },
    /// Application Auto Scaling DeregisterScalableTarget for that dimension. One that is gone already is deregistered.
    DeregisterScalableTarget {
        /// ResourceId.
        resource_id: String,
    },
    /// A call of RDS about databases and their snapshots.
    Rds(RdsCall),
}

/// What AWS answered.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// To [`Call::GetCallerIdentity`].
    CallerIdentity(CallerIdentity),
    /// To [`Call::DescribeServices`]: those found, by the name that was asked for. Those missing are absent.
    Services(Vec<(String, EcsService)>),
    /// To [`Call::ListServices`].
    ServiceNames {
        /// Names, in AWS's order.
        names: Vec<String>,
        /// NextToken of the next page.
        next_token: Option<String>,
    },
    /// To [`Call::DescribeDbClusters`].
    DbClusters {
        /// Those found, by identifier.
        clusters: Vec<(String, DbCluster)>,
        /// Marker of the next page.
        marker: Option<String>,
    },
    /// To [`Call::DescribeScalableTargets`].
    ScalableTargets {
        /// By ResourceId.
        targets: Vec<(String, ScalableTarget)>,
        /// NextToken of the next page.
        next_token: Option<String>,
    },
    /// To [`Call::DescribeScalingPolicies`].
    ScalingPolicies {
        /// By ResourceId.
        policies: Vec<(String, AppliedPolicy)>,
        /// NextToken of the next page.
        next_token: Option<String>,
    },
    /// To [`Call::DescribeScheduledActions`].
    ScheduledActions {
        /// By ResourceId.
        actions: Vec<(String, ScheduledAction)>,
        /// NextToken of the next page.
        next_token: Option<String>,
    },
    /// To [`RdsCall::DescribeDatabases`].
    Databases {
        /// Those found, by identifier.
        databases: Vec<(String, Database)>,
        /// Marker of the next page.
        marker: Option<String>,
    },
    /// To [`RdsCall::DescribeSnapshots`].
    Snapshots {
        /// By the identifier of the database that they are of.
        snapshots: Vec<(String, DatabaseSnapshot)>,
        /// Marker of the next page.
        marker: Option<String>,
    },
    /// To [`RdsCall::DescribeAccountAttributes`]: by AccountQuotaName.
    Quotas(BTreeMap<String, Quota>),
    /// To [`Call::ListTagsForResource`].
    Tags(BTreeMap<String, String>),
    /// To a write.
    Done,
}

/// The API whose rate a call counts against, in one account and region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Api {
    /// Security Token Service.
    Sts,
    /// Elastic Container Service.
    Ecs,
    /// Relational Database Service.
    Rds,
    /// Application Auto Scaling.
    ApplicationAutoScaling,
    /// Simple Queue Service.
    Sqs,
}

/// What is known of a call while it is made: for its error, its measurement, its budget.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The API whose rate it counts against.
    pub api: Api,
    /// Name of the operation in AWS's API.
    pub operation: &'static str,
    /// What it is about.
    pub resource: String,
    /// Whether it changes anything.
    pub write: bool,
}

impl Call {
    /// What is known of it while it is made.
    pub fn request(&self) -> Request {
        let (api, operation, resource, write) = (self.api(), self.operation(), self.resource(), self.is_write());
        Request { api, operation, resource, write }
    }

    /// Name of the operation in AWS's API.
    pub fn operation(&self) -> &'static str {
        match self {
            Self::GetCallerIdentity => "GetCallerIdentity",
            Self::DescribeServices { .. } => "DescribeServices",
            Self::ListServices { .. } => "ListServices",
            Self::DescribeDbClusters { .. } => "DescribeDBClusters",
            Self::DescribeScalableTargets { .. } => "DescribeScalableTargets",
            Self::DescribeScalingPolicies { .. } => "DescribeScalingPolicies",
            Self::UpdateService { .. } => "UpdateService",
            Self::RegisterScalableTarget { .. } => "RegisterScalableTarget",
            Self::DescribeScheduledActions { .. } => "DescribeScheduledActions",
            Self::PutTargetTrackingPolicy { .. } | Self::PutStepScalingPolicy { .. } => "PutScalingPolicy",
            Self::DeleteScalingPolicy { .. } => "DeleteScalingPolicy",
            Self::PutScheduledAction { .. } => "PutScheduledAction",
            Self::DeleteScheduledAction { .. } => "DeleteScheduledAction",
            Self::ListTagsForResource { .. } => "ListTagsForResource",
            Self::DeregisterScalableTarget { .. } => "DeregisterScalableTarget",
            Self::Rds(call) => call.operation(),
        }
    }

    /// The API it counts against.
    pub fn api(&self) -> Api {
        match self {
            Self::GetCallerIdentity => Api::Sts,
            Self::DescribeServices { .. } | Self::ListServices { .. } | Self::UpdateService { .. } => Api::Ecs,
            Self::DescribeDbClusters { .. } | Self::Rds(_) => Api::Rds,
            Self::DescribeScalableTargets { .. }
            | Self::DescribeScalingPolicies { .. }
            | Self::DescribeScheduledActions { .. }
            | Self::RegisterScalableTarget { .. }
            | Self::PutTargetTrackingPolicy { .. }
            | Self::PutStepScalingPolicy { .. }
            | Self::DeleteScalingPolicy { .. }
            | Self::PutScheduledAction { .. }
            | Self::DeleteScheduledAction { .. }
            | Self::ListTagsForResource { .. }
            | Self::DeregisterScalableTarget { .. } => Api::ApplicationAutoScaling,
        }
    }

    /// Whether it changes anything.
    pub fn is_write(&self) -> bool {
        match self {
            Self::GetCallerIdentity
            | Self::DescribeServices { .. }
            | Self::ListServices { .. }
            | Self::DescribeDbClusters { .. }
            | Self::DescribeScalableTargets { .. }
            | Self::DescribeScalingPolicies { .. }
            | Self::DescribeScheduledActions { .. }
            | Self::ListTagsForResource { .. } => false,
            Self::UpdateService { .. }
            | Self::RegisterScalableTarget { .. }
            | Self::PutTargetTrackingPolicy { .. }
            | Self::PutStepScalingPolicy { .. }
            | Self::DeleteScalingPolicy { .. }
            | Self::PutScheduledAction { .. }
            | Self::DeleteScheduledAction { .. }
            | Self::DeregisterScalableTarget { .. } => true,
            Self::Rds(call) => call.is_write(),
        }
    }

    /// What it is about, for errors and the audit log.
    pub fn resource(&self) -> String {
        match self {
            Self::GetCallerIdentity => "the credentials".into(),
            Self::DescribeServices { cluster, services } => match services.as_slice() {
                [service] => format!("{cluster}/{service}"),
                _ => format!("{} services of cluster {cluster}", services.len()),
            },
            Self::ListServices { cluster, .. } => format!("the services of cluster {cluster}"),
            Self::DescribeDbClusters { clusters, .. } => match clusters.as_slice() {
                [cluster] => format!("DB cluster {cluster}"),
                _ => format!("{} DB clusters", clusters.len()),
            },
            Self::DescribeScalableTargets { resource_ids, .. } => match resource_ids.as_slice() {
                [id] => id.clone(),
                ids => format!("{} scalable targets", ids.len()),
            },
            Self::DescribeScalingPolicies { namespace, resource_id, .. }
            | Self::DescribeScheduledActions { namespace, resource_id, .. } => {
                resource_id.clone().unwrap_or_else(|| format!("all of {}", namespace.as_str()))
            }
            Self::UpdateService { cluster, service, .. } => format!("{cluster}/{service}"),
            Self::RegisterScalableTarget { resource_id, .. } | Self::DeregisterScalableTarget { resource_id } => {
                resource_id.clone()
            }
            Self::ListTagsForResource { arn } => arn.clone(),
            Self::Rds(call) => call.resource(),
            Self::PutTargetTrackingPolicy { resource_id, name, .. }
            | Self::PutStepScalingPolicy { resource_id, name, .. }
            | Self::DeleteScalingPolicy { resource_id, name }
            | Self::DeleteScheduledAction { resource_id, name } => format!("{name} of {resource_id}"),
            Self::PutScheduledAction { resource_id, action } => format!("{} of {resource_id}", action.name),
        }
    }
}

impl Api {
    /// As a label of a metric.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sts => "sts",
            Self::Ecs => "ecs",
            Self::Rds => "rds",
            Self::ApplicationAutoScaling => "application-autoscaling",
            Self::Sqs => "sqs",
        }
    }
}
