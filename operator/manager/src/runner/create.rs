//! Makes an object that a step says. Its name is the act's, so that it is made once however often it is tried.

use std::fmt::Debug;
use std::time::Duration;

use kube::api::PostParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tracing::{debug, warn};

use crate::status::{WriteError, bounded};

/// When it is tried again where the API server did not take it.
pub(super) const AGAIN: Duration = Duration::from_secs(10);

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Created {
    /// The object is there.
    Yes,
    /// Something else has its name: anybody who may write such objects can reckon it out.
    Taken,
    /// Something had its name, and is gone.
    Again,
}

/// Creates the object, unless it is there already, as `is_made` tells. Asked just before: no guard, because Kubernetes itself refuses
/// the second.
pub(super) async fn create<K>(client: Client, object: &K, is_made: impl Fn(&K) -> bool) -> Result<Created, WriteError>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned + Serialize,
{
    let api: Api<K> = Api::namespaced(client, &object.namespace().unwrap_or_default());
    let name = object.name_any();
    match bounded(api.create(&PostParams::default(), object)).await {
        Ok(_) => return Ok(Created::Yes),
        Err(WriteError::Kube(kube::Error::Api(status))) if status.reason == "AlreadyExists" => {}
        Err(error) => return Err(error),
    }
    match bounded(api.get_opt(&name)).await {
        Ok(Some(existing)) if is_made(&existing) => {
            debug!(name, "it was made before");
            Ok(Created::Yes)
        }
        // One that cannot be read is none of ours either.
        Ok(Some(_)) | Err(WriteError::Kube(kube::Error::SerdeError(_))) => {
            warn!(name, kind = %K::kind(&()), "something else has the name of what is to be made");
            Ok(Created::Taken)
        }
        Ok(None) => Ok(Created::Again),
        Err(error) => Err(error),
    }
}
