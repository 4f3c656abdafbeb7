//! Amazon ECS in JSON 1.1.

use runbook_aws::Call;
use runbook_core::observed::{Deployment, EcsService};
use serde_json::{Value, json};

use super::{ACCOUNT, REGION, number, optional, text, texts, unknown};
use crate::cloud::refusal::Refusal;

pub(super) fn call_of(operation: &str, body: &Value) -> Result<Call, Refusal> {
    Ok(match operation {
        "DescribeServices" => {
            Call::DescribeServices { cluster: text(body, "cluster")?, services: texts(body, "services") }
        }
        "ListServices" => {
            Call::ListServices { cluster: text(body, "cluster")?, next_token: optional(body, "nextToken") }
        }
        "UpdateService" => Call::UpdateService {
            cluster: text(body, "cluster")?,
            service: text(body, "service")?,
            desired_count: number(body, "desiredCount")?,
        },
        _ => return Err(unknown(operation)),
    })
}

pub(super) fn services(call: &Call, found: &[(String, EcsService)]) -> Value {
    let Call::DescribeServices { cluster, services } = call else { return json!({}) };
    let missing = services.iter().filter(|name| !found.iter().any(|(known, _)| known == *name));
    let arn = |name: &str| format!("arn:aws:ecs:{REGION}:{ACCOUNT}:service/{cluster}/{name}");
    json!({
        "services": found.iter().map(|(name, one)| service(cluster, name, one)).collect::<Vec<_>>(),
        "failures": missing.map(|name| json!({"arn": arn(name), "reason": "MISSING"})).collect::<Vec<_>>(),
    })
}

pub(super) fn names(names: &[String], next_token: Option<&str>) -> Value {
    json!({"serviceArns": names, "nextToken": next_token})
}

fn service(cluster: &str, name: &str, service: &EcsService) -> Value {
    json!({
        "serviceName": name,
        "serviceArn": service.arn,
        "clusterArn": format!("arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{cluster}"),
        "status": service.status,
        "desiredCount": service.desired_count,
        "runningCount": service.running_count,
        "pendingCount": service.pending_count,
        "schedulingStrategy": service.scheduling_strategy,
        "deploymentController": {"type": service.deployment_controller},
        "deploymentConfiguration": {"strategy": service.deployment_strategy, "maximumPercent": 200, "minimumHealthyPercent": 100},
        "taskDefinition": format!("arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/clocked-server:1"),
        "launchType": "FARGATE",
        "deployments": service.deployments.iter().map(deployment).collect::<Vec<_>>(),
        // ECS keeps the last hundred of each service and sends them along.
        "events": (0..EVENTS).map(|number| event(name, number)).collect::<Vec<_>>(),
        "tags": service.tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect::<Vec<_>>(),
    })
}

/// Events sent with each service: what the operator must read past.
const EVENTS: usize = 20;

fn event(name: &str, number: usize) -> Value {
    json!({
        "id": format!("00000000-0000-4000-8000-{number:012}"),
        "createdAt": 1_760_000_000,
        "message": format!("(service {name}) has reached a steady state."),
    })
}

fn deployment(deployment: &Deployment) -> Value {
    json!({
        "id": deployment.id,
        "status": deployment.status,
        "rolloutState": deployment.rollout_state,
        "desiredCount": deployment.desired_count,
        "runningCount": deployment.running_count,
        "pendingCount": 0,
        "createdAt": deployment.created_at.map(|time| time.as_second()),
    })
}
