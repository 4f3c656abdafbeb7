//! Removes objects that the operator, or the command line, has made, and that have had their time.

use kube::ResourceExt;
use kube::api::{DeleteParams, Preconditions};
use tracing::{info, warn};

use crate::context::Context;
use crate::runner::kind::Stored;
use crate::status::bounded;

/// Deletes the object if it is still as it is known: what was changed meanwhile, or another of the same name, stays. Whether it was
/// deleted.
pub async fn remove<K: Stored>(object: &K, context: &Context) -> bool {
    let preconditions = Preconditions { uid: object.uid(), resource_version: object.resource_version() };
    let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    let (kind, namespace, name) = (K::KIND, object.namespace(), object.name_any());
    match bounded(object.api(context.client.clone()).delete(&name, &parameters)).await {
        Ok(_) => {
            info!(kind, namespace, name, "removed: it ended days ago");
            true
        }
        Err(error) => {
            warn!(kind, namespace, name, %error, "what ended days ago could not be removed; it is tried again");
            false
        }
    }
}
