//! Amazon ECS.

use std::collections::BTreeMap;

use aws_sdk_ecs::Client;
use aws_sdk_ecs::operation::RequestId;
use aws_sdk_ecs::types::{DeploymentControllerType, Failure, Service, ServiceField};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use runbook_core::observed::{Deployment, EcsService};
use runbook_core::{CloudError, ErrorClass};

use super::classify::{class_of, classify};
use super::complete::Complete;
use crate::call::{Call, Reply};
use crate::cloud::Answered;
use crate::door::failure;

/// Amazon ECS API Reference, ListServices: maxResults.
const NAMES_A_PAGE: i32 = 100;

const SERVICES: Complete = Complete {
    list: "services",
    fields: &["serviceName", "serviceArn", "status", "desiredCount", "runningCount", "pendingCount"],
};

pub(super) async fn describe_services(
    client: &Client,
    call: &Call,
    cluster: &str,
    services: &[String],
) -> Result<Answered, CloudError> {
    let request = client
        .describe_services()
        .cluster(cluster)
        .set_services(Some(services.to_vec()))
        .include(ServiceField::Tags)
        .customize()
        .interceptor(SERVICES);
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    let found = found(call, services, output.services(), output.failures())?;
    Ok(Answered { reply: Reply::Services(found), request_id: output.request_id().map(Into::into) })
}

pub(super) async fn list_services(
    client: &Client,
    call: &Call,
    cluster: &str,
    next_token: Option<String>,
) -> Result<Answered, CloudError> {
    let request = client.list_services().cluster(cluster).max_results(NAMES_A_PAGE).set_next_token(next_token);
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    // The name is the last part of both formats of the ARN: with and without the cluster.
    let names = output.service_arns().iter().filter_map(|arn| arn.rsplit('/').next()).map(Into::into).collect();
    let reply = Reply::ServiceNames { names, next_token: output.next_token().map(Into::into) };
    Ok(Answered { reply, request_id: output.request_id().map(Into::into) })
}

pub(super) async fn update_service(
    client: &Client,
    call: &Call,
    cluster: &str,
    service: &str,
    desired_count: i32,
) -> Result<Answered, CloudError> {
    // Nothing beside desiredCount: anything else would start a deployment.
    let request = client.update_service().cluster(cluster).service(service).desired_count(desired_count);
    let output = request.send().await.map_err(|error| classify(call, &error))?;
    Ok(Answered { reply: Reply::Done, request_id: output.request_id().map(Into::into) })
}

/// Those that exist, by name. Each that was asked for must be there or be said to be missing: silence is no answer.
fn found(
    call: &Call,
    asked: &[String],
    services: &[Service],
    failures: &[Failure],
) -> Result<Vec<(String, EcsService)>, CloudError> {
    if let Some(failure) = failures.iter().find(|failure| failure.reason() != Some("MISSING")) {
        return Err(refused(call, failure));
    }
    let mut found = Vec::with_capacity(services.len());
    for name in asked {
        if let Some(service) = services.iter().find(|service| service.service_name() == Some(name)) {
            found.push((name.clone(), observed(call, service)?));
        } else if !failures.iter().any(|failure| failure.arn().is_some_and(|arn| is_named(arn, name))) {
            return Err(failure(
                call,
                "IncompleteAnswer",
                format!("ECS neither described service {name} nor said that it is missing"),
            ));
        }
    }
    Ok(found)
}

/// A failure that is none of ours to interpret, such as `ACCESS_DENIED`.
fn refused(call: &Call, refused: &Failure) -> CloudError {
    let code = refused.reason().unwrap_or("Unknown");
    let class = if code.contains("DENIED") { ErrorClass::Denied } else { class_of(code, Some(400)) };
    let message =
        format!("{}: {}", refused.arn().unwrap_or("a service"), refused.detail().unwrap_or("ECS gave no detail"));
    CloudError { class, ..failure(call, code, message) }
}

/// Whether an ARN ends in the name; ECS answers with the name alone where it was asked so.
fn is_named(arn: &str, name: &str) -> bool {
    arn.rsplit('/').next() == Some(name)
}

/// The service as decisions see it.
fn observed(call: &Call, service: &Service) -> Result<EcsService, CloudError> {
    let required = |field: &str, value: Option<&str>| {
        value
            .map(str::to_owned)
            .ok_or_else(|| failure(call, "IncompleteAnswer", format!("ECS described a service without {field}")))
    };
    let tags: BTreeMap<String, String> = service
        .tags()
        .iter()
        .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value().unwrap_or_default().to_owned())))
        .collect();
    Ok(EcsService {
        arn: required("serviceArn", service.service_arn())?,
        status: required("status", service.status())?,
        desired_count: service.desired_count(),
        running_count: service.running_count(),
        pending_count: service.pending_count(),
        deployments: deployments(service),
        // Amazon ECS API Reference, Service: REPLICA and ECS are the defaults.
        scheduling_strategy: service.scheduling_strategy().map_or("REPLICA", |strategy| strategy.as_str()).into(),
        deployment_controller: service
            .deployment_controller()
            .map_or("ECS", |controller| controller.r#type().as_str())
            .into(),
        deployment_strategy: service
            .deployment_configuration()
            .and_then(|configuration| configuration.strategy())
            .map(|strategy| strategy.as_str().into()),
        resource_management_type: service.resource_management_type().map(|manager| manager.as_str().into()),
        tags,
    })
}

/// PRIMARY first, then in AWS's order. A blue/green deployment of CodeDeploy shows as task sets, of which a service at rest has one;
/// those of an EXTERNAL controller may stand side by side for good.
fn deployments(service: &Service) -> Vec<Deployment> {
    let rolling = service.deployments().iter().map(|deployment| Deployment {
        id: deployment.id().unwrap_or_default().into(),
        status: deployment.status().unwrap_or_default().into(),
        rollout_state: deployment.rollout_state().map(|state| state.as_str().into()),
        desired_count: deployment.desired_count(),
        running_count: deployment.running_count(),
        created_at: deployment.created_at().and_then(timestamp),
    });
    let of_code_deploy =
        service.deployment_controller().is_some_and(|one| *one.r#type() == DeploymentControllerType::CodeDeploy);
    let task_sets = service.task_sets().iter().filter(|_| of_code_deploy).map(|task_set| Deployment {
        id: task_set.id().unwrap_or_default().into(),
        status: task_set.status().unwrap_or_default().into(),
        rollout_state: None,
        desired_count: task_set.computed_desired_count(),
        running_count: task_set.running_count(),
        created_at: task_set.created_at().and_then(timestamp),
    });
    let mut observed: Vec<Deployment> = rolling.chain(task_sets).collect();
    observed.sort_by_key(|deployment| deployment.status != "PRIMARY");
    observed
}

fn timestamp(time: &DateTime) -> Option<Timestamp> {
    Timestamp::new(time.secs(), i32::try_from(time.subsec_nanos()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::{DeploymentController, TaskSet};

    use super::*;

    fn in_progress(controller: DeploymentControllerType, task_sets: &[&str]) -> bool {
        let controller = DeploymentController::builder().r#type(controller).build().unwrap();
        let service = Service::builder()
            .service_arn("arn:aws:ecs:eu-central-1:123456789012:service/app/web")
            .status("ACTIVE")
            .deployment_controller(controller)
            .set_task_sets(Some(task_sets.iter().map(|status| TaskSet::builder().status(*status).build()).collect()))
            .build();
        let call = Call::DescribeServices { cluster: "app".into(), services: vec!["web".into()] };
        observed(&call, &service).unwrap().deployment_in_progress()
    }

    #[test]
    fn a_second_task_set_of_code_deploy_is_a_deployment() {
        assert!(in_progress(DeploymentControllerType::CodeDeploy, &["ACTIVE", "PRIMARY"]));
        assert!(!in_progress(DeploymentControllerType::CodeDeploy, &["PRIMARY"]));
        assert!(!in_progress(DeploymentControllerType::External, &["ACTIVE", "PRIMARY"]));
    }
}
