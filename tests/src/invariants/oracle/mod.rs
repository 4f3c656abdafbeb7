//! What the objects mean, decided a second time and by other code than the operator's.
//!
//! | | |
//! |---|---|
//! | [`size`] | which size or band is right, and how a service may get there |
//! | [`overrides`] | what ScalingOverrides say of it |
//! | [`entries`] | the scaling policies and scheduled actions that a policy declares |
//! | [`declares`] | which writes a policy declares, and which it has claimed |

pub mod declares;
pub mod entries;
pub mod overrides;
pub mod size;

use runbook_api::aws_account::Verb;
use runbook_api::common::{DeletionPolicy, Mode};
use runbook_api::scaling_policy::ScalingPolicySpec;
use runbook_api::{AwsAccount, ScalingPolicy};
use runbook_core::arn;
use serde_json::Value;

use super::knowledge::Objects;
use crate::cloud::{cluster_id, resource_id};
use crate::journal::ObjectKey;

/// A policy, read.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Its key.
    pub key: ObjectKey,
    /// It.
    pub object: ScalingPolicy,
}

/// The well-formed policies among some objects.
pub fn policies(objects: &Objects) -> Vec<Policy> {
    let all = objects.iter().filter(|(key, _)| key.resource == "scalingpolicies");
    all.filter_map(|(key, object)| Some(Policy { key: key.clone(), object: read(object)? })).collect()
}

/// An AwsAccount among some objects.
pub fn account(objects: &Objects, name: &str) -> Option<AwsAccount> {
    let key = ObjectKey { resource: "awsaccounts".into(), namespace: String::new(), name: name.into() };
    objects.get(&key).and_then(|object| read(object))
}

fn read<T: serde::de::DeserializeOwned>(object: &Value) -> Option<T> {
    serde_json::from_value(object.clone()).ok()
}

impl Policy {
    /// The spec.
    pub fn spec(&self) -> &ScalingPolicySpec {
        &self.object.spec
    }

    /// What it scales, by its ResourceId.
    pub fn target(&self) -> String {
        let target = &self.spec().target;
        match (&target.ecs_service, &target.aurora_replicas) {
            (Some(of), _) => resource_id(&of.cluster, &of.service),
            (None, Some(of)) => cluster_id(&of.cluster),
            (None, None) => String::new(),
        }
    }

    /// Account and region.
    pub fn place(&self, objects: &Objects) -> Option<(String, String)> {
        let account = account(objects, &self.spec().account_ref.name)?;
        let region = self.spec().region.clone().or_else(|| account.spec.regions.first().cloned())?;
        Some((account.spec.account_id, region))
    }

    /// Whether the policy's namespace may do this to its service.
    pub fn granted(&self, verb: Verb, objects: &Objects) -> bool {
        let (Some(account), Some((id, region))) =
            (account(objects, &self.spec().account_ref.name), self.place(objects))
        else {
            return false;
        };
        let target = self.target();
        let service = if target.starts_with("cluster:") { "rds" } else { "ecs" };
        let resource = format!("arn:aws:{service}:{region}:{id}:{target}");
        account.spec.grants.iter().any(|grant| {
            grant.namespaces.contains(&self.key.namespace)
                && (verb == Verb::Observe || grant.verbs.contains(&verb))
                && grant.resources.iter().any(|pattern| arn::matches(pattern, &resource))
        })
    }

    /// Whether the policy may write to its service, were it alone.
    pub fn wants(&self, objects: &Objects) -> bool {
        let account = account(objects, &self.spec().account_ref.name);
        !self.spec().suspend
            && self.spec().mode == Mode::Enforce
            && (!self.is_being_deleted() || self.is_guarded())
            && account.is_some_and(|account| account.spec.mode == Mode::Enforce)
            && self.granted(Verb::Scale, objects)
    }

    /// Whether it is being deleted.
    pub fn is_being_deleted(&self) -> bool {
        self.object.metadata.deletion_timestamp.is_some()
    }

    /// Whether it waits for the operator before it goes.
    pub fn is_guarded(&self) -> bool {
        let finalizers = self.object.metadata.finalizers.iter().flatten();
        finalizers.into_iter().any(|finalizer| finalizer == "ops.clocked.app/cleanup")
    }

    /// Whether it has to be guarded before it creates anything.
    pub fn needs_guard(&self) -> bool {
        self.spec().deletion_policy == DeletionPolicy::Delete
    }

    /// The older policy that holds the same service, if this one does not.
    pub fn rival<'p>(&self, all: &'p [Self], objects: &Objects) -> Option<&'p Self> {
        let age = |policy: &Self| {
            let created = policy.object.metadata.creation_timestamp.as_ref().map(|time| time.0);
            (created, policy.key.namespace.clone(), policy.key.name.clone())
        };
        let same = |policy: &&Self| policy.target() == self.target() && policy.place(objects) == self.place(objects);
        all.iter()
            .filter(same)
            .filter(|policy| policy.wants(objects) && age(policy) < age(self))
            .min_by_key(|policy| age(policy))
    }
}
