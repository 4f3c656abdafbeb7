//! `ScalingOverride`: a temporary change of one ScalingPolicy.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// Label of what was not written by people: `operator` for adopted scale-outs, `cli` for those of `kubectl runbook scale`. Such
/// objects are removed some days after they expired; those that come from Git are left, or Git would bring the emergency back.
pub const MADE_BY: &str = "ops.clocked.app/made-by";

/// A temporary change of one ScalingPolicy, with a reason and an end.
#[derive(CustomResource, Clone, Debug, PartialEq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ops.clocked.app",
    version = "v1alpha1",
    kind = "ScalingOverride",
    plural = "scalingoverrides",
    shortname = "svcoverride",
    category = "runbook",
    namespaced,
    status = "ScalingOverrideStatus",
    derive = "PartialEq",
    doc = "A temporary change of one ScalingPolicy of the same namespace, with a reason and an end: after expiresAt the policy holds again as it is written.",
    printcolumn(name = "Policy", type_ = "string", json_path = ".spec.policyRef.name"),
    printcolumn(name = "Active", type_ = "string", json_path = ".status.conditions[?(@.type==\"Active\")].status"),
    printcolumn(name = "State", type_ = "string", json_path = ".status.conditions[?(@.type==\"Active\")].reason"),
    printcolumn(name = "Changes", type_ = "string", json_path = ".status.changes"),
    printcolumn(name = "Expires", type_ = "string", json_path = ".spec.expiresAt"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".spec.reason"),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Active\")].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.atLeast) ? 1 : 0) + (has(self.exactly) ? 1 : 0) + (has(self.range) ? 1 : 0) == 1")
    .message("set exactly one of atLeast, exactly and range"))]
pub struct ScalingOverrideSpec {
    /// The policy that is changed, in the same namespace. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("policyRef cannot be changed: delete this override and create one for the other policy"))]
    pub policy_ref: PolicyRef,

    /// At least this many tasks. A service that is larger is never made smaller. With autoscaling the minimum is raised, and the
    /// maximum where it has to be, up to the policy's overrideCeiling.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 5000))]
    pub at_least: Option<i32>,

    /// Exactly this many tasks: minimum and maximum at once. 0 needs the policy's allowZero.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 5000))]
    pub exactly: Option<i32>,

    /// Another band.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<SizeRange>,

    /// Whether scheduled scaling is suspended meanwhile; restored afterwards. Unset: as the policy, or an older override, says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspend_scheduled: Option<bool>,

    /// When it ends, in RFC 3339: 2026-03-01T18:00:00Z. May be moved both ways.
    pub expires_at: Time,

    /// Why, for whoever meets it at night: at most 256 characters.
    #[schemars(length(max = 256))]
    #[x_kube(validation = Rule::new("self.matches('[^[:space:]]')").message("reason must say why the policy does not hold for now"))]
    pub reason: String,
}

/// Names a ScalingPolicy of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PolicyRef {
    /// Name of the ScalingPolicy.
    #[schemars(length(min = 1, max = 40))]
    pub name: String,
}

/// A band of sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.min <= self.max").message("min must not exceed max"))]
pub struct SizeRange {
    /// Never below. 0 needs the policy's allowZero.
    #[schemars(range(min = 0, max = 5000))]
    pub min: i32,
    /// Never above.
    #[schemars(range(min = 0, max = 5000))]
    pub max: i32,
}

/// Whether the override holds, and what it does.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScalingOverrideStatus {
    /// The generation of the spec that this status speaks of; -1 before the operator has looked at the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// Ready, Stalled, Reconciling and Active, which tells whether it holds: `Active`, `Expired`, `Superseded`, `PolicyNotFound`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// What it changes while it is active: `minCapacity 2 to 5`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub changes: Option<String>,
}
