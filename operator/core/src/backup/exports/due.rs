//! The DatabaseBackup that makes an export.

use std::fmt;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::DatabaseBackup;
use runbook_api::database_backup::DatabaseBackupSpec;
use runbook_api::run::EXPORT;
use serde::Serialize;

use super::input::Export;
use super::runs::Run;
use crate::backup::input::Input;
use crate::backup::ledger::made::{metadata, name};
use crate::ids::ObjectId;

/// Longest name of a DatabaseBackup: that of its Job has room for all of it.
const LONGEST: usize = 54;

/// A DatabaseBackup that is to be made for a slot.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DueExport {
    /// The object: the same for the same slot, so that it is made once.
    pub id: ObjectId,
    /// The policy.
    pub policy: String,
    /// Name of the export.
    pub name: String,
    /// When it was due.
    pub slot: Timestamp,
    /// The bucket.
    pub bucket: String,
    /// The ARNs that a grant must cover.
    pub resources: Vec<String>,
    /// What it says.
    pub spec: Box<DatabaseBackupSpec>,
}

impl DueExport {
    /// The export for a slot.
    pub(super) fn of(input: &Input, export: &Export, slot: Timestamp) -> Self {
        let mut spec = export.spec.clone();
        let deadline = export.timetable.deadline(export.timetable.due_at(&super::slots::seed(input, export), slot));
        if let Some(said) = &mut spec.export {
            said.slot = Some(Time(slot));
            said.start_before = Some(Time(deadline));
        }
        // No export's name has a dot, so that no two pairs of names are one.
        let named = name(&format!("{}.{}", input.policy.name, export.name), slot, LONGEST);
        Self {
            id: ObjectId { namespace: input.policy.namespace.clone(), name: named },
            policy: input.policy.name.clone(),
            name: export.name.clone(),
            slot,
            bucket: export.bucket.clone(),
            resources: export.resources(&input.database),
            spec: Box::new(spec),
        }
    }

    /// The object to create.
    pub fn object(&self) -> DatabaseBackup {
        let mut metadata = metadata(&self.id, &self.policy, self.slot);
        metadata.labels.get_or_insert_default().insert(EXPORT.into(), self.name.clone());
        DatabaseBackup { metadata, ..DatabaseBackup::new("", (*self.spec).clone()) }
    }

    /// Whether `existing`, which has the name, is this one, made before. It may say other tables: the slot was begun with those.
    pub fn is_made(&self, existing: &DatabaseBackup) -> bool {
        let run =
            Run::read(existing, &self.policy, (&self.spec.account_ref, self.spec.region.as_deref(), &self.spec.source));
        run.of == Some((self.name.clone(), self.slot))
    }
}

impl fmt::Display for DueExport {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, bucket, id, slot, .. } = self;
        write!(formatter, "as {name} to s3://{bucket} by DatabaseBackup {id} for the slot of {slot}")
    }
}
