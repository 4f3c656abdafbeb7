//! What becomes of a policy's snapshots, as its status tells it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

/// What becomes of the snapshots of a policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RetentionStatus {
    /// How many snapshots of this policy there are.
    #[schemars(range(min = 0))]
    pub snapshots: i32,
    /// Snapshots that the rules keep no longer, the next to be deleted first; at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub next_deletions: Vec<PlannedDeletion>,
}

/// A snapshot that is going to be deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlannedDeletion {
    /// Identifier of the snapshot.
    #[schemars(length(max = 255))]
    pub snapshot_identifier: String,
    /// When it may be deleted.
    pub time: Time,
}
