//! Makes the override of a scale-out by somebody else. Its name is the act's, so that it is made once however often it is tried.

use std::time::Duration;

use kube::Api;
use kube::api::PostParams;
use runbook_api::ScalingOverride;
use runbook_core::scaling::overrides::Adoption;
use tracing::debug;

use crate::context::Context;
use crate::status::{WriteError, bounded};

/// When it is tried again where the API server did not take it.
pub(super) const AGAIN: Duration = Duration::from_secs(10);

/// Creates the override, unless it is there already. Asked just before: no guard, because Kubernetes itself refuses the second.
pub(super) async fn create(context: &Context, adoption: &Adoption) -> Result<(), WriteError> {
    let api: Api<ScalingOverride> = Api::namespaced(context.client.clone(), &adoption.id.namespace);
    let object = adoption.object();
    match bounded(api.create(&PostParams::default(), &object)).await {
        Ok(_) => Ok(()),
        Err(WriteError::Kube(kube::Error::Api(status))) if status.reason == "AlreadyExists" => {
            debug!(name = adoption.id.name, "it was made before");
            Ok(())
        }
        Err(error) => Err(error),
    }
}
