//! `DatabaseRestore`: one restore into a new DB instance.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{AccountRef, HistoryEntry, PlanStatus};
use crate::duration::Duration;
use crate::run::Endpoint;
use crate::verification::{Check, VerificationStatus};

/// One restore into a new DB instance.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ops.clocked.app",
    version = "v1alpha1",
    kind = "DatabaseRestore",
    plural = "databaserestores",
    shortname = "dbrestore",
    namespaced,
    status = "DatabaseRestoreStatus",
    derive = "PartialEq",
    doc = "One restore into a new RDS DB instance: kept, or verified by SQL and deleted again. It never touches a database that exists. It runs once, like a Job: its spec cannot be changed, and what has ended is not looked at again. Deleting it leaves a kept database as it is, and deletes one that is being verified.",
    validation = Rule::new("self.metadata.name.size() <= 40").message("metadata.name must have at most 40 characters, because names in AWS are made from it"),
    printcolumn(name = "Database", type_ = "string", json_path = ".status.rdsInstance"),
    printcolumn(name = "Outcome", type_ = "string", json_path = ".spec.outcome"),
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Complete", type_ = "string", json_path = ".status.conditions[?(@.type==\"Complete\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Synced\")].reason"),
    printcolumn(name = "Endpoint", type_ = "string", json_path = ".status.endpoint.address", priority = 1),
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.accountRef.name", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Synced\")].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new(crate::run::IMMUTABLE)
    .message("spec cannot be changed: a restore runs once; create another DatabaseRestore"))]
#[x_kube(validation = Rule::new("(self.outcome == 'Keep') == has(self.target.rdsInstance)")
    .message("outcome: Keep needs target.rdsInstance, the identifier of the new DB instance; with outcome: Verify leave it out, because the instance is deleted again and named by the operator (rbv-…)"))]
#[x_kube(validation = Rule::new("(self.outcome == 'Verify') == has(self.verification)")
    .message("outcome: Verify needs verification.checks, the SQL that proves the backup; with outcome: Keep leave verification out"))]
pub struct DatabaseRestoreSpec {
    /// The AwsAccount to work in.
    #[serde(default)]
    pub account_ref: AccountRef,

    /// Region of what is restored, and of the new DB instance. Default: the first region of the AwsAccount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(crate::schema::REGION_RULE).message("region must be an AWS region code such as eu-central-1"))]
    pub region: Option<String>,

    /// What is restored.
    pub source: RestoreSource,

    /// What it is restored into.
    #[serde(default)]
    pub target: RestoreTarget,

    /// What becomes of the new DB instance.
    pub outcome: RestoreOutcome,

    /// How the restored database is verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
}

/// What is restored. Exactly one field must be set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(has(self.backupRef) ? 1 : 0) + (has(self.snapshotIdentifier) ? 1 : 0) + (has(self.pointInTime) ? 1 : 0) == 1")
    .message("say what is restored, and one thing only: source.backupRef, source.snapshotIdentifier or source.pointInTime"))]
pub struct RestoreSource {
    /// A DatabaseBackup of the same namespace that is Complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup_ref: Option<BackupRef>,
    /// Identifier of a DB snapshot, manual or automated (`rds:…`). The DB instance that it is of must be granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^(rds:)?[a-z](-?[a-z0-9])*$')")
        .message("snapshotIdentifier must be the identifier of a DB snapshot, not its ARN: a lower-case letter, then lower-case letters, digits and single hyphens; rds: before it where RDS took it"))]
    pub snapshot_identifier: Option<String>,
    /// A DB instance as it was at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub point_in_time: Option<PointInTime>,
}

/// Names a `DatabaseBackup` of the same namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupRef {
    /// Name of the DatabaseBackup.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A DB instance as it was at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PointInTime {
    /// Identifier of the DB instance.
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z](-?[a-z0-9])*$')")
        .message("rdsInstance must be the identifier of the DB instance, not its ARN: a lower-case letter, then lower-case letters, digits and single hyphens, none of them at the end"))]
    pub rds_instance: String,
    /// The time, within the retention of its automated backups. Default: the latest that it can be restored to (LatestRestorableTime).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Time>,
}

/// What is restored into. What is not set is as of the DB instance that the backup is of, while that exists; RDS's own defaults, a
/// public address and the default security group among them, are never taken.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RestoreTarget {
    /// Identifier of the new DB instance. There must be none of this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z](-?[a-z0-9])*$') && !self.startsWith('rbv-')")
        .message("rdsInstance must be a lower-case letter, then lower-case letters, digits and single hyphens, none of them at the end; not rbv-, which is kept for verifications"))]
    pub rds_instance: Option<String>,
    /// DBInstanceClass, as in `db.t4g.medium`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^db[.][a-z0-9-]+[.][a-z0-9]+$')").message("instanceClass must be a DB instance class such as db.t4g.medium"))]
    pub instance_class: Option<String>,
    /// DBSubnetGroupName: where in the VPC it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub subnet_group: Option<String>,
    /// VpcSecurityGroupIds: who may connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16), inner(length(max = 64)))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub security_groups: Option<Vec<String>>,
    /// DBParameterGroupName.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub parameter_group: Option<String>,
    /// OptionGroupName.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub option_group: Option<String>,
    /// MultiAZ. Default: false.
    #[serde(default, rename = "multiAZ")]
    pub multi_az: bool,
}

/// What becomes of the new DB instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RestoreOutcome {
    /// It is kept, and nobody here deletes it.
    Keep,
    /// It is asked by SQL whether the backup is good, and deleted, whatever came of it.
    Verify,
}

/// How a restored database is verified. It is asked as its master user, whose password is set anew for it and known to nobody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Verification {
    /// Name of the database to connect to. Default: the DBName of the instance, or `postgres`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub database: Option<String>,
    /// What is asked, in one read-only transaction. The backup is good if all of it is as expected.
    #[schemars(length(min = 1, max = 20))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub checks: Vec<Check>,
    /// The longest time that all checks together may take.
    #[serde(default = "ten_minutes")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1s') && duration(self) <= duration('1h')").message("checksTimeout must be from 1s to 1h"))]
    pub checks_timeout: Duration,
    /// How long after the restore was begun it is given up, and the instance deleted: large databases take hours.
    #[serde(default = "six_hours")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('10m') && duration(self) <= duration('72h')").message("timeout must be from 10m to 72h"))]
    pub timeout: Duration,
}

fn ten_minutes() -> Duration {
    Duration::new("10m")
}

fn six_hours() -> Duration {
    Duration::new("6h")
}

/// Where a restore stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum RestorePhase {
    /// Nothing was asked of AWS yet.
    Pending,
    /// RDS makes the DB instance.
    Restoring,
    /// The restored database is asked.
    Verifying,
    /// The DB instance is deleted.
    Deleting,
    /// It has done what it was for.
    Complete,
    /// It has ended without.
    Failed,
}

/// What came of a restore.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseRestoreStatus {
    /// The generation of the spec that this status speaks of; -1 before the operator has looked at the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// Ready, Synced, Stalled and Reconciling; Complete and Failed, as of a Job.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Value of the annotation `ops.clocked.app/reconcile-requested-at` that was last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub last_handled_reconcile_at: Option<String>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phase: Option<RestorePhase>,
    /// Identifier of the new DB instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub rds_instance: Option<String>,
    /// ARN of the new DB instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 600))]
    pub resource_arn: Option<String>,
    /// DBInstanceStatus of the new DB instance, as it was last seen: `creating`, `backing-up`, `available`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub instance_status: Option<String>,
    /// Where the restored database is reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<Endpoint>,
    /// Identifier of the snapshot that was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub snapshot_identifier: Option<String>,
    /// When AWS was first asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When the new DB instance was first seen to be available: what lies between the two is the time to restore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub available_time: Option<Time>,
    /// When the run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// What the restored database answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<VerificationStatus>,
    /// What would be written, where writing is not allowed; or is about to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// The last 20 acts, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<HistoryEntry>,
}
