//! What a BackupPolicy lays claim to.

use jiff::Timestamp;
use runbook_api::aws_account::Verb;
use runbook_api::common::Mode;
use runbook_api::{AwsAccount, BackupPolicy};

use super::input;
use crate::account;
use crate::claim::Claimant;
use crate::ids::ObjectId;

/// The claim of a policy to a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// ARN of the database, with account and region: two AwsAccounts may lead to the same one.
    pub resource: String,
    /// Who claims it.
    pub claimant: Claimant,
}

/// The claim that `policy` lays to its database. None where it may not write: it is suspended, observing or being deleted, or its account
/// does not let it. A policy without a grant must not keep another namespace from its own database.
pub fn claim(policy: &BackupPolicy, account: Option<&AwsAccount>) -> Option<Claim> {
    let (spec, metadata) = (&policy.spec, &policy.metadata);
    if !input::claims_database(spec) || metadata.deletion_timestamp.is_some() {
        return None;
    }
    let id = ObjectId { namespace: metadata.namespace.clone()?, name: metadata.name.clone()? };
    let access = account::resolve(&spec.account_ref, spec.region.as_deref(), &id.namespace, account).ok()?;
    let resource = input::database(spec, &access).ok()?.arn();
    let may_write =
        access.mode == Mode::Enforce && access.grants.check(Verb::Snapshot, std::slice::from_ref(&resource)).is_ok();
    // The API server always sets a creation time; without one a policy comes last.
    let created = metadata.creation_timestamp.as_ref().map_or(Timestamp::MAX, |time| time.0);
    may_write.then_some(Claim { resource, claimant: Claimant { created, id } })
}
