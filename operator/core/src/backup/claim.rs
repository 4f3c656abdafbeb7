//! What a BackupPolicy lays claim to.

use runbook_api::aws_account::Verb;
use runbook_api::{AwsAccount, BackupPolicy};

use super::input;
use crate::account;
use crate::claim::Claim;

/// The claim that `policy` lays to its database. None where it may not write: it is suspended, observing or being deleted, or its account
/// does not let it.
pub fn claim(policy: &BackupPolicy, account: Option<&AwsAccount>) -> Option<Claim> {
    let (spec, metadata) = (&policy.spec, &policy.metadata);
    if !input::claims_database(spec) || metadata.deletion_timestamp.is_some() {
        return None;
    }
    let namespace = metadata.namespace.as_deref()?;
    let access = account::resolve(&spec.account_ref, spec.region.as_deref(), namespace, account).ok()?;
    let resource = input::database(spec, &access).ok()?.arn();
    Claim::lay(metadata, &access, Verb::Snapshot, resource)
}
