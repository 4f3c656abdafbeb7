//! ScalingPolicy: which objects to look at, and what their decisions are made of.

use std::sync::Arc;

use futures::{Stream, stream};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Client, ResourceExt};
use runbook_api::common::{DeletionPolicy, HistoryEntry, PlanStatus};
use runbook_api::{AwsAccount, ScalingPolicy, ScalingPolicyStatus};
use runbook_core::account::usable::not_ready;
use runbook_core::account::{Access, resolve};
use runbook_core::claim;
use runbook_core::ids::ObjectId;
use runbook_core::ownership::owner;
use runbook_core::report::{Act, Hold, Summary, history};
use runbook_core::scaling::claim::claim as claim_of;
use runbook_core::scaling::input::{self, Deletion, Input};
use runbook_core::scaling::overrides::intent::Memory;
use runbook_core::scaling::{self, deletion, report};
use runbook_core::{Facts, Finding, Plan, Scope, TargetId};

use super::{claimed, scaling_override};
use crate::context::Context;
use crate::runner::Runner;
use crate::runner::kind::{Kind, Prepared, Reported, Stored};
use crate::runner::memory::Remembered;
use crate::stores::{Object, Reflected, Stores};

impl Object for ScalingPolicy {
    const KIND: &'static str = "ScalingPolicy";

    /// The ResourceId of the target: policies that name the same may be rivals, whatever accounts they name.
    fn key(&self) -> Option<String> {
        input::resource_id(&self.spec.target)
    }
}

impl Stored for ScalingPolicy {
    fn reflected(context: &Context) -> &Arc<Reflected<Self>> {
        &context.stores.policies
    }

    fn api(&self, client: Client) -> Api<Self> {
        Api::namespaced(client, &self.namespace().unwrap_or_default())
    }
}

impl Kind for ScalingPolicy {
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
        let target = input::target(spec, &access)?;
        let own = claim_of(self, Some(&*account));
        let rivals =
            own.as_ref().map(|own| claimed::rivals(self, &own.resource, context, claim_of)).unwrap_or_default();
        let deletion = if self.metadata.deletion_timestamp.is_some() {
            let older = rivals.into_iter().filter(|rival| own.as_ref().is_some_and(|own| *rival < own.claimant));
            Some(Deletion { held_by: older.min().map(|holder| holder.id) })
        } else {
            own.as_ref().map_or(Ok(()), |own| claim::hold(&own.claimant, &rivals, &target.to_string()))?;
            None
        };
        let input = input::validate(spec, &id(self), &context.options.cluster_id, &access)?;
        let Remembered { taken, unreported, .. } = context.memory.of(&self.uid().unwrap_or_default());
        let mut status = self.status.clone().unwrap_or_default();
        // What was done counts, also while the API server does not take the report.
        status.remember(&unreported);
        let memory = Memory::of(&status, self.metadata.generation);
        let input = input.beside(scaling_override::of_policy(&id(self), &context.stores), memory);
        let input = Input { taken, deletion, ..input };
        let hold = Hold::of(spec.suspend, spec.mode, access.mode);
        Ok(Prepared { input, access, account, others: Vec::new(), hold })
    }

    fn plan(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
        scaling::plan(input, facts, now)
    }

    fn report(&self, previous: &ScalingPolicyStatus, summary: &Summary<'_>) -> ScalingPolicyStatus {
        report::status(&self.name_any(), previous, summary)
    }

    fn cleans_up(&self) -> bool {
        self.spec.deletion_policy == DeletionPolicy::Delete
    }

    fn leaves_behind(facts: &Facts, plan: &Plan) -> bool {
        deletion::leaves_behind(facts, &plan.steps)
    }

    fn remains(&self, context: &Context) -> String {
        deletion::remains(&self.spec.target, &owner(&context.options.cluster_id, &id(self)))
    }

    fn settles_at(status: &ScalingPolicyStatus, now: Timestamp) -> Option<Timestamp> {
        report::settles_at(status, now)
    }
}

impl Reported for ScalingPolicyStatus {
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

/// The policies to look at: as of any kind, and those whose overrides change.
pub fn queue(runner: Arc<Runner<ScalingPolicy>>) -> impl Stream<Item = ObjectRef<ScalingPolicy>> + Send {
    let by_override = scaling_override::policies_to_look_at(&runner.context().stores);
    stream::select(claimed::queue(runner), by_override)
}

/// The policies for one target, and where each of them works: what happens to it concerns them all.
pub fn of_target(target: &TargetId, stores: &Stores) -> Vec<(ObjectRef<ScalingPolicy>, Scope)> {
    let policies = stores.policies.of_key(&target.resource_id());
    claimed::in_place(&policies, target.scope(), stores, access)
}

fn access(policy: &ScalingPolicy, account: Option<&AwsAccount>) -> Result<Access, Finding> {
    let namespace = policy.namespace().unwrap_or_default();
    resolve(&policy.spec.account_ref, policy.spec.region.as_deref(), &namespace, account)
}

fn id(policy: &ScalingPolicy) -> ObjectId {
    ObjectId { namespace: policy.namespace().unwrap_or_default(), name: policy.name_any() }
}
