//! DatabaseBackup: what its decisions are made of.

use std::sync::Arc;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{Api, Client, ResourceExt};
use runbook_api::DatabaseBackup;
use runbook_api::common::{DeletionPolicy, HistoryEntry, Mode, PlanStatus};
use runbook_api::database_backup::DatabaseBackupStatus;
use runbook_core::account::resolve;
use runbook_core::account::usable::not_ready;
use runbook_core::database_backup::export::Program;
use runbook_core::database_backup::{self, Input, Memory, deletion, input, report};
use runbook_core::report::{Act, Hold, Summary, history};
use runbook_core::run::{self, Ended};
use runbook_core::{Facts, Finding, Plan};

use crate::context::Context;
use crate::runner::kind::{Kind, Prepared, Reported, Stored};
use crate::stores::{Object, Reflected};

impl Object for DatabaseBackup {
    const KIND: &'static str = "DatabaseBackup";

    /// Nobody is its rival: the names of snapshots are unique in AWS, and their tags say whose they are.
    fn key(&self) -> Option<String> {
        None
    }
}

impl Stored for DatabaseBackup {
    fn reflected(context: &Context) -> &Arc<Reflected<Self>> {
        &context.stores.database_backups
    }

    fn api(&self, client: Client) -> Api<Self> {
        Api::namespaced(client, &self.namespace().unwrap_or_default())
    }
}

impl Kind for DatabaseBackup {
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
        let cluster_id = &context.options.cluster_id;
        let input = input::validate(spec, &self.metadata, cluster_id, &access, context.clock.now())?;
        let memory = Memory::of(&self.status.clone().unwrap_or_default());
        let hold = Hold::of(false, Mode::Enforce, access.mode);
        let endpoint_url = account.spec.endpoint_url.clone();
        let program = context.options.exports.clone().map(|program| Program { endpoint_url, ..program });
        Ok(Prepared { input: Input { memory, program, ..input }, access, account, others: Vec::new(), hold })
    }

    fn plan(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
        database_backup::plan(input, facts, now)
    }

    fn report(&self, previous: &DatabaseBackupStatus, summary: &Summary<'_>) -> DatabaseBackupStatus {
        report::status(previous, summary)
    }

    fn cleans_up(&self) -> bool {
        self.spec.deletion_policy == DeletionPolicy::Delete
    }

    fn removed_at(&self) -> Option<Timestamp> {
        let completed = self.status.as_ref()?.completion_time.as_ref()?;
        run::removed_at(&self.metadata, completed.0)
    }

    fn leaves_behind(facts: &Facts, plan: &Plan) -> bool {
        deletion::leaves_behind(facts, &plan.steps)
    }

    fn remains(&self, _: &Context) -> String {
        let status = self.status.clone().unwrap_or_default();
        match status.snapshot_identifier {
            Some(snapshot) => format!("snapshot {snapshot}"),
            None => "the snapshot that it may have taken".into(),
        }
    }
}

impl Reported for DatabaseBackupStatus {
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
