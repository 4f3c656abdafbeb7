//! What an export declares, dereferenced and validated.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use runbook_api::database_backup::DatabaseBackupSpec;
use runbook_api::export::{DatabaseExport, ExportCompression, ExportContents, ExportRetention, ExportSource};

use crate::account::Access;
use crate::arn::partition_of;
use crate::backoff::seed_of;
use crate::backup::input::is_identifier;
use crate::database_backup::input::PLURAL;
use crate::export::{Compression, MOST_TABLES, Retention, Source, Store, is_bucket, is_name};
use crate::ids::{DatabaseId, ObjectId};
use crate::ownership::owner_of_run;
use crate::plan::Finding;
use crate::query::KubernetesObject;

/// Longest name of a Job whose pods' names have room to be told apart (Kubernetes documentation, "Jobs").
const LONGEST_JOB: usize = 63;
/// Longest identifier of a DB instance (Amazon RDS API Reference, CreateDBInstance).
const LONGEST_INSTANCE: usize = 63;
/// A pod that begins and ends takes longer.
const SHORTEST: i64 = 60;
/// A week.
const LONGEST: i64 = 7 * 24 * 3600;

/// An export that is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// The DatabaseBackup.
    pub object: ObjectId,
    /// Its uid: the Job is this one's, and no other's of the same name.
    pub uid: String,
    /// The Job: the same for the same object.
    pub job: KubernetesObject,
    /// The Secret that it mounts.
    pub secret: KubernetesObject,
    /// The ConfigMap with certificate authorities, where there is one.
    pub authorities: Option<String>,
    /// As whom it writes to S3.
    pub service_account: String,
    /// The DB instance that is connected to, where it is another than the one that is backed up.
    pub replica: Option<DatabaseId>,
    /// Whose it is, in the objects' metadata.
    pub owner: String,
    /// Begins the key.
    pub name: String,
    /// The time in the key.
    pub slot: Timestamp,
    /// What the host is.
    pub source: Source,
    /// Name of the database in the instance, where it is said.
    pub database: Option<String>,
    /// The tables, or none for all.
    pub tables: Vec<String>,
    /// Rows alone.
    pub data_only: bool,
    /// How the dump is compressed.
    pub compression: Compression,
    /// Where it goes.
    pub store: Store,
    /// What is kept.
    pub retention: Option<Retention>,
    /// How long the Job may take, in seconds.
    pub timeout: u32,
    /// Until when the Job may be made.
    pub start_before: Option<Timestamp>,
}

impl Wanted {
    /// Checks what no schema can see. `now` stands for the time of creation of an object that does not exist yet.
    ///
    /// # Errors
    /// A stalled finding that says which field is wrong and what to write.
    pub fn of(
        export: &DatabaseExport,
        spec: &DatabaseBackupSpec,
        metadata: &ObjectMeta,
        cluster_id: &str,
        access: &Access,
        now: Timestamp,
    ) -> Result<Self, Finding> {
        let contents = &export.contents;
        let object = ObjectId {
            namespace: metadata.namespace.clone().unwrap_or_default(),
            name: metadata.name.clone().unwrap_or_default(),
        };
        let name = export.name.clone().unwrap_or_else(|| object.name.clone());
        if !is_name(&name) {
            return Err(invalid(format!(
                "export.name: {name:?} cannot begin a key: write lower-case letters, digits and hyphens, at most 63"
            )));
        }
        if !is_bucket(&contents.s3.bucket) {
            return Err(invalid(format!("export.s3.bucket: {:?} cannot name a bucket", contents.s3.bucket)));
        }
        if spec.snapshot_identifier.is_some() || contents.tables.len() > MOST_TABLES {
            return Err(invalid(format!("an export has no snapshotIdentifier, and {MOST_TABLES} tables at most")));
        }
        let uid = metadata.uid.clone().unwrap_or_default();
        let within = |name: &str| KubernetesObject {
            scope: access.scope.clone(),
            id: ObjectId { namespace: object.namespace.clone(), name: name.into() },
        };
        let created = metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
        Ok(Self {
            job: within(&job_name(&object.name, &uid)),
            secret: within(&contents.connection.secret_ref.name),
            authorities: contents.connection.ca_config_map_ref.as_ref().map(|reference| reference.name.clone()),
            service_account: contents.service_account_name.clone(),
            replica: replica(export, access)?,
            owner: owner_of_run(cluster_id, PLURAL, &object),
            name,
            slot: export.slot.as_ref().map_or(created, |time| time.0),
            source: match export.source {
                ExportSource::Primary => Source::Primary,
                ExportSource::Replica => Source::Replica,
            },
            database: contents.connection.database.clone(),
            tables: contents.tables.clone(),
            data_only: contents.data_only,
            compression: match contents.compression {
                ExportCompression::Zstd => Compression::Zstd,
                ExportCompression::Gzip => Compression::Gzip,
                ExportCompression::None => Compression::None,
            },
            store: Store {
                bucket: contents.s3.bucket.clone(),
                region: access.scope.region.clone(),
                prefix: contents.s3.prefix.clone().unwrap_or_default(),
                bucket_owner: contents.s3.bucket_owner.clone().unwrap_or_else(|| access.scope.account_id.clone()),
                kms_key_id: contents.s3.kms_key_id.clone(),
            },
            retention: contents.retention.as_ref().map(retention),
            timeout: timeout(contents)?,
            start_before: export.start_before.as_ref().map(|time| time.0),
            object,
            uid,
        })
    }

    /// When a Job that was made in time has come to its own end, whatever nobody sees of it.
    pub fn over_at(&self) -> Option<Timestamp> {
        self.start_before?.checked_add(SignedDuration::from_secs(self.timeout.into())).ok()
    }

    /// ARN of what is written: grants are checked on it.
    pub fn object_arn(&self) -> String {
        format!("arn:{}:s3:::{}/{}*", partition_of(&self.store.region), self.store.bucket, self.family())
    }

    /// What the keys of all exports of this name begin with.
    pub fn family(&self) -> String {
        format!("{}{}-", self.store.prefix, self.name)
    }
}

fn replica(export: &DatabaseExport, access: &Access) -> Result<Option<DatabaseId>, Finding> {
    match (export.source, &export.replica) {
        (ExportSource::Primary, None) => Ok(None),
        (ExportSource::Replica, Some(identifier)) if is_identifier(identifier, LONGEST_INSTANCE) => {
            Ok(Some(DatabaseId {
                scope: access.scope.clone(),
                kind: crate::ids::DatabaseKind::Instance,
                identifier: identifier.clone(),
            }))
        }
        (ExportSource::Replica, _) => {
            Err(invalid("export.replica: name the DB instance that is a read replica of the database"))
        }
        (ExportSource::Primary, Some(_)) => Err(invalid("export.replica: leave it out with source: Primary")),
    }
}

fn retention(rules: &ExportRetention) -> Retention {
    let positive = |number: Option<i32>| number.and_then(|number| u32::try_from(number).ok());
    Retention { keep_last: positive(rules.keep_last), max_age_days: positive(rules.max_age_days) }
}

fn timeout(export: &ExportContents) -> Result<u32, Finding> {
    let seconds = export.timeout.seconds().map_err(|error| invalid(format!("export.timeout: {error}")))?;
    if !(SHORTEST..=LONGEST).contains(&seconds) {
        return Err(invalid("export.timeout: write 1m to 168h"));
    }
    u32::try_from(seconds).map_err(|_| invalid("export.timeout: write 1m to 168h"))
}

/// The name of an object's Job: another for an object of the same name that is made anew.
fn job_name(name: &str, uid: &str) -> String {
    let hash = format!("{:08x}", seed_of(uid) & 0xffff_ffff);
    let plain: String =
        name.chars().map(|c| if c == '.' { '-' } else { c }).take(LONGEST_JOB - hash.len() - 1).collect();
    format!("{}-{hash}", plain.trim_end_matches('-'))
}

fn invalid(message: impl Into<String>) -> Finding {
    Finding::stalled("InvalidSpec", message)
}
