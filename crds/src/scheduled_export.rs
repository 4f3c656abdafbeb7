//! Exports on a schedule: what a BackupPolicy has brought to S3.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::backup_policy::ScheduledSince;
use crate::duration::Duration;
use crate::export::{ExportContents, ExportSource};

/// Exports of a PostgreSQL database to S3 on a schedule. Each is a DatabaseBackup with `export` that the operator creates; one of them is
/// under way at a time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.source == 'Replica') == has(self.replica)")
    .message("say which read replica is exported in replica with source: Replica, and none with another source"))]
pub struct ScheduledExport {
    /// Begins the keys: `PREFIX NAME-YYYYmmdd-HHMMSS.dump.zst`. Exports of one name of a database and a namespace belong together.
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("name must be lower-case letters, digits and hyphens, as in user-data"))]
    pub name: String,

    /// When an export is due: a cron expression of five fields, as of snapshots: `30 2 * * *`.
    #[schemars(length(min = 9, max = 128))]
    #[x_kube(validation = Rule::new("self.matches('^[^ ]+( [^ ]+){4}$')")
        .message("schedule must have five fields: minutes hours day-of-month month day-of-week, for example 30 2 * * *"))]
    pub schedule: String,

    /// IANA time zone of the schedule, summer time included. Default: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z][A-Za-z0-9._+/-]*$')").message("timeZone must be an IANA name such as Europe/Berlin"))]
    pub time_zone: Option<String>,

    /// The longest time by which an export begins later than the schedule says, so that not all begin at once. The same for the same
    /// export and slot. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("duration(self) <= duration('24h')").message("jitter must be 24h or less"))]
    pub jitter: Option<Duration>,

    /// How long after its time an export may still be begun, where it could not be before: the newest slot that was missed runs once,
    /// older ones are recorded as Missed.
    #[serde(default = "half_a_day")]
    #[x_kube(validation = Rule::new("duration(self) >= duration('1m') && duration(self) <= duration('168h')")
        .message("startingDeadline must be from 1m to 168h"))]
    pub starting_deadline: Duration,

    /// What is exported from: Primary, which bears the load of it and keeps what was deleted until it has ended; or Replica.
    pub source: ExportSource,

    /// Identifier of the DB instance that is a read replica of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z](-?[a-z0-9])*$')")
        .message("replica must be the identifier of a DB instance, not its ARN: a lower-case letter, then lower-case letters, digits and single hyphens, none of them at the end"))]
    pub replica: Option<String>,

    /// What is exported, as whom, and where it goes.
    #[serde(flatten)]
    pub contents: ExportContents,
}

fn half_a_day() -> Duration {
    Duration::new("12h")
}

/// Where an export stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ScheduledExportStatus {
    /// Its name.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
    /// From when on slots count: those before are nobody's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<ScheduledSince>,
    /// When the next export is due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_time: Option<Time>,
    /// The newest that is in S3. It may be gone since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_succeeded: Option<MadeExport>,
    /// The last 8 slots, newest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 8))]
    #[x_kube(merge_strategy = ListMerge::Atomic)]
    pub slots: Vec<ExportSlot>,
}

/// An export that is in S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct MadeExport {
    /// The slot that it is of, as in its key.
    pub time: Time,
    /// When it was seen to be complete.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub completion_time: Option<Time>,
    /// Where the dump is: `s3://BUCKET/KEY`. None where what the Job has said was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1100))]
    pub location: Option<String>,
    /// How many rows it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub rows: Option<i64>,
    /// Bytes of the dump in S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub bytes: Option<i64>,
}

/// One time at which an export was due, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportSlot {
    /// When it was due by the schedule.
    pub time: Time,
    /// What came of it.
    pub state: ExportState,
    /// Name of its DatabaseBackup.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub backup: Option<String>,
    /// Why, where something went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 256))]
    pub message: Option<String>,
}

/// What came of a slot of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum ExportState {
    /// It waits for its turn: for another of the same name to end.
    Waiting,
    /// Its DatabaseBackup is there, and has not ended.
    Running,
    /// The dump is in S3, with its manifest.
    Complete,
    /// It could not be made.
    Failed,
    /// Nothing is known of it: its DatabaseBackup was deleted before it ended.
    Unknown,
    /// It was not begun before its deadline.
    Missed,
}
