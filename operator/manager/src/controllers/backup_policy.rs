//! BackupPolicy: what its decisions are made of.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Client, ResourceExt};
use runbook_api::common::{AccountRef, HistoryEntry, PlanStatus};
use runbook_api::run::POLICY;
use runbook_api::{AwsAccount, BackupPolicy, BackupPolicyStatus, DatabaseBackup, DatabaseRestore};
use runbook_core::account::usable::not_ready;
use runbook_core::account::{Access, resolve};
use runbook_core::backup::claim::claim as claim_of;
use runbook_core::backup::input::{self, Input};
use runbook_core::backup::memory::Memory;
use runbook_core::backup::verification::Run;
use runbook_core::backup::{self, copies, exports, report};
use runbook_core::claim;
use runbook_core::ids::ObjectId;
use runbook_core::report::{Act, Hold, Summary, history};
use runbook_core::{DatabaseId, DatabaseKind, Facts, Finding, Plan, Scope};

use super::claimed;
use crate::context::Context;
use crate::runner::Runner;
use crate::runner::kind::{Kind, Prepared, Reported, Stored};
use crate::stores::{Change, Object, Reflected, Stores};

impl Object for BackupPolicy {
    const KIND: &'static str = "BackupPolicy";

    /// The database: policies that name the same may be rivals, whatever accounts they name.
    fn key(&self) -> Option<String> {
        input::resource(&self.spec.source)
    }
}

impl Stored for BackupPolicy {
    fn reflected(context: &Context) -> &Arc<Reflected<Self>> {
        &context.stores.backups
    }

    fn api(&self, client: Client) -> Api<Self> {
        Api::namespaced(client, &self.namespace().unwrap_or_default())
    }
}

impl Kind for BackupPolicy {
    type Input = Input;

    fn account_name(&self) -> String {
        self.spec.account_ref.name.clone()
    }

    fn is_suspended(&self) -> bool {
        self.spec.suspend
    }

    fn prepare(&self, context: &Context) -> Result<Prepared<Input>, Finding> {
        let spec = &self.spec;
        let name = &spec.account_ref.name;
        let account = context.accounts.connect(name).map_err(|finding| not_ready(name, &finding.message))?;
        let access = access(self, account.as_deref())?;
        let Some(account) = account else { return Err(not_ready(name, "it does not exist")) };
        let database = input::database(spec, &access)?;
        if let Some(own) = claim_of(self, Some(&*account)) {
            claim::hold(
                &own.claimant,
                &claimed::rivals(self, &own.resource, context, claim_of),
                &database.to_string(),
            )?;
        }
        let input = input::validate(spec, &id(self), &context.options.cluster_id, &access)?;
        let others = Others {
            context,
            namespace: self.namespace().unwrap_or_default(),
            own: (name.as_str(), &account),
            used: RefCell::default(),
        };
        let (copies, granted) = copies::destinations(spec, &access, &|other, region| others.reach(other, region))?;
        let (input, access) = (input.copied_to(copies), Access { grants: access.grants.beside(granted), ..access });
        let mut status = self.status.clone().unwrap_or_default();
        // What was done counts, also while the API server does not take the report.
        status.remember(&context.memory.of(&self.uid().unwrap_or_default()).unreported);
        let created = self.metadata.creation_timestamp.as_ref().map(|time| time.0);
        let input = input.beside(Memory::of(&status, created)).with_runs(runs(self, context), restores(self, context));
        let input = input.with_exported(exported(self, context));
        let hold = Hold::of(spec.suspend, spec.mode, access.mode);
        let others = others.used.into_inner();
        Ok(Prepared { input, access, account, others, hold })
    }

    fn other_accounts(&self) -> Vec<String> {
        let copies = self.spec.snapshots.iter().flat_map(|snapshots| &snapshots.copies);
        copies.filter_map(|copy| copy.account_ref.as_ref()).map(|other| other.name.clone()).collect()
    }

    fn plan(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
        backup::plan(input, facts, now)
    }

    fn report(&self, previous: &BackupPolicyStatus, summary: &Summary<'_>) -> BackupPolicyStatus {
        report::status(previous, summary)
    }
}

impl Reported for BackupPolicyStatus {
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

/// The accounts that copies are in.
struct Others<'c> {
    context: &'c Context,
    namespace: String,
    /// The policy's own.
    own: (&'c str, &'c Arc<AwsAccount>),
    /// Those that were found to be usable.
    used: RefCell<Vec<Arc<AwsAccount>>>,
}

impl Others<'_> {
    fn reach(&self, other: &AccountRef, region: &str) -> Result<Access, Finding> {
        if other.name == self.own.0 {
            return resolve(other, Some(region), &self.namespace, Some(self.own.1));
        }
        let account =
            self.context.accounts.connect(&other.name).map_err(|finding| not_ready(&other.name, &finding.message))?;
        let access = resolve(other, Some(region), &self.namespace, account.as_deref())?;
        self.used.borrow_mut().extend(account);
        Ok(access)
    }
}

/// The policies for one database, and where each of them works: what happens to it concerns them all.
pub fn of_database(database: &DatabaseId, stores: &Stores) -> Vec<(ObjectRef<BackupPolicy>, Scope)> {
    let policies = stores.backups.store().state_filter(|policy: &BackupPolicy| {
        let spec = &policy.spec.source;
        let named = match database.kind {
            DatabaseKind::Instance => &spec.rds_instance,
            DatabaseKind::Cluster => &spec.rds_cluster,
        };
        named.as_deref() == Some(&*database.identifier)
    });
    claimed::in_place(&policies, &database.scope, stores, access)
}

/// The DatabaseRestores of the policy's namespace, in its account and region.
fn runs(policy: &BackupPolicy, context: &Context) -> Vec<Run> {
    let namespace = policy.namespace();
    let restores = context.stores.database_restores.store().state_filter(|restore: &DatabaseRestore| {
        restore.namespace() == namespace
            && restore.spec.account_ref == policy.spec.account_ref
            && restore.spec.region == policy.spec.region
    });
    restores.iter().map(|restore| Run::read(restore, &policy.name_any())).collect()
}

/// The names of all DatabaseRestores of the policy's namespace, of those too that cannot be read.
fn restores(policy: &BackupPolicy, context: &Context) -> BTreeSet<String> {
    let namespace = policy.namespace().unwrap_or_default();
    let reflected = &context.stores.database_restores;
    let all =
        reflected.store().state_filter(|restore: &DatabaseRestore| restore.namespace().as_ref() == Some(&namespace));
    all.iter().map(|restore| restore.name_any()).chain(reflected.malformed_in(&namespace)).collect()
}

/// The DatabaseBackups of the policy's namespace, as it sees them.
fn exported(policy: &BackupPolicy, context: &Context) -> Vec<exports::Run> {
    if policy.spec.exports.is_empty() {
        return Vec::new();
    }
    let namespace = policy.namespace();
    let all = context.stores.database_backups.store();
    let backups = all.state_filter(|backup: &DatabaseBackup| backup.namespace() == namespace);
    let spec = &policy.spec;
    let own = (&spec.account_ref, spec.region.as_deref(), &spec.source);
    backups.iter().map(|backup| exports::Run::read(backup, &policy.name_any(), own)).collect()
}

/// The policies to look at: as of any kind that claims something, and those for which a run was made, when that changes.
pub fn queue(runner: Arc<Runner<BackupPolicy>>) -> impl Stream<Item = ObjectRef<BackupPolicy>> + Send {
    let stores = &runner.context().stores;
    let (_, restores) = stores.database_restores.subscribe();
    let (_, backups) = stores.database_backups.subscribe();
    let by_run = stream::select(made_for(restores), made_for(backups));
    stream::select(claimed::queue(runner), by_run)
}

/// The policies that runs were made for, as these change.
fn made_for<K: Object>(
    changes: impl Stream<Item = Change<K>> + Send,
) -> impl Stream<Item = ObjectRef<BackupPolicy>> + Send {
    changes.filter_map(async |change| match change {
        Change::Applied(run) | Change::Deleted(run) => {
            let policy = run.labels().get(POLICY)?;
            Some(ObjectRef::new(policy).within(&run.namespace()?))
        }
        Change::Malformed(_) => None,
    })
}

fn access(policy: &BackupPolicy, account: Option<&AwsAccount>) -> Result<Access, Finding> {
    let namespace = policy.namespace().unwrap_or_default();
    resolve(&policy.spec.account_ref, policy.spec.region.as_deref(), &namespace, account)
}

fn id(policy: &BackupPolicy) -> ObjectId {
    ObjectId { namespace: policy.namespace().unwrap_or_default(), name: policy.name_any() }
}
