//! Jobs of exports: made, looked at, and what their pods say. What is in a Secret is never read, only whether it may be used.

use k8s_openapi::api::batch::v1::{Job, JobStatus};
use k8s_openapi::api::core::v1::{Pod, Secret};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, ResourceExt};
use runbook_api::export::USABLE;
use runbook_core::database_backup::export::JobState;
use runbook_core::database_backup::export::job::CONTAINER;
use runbook_core::facts::Answer;
use runbook_core::query::KubernetesObject;
use runbook_core::step::ExportStep;
use runbook_core::{CloudError, ErrorClass, Query};
use tracing::debug;

use crate::status::{WriteError, bounded};

/// The label by which a Job's pods are found (Kubernetes documentation, "Well-Known Labels").
const OF_JOB: &str = "batch.kubernetes.io/job-name";

/// The answer to a question to Kubernetes; none to any other.
pub async fn answer(client: &Client, query: &Query) -> Option<Result<Answer, CloudError>> {
    match query {
        Query::ExportJob(job) => Some(state(client, job).await.map(|found| Answer::ExportJob(found.map(Box::new)))),
        Query::UsableSecret(secret) => Some(usable(client, secret).await.map(Answer::UsableSecret)),
        _ => None,
    }
}

/// Makes the Job, unless it is there already: its name is the object's own.
///
/// # Errors
/// Kubernetes does not take it, or something else has its name.
pub async fn create(client: &Client, step: &ExportStep) -> Result<(), CloudError> {
    let api: Api<Job> = Api::namespaced(client.clone(), &step.id.namespace);
    let failed = |error| failure("Kubernetes.CreateJob", &format!("Job {}", step.id), &error);
    match bounded(api.create(&PostParams::default(), &step.job)).await {
        Ok(_) => return Ok(()),
        Err(WriteError::Kube(kube::Error::Api(status))) if status.reason == "AlreadyExists" => {}
        Err(error) => return Err(failed(error)),
    }
    // Whose it is the next look tells: nothing is made over it.
    debug!(job = %step.id, "it is there already");
    Ok(())
}

async fn state(client: &Client, question: &KubernetesObject) -> Result<Option<JobState>, CloudError> {
    let id = &question.id;
    let failed = |error| failure("Kubernetes.GetJob", &format!("Job {id}"), &error);
    let jobs: Api<Job> = Api::namespaced(client.clone(), &id.namespace);
    let Some(job) = bounded(jobs.get_opt(&id.name)).await.map_err(failed)? else { return Ok(None) };
    let pods: Api<Pod> = Api::namespaced(client.clone(), &id.namespace);
    let of_job = ListParams::default().labels(&format!("{OF_JOB}={}", id.name));
    let pods = bounded(pods.list(&of_job)).await.map_err(failed)?;
    Ok(Some(seen(&job, pods.items)))
}

async fn usable(client: &Client, question: &KubernetesObject) -> Result<Option<bool>, CloudError> {
    let id = &question.id;
    let api: Api<Secret> = Api::namespaced(client.clone(), &id.namespace);
    // Its metadata alone: the API server does not even send the rest.
    let found = bounded(api.get_metadata_opt(&id.name)).await;
    let found = found.map_err(|error| failure("Kubernetes.GetSecret", &format!("Secret {id}"), &error))?;
    Ok(found.map(|secret| secret.labels().get(USABLE).is_some_and(|value| value == "true")))
}

/// What a Job and its pods say.
fn seen(job: &Job, mut pods: Vec<Pod>) -> JobState {
    pods.sort_by_key(|pod| pod.metadata.creation_timestamp.clone());
    let newest = pods.last();
    let ended = pods.iter().rev().find_map(terminated);
    let (message, terminated) = ended.unwrap_or_default();
    let (ended, reason) = match job.status.as_ref().and_then(verdict) {
        Some((ended, reason)) => (Some(ended), reason),
        None => (None, None),
    };
    let owners = job.owner_references().iter().filter(|owner| owner.kind == "DatabaseBackup");
    JobState {
        owner_uid: owners.map(|owner| owner.uid.clone()).next(),
        ended,
        reason,
        message,
        terminated,
        waiting: newest.and_then(waiting),
    }
}

fn verdict(status: &JobStatus) -> Option<(bool, Option<String>)> {
    let set = |type_: &str| status.conditions.iter().flatten().find(|one| one.type_ == type_ && one.status == "True");
    match (set("Complete"), set("Failed")) {
        (Some(_), _) => Some((true, None)),
        (None, Some(failed)) => Some((false, failed.reason.clone())),
        (None, None) => None,
    }
}

/// The termination message of a pod that has ended, and why its container did.
fn terminated(pod: &Pod) -> Option<(Option<String>, Option<String>)> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    let container = statuses.iter().find(|status| status.name == CONTAINER)?;
    let ended = container.state.as_ref()?.terminated.as_ref()?;
    Some((ended.message.clone(), ended.reason.clone()))
}

/// What keeps a pod from running.
fn waiting(pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let container = status.container_statuses.iter().flatten().find(|status| status.name == CONTAINER);
    let state = container.and_then(|container| container.state.as_ref()).and_then(|state| state.waiting.as_ref());
    let said = |reason: Option<&str>, message: Option<&str>| {
        let parts: Vec<&str> = reason.into_iter().chain(message).filter(|part| !part.is_empty()).collect();
        let text: String = parts.join(": ").chars().take(300).collect();
        Some(text).filter(|text| !text.is_empty() && text != "ContainerCreating")
    };
    if let Some(waiting) = state {
        return said(waiting.reason.as_deref(), waiting.message.as_deref());
    }
    let unscheduled =
        status.conditions.iter().flatten().find(|one| one.type_ == "PodScheduled" && one.status == "False");
    unscheduled.and_then(|one| said(one.reason.as_deref(), one.message.as_deref()))
}

fn failure(operation: &'static str, resource: &str, error: &WriteError) -> CloudError {
    let (class, code) = match error {
        WriteError::Kube(kube::Error::Api(status)) => (class_of(status.code), status.reason.clone()),
        _ => (ErrorClass::Transient, "Unreachable".into()),
    };
    CloudError { class, operation, resource: resource.into(), code, message: error.to_string(), request_id: None }
}

fn class_of(code: u16) -> ErrorClass {
    match code {
        401 | 403 => ErrorClass::Denied,
        404 => ErrorClass::NotFound,
        409 => ErrorClass::Conflict,
        429 => ErrorClass::Throttled,
        400..=499 => ErrorClass::Invalid,
        _ => ErrorClass::Transient,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn job(status: Value) -> Job {
        let owner =
            json!([{"apiVersion": "ops.clocked.app/v1alpha1", "kind": "DatabaseBackup", "name": "b", "uid": "u"}]);
        serde_json::from_value(json!({"metadata": {"name": "b", "ownerReferences": owner}, "status": status})).unwrap()
    }

    fn pod(created: &str, state: Value) -> Pod {
        let status = json!({"containerStatuses": [{
            "name": "export", "image": "i", "imageID": "", "ready": false, "restartCount": 0, "state": state,
        }]});
        serde_json::from_value(json!({"metadata": {"name": created, "creationTimestamp": created}, "status": status}))
            .unwrap()
    }

    #[test]
    fn the_last_pod_that_ended_has_the_word() {
        let ended = |message: &str| json!({"terminated": {"exitCode": 1, "reason": "Error", "message": message}});
        let (first, second) = ("2026-03-01T01:00:00Z", "2026-03-01T01:01:00Z");
        let failed = json!({"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]});
        let state = seen(&job(failed), vec![pod(second, ended("second")), pod(first, ended("first"))]);
        assert_eq!((state.ended, state.message.as_deref()), (Some(false), Some("second")));
        assert_eq!(
            (state.reason.as_deref(), state.terminated.as_deref()),
            (Some("BackoffLimitExceeded"), Some("Error"))
        );
        assert_eq!(state.owner_uid.as_deref(), Some("u"));
        let running = seen(&job(json!({})), vec![pod(first, ended("first")), pod(second, json!({"running": {}}))]);
        assert_eq!((running.ended, running.waiting), (None, None));
    }

    #[test]
    fn a_pod_that_waits_says_for_what() {
        let waits = json!({"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}});
        let state = seen(&job(json!({})), vec![pod("2026-03-01T01:00:00Z", waits)]);
        assert_eq!(state.waiting.as_deref(), Some("ImagePullBackOff: no such image"));
        let creating = json!({"waiting": {"reason": "ContainerCreating"}});
        assert_eq!(seen(&job(json!({})), vec![pod("2026-03-01T01:00:00Z", creating)]).waiting, None);
        assert_eq!(seen(&job(json!({})), Vec::new()), JobState { owner_uid: Some("u".into()), ..JobState::default() });
    }
}
