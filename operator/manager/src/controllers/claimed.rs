//! What is the same for each kind whose objects lay claim to something in AWS: which to look at, who else claims the same, and where.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;
use runbook_api::AwsAccount;
use runbook_core::account::{Access, usable};
use runbook_core::claim::{Claim, Claimant};
use runbook_core::{Finding, Scope};

use crate::context::Context;
use crate::runner::Runner;
use crate::runner::kind::Kind;
use crate::stores::{Change, Stores};

/// All policies at first, then those that change, whose account changes, or whose rival changes or goes.
pub fn queue<K: Kind>(runner: Arc<Runner<K>>) -> impl Stream<Item = ObjectRef<K>> + Send {
    let context = runner.context().clone();
    let (present, changes) = K::reflected(&context).subscribe();
    let (_, account_changes) = context.stores.accounts.subscribe();
    let present = stream::iter(present).filter_map(async |change| match change {
        Change::Applied(policy) => Some(ObjectRef::from_obj(&*policy)),
        Change::Deleted(_) | Change::Malformed(_) => None,
    });
    let by_account = {
        let context = context.clone();
        account_changes.flat_map(move |change| {
            let name = match change {
                Change::Applied(account) | Change::Deleted(account) => account.name_any(),
                Change::Malformed(invalid) => invalid.metadata.name.clone().unwrap_or_default(),
            };
            let works = |policy: &K| policy.account_name() == name || policy.other_accounts().contains(&name);
            let policies = K::reflected(&context).store().state_filter(works);
            stream::iter(policies.iter().flat_map(|policy| with_rivals(&context, &**policy)).collect::<Vec<_>>())
        })
    };
    let by_policy = changes.flat_map(move |change| {
        stream::iter(match change {
            Change::Applied(policy) => with_rivals(&context, &*policy),
            Change::Deleted(policy) => {
                runner.forget(&policy);
                with_rivals(&context, &*policy).split_off(1)
            }
            Change::Malformed(_) => Vec::new(),
        })
    });
    present.chain(stream::select(by_policy, by_account))
}

/// Who else lays claim to the same resource as a policy, where `claim` tells what one claims in its account.
pub fn rivals<K: Kind>(
    policy: &K,
    resource: &str,
    context: &Context,
    claim: impl Fn(&K, Option<&AwsAccount>) -> Option<Claim>,
) -> Vec<Claimant> {
    let claims = |rival: &K| {
        let account = context.stores.account(&rival.account_name());
        let account = account.filter(|account| usable(account, context.options.allow_custom_endpoints).is_ok());
        claim(rival, account.as_deref()).filter(|claim| claim.resource == resource)
    };
    let rivals = K::reflected(context).rivals(policy);
    rivals.iter().filter_map(|rival| claims(rival)).map(|claim| claim.claimant).collect()
}

/// Those of these policies that work in one place, with the way there: an AwsAccount of the same id may be another's.
pub fn in_place<K: Kind>(
    policies: &[Arc<K>],
    at: &Scope,
    stores: &Stores,
    access: impl Fn(&K, Option<&AwsAccount>) -> Result<Access, Finding>,
) -> Vec<(ObjectRef<K>, Scope)> {
    let places = policies.iter().filter_map(|policy| {
        let account = stores.account(&policy.account_name());
        Some((ObjectRef::from_obj(&**policy), access(policy, account.as_deref()).ok()?.scope))
    });
    places.filter(|(_, scope)| scope.account_id == at.account_id && scope.region == at.region).collect()
}

/// The policy, and those that name the same.
fn with_rivals<K: Kind>(context: &Context, policy: &K) -> Vec<ObjectRef<K>> {
    let rivals = K::reflected(context).rivals(policy);
    std::iter::once(ObjectRef::from_obj(policy))
        .chain(rivals.iter().map(|rival| ObjectRef::from_obj(&**rival)))
        .collect()
}
