//! BackupPolicy: the same checks, in the same order, as the operator makes before it asks AWS.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use runbook_api::common::AccountRef;
use runbook_api::{AwsAccount, BackupPolicy};
use runbook_core::account::usable::not_ready;
use runbook_core::account::{Access, Brakes, resolve, usable};
use runbook_core::backup::claim::claim;
use runbook_core::backup::input::{self, Input};
use runbook_core::backup::memory::Memory;
use runbook_core::backup::{self, copies, reach, verification};
use runbook_core::claim::{Claim, Claimant, hold_before_creation};
use runbook_core::iam::Permission;
use runbook_core::ids::ObjectId;
use runbook_core::report::Hold;
use runbook_core::{Facts, Finding, Plan};

use super::{Accounts, Candidate, Prepared, Subject};
use crate::cluster::Existing;
use crate::sources::Sourced;

/// Part of the tags that say whose a snapshot is. Without the operator's own, no snapshot is known to be a policy's.
const CLUSTER_ID: &str = "plan";

/// All policies, of the files and of the cluster: any two may be rivals.
pub struct Scene<'a> {
    accounts: &'a Accounts,
    existing: &'a Existing,
    claims: Vec<Claim>,
    cluster_id: Option<&'a str>,
    allow_custom_endpoints: bool,
}

impl<'a> Scene<'a> {
    /// The policies of the files, and those of the cluster that no file replaces.
    pub fn new(
        declared: &'a [Sourced<BackupPolicy>],
        accounts: &'a Accounts,
        existing: &'a Existing,
        cluster_id: Option<&'a str>,
        allow_custom_endpoints: bool,
    ) -> Self {
        let mut scene = Self { accounts, existing, claims: Vec::new(), cluster_id, allow_custom_endpoints };
        let in_files = |policy: &BackupPolicy| declared.iter().any(|one| id(&one.object) == id(policy));
        let others = existing.of_kind::<BackupPolicy>().filter(|policy| !in_files(policy));
        let all = others.chain(declared.iter().map(|one| one.object.clone()));
        scene.claims = all.filter_map(|policy| scene.claim(&policy)).collect();
        scene
    }

    /// What is needed to plan for one of them.
    pub fn candidate(&self, policy: &Sourced<BackupPolicy>) -> Candidate {
        Candidate {
            subject: subject(&id(&policy.object)),
            origin: policy.origin.clone(),
            prepared: self.prepare(&policy.object).map_err(|finding| vec![finding]),
        }
    }

    fn prepare(&self, policy: &BackupPolicy) -> Result<Prepared, Finding> {
        let spec = &policy.spec;
        let account = self.account(policy);
        if let Some(account) = account {
            usable(account, self.allow_custom_endpoints)
                .map_err(|finding| not_ready(&spec.account_ref.name, &finding.message))?;
        }
        let known = self.existing.get::<BackupPolicy>(&subject(&id(policy)));
        if known.as_ref().is_some_and(|known| known.metadata.deletion_timestamp.is_some()) {
            return Err(Finding::note("Deleted", "the policy is being deleted, and AWS stays as it is"));
        }
        let access = resolve(&spec.account_ref, spec.region.as_deref(), &id(policy).namespace, account)?;
        let database = input::database(spec, &access)?;
        if let Some(own) = self.claim(policy) {
            hold_before_creation(&own.claimant, &self.others(&own), &database.to_string())?;
        }
        let cluster_id = self.cluster_id.unwrap_or(CLUSTER_ID);
        let input = input::validate(spec, &id(policy), cluster_id, &access)?;
        let reach = |other: &AccountRef, region: &str| {
            let account = self.accounts.get(&other.name);
            if let Some(account) = account {
                usable(account, self.allow_custom_endpoints)
                    .map_err(|finding| not_ready(&other.name, &finding.message))?;
            }
            resolve(other, Some(region), &id(policy).namespace, account)
        };
        let (copies, granted) = copies::destinations(spec, &access, &reach)?;
        let (input, access) = (input.copied_to(copies), Access { grants: access.grants.beside(granted), ..access });
        // What holds for a while takes no permission away.
        let of_reach = Input { brakes: Brakes::default(), ..input.clone() };
        let created = known.as_ref().and_then(|known| known.metadata.creation_timestamp.as_ref()).map(|time| time.0);
        let status = known.and_then(|known| known.status).unwrap_or_default();
        let exported = self.existing.exported(spec, &id(policy));
        let input = input.beside(Memory::of(&status, created)).with_exported(exported);
        let input = Arc::new(match self.existing.restores(&spec.account_ref, spec.region.as_deref(), &id(policy)) {
            Some((runs, restores)) => input.with_runs(runs, restores),
            None => input,
        });
        let mut notes = Vec::new();
        if self.cluster_id.is_none() && input.snapshots.is_some() {
            let why = "pass --cluster-id as the operator has it to see which snapshots are taken or deleted: it is part of the tag that \
                       says which are this policy's";
            notes.push(Finding::note("ClusterIdNeeded", why));
        }
        Ok(Prepared {
            hold: Hold::of(spec.suspend, spec.mode, access.mode),
            access,
            notes,
            plan: Box::new(move |facts, now: Timestamp| planned(&input, facts, now)),
            elsewhere: others_of(reach::by_account(&of_reach), &of_reach),
            permissions: Box::new(move || reach::permissions(&of_reach)),
        })
    }

    /// Who else claims the same.
    fn others(&self, own: &Claim) -> Vec<Claimant> {
        let same = self.claims.iter().filter(|claim| claim.resource == own.resource);
        same.map(|claim| claim.claimant.clone()).collect()
    }

    fn account(&self, policy: &BackupPolicy) -> Option<&'a AwsAccount> {
        self.accounts.get(&policy.spec.account_ref.name)
    }

    /// The claim of a policy, with the age that it has in the cluster.
    fn claim(&self, policy: &BackupPolicy) -> Option<Claim> {
        let mut policy = policy.clone();
        let known = self.existing.get::<BackupPolicy>(&subject(&id(&policy))).map(|known| known.metadata);
        // What a file says of its age is an export of something else, or nothing.
        let known = known.unwrap_or_default();
        policy.metadata.creation_timestamp = known.creation_timestamp;
        policy.metadata.deletion_timestamp = known.deletion_timestamp;
        let account = self.account(&policy).filter(|account| usable(account, self.allow_custom_endpoints).is_ok());
        claim(&policy, account)
    }
}

/// As the operator plans, and what verifications will cost besides.
fn planned(input: &Input, facts: &Facts, now: Timestamp) -> Plan {
    let mut plan = backup::plan(input, facts, now);
    if plan.needs.is_empty() {
        let cost = input.verification.as_ref().and_then(|one| verification::cost(input, one, facts, now));
        plan.findings.extend(cost);
    }
    plan
}

/// What is needed in other accounts than the policy's.
fn others_of(mut needed: BTreeMap<String, Vec<Permission>>, input: &Input) -> BTreeMap<String, Vec<Permission>> {
    needed.remove(&input.database.scope.connection);
    needed
}

fn subject(policy: &ObjectId) -> Subject {
    let ObjectId { namespace, name } = policy.clone();
    Subject { kind: "BackupPolicy", namespace: Some(namespace), name }
}

fn id(policy: &BackupPolicy) -> ObjectId {
    let of = |text: &Option<String>| text.clone().unwrap_or_default();
    ObjectId { namespace: of(&policy.metadata.namespace), name: of(&policy.metadata.name) }
}
