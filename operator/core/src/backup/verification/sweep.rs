//! Instances that a verification has left behind: its DatabaseRestore was given up, or went with the cluster's etcd. Whoever verifies in a
//! namespace sweeps there.

use jiff::{SignedDuration, Timestamp};

use crate::backup::input::Input;
use crate::database_restore::input::PLURAL;
use crate::facts::{Answer, Facts};
use crate::ids::{DatabaseId, DatabaseKind, ObjectId};
use crate::observed::Database;
use crate::ownership::{OWN_ARN_TAG, OWNER_TAG, RUN_TAG, is_own, owner_of_run};
use crate::plan::{Finding, Plan};
use crate::query::Query;
use crate::step::{DatabaseStep, Step, VERIFICATION_PREFIX};

/// An instance that is younger may be of a DatabaseRestore that is not seen here yet.
const YOUNG: SignedDuration = SignedDuration::from_mins(15);

/// What is left behind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Leftovers {
    /// Identifiers of all, those too that cannot be deleted now.
    pub identifiers: Vec<String>,
    /// The steps that delete those that can.
    pub steps: Vec<Step>,
}

/// What is asked to know it, where it can be known.
pub fn query(input: &Input) -> Option<Query> {
    // Who may not restore has nothing to sweep.
    input.verification.as_ref().filter(|one| one.refused.is_none())?;
    input.restores.is_some().then(|| Query::VerificationInstances(input.database.scope.clone()))
}

/// Finds what is left behind. A list that could not be read says nothing, and keeps nothing else from being done; none where it was
/// not asked for yet.
pub fn judge(input: &Input, facts: &Facts, now: Timestamp, plan: &mut Plan) -> Option<Leftovers> {
    let instances = match facts.get(&query(input)?) {
        Some(Ok(Answer::VerificationInstances(instances))) => instances,
        Some(Err(error)) => {
            let message = format!("whether verifications have left instances behind is not known: {error}");
            plan.findings.push(Finding::note("LeftoversUnknown", message));
            return Some(Leftovers::default());
        }
        Some(Ok(_)) | None => return None,
    };
    let mut left = Leftovers::default();
    for (identifier, instance) in instances.iter().filter(|(identifier, one)| is_left(input, identifier, one, now)) {
        left.identifiers.push(identifier.clone());
        if instance.status == "deleting" {
            continue;
        }
        let tags = [OWNER_TAG, OWN_ARN_TAG, RUN_TAG];
        let tags =
            tags.iter().filter_map(|key| instance.tags.get(*key).map(|value| ((*key).to_owned(), value.clone())));
        left.steps.push(Step::Database(DatabaseStep::DeleteInstance {
            database: id(input, identifier),
            resource_id: instance.resource_id.clone(),
            tags: tags.collect(),
        }));
    }
    if !left.identifiers.is_empty() {
        let message = format!(
            "{} of verifications whose DatabaseRestore is gone: they are deleted, because nobody else does",
            left.identifiers.join(", ")
        );
        plan.findings.push(Finding::note("InstancesLeft", message));
    }
    Some(left)
}

/// Whether an instance is of a verification of this namespace, by all of its tags, whose object is gone.
fn is_left(input: &Input, identifier: &str, instance: &Database, now: Timestamp) -> bool {
    let (Some((cluster_id, _)), Some(name)) = (input.owner.split_once('/'), run_of(input, instance)) else {
        return false;
    };
    let object = ObjectId { namespace: input.policy.namespace.clone(), name: name.to_owned() };
    let owner = owner_of_run(cluster_id, PLURAL, &object);
    let created_at = instance.instance.as_ref().and_then(|set_up| set_up.created_at);
    let is_old = created_at.and_then(|created| created.checked_add(YOUNG).ok()).is_some_and(|old| old < now);
    identifier.starts_with(VERIFICATION_PREFIX)
        && is_own(&instance.tags, &id(input, identifier).arn(), &owner)
        && instance.tags.contains_key(RUN_TAG)
        && is_old
        && input.restores.as_ref().is_some_and(|there| !there.contains(name))
}

/// The name of the DatabaseRestore that an instance is of, where it is one of this cluster and namespace.
fn run_of<'i>(input: &Input, instance: &'i Database) -> Option<&'i str> {
    let (cluster_id, _) = input.owner.split_once('/')?;
    let prefix = format!("{cluster_id}/{}/{PLURAL}/", input.policy.namespace);
    instance.tags.get(OWNER_TAG)?.strip_prefix(&prefix)
}

fn id(input: &Input, identifier: &str) -> DatabaseId {
    let (scope, kind) = (input.database.scope.clone(), DatabaseKind::Instance);
    DatabaseId { scope, kind, identifier: identifier.to_owned() }
}
