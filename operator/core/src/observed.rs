//! AWS's resources as far as a decision looks at them.

pub mod database;
pub mod db_cluster;
pub mod metric_math;
pub mod scheduled;
pub mod step_scaling;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::database::{BackupSettings, Database, DatabaseSnapshot, Endpoint, Instance, Quota, SnapshotOf};
pub use self::db_cluster::{ClusterMember, DbCluster};
pub use self::metric_math::{MetricDataQuery, MetricSource};
pub use self::scheduled::ScheduledAction;
pub use self::step_scaling::{StepAdjustment, StepScaling, StepScalingConfiguration};

/// Whose credentials are used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallerIdentity {
    /// Twelve digits.
    pub account_id: String,
    /// ARN of the user or assumed role.
    pub arn: String,
}

/// What DescribeServices said of one service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ServiceLookup {
    /// It exists.
    Found(Box<EcsService>),
    /// The cluster exists, the service does not (`failures[].reason` = `MISSING`).
    ServiceMissing,
    /// The cluster does not exist (`ClusterNotFoundException`).
    ClusterMissing,
}

/// An ECS service.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EcsService {
    /// ARN as ECS gives it.
    pub arn: String,
    /// `ACTIVE`, `DRAINING` or `INACTIVE`.
    pub status: String,
    /// Tasks that are to run.
    pub desired_count: i32,
    /// Tasks that run.
    pub running_count: i32,
    /// Tasks that start.
    pub pending_count: i32,
    /// Deployments, PRIMARY first. For CODE_DEPLOY, whose `deployments` are empty, its task sets.
    pub deployments: Vec<Deployment>,
    /// `REPLICA` or `DAEMON`.
    pub scheduling_strategy: String,
    /// `ECS`, `CODE_DEPLOY` or `EXTERNAL`.
    pub deployment_controller: String,
    /// `ROLLING`, `BLUE_GREEN`, `LINEAR` or `CANARY`, where ECS tells.
    pub deployment_strategy: Option<String>,
    /// `ECS` where the service is managed by ECS itself (Express), else `CUSTOMER` or absent.
    pub resource_management_type: Option<String>,
    /// Tags.
    pub tags: BTreeMap<String, String>,
}

impl EcsService {
    /// Whether a deployment is under way: more than one, or the PRIMARY one not yet completed. A failed one that is not rolled back
    /// has ended, and so has every deployment of which ECS tells no rolloutState once it is the only one.
    pub fn deployment_in_progress(&self) -> bool {
        self.deployments.len() > 1
            || self.deployments.iter().any(|deployment| deployment.rollout_state.as_deref() == Some("IN_PROGRESS"))
    }
}

/// What a decision about the size looks at, whatever it is that scales.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaled<'f> {
    /// ARN as AWS gives it.
    pub arn: &'f str,
    /// How large it is to be.
    pub desired_count: i32,
    /// How large it is.
    pub running_count: i32,
    /// How much of it is starting.
    pub pending_count: i32,
    /// Whether a deployment is under way.
    pub deploying: bool,
    /// How much of it Application Auto Scaling never takes away.
    pub permanent: i32,
    /// Tags.
    pub tags: &'f BTreeMap<String, String>,
}

impl Scaled<'_> {
    /// The size that Application Auto Scaling makes of it when these limits are registered.
    pub fn within(&self, capacity: &Capacity) -> i32 {
        capacity.clamp(self.desired_count).max(self.permanent)
    }
}

impl EcsService {
    /// As a decision about its size looks at it.
    pub fn scaled(&self) -> Scaled<'_> {
        Scaled {
            arn: &self.arn,
            desired_count: self.desired_count,
            running_count: self.running_count,
            pending_count: self.pending_count,
            deploying: self.deployment_in_progress(),
            permanent: 0,
            tags: &self.tags,
        }
    }
}

/// One deployment of a service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Deployment {
    /// `ecs-svc/…`.
    pub id: String,
    /// `PRIMARY`, `ACTIVE` or `INACTIVE`.
    pub status: String,
    /// `IN_PROGRESS`, `COMPLETED` or `FAILED`; only for rolling updates without a classic load balancer.
    pub rollout_state: Option<String>,
    /// Tasks that are to run.
    pub desired_count: i32,
    /// Tasks that run.
    pub running_count: i32,
    /// When it began.
    pub created_at: Option<Timestamp>,
}

/// The limits of a scalable target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// MinCapacity.
    pub min: i32,
    /// MaxCapacity.
    pub max: i32,
    /// SuspendedState.
    pub suspended: Suspended,
}

impl Capacity {
    /// The size that Application Auto Scaling makes of `desired` when the limits are registered.
    pub fn clamp(&self, desired: i32) -> i32 {
        desired.min(self.max).max(self.min)
    }
}

/// SuspendedState of a scalable target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Suspended {
    /// DynamicScalingInSuspended.
    pub dynamic_scaling_in: bool,
    /// DynamicScalingOutSuspended.
    pub dynamic_scaling_out: bool,
    /// ScheduledScalingSuspended.
    pub scheduled_scaling: bool,
}

/// A scalable target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ScalableTarget {
    /// ScalableTargetARN; absent on targets registered before ARNs existed.
    pub arn: Option<String>,
    /// The limits.
    pub capacity: Capacity,
    /// CreationTime: when it was registered for the first time. Scheduled actions fired on it since then.
    pub created_at: Option<Timestamp>,
}

/// A scaling policy of a scalable target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AppliedPolicy {
    /// PolicyName.
    pub name: String,
    /// What it does.
    pub kind: AppliedPolicyKind,
}

/// What a scaling policy does.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum AppliedPolicyKind {
    /// TargetTrackingScaling.
    TargetTracking(TargetTrackingConfiguration),
    /// StepScaling.
    StepScaling(StepScaling),
    /// Any other PolicyType, by its name in AWS.
    Other(String),
}

impl AppliedPolicyKind {
    /// PolicyType.
    pub fn type_name(&self) -> &str {
        match self {
            Self::TargetTracking(_) => "TargetTrackingScaling",
            Self::StepScaling(_) => "StepScaling",
            Self::Other(name) => name,
        }
    }
}

/// A TargetTrackingScalingPolicyConfiguration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TargetTrackingConfiguration {
    /// The metric.
    pub metric: TrackedMetric,
    /// TargetValue.
    pub target_value: f64,
    /// ScaleOutCooldown in seconds.
    pub scale_out_cooldown: Option<i32>,
    /// ScaleInCooldown in seconds.
    pub scale_in_cooldown: Option<i32>,
    /// DisableScaleIn.
    pub disable_scale_in: bool,
}

impl TargetTrackingConfiguration {
    /// The settings as AWS names them, each with its value; cooldowns that are not set are AWS's default.
    fn settings(&self) -> [(&'static str, String); 5] {
        let cooldown = |value: Option<i32>| format!("{} s", value.unwrap_or(DEFAULT_COOLDOWN));
        [
            ("metric", self.metric.to_string()),
            ("targetValue", self.target_value.to_string()),
            ("scaleOutCooldown", cooldown(self.scale_out_cooldown)),
            ("scaleInCooldown", cooldown(self.scale_in_cooldown)),
            ("disableScaleIn", self.disable_scale_in.to_string()),
        ]
    }

    /// What is different from `other`, for a person: `targetValue from 75 to 60`.
    pub fn changes_from(&self, other: &Self) -> Vec<String> {
        let pairs = self.settings().into_iter().zip(other.settings());
        pairs
            .filter(|(new, old)| new != old)
            .map(|((name, new), (_, old))| format!("{name} from {old} to {new}"))
            .collect()
    }
}

impl fmt::Display for TargetTrackingConfiguration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} at {}", self.metric, self.target_value)
    }
}

/// AWS's default cooldown for ECS services and Aurora clusters, in seconds (Application Auto Scaling API Reference,
/// TargetTrackingScalingPolicyConfiguration): what an absent cooldown means on either side.
pub const DEFAULT_COOLDOWN: i32 = 300;

/// The metric that a target tracking policy follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TrackedMetric {
    /// PredefinedMetricSpecification.
    Predefined {
        /// PredefinedMetricType.
        metric_type: String,
        /// ResourceLabel.
        resource_label: Option<String>,
    },
    /// CustomizedMetricSpecification of one metric.
    Customized {
        /// Namespace.
        namespace: String,
        /// MetricName.
        metric_name: String,
        /// Dimensions.
        dimensions: BTreeMap<String, String>,
        /// Statistic.
        statistic: String,
        /// Unit.
        unit: Option<String>,
    },
    /// CustomizedMetricSpecification with metric math. Without any query: a specification that is none of these.
    MetricMath(Vec<MetricDataQuery>),
}

impl fmt::Display for TrackedMetric {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Predefined { metric_type, resource_label: None } => formatter.write_str(metric_type),
            Self::Predefined { metric_type, resource_label: Some(label) } => {
                write!(formatter, "{metric_type} of {label}")
            }
            Self::Customized { namespace, metric_name, dimensions, statistic, unit } => {
                write!(formatter, "{statistic} of {namespace} {metric_name}")?;
                if !dimensions.is_empty() {
                    let dimensions: Vec<String> =
                        dimensions.iter().map(|(name, value)| format!("{name}={value}")).collect();
                    write!(formatter, "{{{}}}", dimensions.join(","))?;
                }
                unit.as_ref().map_or(Ok(()), |unit| write!(formatter, " in {unit}"))
            }
            Self::MetricMath(queries) => formatter.write_str(&metric_math::summary(queries)),
        }
    }
}
