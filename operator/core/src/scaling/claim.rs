//! What a ScalingPolicy lays claim to.

use runbook_api::aws_account::Verb;
use runbook_api::{AwsAccount, ScalingPolicy};

use super::input;
use crate::account;
use crate::claim::Claim;
use crate::deletion::is_guarded;

/// The claim that `policy` lays to its target. None where it may not write: it is suspended or observing, or its account does not let
/// it. One that is being deleted and still removes what it created keeps its claim until it is gone, so that another begins only
/// afterwards.
pub fn claim(policy: &ScalingPolicy, account: Option<&AwsAccount>) -> Option<Claim> {
    let (spec, metadata) = (&policy.spec, &policy.metadata);
    if !input::claims_target(spec) || metadata.deletion_timestamp.is_some() && !is_guarded(metadata) {
        return None;
    }
    let namespace = metadata.namespace.as_deref()?;
    let access = account::resolve(&spec.account_ref, spec.region.as_deref(), namespace, account).ok()?;
    let resource = input::target(spec, &access).ok()?.arn();
    Claim::lay(metadata, &access, Verb::Scale, resource)
}
