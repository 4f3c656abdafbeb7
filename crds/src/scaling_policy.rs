//! `ScalingPolicy`: how one ECS service scales, or the Aurora Replicas of one cluster.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::common::{AccountRef, DeletionPolicy, HistoryEntry, Mode, PlanStatus};
use crate::drift::Drift;
use crate::scheduled::{ScheduledActionSpec, Window};
use crate::step_scaling::StepScaling;
pub use crate::target_tracking::{CustomizedMetric, DimensionValue, PredefinedMetric, Statistic, TargetTracking};

/// How one ECS service scales, or the Aurora Replicas of one cluster: a fixed size, or a band in which AWS's autoscaler is free to move.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ops.clocked.app",
    version = "v1alpha1",
    kind = "ScalingPolicy",
    plural = "scalingpolicies",
    shortname = "svcscale",
    category = "runbook",
    namespaced,
    status = "ScalingPolicyStatus",
    derive = "PartialEq",
    doc = "How one ECS service scales, or the Aurora Replicas of one cluster: a fixed size, or a band in which AWS's autoscaler is free to move. The operator brings it there and keeps it there.",
    scale(spec_replicas_path = ".spec.replicas", status_replicas_path = ".status.replicas", label_selector_path = ".status.selector"),
    validation = Rule::new("self.metadata.name.size() <= 40").message("metadata.name must have at most 40 characters, because names in AWS are made from it"),
    printcolumn(name = "Service", type_ = "string", json_path = ".spec.target['ecsService.service','auroraReplicas.cluster']"),
    printcolumn(name = "Min", type_ = "integer", json_path = ".status.observed.minCapacity"),
    printcolumn(name = "Max", type_ = "integer", json_path = ".status.observed.maxCapacity"),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".status.observed.desiredCount"),
    printcolumn(name = "Running", type_ = "integer", json_path = ".status.observed.runningCount"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Synced", type_ = "string", json_path = ".status.conditions[?(@.type==\"Synced\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Synced\")].reason"),
    printcolumn(name = "Cluster", type_ = "string", json_path = ".spec.target['ecsService.cluster','auroraReplicas.cluster']", priority = 1),
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.accountRef.name", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Synced\")].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.replicas) || has(self.autoscaling)")
    .message("say how the service scales: set replicas to a fixed number, or autoscaling with minCapacity and maxCapacity"))]
#[x_kube(validation = Rule::new("has(self.autoscaling) || !has(self.replicas) || self.replicas > 0 || self.allowZero")
    .message("replicas: 0 stops the service; set allowZero: true if that is meant"))]
#[x_kube(validation = Rule::new("!has(self.autoscaling) || self.autoscaling.maxCapacity > 0 || self.allowZero || has(self.target.auroraReplicas)")
    .message("maxCapacity: 0 stops the service; set allowZero: true if that is meant"))]
#[x_kube(validation = Rule::new("!has(self.autoscaling) || self.autoscaling.minCapacity > 0 || self.allowZero || has(self.target.auroraReplicas)")
    .message("minCapacity: 0 lets the service go down to nothing; set allowZero: true if that is meant"))]
#[x_kube(validation = Rule::new("has(self.region) == has(oldSelf.region) && (!has(self.region) || self.region == oldSelf.region)")
    .message("region cannot be changed: delete this policy and create one for the other region"))]
#[x_kube(validation = Rule::new("!has(self.target.auroraReplicas) || !has(self.replicas)")
    .message("Aurora Replicas have no desired count of their own: write autoscaling instead of replicas, with minCapacity and maxCapacity the same for a fixed number"))]
#[x_kube(validation = Rule::new("!has(self.target.auroraReplicas) || !has(self.drift)")
    .message("drift is about the desired count of an ECS service: leave it out; Application Auto Scaling brings Aurora Replicas back into the band, and never removes those that somebody else created"))]
#[x_kube(validation = Rule::new("!has(self.target.auroraReplicas) || !self.takeOwnership")
    .message("takeOwnership is about an ECS service's template, and no template says how many Aurora Replicas there are: leave it out"))]
#[x_kube(validation = Rule::new("!has(self.target.auroraReplicas) || !has(self.overrideCeiling) || self.overrideCeiling <= 15")
    .message("a cluster has at most 15 Aurora Replicas: write an overrideCeiling of 15 or less"))]
#[x_kube(validation = Rule::new("!has(self.target.auroraReplicas) || !has(self.autoscaling) || self.autoscaling.maxCapacity <= 15 && (!has(self.autoscaling.windows) || self.autoscaling.windows.all(w, w.maxCapacity <= 15)) && (!has(self.autoscaling.scheduledActions) || self.autoscaling.scheduledActions.all(a, (!has(a.minCapacity) || a.minCapacity <= 15) && (!has(a.maxCapacity) || a.maxCapacity <= 15)))")
    .message("a cluster has at most 15 Aurora Replicas: write a maxCapacity of 15 or less, here and in windows and scheduledActions"))]
#[x_kube(validation = Rule::new("!has(self.autoscaling) || !has(self.autoscaling.targetTracking) || self.autoscaling.targetTracking.all(t, !has(t.predefinedMetric) || t.predefinedMetric.startsWith('RDSReader') == has(self.target.auroraReplicas))")
    .message("predefinedMetric must be one of the target's kind: RDSReaderAverageCPUUtilization or RDSReaderAverageDatabaseConnections for auroraReplicas, the others for ecsService"))]
pub struct ScalingPolicySpec {
    /// The AwsAccount to work in. Immutable.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("accountRef cannot be changed: delete this policy and create one for the other account"))]
    pub account_ref: AccountRef,

    /// What scales. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("target cannot be changed: delete this policy and create one for the other service or cluster"))]
    pub target: ScalingTarget,

    /// Region of the target. Default: the first region of the AwsAccount. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(crate::schema::REGION_RULE).message("region must be an AWS region code such as eu-central-1"))]
    pub region: Option<String>,

    /// Enforce, or Observe: nothing is written and `status.plan` says what would be.
    #[serde(default)]
    pub mode: Mode,

    /// Stop acting on the service, and give up the claim on it, until set back to false.
    #[serde(default)]
    pub suspend: bool,

    /// What becomes of AWS when this policy is deleted. Retain: it stays as it is. Delete: the scalable target that the operator
    /// registered is removed first, with its scaling policies and scheduled actions; desiredCount stays. What others made is never removed.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// A fixed number of tasks. `kubectl scale` sets it. Ignored, and said to be, where `autoscaling` is set. Not for Aurora Replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 5000))]
    pub replicas: Option<i32>,

    /// A band in which Application Auto Scaling is free to move the service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub autoscaling: Option<Autoscaling>,

    /// Allow a size of zero: without it neither replicas, minCapacity nor maxCapacity may be 0. Aurora Replicas need no leave: the
    /// writer goes on.
    #[serde(default)]
    pub allow_zero: bool,

    /// Scale a service although its tags say that CloudFormation manages it: set it once the template no longer says its size. Not for Aurora Replicas.
    #[serde(default)]
    pub take_ownership: bool,

    /// What is done about a size that somebody else has set in AWS. Default: a larger one is adopted for an hour, a smaller one corrected.
    /// Not for Aurora Replicas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drift: Option<Drift>,

    /// How far a ScalingOverride may raise the size. Default: with autoscaling maxCapacity, so not above it; without, as far as it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub override_ceiling: Option<i32>,
}

/// What scales. Exactly one field must be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.ecsService) != has(self.auroraReplicas)")
    .message("name what scales, and one thing only: target.ecsService with cluster and service, or target.auroraReplicas with cluster"))]
pub struct ScalingTarget {
    /// An ECS service, by the number of its tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ecs_service: Option<EcsServiceRef>,
    /// The Aurora Replicas of a DB cluster, by their number. The writer is none of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aurora_replicas: Option<AuroraReplicasRef>,
}

/// The Aurora Replicas of a DB cluster, by its identifier.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuroraReplicasRef {
    /// Identifier of the DB cluster (not its ARN), in lower case as RDS keeps it.
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z](-?[a-z0-9])*$')")
        .message("cluster must be the identifier of the DB cluster, not its ARN: a lower-case letter, then lower-case letters, digits and single hyphens, none of them at the end"))]
    pub cluster: String,
}

/// An ECS service, by the names of its cluster and of itself.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct EcsServiceRef {
    /// Name of the cluster (not its ARN).
    #[schemars(length(max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_-]+$')").message("cluster must be the cluster's name, not its ARN: letters, digits, hyphens and underscores"))]
    pub cluster: String,
    /// Name of the service (not its ARN).
    #[schemars(length(max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_-]+$')").message("service must be the service's name, not its ARN: letters, digits, hyphens and underscores"))]
    pub service: String,
}

/// A band and what moves the service in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.minCapacity <= self.maxCapacity").message("minCapacity must not exceed maxCapacity"))]
pub struct Autoscaling {
    /// The autoscaler never goes below.
    #[schemars(range(min = 0, max = 5000))]
    pub min_capacity: i32,
    /// The autoscaler never goes above.
    #[schemars(range(min = 0, max = 5000))]
    pub max_capacity: i32,
    /// Which activities of the autoscaler are suspended. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<SuspendedState>,
    /// Target tracking policies: keep a metric near a value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    #[x_kube(validation = Rule::new("self.all(a, !has(a.predefinedMetric) || self.exists_one(b, has(b.predefinedMetric) && b.predefinedMetric == a.predefinedMetric && (!has(a.resourceLabel) || !has(b.resourceLabel) || b.resourceLabel == a.resourceLabel)))")
        .message("AWS takes one target tracking policy for each metric: merge the entries that name the same predefinedMetric"))]
    pub target_tracking: Vec<TargetTracking>,
    /// Step scaling policies: change the size in steps when an alarm of yours goes off.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub step_scaling: Vec<StepScaling>,
    /// Windows: bands that begin and end. Outside them minCapacity and maxCapacity hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub windows: Vec<Window>,
    /// Scheduled actions as AWS knows them: each changes a limit and changes nothing back. Rather use windows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub scheduled_actions: Vec<ScheduledActionSpec>,
    /// Delete scaling policies and scheduled actions of the service that are not declared here. Without it they are reported.
    #[serde(default)]
    pub prune: bool,
}

/// Activities of the autoscaler that are suspended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SuspendedState {
    /// No scale-in by target tracking or step scaling.
    #[serde(default)]
    pub dynamic_scaling_in: bool,
    /// No scale-out by target tracking or step scaling.
    #[serde(default)]
    pub dynamic_scaling_out: bool,
    /// No scheduled actions.
    #[serde(default)]
    pub scheduled_scaling: bool,
}

/// What the operator found and did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalingPolicyStatus {
    /// The generation of the spec that this status speaks of; -1 before the operator has looked at the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// Ready, Synced, Stalled and Reconciling; and Contested once somebody has kept undoing corrections.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Value of the annotation `ops.clocked.app/reconcile-requested-at` that was last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub last_handled_reconcile_at: Option<String>,
    /// ARN of the service or the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 600))]
    pub resource_arn: Option<String>,
    /// Tasks that run, or Aurora Replicas, for `kubectl scale` and the HorizontalPodAutoscaler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub replicas: Option<i32>,
    /// A selector that matches no pod of another, for the HorizontalPodAutoscaler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub selector: Option<String>,
    /// The service and its scalable target as AWS last showed them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<ObservedScaling>,
    /// What would be written, where writing is not allowed; or is about to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// The last 20 acts, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<HistoryEntry>,
    /// The overrides that hold now, newest first; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub overrides: Vec<ActiveOverride>,
    /// The size that the service was last seen to follow. What differs from it later was changed by somebody else, in AWS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub followed: Option<FollowedSize>,
}

/// An override that holds now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ActiveOverride {
    /// Name of the ScalingOverride.
    #[schemars(length(max = 253))]
    pub name: String,
    /// When it ends.
    pub expires_at: Time,
    /// What it changes: `minCapacity 2 to 5`.
    #[schemars(length(max = 256))]
    pub changes: String,
}

/// A size that a service followed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct FollowedSize {
    /// Not below.
    #[schemars(range(min = 0))]
    pub minimum: i32,
    /// Not above. Absent: however large it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub maximum: Option<i32>,
    /// Since when.
    pub since: Time,
}

/// The service and its scalable target as AWS showed them. Written at most every 30 seconds unless something else changed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObservedScaling {
    /// Tasks that ECS is to run; Aurora Replicas of the cluster.
    #[schemars(range(min = 0))]
    pub desired_count: i32,
    /// Tasks that run; Aurora Replicas of the cluster.
    #[schemars(range(min = 0))]
    pub running_count: i32,
    /// Tasks that are starting.
    #[schemars(range(min = 0))]
    pub pending_count: i32,
    /// minCapacity of the scalable target, where one is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub min_capacity: Option<i32>,
    /// maxCapacity of the scalable target, where one is registered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_capacity: Option<i32>,
}
