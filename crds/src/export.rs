//! Exports of PostgreSQL databases to S3.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::duration::Duration;

/// Label on a Secret or ConfigMap that lets objects of its namespace use it: `"true"`.
pub const USABLE: &str = "ops.clocked.app/usable";

/// An export of a PostgreSQL database to S3 by `pg_dump`, in a Job of this namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("(self.source == 'Replica') == has(self.replica)")
    .message("say which read replica is exported in export.replica with source: Replica, and none with source: Primary"))]
pub struct DatabaseExport {
    /// What is exported from: Primary, which bears the load of it and keeps what was deleted until it has ended; or Replica.
    pub source: ExportSource,

    /// Identifier of the DB instance that is a read replica of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z](-?[a-z0-9])*$')")
        .message("replica must be the identifier of a DB instance, not its ARN: a lower-case letter, then lower-case letters, digits and single hyphens, none of them at the end"))]
    pub replica: Option<String>,

    /// Begins the key: `PREFIX NAME-YYYYmmdd-HHMMSS.dump.zst`. Exports of one name belong together. Default: the name of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?$')").message("name must be lower-case letters, digits and hyphens, as in user-data"))]
    pub name: Option<String>,

    /// The time in the key. An export whose manifest is there is not made again. Default: when this object was created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<Time>,

    /// Until when the Job may be made: what is waited for then is waited for no longer, and the export has failed. Default: for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_before: Option<Time>,

    /// What is exported, as whom, and where it goes.
    #[serde(flatten)]
    pub contents: ExportContents,
}

/// What is exported of a database, as whom, and where it goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportContents {
    /// Tables, as `table` or `schema.table`, with their partitions. Default: the whole database.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 200), inner(length(min = 1, max = 127)))]
    #[x_kube(merge_strategy = ListMerge::Set)]
    #[x_kube(validation = Rule::new("self.all(t, t.matches('^[^\"*?.]{1,63}(\\\\.[^\"*?.]{1,63})?$'))")
        .message("a table must be table or schema.table as they are called, without quotes and patterns"))]
    pub tables: Vec<String>,

    /// Rows alone, without what makes the tables.
    #[serde(default)]
    pub data_only: bool,

    /// How the dump is compressed.
    #[serde(default)]
    pub compression: ExportCompression,

    /// As whom the database is read.
    pub connection: ExportConnection,

    /// Where the dump goes.
    pub s3: ExportStore,

    /// ServiceAccount of the Job, whose role may write to the bucket (IRSA, or a pod identity).
    #[schemars(length(min = 1, max = 253))]
    pub service_account_name: String,

    /// Which exports of the name are kept when this one is there. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<ExportRetention>,

    /// How long the Job may take, retries included (activeDeadlineSeconds).
    #[serde(default = "six_hours")]
    #[schemars(regex(pattern = Duration::PATTERN), length(max = 32))]
    pub timeout: Duration,
}

/// What is exported from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExportSource {
    /// The database itself.
    Primary,
    /// A read replica of it.
    Replica,
}

/// How a dump is compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum ExportCompression {
    /// Zstandard: `.dump.zst`.
    #[default]
    Zstd,
    /// gzip: `.dump.gz`.
    Gzip,
    /// As pg_dump writes it: `.dump`.
    None,
}

/// As whom a database is read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportConnection {
    /// A Secret of this namespace with `username` and `password`, labelled `ops.clocked.app/usable: "true"`. The operator does not read
    /// it: the Job mounts it.
    pub secret_ref: LocalReference,
    /// Name of the database in the instance. Default: `dbname` of the Secret, then that of the instance (DBName).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 63))]
    pub database: Option<String>,
    /// A ConfigMap of this namespace with certificate authorities in PEM, where the server's certificate is not of RDS's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca_config_map_ref: Option<LocalReference>,
}

/// An object of this namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct LocalReference {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// A place in S3.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportStore {
    /// Name of the bucket, in the region of the database.
    #[schemars(length(min = 3, max = 63))]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9][a-z0-9.-]*[a-z0-9]$')").message("bucket must be the name of a bucket, not its ARN or URL"))]
    pub bucket: String,
    /// What keys begin with, as in `database/`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 512))]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9!_.()-][A-Za-z0-9!_.()/-]*$')").message("prefix must be letters, digits and !_.()-/, not beginning with /"))]
    pub prefix: Option<String>,
    /// AWS account that the bucket must belong to (ExpectedBucketOwner). Default: that of the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    #[x_kube(validation = Rule::new("self.matches('^[0-9]{12}$')").message("bucketOwner must be the 12 digits of an AWS account"))]
    pub bucket_owner: Option<String>,
    /// KMS key that the export is encrypted with (SSE-KMS). Default: as the bucket encrypts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 2048))]
    pub kms_key_id: Option<String>,
}

/// Which exports of a name are kept; the newest always is. What the bucket keeps locked stays until it no longer is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("has(self.keepLast) || has(self.maxAgeDays)").message("retention needs keepLast, maxAgeDays or both; leave retention out to keep all"))]
pub struct ExportRetention {
    /// So many, the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 10000))]
    pub keep_last: Option<i32>,
    /// None that is older than so many days, whatever keepLast says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 36500))]
    pub max_age_days: Option<i32>,
}

/// What came of an export.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExportStatus {
    /// Name of the Job, once it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 63))]
    pub job_name: Option<String>,
    /// Where the dump is: `s3://BUCKET/KEY`. Its manifest is beside it, under the same key and `.manifest.json`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1100))]
    pub location: Option<String>,
    /// How many tables it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub tables: Option<i64>,
    /// How many rows they have together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub rows: Option<i64>,
    /// Bytes of the dump in S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub bytes: Option<i64>,
    /// SHA-256 of the dump in S3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64))]
    pub sha256: Option<String>,
    /// How many older exports were deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub deleted: Option<i64>,
    /// How many older exports are due and stay, because the bucket keeps them locked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub retained: Option<i64>,
}

fn six_hours() -> Duration {
    Duration::new("6h")
}
