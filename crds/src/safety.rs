//! What an account's owner holds back, whatever the policies say.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;

/// A time in which nothing is written but what a ScalingOverride asks for, and the snapshots of BackupPolicies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.from < self.to").message("a freeze must end after it begins: to must be later than from"))]
pub struct Freeze {
    /// When it begins, in RFC 3339: 2026-12-20T00:00:00Z.
    pub from: Time,
    /// When it ends.
    pub to: Time,
    /// Why, for whoever waits for a change: at most 256 characters.
    #[schemars(length(min = 1, max = 256))]
    pub reason: String,
}

/// How much may change how fast.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Safety {
    /// Services are made smaller in steps. Default: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scale_in_step: Option<ScaleInStep>,
    /// Percent of the account's targets that may be changed within an hour, rounded down, but at least one: a mistake in one commit does
    /// not reach all of them at once. What would be one too many is Stalled with BlastRadius. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub max_changed_targets_percent: Option<i32>,
    /// Snapshots that one BackupPolicy may delete within 24 hours: a retention that was written wrong does not delete all at once. The
    /// rest waits. Default: 20.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    pub max_deletes_per_day: Option<i32>,
}

/// The largest step by which a service is made smaller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScaleInStep {
    /// Percent of the present size, rounded down, but at least one task.
    #[schemars(range(min = 1, max = 100))]
    pub percent: i32,
    /// Least time between two steps.
    pub every: Duration,
}
