//! ScalingPolicy: the same checks, in the same order, as the operator makes before it asks AWS.

use std::sync::Arc;

use jiff::Timestamp;
use runbook_api::{AwsAccount, ScalingPolicy, ScalingPolicySpec};
use runbook_core::Finding;
use runbook_core::account::usable::not_ready;
use runbook_core::account::{Brakes, resolve, usable};
use runbook_core::claim::{Claimant, hold_before_creation};
use runbook_core::ids::ObjectId;
use runbook_core::report::Hold;
use runbook_core::scaling::claim::{Claim, claim};
use runbook_core::scaling::input::Input;
use runbook_core::scaling::overrides::intent::Memory;
use runbook_core::scaling::{self, input, reach};

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
    allow_custom_endpoints: bool,
}

impl<'a> Scene<'a> {
    /// The policies of the files, and those of the cluster that no file replaces.
    pub fn new(
        declared: &'a [Sourced<ScalingPolicy>],
        accounts: &'a Accounts,
        existing: &'a Existing,
        overrides: &'a Overrides,
        allow_custom_endpoints: bool,
    ) -> Self {
        let mut scene = Self { accounts, declared, existing, overrides, claims: Vec::new(), allow_custom_endpoints };
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
        if let Some(own) = self.claim(policy) {
            let same = self.claims.iter().filter(|claim| claim.resource == own.resource);
            let others: Vec<Claimant> = same.map(|claim| claim.claimant.clone()).collect();
            hold_before_creation(&own.claimant, &others, &service.to_string())?;
        }
        let input = input::validate(spec, &policy_id, CLUSTER_ID, &access)?;
        // What holds for a while takes no permission away.
        let of_reach = Input { brakes: Brakes::default(), ..input.clone() };
        let input = Arc::new(input.beside(self.overrides.of(&policy_id), self.memory(&policy_id, spec)));
        Ok(Prepared {
            hold: Hold::of(spec.suspend, spec.mode, access.mode),
            access,
            notes: self.overrides.without_effect(policy, now),
            plan: Box::new(move |facts, now: Timestamp| scaling::plan(&input, facts, now)),
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

    fn account(&self, policy: &ScalingPolicy) -> Option<&'a AwsAccount> {
        self.accounts.get(&policy.spec.account_ref.name)
    }

    /// The claim of a policy, with the age that it has in the cluster.
    fn claim(&self, policy: &ScalingPolicy) -> Option<Claim> {
        let mut policy = policy.clone();
        let known = self
            .existing
            .object(&subject(&id(&policy)))
            .and_then(|object| object.pointer("/metadata/creationTimestamp"));
        // What a file says of its age is an export of something else, or nothing.
        policy.metadata.creation_timestamp = known.and_then(|time| serde_json::from_value(time.clone()).ok());
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
