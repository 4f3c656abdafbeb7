//! A DatabaseRestore, dereferenced and validated: what the plan needs, and nothing that can be wrong.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use runbook_api::DatabaseBackup;
use runbook_api::database_restore::{self, DatabaseRestoreSpec, RestoreOutcome, RestoreTarget};
use runbook_api::duration::Duration;
use runbook_api::scaling_override::MADE_BY;

use super::memory::Memory;
use crate::account::Access;
use crate::backoff::seed_of;
use crate::backup::input::is_identifier;
use crate::backup::ledger::made::{OPERATOR, label};
use crate::checks::SqlCheck;
use crate::ids::{DatabaseId, DatabaseKind, ObjectId, SnapshotId};
use crate::ownership::{OWN_ARN_TAG, OWNER_TAG, RUN_TAG, owner_of_run};
use crate::plan::Finding;
use crate::run::Ended;
use crate::step::VERIFICATION_PREFIX;

/// Plural of the kind, as in its owner's tag.
pub const PLURAL: &str = "databaserestores";
/// Longest identifier of a DB instance (Amazon RDS API Reference, CreateDBInstance).
const LONGEST_INSTANCE: usize = 63;

/// What a DatabaseRestore declares, where, and on whose behalf.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The new DB instance.
    pub target: DatabaseId,
    /// What is restored.
    pub source: Source,
    /// How the new instance is set up, as far as it is said.
    pub declared: RestoreTarget,
    /// How it is verified, where it is not kept.
    pub verification: Option<Verification>,
    /// The tags that say whose the new instance is: its owner, its own ARN, and the run that made it.
    pub tags: Vec<(String, String)>,
    /// Whether a policy's schedule has made it, and no person.
    pub scheduled: bool,
    /// Whether the object is being deleted.
    pub deleting: bool,
    /// Verifications of the account that come before this one.
    pub ahead: usize,
    /// What the status remembers.
    pub memory: Memory,
}

/// What is restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// A snapshot.
    Snapshot(SnapshotId),
    /// A DB instance at a time; none is the latest that it can be restored to.
    PointInTime(DatabaseId, Option<Timestamp>),
}

/// How a restored database is verified.
#[derive(Clone, Debug, PartialEq)]
pub struct Verification {
    /// Name of the database to connect to, where it is said.
    pub database: Option<String>,
    /// What is asked.
    pub checks: Vec<SqlCheck>,
    /// The longest time that all checks together may take.
    pub checks_timeout: SignedDuration,
    /// How long after the restore was begun it is given up.
    pub timeout: SignedDuration,
}

/// Checks what no schema can see, and gathers what the plan needs. `backup` is the object that `source.backupRef` names, where there is
/// one of its name.
///
/// # Errors
/// A finding that says which field is wrong and what to write, or what is waited for.
pub fn validate(
    spec: &DatabaseRestoreSpec,
    metadata: &ObjectMeta,
    cluster_id: &str,
    access: &Access,
    backup: Option<&DatabaseBackup>,
) -> Result<Input, Finding> {
    let object = ObjectId {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
    };
    let uid = metadata.uid.clone().unwrap_or_default();
    let verification = spec.verification.as_ref().map(verification).transpose()?;
    let identifier = match (spec.outcome, &spec.target.rds_instance, &verification) {
        (RestoreOutcome::Keep, Some(identifier), None) => identifier.clone(),
        (RestoreOutcome::Verify, None, Some(_)) => scratch(&object, &uid),
        (RestoreOutcome::Keep, ..) => {
            return Err(invalid("outcome: Keep needs target.rdsInstance, and no verification"));
        }
        (RestoreOutcome::Verify, ..) => {
            return Err(invalid("outcome: Verify needs verification.checks, and no target.rdsInstance"));
        }
    };
    let verified = verification.is_some();
    if !is_identifier(&identifier, LONGEST_INSTANCE) || identifier.starts_with(VERIFICATION_PREFIX) != verified {
        return Err(invalid(format!(
            "target.rdsInstance: {identifier:?} is no identifier of a DB instance: write a lower-case letter, then lower-case letters, \
             digits and single hyphens, at most {LONGEST_INSTANCE}, not beginning with {VERIFICATION_PREFIX}"
        )));
    }
    let target = instance_id(access, &identifier);
    let tags = [(OWNER_TAG, owner_of_run(cluster_id, PLURAL, &object)), (OWN_ARN_TAG, target.arn()), (RUN_TAG, uid)];
    Ok(Input {
        tags: tags.map(|(key, value)| (key.to_owned(), value)).into(),
        source: source(spec, access, backup)?,
        declared: spec.target.clone(),
        verification,
        scheduled: label(metadata, MADE_BY) == Some(OPERATOR),
        deleting: metadata.deletion_timestamp.is_some(),
        ahead: 0,
        memory: Memory::default(),
        target,
    })
}

/// The name of an instance that is restored to be verified: the same for the same run, and another for each.
fn scratch(object: &ObjectId, uid: &str) -> String {
    let hash = seed_of(&format!("{object}/{uid}"));
    let name: String = object.name.chars().map(|c| if c == '.' { '-' } else { c }).take(40).collect();
    let hash = format!("{hash:016x}");
    let parts: Vec<&str> = name.split('-').filter(|part| !part.is_empty()).chain([hash.as_str()]).collect();
    format!("{VERIFICATION_PREFIX}{}", parts.join("-"))
}

fn source(spec: &DatabaseRestoreSpec, access: &Access, backup: Option<&DatabaseBackup>) -> Result<Source, Finding> {
    let database_restore::RestoreSource { backup_ref, snapshot_identifier, point_in_time } = &spec.source;
    match (backup_ref, snapshot_identifier, point_in_time) {
        (Some(reference), None, None) => of_backup(&reference.name, spec, access, backup),
        (None, Some(identifier), None) => Ok(Source::Snapshot(snapshot_id(access, identifier)?)),
        (None, None, Some(point)) => {
            if !is_identifier(&point.rds_instance, LONGEST_INSTANCE) {
                return Err(invalid(format!(
                    "source.pointInTime.rdsInstance: {:?} is no identifier of a DB instance",
                    point.rds_instance
                )));
            }
            let time = point.time.as_ref().map(|time| time.0);
            Ok(Source::PointInTime(instance_id(access, &point.rds_instance), time))
        }
        _ => Err(invalid("say what is restored: source.backupRef, source.snapshotIdentifier or source.pointInTime")),
    }
}

fn of_backup(
    name: &str,
    spec: &DatabaseRestoreSpec,
    access: &Access,
    backup: Option<&DatabaseBackup>,
) -> Result<Source, Finding> {
    let Some(backup) = backup else {
        return Err(Finding::stalled(
            "BackupNotFound",
            format!(
                "there is no DatabaseBackup {name} in this namespace: create it, or name a snapshot in source.snapshotIdentifier"
            ),
        ));
    };
    if backup.spec.export.is_some() {
        return Err(Finding::stalled(
            "NotASnapshot",
            format!(
                "DatabaseBackup {name} is an export: restore it with pg_restore, or name a backup that is a snapshot"
            ),
        ));
    }
    if backup.spec.source.rds_cluster.is_some() {
        return Err(Finding::stalled(
            "NotAnInstance",
            format!("DatabaseBackup {name} is of a DB cluster, and only backups of DB instances are restored"),
        ));
    }
    if backup.spec.account_ref != spec.account_ref || backup.spec.region != spec.region {
        return Err(invalid(format!(
            "DatabaseBackup {name} is in another account or region: write its accountRef and region here, too"
        )));
    }
    let status = backup.status.clone().unwrap_or_default();
    match (Ended::of(&status.conditions), &status.snapshot_identifier) {
        (Some(Ended::Complete { .. }), Some(identifier)) => Ok(Source::Snapshot(snapshot_id(access, identifier)?)),
        (Some(Ended::Failed { message, .. }), _) => Err(Finding::stalled(
            "BackupFailed",
            format!("DatabaseBackup {name} has failed, so there is nothing to restore: {message}"),
        )),
        _ => Err(Finding::waiting("BackupNotComplete", format!("DatabaseBackup {name} is not Complete yet"))),
    }
}

fn snapshot_id(access: &Access, identifier: &str) -> Result<SnapshotId, Finding> {
    // RDS names automated snapshots `rds:INSTANCE-DATE`.
    let plain = identifier.strip_prefix("rds:").unwrap_or(identifier);
    if !is_identifier(plain, 255) {
        return Err(invalid(format!(
            "source.snapshotIdentifier: {identifier:?} is no identifier of a DB snapshot, or is an ARN: write the identifier as \
             kubectl runbook backups lists it"
        )));
    }
    let (scope, kind) = (access.scope.clone(), DatabaseKind::Instance);
    Ok(SnapshotId { scope, kind, identifier: identifier.to_owned() })
}

/// What a spec says of a verification.
///
/// # Errors
/// A stalled finding that says which field is wrong and what to write.
pub(crate) fn verification(declared: &database_restore::Verification) -> Result<Verification, Finding> {
    let checks = declared.checks.iter().map(|check| {
        SqlCheck::parse(&check.name, &check.sql, &check.expect)
            .map_err(|why| Finding::stalled("InvalidExpression", format!("verification.checks: {why}")))
    });
    let seconds = |field: &str, duration: &Duration| {
        let seconds = duration.seconds().map_err(|error| invalid(format!("verification.{field}: {error}")))?;
        Ok::<_, Finding>(SignedDuration::from_secs(seconds))
    };
    let checks: Vec<SqlCheck> = checks.collect::<Result<_, _>>()?;
    if checks.is_empty() {
        return Err(invalid("verification.checks is empty: a backup that was asked nothing is not verified"));
    }
    Ok(Verification {
        database: declared.database.clone(),
        checks,
        checks_timeout: seconds("checksTimeout", &declared.checks_timeout)?,
        timeout: seconds("timeout", &declared.timeout)?,
    })
}

fn instance_id(access: &Access, identifier: &str) -> DatabaseId {
    DatabaseId { scope: access.scope.clone(), kind: DatabaseKind::Instance, identifier: identifier.to_owned() }
}

fn invalid(message: impl Into<String>) -> Finding {
    Finding::stalled("InvalidSpec", message)
}
