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
        let name = metadata.name.clone().unwrap_or_default();
        // A policy of the same name was of another database perhaps.
        let same = (&spec.account_ref, spec.region.as_deref(), &spec.source) == of;
        let export = spec.export.as_ref().filter(|_| same).and_then(|export| export.name.clone());
        let Some((export, slot)) = export.zip(made::slot(metadata, policy)) else {
            // Of others the name alone matters: it may be in the way.
            return Self { name, of: None, ended: None, made: None };
        };
        let status = object.status.as_ref();
        let ended = status.and_then(|status| Ended::of(&status.conditions));
        let is_made = matches!(ended, Some(Ended::Complete { .. }));
        let made = status.filter(|_| is_made).map(|status| {
            let told = status.export.clone().unwrap_or_default();
            let (time, completion_time) = (Time(slot), status.completion_time.clone());
            MadeExport { time, completion_time, location: told.location, rows: told.rows, bytes: told.bytes }
        });
        let ended = ended.map(|ended| match ended {
            Ended::Complete { .. } => (ExportState::Complete, None),
            Ended::Failed { message, .. } => (ExportState::Failed, Some(message)),
        });
        Self { name, of: Some((export, slot)), ended, made }
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
