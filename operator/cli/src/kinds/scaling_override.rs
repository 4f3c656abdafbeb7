//! ScalingOverride: those of the files, and those of the cluster that no file replaces, beside the policies that they name.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;
use runbook_api::{ScalingOverride, ScalingPolicy};
use runbook_core::Finding;
use runbook_core::ids::ObjectId;
use runbook_core::report::conditions::whole_seconds;
use runbook_core::scaling::overrides::status::{ACTIVE, status};
use runbook_core::scaling::overrides::{self, Override};

use super::scaling_policy::Scene;
use super::{Candidate, Subject};
use crate::cluster::Existing;
use crate::sources::{Declared, Origin, Sourced};

/// All overrides, by the policy that they name.
pub struct Overrides {
    of_policy: BTreeMap<ObjectId, Vec<Known>>,
    cluster_is_known: bool,
}

struct Known {
    object: ScalingOverride,
    /// The file; none for one that is in the cluster only.
    origin: Option<Origin>,
}

impl Overrides {
    /// Those of the files and of the cluster. One that does not exist yet would be made now, and so be the newest.
    pub fn new(declared: &[Sourced<ScalingOverride>], existing: &Existing, now: Timestamp) -> Self {
        let mut all = Self { of_policy: BTreeMap::new(), cluster_is_known: existing.is_known() };
        let mut replaced = BTreeSet::new();
        for Sourced { origin, object } in declared {
            let subject = subject(object);
            let known: Option<ScalingOverride> = existing.get(&subject);
            let mut object = object.clone();
            // What a file says of its age, end or state is an export of something else, or nothing.
            object.metadata.creation_timestamp =
                known.and_then(|known| known.metadata.creation_timestamp).or(Some(Time(whole_seconds(now))));
            object.metadata.deletion_timestamp = None;
            object.status = None;
            replaced.insert(subject);
            all.add(Known { object, origin: Some(origin.clone()) });
        }
        for object in existing.of_kind::<ScalingOverride>().filter(|object| !replaced.contains(&subject(object))) {
            all.add(Known { object, origin: None });
        }
        all
    }

    fn add(&mut self, known: Known) {
        self.of_policy.entry(policy_of(&known.object)).or_default().push(known);
    }

    /// What overrides say of a policy.
    pub fn of(&self, policy: &ObjectId) -> Vec<Override> {
        overrides::read(self.known(policy).map(|known| &known.object))
    }

    /// The policies that files name.
    pub fn named_by_files(&self) -> impl Iterator<Item = &ObjectId> {
        let by_file = |known: &[Known]| known.iter().any(|known| known.origin.is_some());
        self.of_policy.iter().filter(move |(_, known)| by_file(known)).map(|(policy, _)| policy)
    }

    /// What a person should know about overrides of the cluster that do not hold beside the policy as it would be.
    pub fn without_effect(&self, policy: &ScalingPolicy, now: Timestamp) -> Vec<Finding> {
        let id = ObjectId { namespace: policy.namespace().unwrap_or_default(), name: policy.name_any() };
        let siblings = self.of(&id);
        let exist = self.known(&id).filter(|known| known.origin.is_none());
        let told = exist.filter_map(|known| {
            let (reason, message) = told(&known.object, Some(policy), &siblings, now)?;
            let worth_it = !["Active", "Expired"].contains(&reason.as_str());
            worth_it.then(|| {
                Finding::note(
                    &reason,
                    format!("ScalingOverride {} changes nothing: {message}", known.object.name_any()),
                )
            })
        });
        told.collect()
    }

    /// The overrides of the files, each with what its condition `Active` would say.
    pub fn candidates(&self, policies: &Scene<'_>, declared: &Declared, now: Timestamp) -> Vec<Candidate> {
        let mut candidates = Vec::new();
        for (id, all) in &self.of_policy {
            let siblings = self.of(id);
            let policy = policies.get(id);
            for Known { object, origin } in all {
                let Some(origin) = origin else { continue };
                let told = told(object, policy.as_ref(), &siblings, now);
                let finding = told.map(|(reason, message)| self.finding(id, declared, &reason, message));
                let prepared = Err(finding.into_iter().collect());
                candidates.push(Candidate { subject: subject(object), origin: origin.clone(), prepared });
            }
        }
        candidates
    }

    fn finding(&self, policy: &ObjectId, declared: &Declared, reason: &str, message: String) -> Finding {
        let ObjectId { namespace, name } = policy;
        let named = |subject: &Subject| {
            subject.kind == "ScalingPolicy" && subject.namespace.as_ref() == Some(namespace) && subject.name == *name
        };
        match reason {
            "Active" | "Expired" | "Superseded" => Finding::note(reason, message),
            "PolicyNotFound" if declared.problems.iter().any(|one| one.subject.as_ref().is_some_and(named)) => {
                Finding::stalled(
                    reason,
                    format!("ScalingPolicy {name} is declared, but something is wrong with it: see there"),
                )
            }
            "PolicyNotFound" if !self.cluster_is_known => Finding::stalled(
                reason,
                format!(
                    "no file declares ScalingPolicy {policy}: add its file, or --cluster where it exists in the cluster"
                ),
            ),
            _ => Finding::stalled(reason, message),
        }
    }

    fn known(&self, policy: &ObjectId) -> impl Iterator<Item = &Known> {
        self.of_policy.get(policy).into_iter().flatten()
    }
}

/// Reason and message of the condition `Active`, with what changes.
pub fn told(
    object: &ScalingOverride,
    policy: Option<&ScalingPolicy>,
    siblings: &[Override],
    now: Timestamp,
) -> Option<(String, String)> {
    let status = status(object, policy, siblings, now);
    let active = status.conditions.into_iter().find(|condition| condition.type_ == ACTIVE)?;
    let message = match status.changes {
        Some(changes) => format!("{}: {changes}", active.message),
        None => active.message,
    };
    Some((active.reason, message))
}

fn subject(object: &ScalingOverride) -> Subject {
    Subject { kind: "ScalingOverride", namespace: object.namespace(), name: object.name_any() }
}

fn policy_of(object: &ScalingOverride) -> ObjectId {
    ObjectId { namespace: object.namespace().unwrap_or_default(), name: object.spec.policy_ref.name.clone() }
}
