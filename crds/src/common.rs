//! What all kinds share: references, modes, conditions, history.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Whether the operator writes to AWS or only says what it would write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Mode {
    /// AWS is brought in line with the spec and kept there.
    #[default]
    Enforce,
    /// Nothing is written; `status.plan` says what would be.
    Observe,
}

/// What becomes of what the operator created in AWS when the object is deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum DeletionPolicy {
    /// AWS stays as it is.
    #[default]
    Retain,
    /// What the operator created is removed first. What others created, or nobody can tell, stays.
    Delete,
}

/// Names the `AwsAccount` (cluster-scoped) that a policy works in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AccountRef {
    /// Name of the AwsAccount.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
}

impl Default for AccountRef {
    fn default() -> Self {
        Self { name: "default".into() }
    }
}

/// One act that the operator made or tried to make.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct HistoryEntry {
    /// When the act was made.
    pub time: Time,
    /// Name of the step, as in `plan` and in the metrics: `SetDesiredCount`.
    #[schemars(length(max = 64))]
    pub step: String,
    /// The step in one line: `set desiredCount of clocked-cluster/clocked-app-service from 2 to 4`.
    #[schemars(length(max = 512))]
    pub description: String,
    /// What it changed, by name: the scaling policy, the scheduled action, the snapshot; else what scales, or the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub resource: Option<String>,
    /// The size before, of an act that changed the size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub from: Option<i32>,
    /// The size afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub to: Option<i32>,
    /// Why it was made: `Drift`, `SpecChanged`, `Override`, `Deletion`, `Schedule`, `Retention`.
    #[schemars(length(max = 256))]
    pub reason: String,
    /// `Succeeded`, or the class of the error; `Unknown` where whoever was about to make it ended before it could tell: it may have been made.
    #[schemars(length(max = 64))]
    pub outcome: String,
    /// AWS's id of the request, to be found again in CloudTrail and quoted to AWS support.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub request_id: Option<String>,
}

/// One step that would be or is about to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// Name of the step: `SetDesiredCount`.
    #[schemars(length(max = 64))]
    pub step: String,
    /// The step in one line.
    #[schemars(length(max = 512))]
    pub description: String,
    /// What it changes of a database: the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub resource: Option<String>,
    /// The size before, of a step that changes the size.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub from: Option<i32>,
    /// The size afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub to: Option<i32>,
}

/// What the operator would write, when it may not (Observe, suspended, denied) or is about to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanStatus {
    /// The steps, in the order in which they would be made; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub steps: Vec<PlannedStep>,
    /// How many further steps there are beyond those listed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub omitted: Option<i32>,
}

/// Condition types and the reasons that go with them: one vocabulary for all kinds.
pub mod condition {
    /// The resource is as declared, or was when AWS could last be read.
    pub const READY: &str = "Ready";
    /// AWS is in line with the spec.
    pub const SYNCED: &str = "Synced";
    /// Nothing will change until a person acts.
    pub const STALLED: &str = "Stalled";
    /// The operator is working towards the spec.
    pub const RECONCILING: &str = "Reconciling";
    /// Somebody keeps undoing what the operator puts right, which is slower each time.
    pub const CONTESTED: &str = "Contested";
    /// Whether the last restore of a backup that was asked was as expected.
    pub const VERIFIED: &str = "Verified";
    /// Whether the last export of each schedule was made.
    pub const EXPORTED: &str = "Exported";
}
