//! DatabaseBackup and DatabaseRestore: what they would do if they were created now.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::ResourceExt;
use runbook_api::common::{AccountRef, DeletionPolicy, Mode};
use runbook_api::{DatabaseBackup, DatabaseRestore};
use runbook_core::Finding;
use runbook_core::account::usable::not_ready;
use runbook_core::account::{Access, resolve, usable};
use runbook_core::database_backup::export::Program;
use runbook_core::report::Hold;
use runbook_core::{database_backup, database_restore};

use super::{Accounts, Candidate, Prepared, Subject};
use crate::cluster::Existing;
use crate::sources::{Declared, Sourced};

/// Part of the tags that say whose something is; of what does not exist yet it makes no difference.
const CLUSTER_ID: &str = "plan";

/// The runs of the files, and what they refer to.
pub struct Scene<'a> {
    declared: &'a Declared,
    accounts: &'a Accounts,
    existing: &'a Existing,
    cluster_id: &'a str,
    allow_custom_endpoints: bool,
    now: Timestamp,
}

impl<'a> Scene<'a> {
    /// The runs of the files.
    pub fn new(
        declared: &'a Declared,
        accounts: &'a Accounts,
        existing: &'a Existing,
        cluster_id: Option<&'a str>,
        allow_custom_endpoints: bool,
        now: Timestamp,
    ) -> Self {
        let cluster_id = cluster_id.unwrap_or(CLUSTER_ID);
        Self { declared, accounts, existing, cluster_id, allow_custom_endpoints, now }
    }

    /// What is needed to plan for each of them.
    pub fn candidates(&self) -> Vec<Candidate> {
        let backups = self.declared.database_backups.iter().map(|run| Candidate {
            subject: subject("DatabaseBackup", &run.object),
            origin: run.origin.clone(),
            prepared: self.backup(run).map_err(|finding| vec![finding]),
        });
        let restores = self.declared.database_restores.iter().map(|run| Candidate {
            subject: subject("DatabaseRestore", &run.object),
            origin: run.origin.clone(),
            prepared: self.restore(run).map_err(|finding| vec![finding]),
        });
        backups.chain(restores).collect()
    }

    fn backup(&self, run: &Sourced<DatabaseBackup>) -> Result<Prepared, Finding> {
        let spec = &run.object.spec;
        let access = self.access(&spec.account_ref, spec.region.as_deref(), &run.object)?;
        let known: Option<DatabaseBackup> = self.existing.get(&subject("DatabaseBackup", &run.object));
        let metadata = known.as_ref().map_or(&run.object.metadata, |known| &known.metadata);
        let input = database_backup::input::validate(spec, metadata, self.cluster_id, &access, self.now)?;
        let memory = database_backup::Memory::of(&known.and_then(|known| known.status).unwrap_or_default());
        let deletes = spec.deletion_policy == DeletionPolicy::Delete;
        // Which image a Job runs is the operator's to know.
        let program = Program { image: "runbook-exporter".into(), memory: "512Mi".into(), endpoint_url: None };
        let input = Arc::new(database_backup::Input { memory, program: Some(program), ..input });
        let of_reach = input.clone();
        Ok(Prepared {
            hold: Hold::of(false, Mode::Enforce, access.mode),
            access,
            notes: Vec::new(),
            plan: Box::new(move |facts, now| database_backup::plan(&input, facts, now)),
            elsewhere: BTreeMap::new(),
            permissions: Box::new(move || database_backup::reach::permissions(&of_reach, deletes)),
        })
    }

    fn restore(&self, run: &Sourced<DatabaseRestore>) -> Result<Prepared, Finding> {
        let spec = &run.object.spec;
        let access = self.access(&spec.account_ref, spec.region.as_deref(), &run.object)?;
        let known: Option<DatabaseRestore> = self.existing.get(&subject("DatabaseRestore", &run.object));
        let metadata = known.as_ref().map_or(&run.object.metadata, |known| &known.metadata);
        let namespace = run.object.namespace();
        let backup: Option<DatabaseBackup> = spec.source.backup_ref.as_ref().and_then(|reference| {
            let name = reference.name.clone();
            self.existing.get(&Subject { kind: "DatabaseBackup", namespace: namespace.clone(), name })
        });
        let input = database_restore::input::validate(spec, metadata, self.cluster_id, &access, backup.as_ref())?;
        let memory = database_restore::Memory::of(&known.and_then(|known| known.status).unwrap_or_default());
        let input = Arc::new(database_restore::Input { memory, ..input });
        let of_reach = input.clone();
        Ok(Prepared {
            hold: Hold::of(false, Mode::Enforce, access.mode),
            access,
            notes: Vec::new(),
            plan: Box::new(move |facts, now| database_restore::plan(&input, facts, now)),
            elsewhere: BTreeMap::new(),
            permissions: Box::new(move || database_restore::reach::permissions(&of_reach)),
        })
    }

    fn access<K: ResourceExt>(&self, account: &AccountRef, region: Option<&str>, run: &K) -> Result<Access, Finding> {
        let found = self.accounts.get(&account.name);
        if let Some(found) = found {
            usable(found, self.allow_custom_endpoints).map_err(|finding| not_ready(&account.name, &finding.message))?;
        }
        resolve(account, region, &run.namespace().unwrap_or_default(), found)
    }
}

fn subject<K: ResourceExt>(kind: &'static str, object: &K) -> Subject {
    Subject { kind, namespace: object.namespace(), name: object.name_any() }
}
