//! Makes the override of a scale-out by somebody else. Its name is the act's, so that it is made once however often it is tried.

use std::time::Duration;

use kube::Api;
use kube::api::PostParams;
use runbook_api::ScalingOverride;
use runbook_core::scaling::overrides::Adoption;
use tracing::{debug, warn};

use crate::context::Context;
use crate::status::{WriteError, bounded};

/// When it is tried again where the API server did not take it.
pub(super) const AGAIN: Duration = Duration::from_secs(10);

/// What came of an adoption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Adopted {
    /// The override is there.
    Yes,
    /// Something else has its name: anybody who may write overrides can reckon it out.
    Taken,
    /// Something had its name, and is gone.
    Again,
}

/// Creates the override, unless it is there already. Asked just before: no guard, because Kubernetes itself refuses the second.
pub(super) async fn create(context: &Context, adoption: &Adoption) -> Result<Adopted, WriteError> {
    let api: Api<ScalingOverride> = Api::namespaced(context.client.clone(), &adoption.id.namespace);
    let object = adoption.object();
    let name = &adoption.id.name;
    match bounded(api.create(&PostParams::default(), &object)).await {
        Ok(_) => return Ok(Adopted::Yes),
        Err(WriteError::Kube(kube::Error::Api(status))) if status.reason == "AlreadyExists" => {}
        Err(error) => return Err(error),
    }
    match bounded(api.get_opt(name)).await {
        Ok(Some(existing)) if adoption.is_made(&existing) => {
            debug!(name, "it was made before");
            Ok(Adopted::Yes)
        }
        // One that cannot be read is none of ours either.
        Ok(Some(_)) | Err(WriteError::Kube(kube::Error::SerdeError(_))) => {
            warn!(name, "something else has the name of the override: the size is corrected instead");
            Ok(Adopted::Taken)
        }
        Ok(None) => Ok(Adopted::Again),
        Err(error) => Err(error),
    }
}
