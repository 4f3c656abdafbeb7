//! Who holds a resource when several policies name it.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use runbook_api::aws_account::Verb;
use runbook_api::common::Mode;

use crate::account::Access;
use crate::ids::ObjectId;
use crate::plan::Finding;

/// A policy that wants to enforce something on a resource. Suspended and observing policies claim nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claimant {
    /// When the policy was created: the oldest holds.
    pub created: Timestamp,
    /// Breaks a tie: creation times have whole seconds.
    pub id: ObjectId,
}

/// The claim of a policy to something in AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// ARN of what is claimed, with account and region: two AwsAccounts may lead to the same.
    pub resource: String,
    /// Who claims it.
    pub claimant: Claimant,
}

impl Claim {
    /// The claim that an object lays to a resource. None where its account does not let it write: a policy without a grant must not keep
    /// another namespace from its own.
    pub fn lay(metadata: &ObjectMeta, access: &Access, verb: Verb, resource: String) -> Option<Self> {
        let id = ObjectId { namespace: metadata.namespace.clone()?, name: metadata.name.clone()? };
        let may_write =
            access.mode == Mode::Enforce && access.grants.check(verb, std::slice::from_ref(&resource)).is_ok();
        // The API server always sets a creation time; without one a policy comes last.
        let created = metadata.creation_timestamp.as_ref().map_or(Timestamp::MAX, |time| time.0);
        may_write.then_some(Self { resource, claimant: Claimant { created, id } })
    }
}

/// As [`hold`], for claimants that may not exist yet and then have no age: [`Timestamp::MAX`]. Of several such none holds the resource,
/// because nobody can tell which will be created first.
///
/// # Errors
/// A stalled finding that names the holder or the rival.
pub fn hold_before_creation(claimant: &Claimant, others: &[Claimant], resource: &str) -> Result<(), Finding> {
    let of_age: Vec<Claimant> = others.iter().filter(|other| other.created < Timestamp::MAX).cloned().collect();
    hold(claimant, &of_age, resource)?;
    match others.iter().filter(|other| claimant.created == Timestamp::MAX && *other != claimant).min() {
        None => Ok(()),
        Some(rival) => Err(Finding::stalled(
            "TargetConflict",
            format!(
                "{resource} is named by {} too, and one policy only can hold it: delete one of the two, or suspend it",
                rival.id
            ),
        )),
    }
}

/// Whether `claimant` holds `resource` against `others`.
///
/// # Errors
/// A stalled finding that names the holder.
pub fn hold(claimant: &Claimant, others: &[Claimant], resource: &str) -> Result<(), Finding> {
    match others.iter().filter(|other| *other < claimant).min() {
        None => Ok(()),
        Some(holder) => Err(Finding::stalled(
            "TargetConflict",
            format!(
                "{resource} is already held by {}, which is older: delete one of the two, or suspend the other",
                holder.id
            ),
        )),
    }
}
