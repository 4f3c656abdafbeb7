//! Waiting until a run has ended. It changes nothing: whoever breaks it off has only stopped looking.

use std::time::Duration;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use runbook_api::common::condition::SYNCED;
use runbook_api::{DatabaseBackup, DatabaseRestore};
use runbook_core::run::Ended;
use serde::de::DeserializeOwned;
use tokio::time::{sleep, timeout};

use crate::cluster::Cluster;
use crate::errors::CliError;
use crate::output::{GREEN, Shown, length, line, tell};

/// How often it is looked.
const EVERY: Duration = Duration::from_secs(1);

/// A kind of run.
pub trait Run:
    Resource<DynamicType = (), Scope = NamespaceResourceScope> + Clone + std::fmt::Debug + DeserializeOwned
{
    /// The conditions of its status.
    fn conditions(&self) -> &[Condition];
}

impl Run for DatabaseBackup {
    fn conditions(&self) -> &[Condition] {
        self.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default()
    }
}

impl Run for DatabaseRestore {
    fn conditions(&self) -> &[Condition] {
        self.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default()
    }
}

/// Waits until the run has ended, for so many seconds.
///
/// # Errors
/// When it has failed, is gone, or the time is over.
pub async fn until_ended<K: Run>(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    seconds: i64,
) -> Result<Shown, CliError> {
    let mut last = String::from("the operator has not looked yet");
    let limit = Duration::from_secs(seconds.unsigned_abs());
    let ended = tokio::select! {
        ended = timeout(limit, look_on::<K>(cluster, namespace, name, &mut last)) => ended,
        _ = tokio::signal::ctrl_c() => return Err(CliError::Usage("broken off: nothing was taken back".into())),
    };
    match ended {
        Ok(Ok(message)) => Ok(Shown::text(line(GREEN, "complete", &format!(": {message}\n")))),
        Ok(Err(error)) => Err(error),
        Err(_) => Err(CliError::Usage(format!(
            "it has not ended after {}: {last} (nothing was taken back; kubectl runbook status says more)",
            length(seconds)
        ))),
    }
}

async fn look_on<K: Run>(
    cluster: &Cluster,
    namespace: &str,
    name: &str,
    last: &mut String,
) -> Result<String, CliError> {
    loop {
        let said = match cluster.find::<K>(namespace, name).await {
            Ok(Some(run)) => match Ended::of(run.conditions()) {
                Some(Ended::Complete { message }) => return Ok(message),
                Some(Ended::Failed { reason, message }) => {
                    return Err(CliError::Usage(format!("it has failed, {reason}: {message}")));
                }
                None => {
                    let synced = run.conditions().iter().find(|one| one.type_ == SYNCED);
                    synced.map_or_else(|| last.clone(), |synced| synced.message.clone())
                }
            },
            Ok(None) => return Err(CliError::Usage("somebody has deleted it".into())),
            // The cluster may be away for a moment.
            Err(error) => error.to_string(),
        };
        if said != *last {
            tell(&format!("waiting: {said}"));
            *last = said;
        }
        sleep(EVERY).await;
    }
}
