//! A DatabaseBackup, dereferenced and validated: what the plan needs, and nothing that can be wrong.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use runbook_api::database_backup::DatabaseBackupSpec;

use super::export::{Program, Wanted};
use super::memory::Memory;
use crate::account::{Access, Brakes};
use crate::backup::input::{LONGEST_IDENTIFIER, database_of, is_identifier};
use crate::backup::slots;
use crate::ids::{DatabaseId, DatabaseKind, ObjectId};
use crate::ownership::{OWN_ARN_TAG, OWNER_TAG, RUN_TAG, owner_of_run};
use crate::plan::Finding;

/// Plural of the kind, as in its owner's tag.
pub const PLURAL: &str = "databasebackups";

/// What a DatabaseBackup declares, where, and on whose behalf.
#[derive(Clone, Debug, PartialEq)]
pub struct Input {
    /// The database.
    pub database: DatabaseId,
    /// Identifier of the snapshot.
    pub snapshot: String,
    /// The tags that say whose the snapshot is: its owner, its own ARN, and the run that took it.
    pub tags: Vec<(String, String)>,
    /// The export, where it is one: then there is no snapshot.
    pub export: Option<Wanted>,
    /// What Jobs of exports run; none where exports are turned off.
    pub program: Option<Program>,
    /// What the account's owner holds back.
    pub brakes: Brakes,
    /// Whether the object is being deleted, and its snapshot with it.
    pub deleting: bool,
    /// What the status remembers.
    pub memory: Memory,
}

/// Checks what no schema can see, and gathers what the plan needs. `now` stands for the time of creation of an object that does not
/// exist yet.
///
/// # Errors
/// A stalled finding that says which field is wrong and what to write.
pub fn validate(
    spec: &DatabaseBackupSpec,
    metadata: &ObjectMeta,
    cluster_id: &str,
    access: &Access,
    now: Timestamp,
) -> Result<Input, Finding> {
    let database = database_of(&spec.source, access)?;
    let created = metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
    let snapshot = match &spec.snapshot_identifier {
        None => slots::identifier(&format!("{}-manual", database.identifier), created),
        Some(identifier) => identifier.clone(),
    };
    let reserved = ["rds-", "rbv-"].iter().any(|reserved| snapshot.starts_with(reserved));
    if reserved || !is_identifier(&snapshot, LONGEST_IDENTIFIER) {
        return Err(Finding::stalled(
            "InvalidSpec",
            format!(
                "snapshotIdentifier: {snapshot:?} cannot name a snapshot: write a lower-case letter, then lower-case letters, digits and \
                 single hyphens, at most {LONGEST_IDENTIFIER}, not beginning with rds- or rbv-"
            ),
        ));
    }
    let object = ObjectId {
        namespace: metadata.namespace.clone().unwrap_or_default(),
        name: metadata.name.clone().unwrap_or_default(),
    };
    let tags = [
        (OWNER_TAG, owner_of_run(cluster_id, PLURAL, &object)),
        (OWN_ARN_TAG, database.snapshot_arn(&snapshot)),
        (RUN_TAG, metadata.uid.clone().unwrap_or_default()),
    ];
    let export =
        spec.export.as_ref().map(|export| Wanted::of(export, spec, metadata, cluster_id, access, now)).transpose()?;
    if export.is_some() && database.kind != DatabaseKind::Instance {
        return Err(Finding::stalled("InvalidSpec", "an export is of source.rdsInstance"));
    }
    Ok(Input {
        export,
        program: None,
        tags: tags.map(|(key, value)| (key.to_owned(), value)).into(),
        database,
        snapshot,
        brakes: access.brakes.clone(),
        deleting: metadata.deletion_timestamp.is_some(),
        memory: Memory::default(),
    })
}
