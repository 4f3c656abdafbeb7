//! DatabaseRestore: what its decisions are made of.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Client, ResourceExt};
use runbook_api::common::{HistoryEntry, Mode, PlanStatus};
use runbook_api::database_restore::{DatabaseRestoreStatus, RestoreOutcome};
use runbook_api::{DatabaseBackup, DatabaseRestore};
use runbook_core::account::resolve;
use runbook_core::account::usable::not_ready;
use runbook_core::database_restore::{self, Input, Memory, deletion, input, report, turn};
use runbook_core::report::{Act, Hold, Summary, history};
use runbook_core::run::{self, Ended};
use runbook_core::{Facts, Finding, Plan};

use super::claimed;
use crate::context::Context;
use crate::runner::Runner;
use crate::runner::kind::{Kind, Prepared, Reported, Stored};
use crate::stores::{Change, Object, Reflected};

impl Object for DatabaseRestore {
    const KIND: &'static str = "DatabaseRestore";

    /// Nobody is its rival: the names of DB instances are unique in AWS, and their tags say whose they are.
    fn key(&self) -> Option<String> {
        None
    }
}

impl Stored for DatabaseRestore {
    fn reflected(context: &Context) -> &Arc<Reflected<Self>> {
        &context.stores.database_restores
    }

    fn api(&self, client: Client) -> Api<Self> {
        Api::namespaced(client, &self.namespace().unwrap_or_default())
    }
}

impl Kind for DatabaseRestore {
    type Input = Input;

    fn account_name(&self) -> String {
        self.spec.account_ref.name.clone()
    }

    fn has_ended(&self) -> bool {
        self.status.as_ref().is_some_and(|status| Ended::of(&status.conditions).is_some())
    }

    fn prepare(&self, context: &Context) -> Result<Prepared<Input>, Finding> {
        let spec = &self.spec;
        let name = &spec.account_ref.name;
        let account = context.accounts.connect(name).map_err(|finding| not_ready(name, &finding.message))?;
        let namespace = self.namespace().unwrap_or_default();
        let access = resolve(&spec.account_ref, spec.region.as_deref(), &namespace, account.as_deref())?;
        let Some(account) = account else { return Err(not_ready(name, "it does not exist")) };
        let backup = spec.source.backup_ref.as_ref().and_then(|reference| {
            context.stores.database_backups.get(&ObjectRef::new(&reference.name).within(&namespace))
        });
        let input = input::validate(spec, &self.metadata, &context.options.cluster_id, &access, backup.as_deref())?;
        let mut status = self.status.clone().unwrap_or_default();
        // What was done counts, also while the API server does not take the report.
        status.remember(&context.memory.of(&self.uid().unwrap_or_default()).unreported);
        let hold = Hold::of(false, Mode::Enforce, access.mode);
        let input = Input { memory: Memory::of(&status), ahead: ahead(self, context), ..input };
        Ok(Prepared { input, access, account, others: Vec::new(), hold })
    }

    fn plan(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
        database_restore::plan(input, facts, now)
    }

    fn report(&self, previous: &DatabaseRestoreStatus, summary: &Summary<'_>) -> DatabaseRestoreStatus {
        report::status(previous, summary)
    }

    fn cleans_up(&self) -> bool {
        // An instance that was verified is gone when the run has ended.
        self.spec.outcome == RestoreOutcome::Verify && !self.has_ended()
    }

    fn removed_at(&self) -> Option<Timestamp> {
        let completed = self.status.as_ref()?.completion_time.as_ref()?;
        run::removed_at(&self.metadata, completed.0)
    }

    /// RDS deletes no instance that it is still making.
    fn patience(&self) -> Option<SignedDuration> {
        deletion::patience(&self.spec)
    }

    fn leaves_behind(facts: &Facts, plan: &Plan) -> bool {
        deletion::leaves_behind(facts, &plan.steps)
    }

    fn remains(&self, _: &Context) -> String {
        let status = self.status.clone().unwrap_or_default();
        match status.rds_instance {
            Some(instance) => format!("DB instance {instance}, which costs money until it is deleted"),
            None => "the DB instance that it may have restored".into(),
        }
    }
}

impl Reported for DatabaseRestoreStatus {
    fn observed_generation(&self) -> Option<i64> {
        self.observed_generation
    }

    fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    fn history(&self) -> &[HistoryEntry] {
        &self.history
    }

    fn plan(&self) -> Option<&PlanStatus> {
        self.plan.as_ref()
    }

    fn remember(&mut self, acts: &[Act]) {
        self.history = history::append(&self.history, acts);
    }

    fn last_handled(&self) -> Option<&str> {
        self.last_handled_reconcile_at.as_deref()
    }
}

/// The verifications of the account that come before this one, of those that are under way at a time.
fn ahead(own: &DatabaseRestore, context: &Context) -> usize {
    let others = context.stores.database_restores.store().state_filter(|other: &DatabaseRestore| {
        other.spec.account_ref == own.spec.account_ref && other.uid() != own.uid()
    });
    turn::ahead(own, others.iter().map(|other| &**other))
}

/// The restores to look at: as of any kind, and those whose backup changes.
pub fn queue(runner: Arc<Runner<DatabaseRestore>>) -> impl Stream<Item = ObjectRef<DatabaseRestore>> + Send {
    let context = runner.context().clone();
    let (_, changes) = context.stores.database_backups.subscribe();
    let by_backup = changes.flat_map(move |change| {
        let restores = match change {
            Change::Applied(backup) | Change::Deleted(backup) => of_backup(&context, &backup),
            Change::Malformed(_) => Vec::new(),
        };
        stream::iter(restores)
    });
    stream::select(claimed::queue(runner), by_backup)
}

fn of_backup(context: &Context, backup: &DatabaseBackup) -> Vec<ObjectRef<DatabaseRestore>> {
    let (namespace, name) = (backup.namespace(), backup.name_any());
    let restores = context.stores.database_restores.store().state_filter(|restore: &DatabaseRestore| {
        let reference = restore.spec.source.backup_ref.as_ref();
        restore.namespace() == namespace && reference.is_some_and(|reference| reference.name == name)
    });
    restores.iter().map(|restore| ObjectRef::from_obj(&**restore)).collect()
}
