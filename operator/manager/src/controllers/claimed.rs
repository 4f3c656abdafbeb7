//! Which policies to look at, of a kind whose objects lay claim to something in AWS: the same for each such kind.

use std::sync::Arc;

use futures::{Stream, StreamExt, stream};
use kube::ResourceExt;
use kube::runtime::reflector::ObjectRef;

use crate::context::Context;
use crate::runner::Runner;
use crate::runner::kind::Kind;
use crate::stores::Change;

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
            let policies = K::reflected(&context).store().state_filter(|policy: &K| policy.account_name() == name);
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

/// The policy, and those that name the same.
fn with_rivals<K: Kind>(context: &Context, policy: &K) -> Vec<ObjectRef<K>> {
    let rivals = K::reflected(context).rivals(policy);
    std::iter::once(ObjectRef::from_obj(policy))
        .chain(rivals.iter().map(|rival| ObjectRef::from_obj(&**rival)))
        .collect()
}
