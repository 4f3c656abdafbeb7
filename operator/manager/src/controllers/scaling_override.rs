//! ScalingOverride: told whether it holds, and removed after its time where the operator or the command line made it. What it
//! changes in AWS is decided for its policy.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::{FutureExt, Stream, StreamExt, stream};
use jiff::Timestamp;
use kube::runtime::controller::{Action, ReconcileRequest};
use kube::runtime::reflector::ObjectRef;
use kube::runtime::{Config, applier};
use kube::{Api, Client, ResourceExt};
use runbook_api::{ScalingOverride, ScalingPolicy};
use runbook_core::ids::ObjectId;
use runbook_core::scaling::overrides::{self, Override, keep};
use tokio::task::JoinError;
use tracing::{error, warn};

use super::Stop;
use crate::context::Context;
use crate::removal;
use crate::runner::kind::Stored;
use crate::status::{self, Written};
use crate::stores::{Change, Object, Reflected, Stores};
use crate::tasks::Owned;

/// How long changes of one override are gathered before it is looked at.
const DEBOUNCE: Duration = Duration::from_millis(50);
/// When the API server is asked again after it refused.
const AGAIN: Duration = Duration::from_secs(15);
/// Longest time until an override is looked at again: a timer far away is not to be relied on.
const AT_LATEST: Duration = Duration::from_secs(3600);

impl Object for ScalingOverride {
    const KIND: &'static str = "ScalingOverride";

    /// Its policy: overrides of one policy are found by it.
    fn key(&self) -> Option<String> {
        Some(key(&self.namespace()?, &self.spec.policy_ref.name))
    }
}

impl Stored for ScalingOverride {
    fn reflected(context: &Context) -> &Arc<Reflected<Self>> {
        &context.stores.overrides
    }

    fn api(&self, client: Client) -> Api<Self> {
        Api::namespaced(client, &self.namespace().unwrap_or_default())
    }
}

fn key(namespace: &str, policy: &str) -> String {
    format!("{namespace}/{policy}")
}

/// All overrides that name a policy.
pub fn of_policy(policy: &ObjectId, stores: &Stores) -> Vec<Override> {
    let objects = stores.overrides.of_key(&key(&policy.namespace, &policy.name));
    overrides::read(objects.iter().map(|object| &**object))
}

/// The policies whose overrides change from now on.
pub fn policies_to_look_at(stores: &Stores) -> impl Stream<Item = ObjectRef<ScalingPolicy>> + Send + use<> {
    let (_, changes) = stores.overrides.subscribe();
    changes.filter_map(async |change| match change {
        Change::Applied(object) | Change::Deleted(object) => {
            Some(ObjectRef::new(&object.spec.policy_ref.name).within(&object.namespace().unwrap_or_default()))
        }
        Change::Malformed(_) => None,
    })
}

/// Tells overrides whether they hold until `stop`.
pub async fn run(context: Arc<Context>, stop: Stop) {
    let requests = queue(&context.stores).map(|object| Ok::<_, Infallible>(ReconcileRequest::from(object)));
    let config = Config::default().concurrency(context.options.concurrency).debounce(DEBOUNCE);
    let store = context.stores.overrides.store();
    let reconcile = |object: Arc<ScalingOverride>, context: Arc<Arc<Context>>| {
        // A task of its own: a defect that panics ends one reconcile, not the operator.
        Owned::spawn(async move { reconcile(&object, &context).await })
    };
    let again = |object: Arc<ScalingOverride>, error: &JoinError, _: Arc<Arc<Context>>| {
        error!(override_ = object.name_any(), %error, "a reconcile has panicked; this is a defect of the operator, please report it");
        Action::requeue(AGAIN)
    };
    let requests = requests.take_until(super::stopped(stop).boxed());
    // What was deleted while it waited is no news.
    applier(reconcile, again, Arc::new(context), store, requests.boxed(), config)
        .for_each(|_| std::future::ready(()))
        .await;
}

/// All overrides at first, then those that change, with the others of their policy, and those whose policy changes.
fn queue(stores: &Arc<Stores>) -> impl Stream<Item = ObjectRef<ScalingOverride>> + Send + use<> {
    let (present, changes) = stores.overrides.subscribe();
    let (_, policy_changes) = stores.policies.subscribe();
    let siblings = |stores: &Stores, key: Option<String>| {
        let objects = key.map(|key| stores.overrides.of_key(&key)).unwrap_or_default();
        stream::iter(objects.iter().map(|object| ObjectRef::from_obj(&**object)).collect::<Vec<_>>())
    };
    let (one, other) = (stores.clone(), stores.clone());
    let by_override = stream::iter(present).chain(changes).flat_map(move |change| match change {
        Change::Applied(object) | Change::Deleted(object) => siblings(&one, object.key()),
        Change::Malformed(_) => siblings(&one, None),
    });
    let by_policy = policy_changes.flat_map(move |change| match change {
        Change::Applied(policy) | Change::Deleted(policy) => {
            siblings(&other, policy.namespace().map(|namespace| key(&namespace, &policy.name_any())))
        }
        Change::Malformed(_) => siblings(&other, None),
    });
    stream::select(by_override, by_policy)
}

async fn reconcile(object: &Arc<ScalingOverride>, context: &Context) -> Action {
    let object = context.stores.overrides.newest(object.clone());
    let now = context.clock.now();
    if object.metadata.deletion_timestamp.is_some() {
        return Action::await_change();
    }
    if keep::removed_at(&object).is_some_and(|time| time <= now) {
        let removed = removal::remove(&*object, context).await;
        return if removed { Action::await_change() } else { Action::requeue(AT_LATEST) };
    }
    let id = ObjectId { namespace: object.namespace().unwrap_or_default(), name: object.spec.policy_ref.name.clone() };
    let policy = context.stores.policies.get(&ObjectRef::new(&id.name).within(&id.namespace));
    let siblings = of_policy(&id, &context.stores);
    let merge = |next: &mut ScalingOverride| {
        let status = overrides::status::status(next, policy.as_deref(), &siblings, now);
        let news = next.status.as_ref() != Some(&status);
        next.status = Some(status);
        news
    };
    match status::merge(&object.api(context.client.clone()), &object, merge).await {
        Written::Yes(written) => {
            context.stores.overrides.wrote(Arc::new(*written));
            keep::next_at(&object, &siblings, now)
                .map_or_else(Action::await_change, |time| Action::requeue(until(time, now)))
        }
        Written::Gone => Action::await_change(),
        Written::Conflict(_) => Action::requeue(AGAIN),
        Written::Failed(error) => {
            warn!(override_ = object.name_any(), %error, "the status of an override could not be written; it is tried again");
            Action::requeue(AGAIN)
        }
    }
}

/// A moment after `time`, so that a timer that fires early does not find it still to come.
fn until(time: Timestamp, now: Timestamp) -> Duration {
    let wait = Duration::try_from(time.duration_since(now)).unwrap_or_default();
    (wait + Duration::from_millis(50)).min(AT_LATEST)
}
