//! Writes statuses: always over a known resourceVersion, so that a claim is lost rather than shared, and nothing deleted comes back.

use std::time::Duration;

use kube::api::PostParams;
use kube::{Api, ResourceExt};
use serde::Serialize;
use tokio::time::timeout;
use tracing::debug;

use crate::stores::Object;

/// How long one request to the API server may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a report is merged into a status that changed meanwhile.
const MERGES: usize = 5;

/// What came of a write.
#[derive(Debug)]
pub enum Written<K> {
    /// The object as it is now.
    Yes(Box<K>),
    /// The object was changed since it was read. As it is now, where it could be read again.
    Conflict(Option<Box<K>>),
    /// The object is gone, or another has its name.
    Gone,
    /// The API server did not take it.
    Failed(WriteError),
}

/// Why the API server did not take a status.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// It refused, or could not be reached.
    #[error(transparent)]
    Kube(#[from] kube::Error),
    /// It did not answer.
    #[error("the API server did not answer within {} s", REQUEST_TIMEOUT.as_secs())]
    Timeout,
}

/// Replaces the status, if the object is still as it was read.
pub async fn replace<K: Object + Serialize>(api: &Api<K>, object: &K) -> Written<K> {
    let name = object.name_any();
    match bounded(api.replace_status(&name, &PostParams::default(), object)).await {
        Ok(written) => Written::Yes(Box::new(written)),
        Err(WriteError::Kube(kube::Error::Api(status))) if status.code == 404 => Written::Gone,
        Err(WriteError::Kube(kube::Error::Api(status))) if status.code == 409 => {
            match bounded(api.get_opt(&name)).await {
                Ok(Some(current)) if current.uid() == object.uid() => Written::Conflict(Some(Box::new(current))),
                Ok(_) => Written::Gone,
                Err(error) => {
                    debug!(%error, name, "an object that had changed could not be read again");
                    Written::Conflict(None)
                }
            }
        }
        Err(error) => Written::Failed(error),
    }
}

/// Replaces the status with what `merge` makes of the object, again and again while others change it: what it says was done
/// must not be lost. `merge` returns false when there is nothing to write.
pub async fn merge<K: Object + Serialize>(
    api: &Api<K>,
    object: &K,
    mut merge: impl FnMut(&mut K) -> bool + Send,
) -> Written<K> {
    let mut object = object.clone();
    for _ in 0..MERGES {
        let mut next = object.clone();
        if !merge(&mut next) {
            return Written::Yes(Box::new(object));
        }
        match replace(api, &next).await {
            Written::Conflict(Some(current)) => object = *current,
            other => return other,
        }
    }
    Written::Conflict(None)
}

/// A request to the API server that ends: with its answer, or with a timeout.
///
/// # Errors
/// Why there is no answer.
pub async fn bounded<T>(request: impl Future<Output = Result<T, kube::Error>>) -> Result<T, WriteError> {
    match timeout(REQUEST_TIMEOUT, request).await {
        Ok(result) => Ok(result?),
        Err(_) => Err(WriteError::Timeout),
    }
}
