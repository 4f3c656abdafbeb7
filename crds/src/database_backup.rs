//! `DatabaseBackup`: one snapshot of an RDS DB instance or an Aurora DB cluster, taken now; or one export of a PostgreSQL database to S3.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use crate::backup_policy::DatabaseSource;
use crate::common::{AccountRef, DeletionPolicy, HistoryEntry, PlanStatus};
use crate::export::{DatabaseExport, ExportStatus};

/// One snapshot of an RDS DB instance or an Aurora DB cluster, taken now; or one export of a PostgreSQL database to S3.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ops.clocked.app",
    version = "v1alpha1",
    kind = "DatabaseBackup",
    plural = "databasebackups",
    shortname = "dbbackup",
    namespaced,
    status = "DatabaseBackupStatus",
    derive = "PartialEq",
    doc = "One snapshot of an RDS DB instance or an Aurora DB cluster, or with export one export of a PostgreSQL database to S3, made as soon as the object is created. It runs once, like a Job: its spec cannot be changed, and what has ended is not looked at again. Deleting it leaves the snapshot, unless deletionPolicy is Delete, and always the export.",
    printcolumn(name = "Database", type_ = "string", json_path = ".spec.source['rdsInstance','rdsCluster']"),
    printcolumn(name = "Snapshot", type_ = "string", json_path = ".status.snapshotIdentifier"),
    printcolumn(name = "Complete", type_ = "string", json_path = ".status.conditions[?(@.type==\"Complete\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Synced\")].reason"),
    printcolumn(name = "Taken", type_ = "date", json_path = ".status.snapshotCreateTime"),
    printcolumn(name = "Export", type_ = "string", json_path = ".status.export.location", priority = 1),
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.accountRef.name", priority = 1),
    printcolumn(
        name = "Message",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Synced\")].message",
        priority = 1
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.region) == has(oldSelf.region) && (!has(self.region) || self.region == oldSelf.region) && has(self.snapshotIdentifier) == has(oldSelf.snapshotIdentifier) && (!has(self.snapshotIdentifier) || self.snapshotIdentifier == oldSelf.snapshotIdentifier)")
    .message("region and snapshotIdentifier cannot be changed: a backup is taken once; create another DatabaseBackup"))]
#[x_kube(validation = Rule::new("has(self.export) == has(oldSelf.export)")
    .message("export cannot be changed: a backup is taken once; create another DatabaseBackup"))]
#[x_kube(validation = Rule::new("!has(self.export) || (has(self.source.rdsInstance) && !has(self.snapshotIdentifier) && (!has(self.deletionPolicy) || self.deletionPolicy == 'Retain'))")
    .message("an export is of source.rdsInstance, has no snapshotIdentifier, and stays when this object is deleted (deletionPolicy: Retain)"))]
pub struct DatabaseBackupSpec {
    /// The AwsAccount to work in. Immutable.
    #[serde(default)]
    #[x_kube(validation = Rule::new(crate::run::IMMUTABLE)
        .message("accountRef cannot be changed: a backup is taken once; create another DatabaseBackup"))]
    pub account_ref: AccountRef,

    /// The database that is backed up. Immutable.
    #[x_kube(validation = Rule::new(crate::run::IMMUTABLE)
        .message("source cannot be changed: a backup is taken once; create another DatabaseBackup"))]
    pub source: DatabaseSource,

    /// Region of the database. Default: the first region of the AwsAccount. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(crate::schema::REGION_RULE).message("region must be an AWS region code such as eu-central-1"))]
    pub region: Option<String>,

    /// Identifier of the snapshot. Default: the database's identifier, `-manual-` and the time at which the object was created, in UTC,
    /// as YYYYmmdd-HHMMSS. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z](-?[a-z0-9])*$') && !self.startsWith('rbv-') && !self.startsWith('rds-')")
        .message("snapshotIdentifier must be a lower-case letter, then lower-case letters, digits and single hyphens, none of them at the end; not rds-, which is RDS's own, nor rbv-, which is kept for verifications"))]
    pub snapshot_identifier: Option<String>,

    /// Export the database to S3 instead of taking a snapshot. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new(crate::run::IMMUTABLE)
        .message("export cannot be changed: a backup is taken once; create another DatabaseBackup"))]
    pub export: Option<DatabaseExport>,

    /// What becomes of the snapshot when this object is deleted: Retain leaves it, Delete deletes it first.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// What came of a backup.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseBackupStatus {
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
    /// Identifier of the snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub snapshot_identifier: Option<String>,
    /// ARN of the snapshot, once AWS has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 600))]
    pub snapshot_arn: Option<String>,
    /// When it was taken (SnapshotCreateTime): the state of the database that it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshot_create_time: Option<Time>,
    /// When AWS was first asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<Time>,
    /// When it was seen to be available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// How far RDS has come, in percent (PercentProgress).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub percent_progress: Option<i32>,
    /// What came of the export.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub export: Option<ExportStatus>,
    /// What would be written, where writing is not allowed; or is about to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// The last 20 acts, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<HistoryEntry>,
}
