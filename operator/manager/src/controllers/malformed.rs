//! Objects that cannot be read as their kind: they are told so, and never stop the others.

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::ObjectMeta;
use kube::core::error_boundary::InvalidObject;
use kube::runtime::reflector::ObjectRef;
use kube::{Api, Client, ResourceExt};
use runbook_api::CLEANUP_FINALIZER;
use runbook_core::deletion::{is_abandoned, is_guarded};
use runbook_core::report::{Before, Outcome, conditions};
use serde_json::json;
use tokio::time::sleep;
use tracing::{debug, warn};

use crate::context::Context;
use crate::runner::kind::Stored;
use crate::status::{WriteError, bounded};
use crate::stores::Change;

/// When the API server is asked again after it refused.
const AGAIN: Duration = Duration::from_secs(15);

/// Tells every malformed object of the kind what is wrong with it, until `stop`.
pub async fn run<K: Stored>(context: Arc<Context>, stop: impl Future<Output = ()>) {
    let (present, changes) = K::reflected(&context).subscribe();
    let changes = futures::stream::iter(present).chain(changes);
    let told = changes.for_each_concurrent(None, async |change| {
        if let Change::Malformed(invalid) = change {
            tell::<K>(&context, &invalid).await;
            release::<K>(&context, &invalid).await;
        }
    });
    tokio::select! {
        () = told => {}
        () = stop => {}
    }
}

/// Takes the finalizer off an object that is being deleted, when its time is over: what it created cannot be told from it, and nobody
/// waits for it for ever. One that is corrected before that goes the usual way.
async fn release<K: Stored>(context: &Context, invalid: &InvalidObject) {
    let metadata = &invalid.metadata;
    let (Some(deleted), true) = (&metadata.deletion_timestamp, is_guarded(metadata)) else { return };
    if !is_abandoned(metadata) {
        let passed = Duration::try_from(context.clock.now().duration_since(deleted.0)).unwrap_or_default();
        sleep(context.options.deletion_deadline.saturating_sub(passed)).await;
    }
    let name = metadata.name.clone().unwrap_or_default();
    let reference = ObjectRef::<K>::new(&name);
    let reference = metadata.namespace.iter().fold(reference, |reference, namespace| reference.within(namespace));
    let is_still_so = || {
        let known = K::reflected(context).malformed(&reference);
        known.is_some_and(|known| known.metadata.uid == metadata.uid)
    };
    while is_still_so() {
        match unguard::<K>(context, &name, metadata).await {
            Ok(()) => return,
            Err(error) => {
                warn!(kind = K::KIND, object = name, %error, "a malformed object that is being deleted could not be let go; it is tried again");
                sleep(AGAIN).await;
            }
        }
    }
}

async fn unguard<K: Stored>(context: &Context, name: &str, known: &ObjectMeta) -> Result<(), WriteError> {
    let api = api::<K>(context.client.clone(), known.namespace.as_deref());
    let Some(current) = bounded(api.get_opt(name)).await?.filter(|current| current.metadata.uid == known.uid) else {
        return Ok(());
    };
    let others: Vec<&String> =
        current.finalizers().iter().filter(|finalizer| *finalizer != CLEANUP_FINALIZER).collect();
    let version = current.resource_version();
    let patch = json!({"metadata": {"uid": known.uid, "resourceVersion": version, "finalizers": others}});
    bounded(api.patch(name, &PatchParams::default(), &Patch::Merge(&patch))).await?;
    let left = "the object cannot be read, so whatever it created in AWS stays";
    warn!(kind = K::KIND, namespace = known.namespace, object = name, left, "let go");
    context.events.left_behind(about::<K>(known), "LeftBehind", left);
    Ok(())
}

fn about<K: Stored>(metadata: &ObjectMeta) -> ObjectReference {
    ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::KIND.into()),
        name: metadata.name.clone(),
        namespace: metadata.namespace.clone(),
        uid: metadata.uid.clone(),
        ..ObjectReference::default()
    }
}

async fn tell<K: Stored>(context: &Context, invalid: &InvalidObject) {
    let name = invalid.metadata.name.clone().unwrap_or_default();
    let namespace = invalid.metadata.namespace.clone();
    warn!(kind = K::KIND, namespace, object = name, error = invalid.error, "malformed: skipped until it is corrected");
    context.metrics.reconciled(K::KIND, "Malformed", std::time::Duration::ZERO);
    let message = format!("the object cannot be read as a {}: {}; correct it", K::KIND, invalid.error);
    context.events.stalled(about::<K>(&invalid.metadata), "InvalidSpec", &message);
    if let Err(error) = write::<K>(context, &name, namespace.as_deref(), invalid.metadata.generation, message).await {
        warn!(kind = K::KIND, namespace, object = name, %error, "its status could not be written");
    }
}

async fn write<K: Stored>(
    context: &Context,
    name: &str,
    namespace: Option<&str>,
    generation: Option<i64>,
    message: String,
) -> Result<(), WriteError> {
    let api = api::<K>(context.client.clone(), namespace);
    let Some(current) = bounded(api.get_opt(name)).await? else { return Ok(()) };
    let listed = current.data.pointer("/status/conditions").cloned().unwrap_or_default();
    // Conditions that cannot be read either are as good as none.
    let before: Vec<Condition> = serde_json::from_value(listed).unwrap_or_default();
    let outcome = Outcome::Stalled { reason: "InvalidSpec".into(), message };
    let after = conditions(Before { conditions: &before }, &outcome, generation, context.clock.now());
    if before == after {
        debug!(kind = K::KIND, object = name, "it has been told before");
        return Ok(());
    }
    let status = json!({"status": {"conditions": after, "observedGeneration": generation}});
    bounded(api.patch_status(name, &PatchParams::default(), &Patch::Merge(&status))).await.map(drop)
}

fn api<K: Stored>(client: Client, namespace: Option<&str>) -> Api<DynamicObject> {
    let resource = ApiResource::erase::<K>(&());
    match namespace {
        Some(namespace) => Api::namespaced_with(client, namespace, &resource),
        None => Api::all_with(client, &resource),
    }
}
