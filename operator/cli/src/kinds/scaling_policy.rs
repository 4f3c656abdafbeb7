//! ScalingPolicy: the same checks, in the same order, as the operator makes before it asks AWS.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use kube::core::ObjectMeta;
use runbook_api::common::DeletionPolicy;
use runbook_api::{AwsAccount, ScalingPolicy, ScalingPolicySpec};
use runbook_core::Finding;
use runbook_core::account::usable::not_ready;
use runbook_core::account::{Brakes, resolve, usable};
use runbook_core::claim::{Claim, Claimant, hold_before_creation};
use runbook_core::deletion::{is_abandoned, is_guarded};
use runbook_core::ids::ObjectId;
use runbook_core::report::Hold;
use runbook_core::scaling::claim::claim;
use runbook_core::scaling::input::{self, Deletion, Input};
use runbook_core::scaling::overrides::intent::Memory;
use runbook_core::scaling::{self, reach};

use super::scaling_override::Overrides;
use super::{Accounts, Candidate, Prepared, Subject};
use crate::cluster::Existing;
use crate::sources::{Declared, Origin, Sourced};

/// Part of the owner tag of what is created; a plan shows no tags.
const CLUSTER_ID: &str = "plan";

/// All policies, of the files and of the cluster: any two may be rivals.
pub struct Scene<'a> {
    accounts: &'a Accounts,
    declared: &'a [Sourced<ScalingPolicy>],
    existing: &'a Existing,
    overrides: &'a Overrides,
    claims: Vec<Claim>,
    cluster_id: Option<&'a str>,
    allow_custom_endpoints: bool,
}

impl<'a> Scene<'a> {
    /// The policies of the files, and those of the cluster that no file replaces.
    pub fn new(
        declared: &'a [Sourced<ScalingPolicy>],
        accounts: &'a Accounts,
        existing: &'a Existing,
        overrides: &'a Overrides,
        cluster_id: Option<&'a str>,
        allow_custom_endpoints: bool,
    ) -> Self {
        let claims = Vec::new();
        let mut scene = Self { accounts, declared, existing, overrides, claims, cluster_id, allow_custom_endpoints };
        let declared_ids: Vec<ObjectId> = declared.iter().map(|policy| id(&policy.object)).collect();
        let claims = declared.iter().filter_map(|policy| scene.claim(&policy.object)).collect::<Vec<_>>();
        let others = existing.of_kind::<ScalingPolicy>().filter(|policy| !declared_ids.contains(&id(policy)));
        scene.claims = others.filter_map(|policy| scene.claim(&policy)).chain(claims).collect();
        scene
    }

    /// A policy: as a file declares it, else as it exists.
    pub fn get(&self, of: &ObjectId) -> Option<ScalingPolicy> {
        let declared = self.declared.iter().find(|policy| id(&policy.object) == *of);
        declared.map(|policy| policy.object.clone()).or_else(|| self.existing.get(&subject(of)))
    }

    /// The policies that exist, are not in the files (not even with mistakes), and are named by an override that is.
    pub fn named_by_files(&self, declared: &Declared) -> Vec<Sourced<ScalingPolicy>> {
        let exists = |of: &ObjectId| {
            let own = subject(of);
            let in_a_file = self.declared.iter().any(|policy| id(&policy.object) == *of)
                || declared.problems.iter().any(|problem| problem.subject.as_ref() == Some(&own));
            let object = self.existing.get(&own).filter(|_| !in_a_file)?;
            Some(Sourced { origin: Origin { file: "the cluster".into(), document: 0 }, object })
        };
        self.overrides.named_by_files().filter_map(exists).collect()
    }

    /// What is needed to plan for one of them.
    pub fn candidate(&self, policy: &Sourced<ScalingPolicy>, now: Timestamp) -> Candidate {
        Candidate {
            subject: subject(&id(&policy.object)),
            origin: policy.origin.clone(),
            prepared: self.prepare(&policy.object, now).map_err(|finding| vec![finding]),
        }
    }

    fn prepare(&self, policy: &ScalingPolicy, now: Timestamp) -> Result<Prepared, Finding> {
        let spec = &policy.spec;
        let account = self.account(policy);
        if let Some(account) = account {
            usable(account, self.allow_custom_endpoints)
                .map_err(|finding| not_ready(&spec.account_ref.name, &finding.message))?;
        }
        let policy_id = id(policy);
        let access = resolve(&spec.account_ref, spec.region.as_deref(), &policy_id.namespace, account)?;
        let service = input::target(spec, &access)?;
        let deletion = self.deletion(policy)?;
        if let (Some(own), None) = (self.claim(policy), &deletion) {
            hold_before_creation(&own.claimant, &self.others(&own), &service.to_string())?;
        }
        let cluster_id = self.cluster_id.unwrap_or(CLUSTER_ID);
        let input = Input { deletion, ..input::validate(spec, &policy_id, cluster_id, &access)? };
        // What holds for a while takes no permission away.
        let of_reach = Input { brakes: Brakes::default(), ..input.clone() };
        let input = Arc::new(input.beside(self.overrides.of(&policy_id), self.memory(&policy_id, spec)));
        Ok(Prepared {
            hold: Hold::of(spec.suspend, spec.mode, access.mode),
            access,
            notes: self.overrides.without_effect(policy, now),
            plan: Box::new(move |facts, now: Timestamp| scaling::plan(&input, facts, now)),
            elsewhere: BTreeMap::new(),
            permissions: Box::new(move || reach::permissions(&of_reach)),
        })
    }

    /// What the operator remembers of a policy. What a file says of a status is an export of something else.
    fn memory(&self, policy: &ObjectId, spec: &ScalingPolicySpec) -> Memory {
        let Some(known) = self.existing.get::<ScalingPolicy>(&subject(policy)) else { return Memory::default() };
        // Another spec will be another generation, which AWS has not followed yet.
        let generation = known.metadata.generation.filter(|_| known.spec == *spec);
        known.status.map(|status| Memory::of(&status, generation)).unwrap_or_default()
    }

    /// What its deletion is to remove, where the cluster, or else the file, shows that it is under way.
    fn deletion(&self, policy: &ScalingPolicy) -> Result<Option<Deletion>, Finding> {
        let metadata = self.known(policy).unwrap_or_else(|| policy.metadata.clone());
        if metadata.deletion_timestamp.is_none() {
            return Ok(None);
        }
        let removes = is_guarded(&metadata) && !is_abandoned(&metadata);
        if !removes || policy.spec.deletion_policy == DeletionPolicy::Retain {
            return Err(Finding::note("Deleted", "the policy is being deleted, and AWS stays as it is"));
        }
        if self.cluster_id.is_none() {
            let why = "the policy is being deleted; pass --cluster-id as the operator has it to see what is removed: it is part of the \
                       tag that says what the operator created";
            return Err(Finding::stalled("ClusterIdNeeded", why));
        }
        let holder = self.claim(policy).and_then(|own| {
            self.others(&own).into_iter().filter(|other| *other < own.claimant).min().map(|holder| holder.id)
        });
        Ok(Some(Deletion { held_by: holder }))
    }

    /// Who else claims the same.
    fn others(&self, own: &Claim) -> Vec<Claimant> {
        let same = self.claims.iter().filter(|claim| claim.resource == own.resource);
        same.map(|claim| claim.claimant.clone()).collect()
    }

    /// What the cluster says of the object.
    fn known(&self, policy: &ScalingPolicy) -> Option<ObjectMeta> {
        let ObjectId { namespace, name } = id(policy);
        let subject = Subject { kind: "ScalingPolicy", namespace: Some(namespace), name };
        let metadata = self.existing.object(&subject)?.get("metadata")?;
        serde_json::from_value(metadata.clone()).ok()
    }

    fn account(&self, policy: &ScalingPolicy) -> Option<&'a AwsAccount> {
        self.accounts.get(&policy.spec.account_ref.name)
    }

    /// The claim of a policy, with the age that it has in the cluster.
    fn claim(&self, policy: &ScalingPolicy) -> Option<Claim> {
        let mut policy = policy.clone();
        let known = self.known(&policy);
        // What a file says of its age is an export of something else, or nothing.
        policy.metadata.creation_timestamp = known.as_ref().and_then(|known| known.creation_timestamp.clone());
        if let Some(known) = known {
            policy.metadata.deletion_timestamp = known.deletion_timestamp;
            policy.metadata.finalizers = known.finalizers;
        }
        let account = self.account(&policy).filter(|account| usable(account, self.allow_custom_endpoints).is_ok());
        claim(&policy, account)
    }
}

fn subject(policy: &ObjectId) -> Subject {
    let ObjectId { namespace, name } = policy.clone();
    Subject { kind: "ScalingPolicy", namespace: Some(namespace), name }
}

fn id(policy: &ScalingPolicy) -> ObjectId {
    let of = |text: &Option<String>| text.clone().unwrap_or_default();
    ObjectId { namespace: of(&policy.metadata.namespace), name: of(&policy.metadata.name) }
}
