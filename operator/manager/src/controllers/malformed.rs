//! Objects that cannot be read as their kind: they are told so, and never stop the others.

use std::sync::Arc;

use futures::StreamExt;
use k8s_openapi::api::core::v1::ObjectReference;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::error_boundary::InvalidObject;
use kube::{Api, Client};
use runbook_core::report::{Before, Outcome, conditions};
use serde_json::json;
use tracing::{debug, warn};

use crate::context::Context;
use crate::runner::kind::Stored;
use crate::status::{WriteError, bounded};
use crate::stores::Change;

/// Tells every malformed object of the kind what is wrong with it, until `stop`.
pub async fn run<K: Stored>(context: Arc<Context>, stop: impl Future<Output = ()>) {
    let (present, changes) = K::reflected(&context).subscribe();
    let changes = futures::stream::iter(present).chain(changes).take_until(Box::pin(stop));
    changes
        .for_each(async |change| {
            if let Change::Malformed(invalid) = change {
                tell::<K>(&context, &invalid).await;
            }
        })
        .await;
}

async fn tell<K: Stored>(context: &Context, invalid: &InvalidObject) {
    let name = invalid.metadata.name.clone().unwrap_or_default();
    let namespace = invalid.metadata.namespace.clone();
    warn!(kind = K::KIND, namespace, object = name, error = invalid.error, "malformed: skipped until it is corrected");
    context.metrics.reconciled(K::KIND, "Malformed", std::time::Duration::ZERO);
    let message = format!("the object cannot be read as a {}: {}; correct it", K::KIND, invalid.error);
    let about = ObjectReference {
        api_version: Some(K::api_version(&()).into_owned()),
        kind: Some(K::KIND.into()),
        name: Some(name.clone()),
        namespace: namespace.clone(),
        uid: invalid.metadata.uid.clone(),
        ..ObjectReference::default()
    };
    context.events.stalled(about, "InvalidSpec", &message);
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
