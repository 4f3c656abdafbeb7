//! `BackupPolicy`: how one RDS DB instance, or one Aurora DB cluster, is backed up.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::common::{AccountRef, HistoryEntry, Mode, PlanStatus};
use crate::copies::{CopyStatus, SnapshotCopy};
use crate::duration::Duration;
use crate::retention::RetentionStatus;
use crate::scheduled_export::{ScheduledExport, ScheduledExportStatus};
use crate::scheduled_verification::{ScheduledVerification, VerificationSlot, VerifiedBackup};

/// A window of a day, in hours and minutes: `03:00-04:00`.
const WINDOW_RULE: &str = "self.matches('^([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9]$')";

/// How one RDS DB instance, or one Aurora DB cluster, is backed up.
#[derive(CustomResource, Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[kube(
    group = "ops.clocked.app",
    version = "v1alpha1",
    kind = "BackupPolicy",
    plural = "backuppolicies",
    shortname = "dbpolicy",
    category = "runbook",
    namespaced,
    status = "BackupPolicyStatus",
    derive = "PartialEq",
    doc = "How one RDS DB instance, or one Aurora DB cluster, is backed up: RDS's own automated backups kept as declared, snapshots on a schedule, how long they are kept, restores that prove them, and exports to S3. Deleting a policy deletes no snapshot.",
    validation = Rule::new("self.metadata.name.size() <= 40").message("metadata.name must have at most 40 characters, because names in AWS are made from it"),
    printcolumn(name = "Database", type_ = "string", json_path = ".spec.source['rdsInstance','rdsCluster']"),
    printcolumn(name = "Last-Backup", type_ = "date", json_path = ".status.lastBackup.time"),
    printcolumn(name = "Last-Verified", type_ = "date", json_path = ".status.lastVerified.verifiedTime"),
    printcolumn(name = "Next", type_ = "string", json_path = ".status.nextBackupTime"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Synced", type_ = "string", json_path = ".status.conditions[?(@.type==\"Synced\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Synced\")].reason"),
    printcolumn(name = "Account", type_ = "string", json_path = ".spec.accountRef.name", priority = 1),
    printcolumn(name = "Snapshot", type_ = "string", json_path = ".status.lastBackup.snapshotIdentifier", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.conditions[?(@.type==\"Synced\")].message", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.automated) || self.deletionProtection || has(self.snapshots) || has(self.verification) || (has(self.exports) && self.exports.size() > 0)")
    .message("say how the database is backed up: set automated, snapshots, deletionProtection, verification, exports, or several of them"))]
#[x_kube(validation = Rule::new("!has(self.verification) || has(self.source.rdsInstance)")
    .message("verification needs source.rdsInstance: only backups of DB instances are restored"))]
#[x_kube(validation = Rule::new("!has(self.exports) || self.exports.size() == 0 || has(self.source.rdsInstance)")
    .message("exports need source.rdsInstance: only DB instances are exported"))]
#[x_kube(validation = Rule::new("!has(self.verification) || has(self.snapshots) || self.verification.includeAutomated")
    .message("there is nothing to verify: set snapshots, or verification.includeAutomated: true to restore RDS's own automated backups"))]
#[x_kube(validation = Rule::new("!has(self.snapshots) || !has(self.snapshots.retention) || !has(self.snapshots.retention.minVerified) || has(self.verification)")
    .message("snapshots.retention.minVerified keeps verified snapshots, and none is verified by this policy: set verification, or leave minVerified out"))]
#[x_kube(validation = Rule::new("!has(self.source.rdsCluster) || !has(self.automated) || !has(self.automated.retentionDays) || self.automated.retentionDays > 0")
    .message("the automated backups of an Aurora cluster cannot be turned off: write retentionDays from 1 to 35"))]
#[x_kube(validation = Rule::new("!has(self.automated) || !has(self.automated.retentionDays) || self.automated.retentionDays > 0 || self.allowOutage")
    .message("retentionDays: 0 deletes every automated backup of the instance, and takes it down for a moment; set allowOutage: true if that is meant"))]
#[x_kube(validation = Rule::new("has(self.region) == has(oldSelf.region) && (!has(self.region) || self.region == oldSelf.region)")
    .message("region cannot be changed: delete this policy and create one for the other region"))]
pub struct BackupPolicySpec {
    /// The AwsAccount to work in. Immutable.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("accountRef cannot be changed: delete this policy and create one for the other account"))]
    pub account_ref: AccountRef,

    /// The database that is backed up. Immutable.
    #[x_kube(validation = Rule::new("self == oldSelf")
        .message("source cannot be changed: delete this policy, which deletes no snapshot, and create one for the other database"))]
    pub source: DatabaseSource,

    /// Region of the database. Default: the first region of the AwsAccount. Immutable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    #[x_kube(validation = Rule::new(crate::schema::REGION_RULE).message("region must be an AWS region code such as eu-central-1"))]
    pub region: Option<String>,

    /// Enforce, or Observe: nothing is written and `status.plan` says what would be.
    #[serde(default)]
    pub mode: Mode,

    /// Stop acting on the database, and give up the claim on it, until set back to false. What would have been taken meanwhile is not
    /// taken afterwards.
    #[serde(default)]
    pub suspend: bool,

    /// RDS's own automated backups, from which the database can be restored to a point in time. Unset: they stay as they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub automated: Option<AutomatedBackups>,

    /// Turn DeletionProtection of the database on, and on again. It is never turned off here: false leaves it as it is.
    #[serde(default)]
    pub deletion_protection: bool,

    /// Allow the changes that take the database down for a moment: retentionDays from 0 to more, or to 0, which besides deletes every
    /// automated backup. Without it they are refused.
    #[serde(default)]
    pub allow_outage: bool,

    /// Change backup settings although the tags of the database say that CloudFormation manages it, or although AWS Backup keeps its
    /// automated backups: set it once neither does any longer. Snapshots are taken without it too.
    #[serde(default)]
    pub take_ownership: bool,

    /// Snapshots on a schedule. Unset: none are taken, and none are deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub snapshots: Option<Snapshots>,

    /// Restores on a schedule that prove the backups. Unset: none is made by this policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<ScheduledVerification>,

    /// Exports to S3 on schedules. Unset: none is made by this policy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub exports: Vec<ScheduledExport>,
}

/// A database. Exactly one field must be set.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.rdsInstance) != has(self.rdsCluster)")
    .message("name the database, and one only: source.rdsInstance with the identifier of a DB instance, or source.rdsCluster with that of an Aurora DB cluster"))]
pub struct DatabaseSource {
    /// Identifier of an RDS DB instance that is no member of a cluster, in lower case as RDS keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z](-?[a-z0-9])*$')")
        .message("rdsInstance must be the identifier of the DB instance, not its ARN: a lower-case letter, then lower-case letters, digits and single hyphens, none of them at the end"))]
    pub rds_instance: Option<String>,
    /// Identifier of an Aurora or Multi-AZ DB cluster, in lower case as RDS keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z](-?[a-z0-9])*$')")
        .message("rdsCluster must be the identifier of the DB cluster, not its ARN: a lower-case letter, then lower-case letters, digits and single hyphens, none of them at the end"))]
    pub rds_cluster: Option<String>,
}

/// RDS's own automated backups. Fields that are not set stay as they are in AWS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutomatedBackups {
    /// Days for which automated backups are kept (BackupRetentionPeriod): 1 to 35; 0, for an instance only, turns them off and deletes them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 35))]
    pub retention_days: Option<i32>,
    /// When RDS backs up each day (PreferredBackupWindow), in UTC: `03:00-04:00`. At least 30 minutes, and not within the maintenance window.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 11))]
    #[x_kube(validation = Rule::new(WINDOW_RULE).message("window must be two times of the day in UTC, for example 03:00-04:00"))]
    pub window: Option<String>,
    /// Whether snapshots get the tags of the database (CopyTagsToSnapshot).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy_tags_to_snapshot: Option<bool>,
}

/// Snapshots on a schedule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Snapshots {
    /// When a snapshot is due: a cron expression of five fields, minutes, hours, day of the month, month and day of the week: `0 2 * * *`.
    /// A time that the clocks skip is due at the time they skip to, one that they repeat is due once, the first time.
    #[schemars(length(min = 9, max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[^ ]+( [^ ]+){4}$')")
        .message("schedule must have five fields: minutes hours day-of-month month day-of-week, for example 0 2 * * *"))]
    pub schedule: String,
    /// IANA time zone of the schedule, summer time included. Default: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z][A-Za-z0-9._+/-]*$')").message("timeZone must be an IANA name such as Europe/Berlin"))]
    pub time_zone: Option<String>,
    /// The longest time by which a snapshot is taken later than the schedule says, so that not all policies take theirs at once. The same
    /// for the same policy and slot. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) <= duration('24h')").message("jitter must be 24h or less"))]
    pub jitter: Option<Duration>,
    /// How long after its time a snapshot may still be begun, where it could not be before: the newest slot that was missed runs once,
    /// older ones are recorded as Missed.
    #[serde(default = "half_a_day")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m') && duration(self) <= duration('168h')")
        .message("startingDeadline must be from 1m to 168h"))]
    pub starting_deadline: Duration,
    /// When snapshots that are late may be begun, in the schedule's time zone: `22:00-06:00`. Default: at any time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 11))]
    #[x_kube(validation = Rule::new(WINDOW_RULE).message("catchUpWindow must be two times of the day, for example 22:00-06:00"))]
    pub catch_up_window: Option<String>,
    /// What the identifiers of snapshots begin with; the slot follows, in UTC, as YYYYmmdd-HHMMSS. Default: the database's identifier and
    /// `-scheduled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 120))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z](-?[a-z0-9])*$') && !self.startsWith('rbv-') && !self.startsWith('rds-')")
        .message("namePrefix must be a lower-case letter, then lower-case letters, digits and single hyphens, none of them at the end; not rds-, which is RDS's own, nor rbv-, which is kept for verifications"))]
    pub name_prefix: Option<String>,
    /// Take a snapshot as soon as the policy is created, whatever the schedule says.
    #[serde(default)]
    pub run_on_create: bool,
    /// How long the snapshots of this policy are kept. Unset: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
    /// Copies of the snapshots in other regions, or in other accounts. A snapshot is not deleted while it is being copied, or has still to
    /// be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub copies: Vec<SnapshotCopy>,
}

fn half_a_day() -> Duration {
    Duration::new("12h")
}

/// Which snapshots of this policy are kept: every one that a rule keeps. The others are deleted. Snapshots that others made, or that
/// were made by hand, are never deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.keepLast) || has(self.daily) || has(self.weekly) || has(self.monthly) || has(self.maxAgeDays)")
    .message("say which snapshots are kept: set keepLast, daily, weekly, monthly or maxAgeDays"))]
pub struct Retention {
    /// Keep this many, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100))]
    pub keep_last: Option<i32>,
    /// Keep the newest of each of this many days that have one, in the schedule's time zone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 366))]
    pub daily: Option<i32>,
    /// Keep the newest of each of this many weeks that have one; a week begins on Monday.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 520))]
    pub weekly: Option<i32>,
    /// Keep the newest of each of this many months that have one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 120))]
    pub monthly: Option<i32>,
    /// Keep this many that were verified, the newest of them, whatever the other rules say, maxAgeDays among them: a backup that is known
    /// to be good is worth more than many that may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 20))]
    pub min_verified: Option<i32>,
    /// Keep none that is older, whatever the other rules but minVerified say; alone, keep all that are younger. The newest is always kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3650))]
    pub max_age_days: Option<i32>,
}

/// What the operator found and did.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BackupPolicyStatus {
    /// The generation of the spec that this status speaks of; -1 before the operator has looked at the object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -1))]
    pub observed_generation: Option<i64>,
    /// Ready, Synced, Stalled and Reconciling; Verified, where there is `verification`: whether the last one found the backup good;
    /// Exported, where there are `exports`: whether the last of each was made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(schema_with = "crate::schema::conditions")]
    pub conditions: Vec<Condition>,
    /// Value of the annotation `ops.clocked.app/reconcile-requested-at` that was last handled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 128))]
    pub last_handled_reconcile_at: Option<String>,
    /// ARN of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 600))]
    pub resource_arn: Option<String>,
    /// The newest snapshot of this policy that is available.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_backup: Option<Backup>,
    /// The newest snapshot that was restored and found good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_verified: Option<VerifiedBackup>,
    /// When the next snapshot is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_backup_time: Option<Time>,
    /// The latest time to which the database can be restored from automated backups (LatestRestorableTime).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latest_restorable_time: Option<Time>,
    /// From when on slots count: those before are nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<ScheduledSince>,
    /// The last 30 slots, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 30))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub slots: Vec<Slot>,
    /// When the next verification is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_verification_time: Option<Time>,
    /// From when on slots of verifications count: those before are nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification_scheduled: Option<ScheduledSince>,
    /// The last 12 slots of verifications, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 12))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub verifications: Vec<VerificationSlot>,
    /// DB instances of verifications whose DatabaseRestore is gone: they are deleted. At most 20 are named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20), inner(length(max = 63)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    pub left_instances: Vec<String>,
    /// Where the exports stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub exports: Vec<ScheduledExportStatus>,
    /// What becomes of the snapshots.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<RetentionStatus>,
    /// Where the copies stand.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub copies: Vec<CopyStatus>,
    /// What would be written, where writing is not allowed; or is about to be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<PlanStatus>,
    /// The last 20 acts, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 20))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub history: Vec<HistoryEntry>,
}

/// A snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// Identifier of the snapshot.
    #[schemars(length(max = 255))]
    pub snapshot_identifier: String,
    /// When it was taken.
    pub time: Time,
}

/// A schedule, and since when it counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledSince {
    /// The expression and its time zone: `0 2 * * * Europe/Berlin`.
    #[schemars(length(max = 256))]
    pub schedule: String,
    /// Slots after this time count.
    pub since: Time,
}

/// One time at which a snapshot was due, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Slot {
    /// When it was due by the schedule.
    pub time: Time,
    /// What came of it.
    pub state: SlotState,
    /// Identifier of its snapshot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub snapshot_identifier: Option<String>,
    /// Why, where something went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub message: Option<String>,
}

/// What came of a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum SlotState {
    /// It waits for its turn: for the database, or for a window.
    Waiting,
    /// RDS takes the snapshot.
    Creating,
    /// The snapshot is available.
    Complete,
    /// RDS says that the snapshot has failed.
    Failed,
    /// No snapshot was begun before its deadline.
    Missed,
    /// The snapshot was available, and is no longer there although nothing here has deleted it.
    Lost,
    /// The snapshot was kept as long as the policy says, and was deleted.
    Deleted,
}
