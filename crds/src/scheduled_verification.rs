//! Verifications on a schedule: how a BackupPolicy proves that its backups can be restored.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::database_restore::{RestoreTarget, Verification};
use crate::duration::Duration;

/// Restores on a schedule, each asked by SQL whether the backup is good, and deleted again. Each is a DatabaseRestore that the operator
/// creates. At most two are under way at a time in an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledVerification {
    /// When a verification is due: a cron expression of five fields, as of snapshots: `0 5 * * 0`.
    #[schemars(length(min = 9, max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[^ ]+( [^ ]+){4}$')")
        .message("schedule must have five fields: minutes hours day-of-month month day-of-week, for example 0 5 * * 0"))]
    pub schedule: String,
    /// IANA time zone of the schedule, summer time included. Default: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z][A-Za-z0-9._+/-]*$')").message("timeZone must be an IANA name such as Europe/Berlin"))]
    pub time_zone: Option<String>,
    /// The longest time by which a verification begins later than the schedule says, so that not all policies begin theirs at once. The
    /// same for the same policy and slot. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) <= duration('24h')").message("jitter must be 24h or less"))]
    pub jitter: Option<Duration>,
    /// How long after its time a verification may still be begun, where it could not be before.
    #[serde(default = "half_a_day")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m') && duration(self) <= duration('168h')")
        .message("startingDeadline must be from 1m to 168h"))]
    pub starting_deadline: Duration,
    /// Which of the backups is restored: the Newest, or one at Random (the same for the same slot), so that older ones are proved, too.
    #[serde(default)]
    pub select: Selection,
    /// Whether the automated backups of RDS (`rds:…`) count among the backups. Without `snapshots` it must be true.
    #[serde(default)]
    pub include_automated: bool,
    /// What the DB instance is like that a backup is restored into. What is not set is as of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("!has(self.rdsInstance)")
        .message("leave rdsInstance out: the instance is deleted again, and named by the operator (rbv-…)"))]
    pub restore: Option<RestoreTarget>,
    /// What is asked, and for how long it is tried.
    #[serde(flatten)]
    pub verification: Verification,
}

fn half_a_day() -> Duration {
    Duration::new("12h")
}

/// Which backup is verified.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum Selection {
    /// The newest that is available.
    #[default]
    Newest,
    /// Any that is available.
    Random,
}

/// The newest backup that was found good.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerifiedBackup {
    /// Identifier of the snapshot.
    #[schemars(length(max = 255))]
    pub snapshot_identifier: String,
    /// When the snapshot was taken.
    pub time: Time,
    /// When a restore of it was found good.
    pub verified_time: Time,
    /// How long RDS took to restore it, as far as that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_restore: Option<Duration>,
}

/// One time at which a verification was due, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct VerificationSlot {
    /// When it was due by the schedule.
    pub time: Time,
    /// What came of it.
    pub state: VerificationState,
    /// Name of its DatabaseRestore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub restore: Option<String>,
    /// Identifier of the snapshot that was restored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub snapshot_identifier: Option<String>,
    /// How long RDS took to restore it, as far as that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_restore: Option<Duration>,
    /// Why, where something went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub message: Option<String>,
}

/// What came of a slot of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum VerificationState {
    /// It waits for its turn: for a backup, or for another verification to end.
    Waiting,
    /// Its DatabaseRestore is there, and has not ended.
    Running,
    /// The backup was restored, and is as expected.
    Passed,
    /// The backup was restored, and is not as expected.
    Failed,
    /// Nothing is known of the backup: it could not be restored, or not be asked.
    Unknown,
    /// It was not begun before its deadline.
    Missed,
}
