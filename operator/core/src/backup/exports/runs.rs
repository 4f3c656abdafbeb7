//! The DatabaseBackups of a policy's namespace, as far as exports go.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use runbook_api::DatabaseBackup;
use runbook_api::backup_policy::DatabaseSource;
use runbook_api::common::AccountRef;
use runbook_api::scheduled_export::{ExportState, MadeExport};

use super::due::DueExport;
use super::input::Export;
use crate::backup::ledger::made;
use crate::run::Ended;

/// One DatabaseBackup.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Its name.
    pub name: String,
    /// The export and the slot that it was made for, where the operator has made it for the policy that looks.
    pub of: Option<(String, Timestamp)>,
    /// How it ended, if it has: the state of its slot, and why.
    pub ended: Option<(ExportState, Option<String>)>,
    /// What is in S3, once it is.
    pub made: Option<MadeExport>,
}

impl Run {
    /// What an object says to the policy of this name, for what `(account, region, source)` names.
    pub fn read(object: &DatabaseBackup, policy: &str, of: (&AccountRef, Option<&str>, &DatabaseSource)) -> Self {
        let (metadata, spec) = (&object.metadata, &object.spec);
        let status = object.status.clone().unwrap_or_default();
        // A policy of the same name was of another database perhaps.
        let same = (&spec.account_ref, spec.region.as_deref(), &spec.source) == of;
        let export = spec.export.as_ref().and_then(|export| export.name.clone());
        let of = export.zip(made::slot(metadata, policy)).filter(|_| same);
        let ended = Ended::of(&status.conditions);
        let told = status.export.unwrap_or_default();
        let completion_time = status.completion_time;
        let made = of.as_ref().filter(|_| matches!(ended, Some(Ended::Complete { .. }))).map(|(_, slot)| MadeExport {
            time: Time(*slot),
            completion_time,
            location: told.location,
            rows: told.rows,
            bytes: told.bytes,
        });
        Self {
            name: metadata.name.clone().unwrap_or_default(),
            of,
            ended: ended.map(|ended| match ended {
                Ended::Complete { .. } => (ExportState::Complete, None),
                Ended::Failed { message, .. } => (ExportState::Failed, Some(message)),
            }),
            made,
        }
    }

    /// As an export that is to be made will be seen once it is.
    pub fn of_due(due: &DueExport) -> Self {
        let spec = &due.spec;
        Self::read(&due.object(), &due.policy, (&spec.account_ref, spec.region.as_deref(), &spec.source))
    }

    /// The slot that it was made for, where it is one of this export.
    pub fn slot_of(&self, export: &Export) -> Option<Timestamp> {
        self.of.as_ref().filter(|(name, _)| *name == export.name).map(|(_, slot)| *slot)
    }
}
