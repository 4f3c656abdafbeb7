//! What a ScalingPolicy lays claim to.

use jiff::Timestamp;
use runbook_api::aws_account::Verb;
use runbook_api::common::Mode;
use runbook_api::{AwsAccount, ScalingPolicy};

use super::input;
use crate::account;
use crate::claim::Claimant;
use crate::deletion::is_guarded;
use crate::ids::ObjectId;

/// The claim of a policy to a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// ARN of the service: two AwsAccounts may lead to the same one.
    pub resource: String,
    /// Who claims it.
    pub claimant: Claimant,
}

/// The claim that `policy` lays to its target. None where it may not write: it is suspended or observing, or its account does not let
/// it. A policy without a grant must not keep another namespace from its own service. One that is being deleted and still removes what
/// it created keeps its claim until it is gone, so that another begins only afterwards.
pub fn claim(policy: &ScalingPolicy, account: Option<&AwsAccount>) -> Option<Claim> {
    let (spec, metadata) = (&policy.spec, &policy.metadata);
    if !input::claims_target(spec) || metadata.deletion_timestamp.is_some() && !is_guarded(metadata) {
        return None;
    }
    let id = ObjectId { namespace: metadata.namespace.clone()?, name: metadata.name.clone()? };
    let access = account::resolve(&spec.account_ref, spec.region.as_deref(), &id.namespace, account).ok()?;
    let resource = input::target(spec, &access).ok()?.arn();
    let may_write =
        access.mode == Mode::Enforce && access.grants.check(Verb::Scale, std::slice::from_ref(&resource)).is_ok();
    // The API server always sets a creation time; without one a policy comes last.
    let created = metadata.creation_timestamp.as_ref().map_or(Timestamp::MAX, |time| time.0);
    may_write.then_some(Claim { resource, claimant: Claimant { created, id } })
}
