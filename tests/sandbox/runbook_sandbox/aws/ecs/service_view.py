"""Services, deployments, task sets and their records as the API shows them."""

from __future__ import annotations

import math
from typing import Any

from runbook_sandbox.aws.ecs import capacity_providers, deployments, tags
from runbook_sandbox.aws.ecs.scheduler import desired_of
from runbook_sandbox.aws.ecs.state import Deployment, Revision, Rollout, Service

#: Members of a revision that Service and Deployment repeat.
_PLACEMENT = ("launchType", "capacityProviderStrategy", "networkConfiguration")


def _placement(revision: Revision, *, resolved: bool) -> dict[str, Any]:
    view = {name: revision.settings.get(name) for name in _PLACEMENT if revision.settings.get(name)}
    if strategy := view.get("capacityProviderStrategy"):
        view["capacityProviderStrategy"] = capacity_providers.complete(strategy)
    if network := (view.get("networkConfiguration") or {}).get("awsvpcConfiguration"):
        view["networkConfiguration"] = {"awsvpcConfiguration": {"securityGroups": [], "assignPublicIp": "DISABLED"} | network}
    if revision.fargate:
        wanted = revision.settings.get("platformVersion") or "LATEST"
        # The service shows what was asked for, a deployment what it runs on.
        view["platformVersion"] = "1.4.0" if resolved and wanted == "LATEST" else wanted
        view["platformFamily"] = "Linux"
    return view


def has_rollout_state(service: Service) -> bool:
    """rolloutState is only returned for services with rolling updates that are not behind a Classic Load Balancer."""
    classic = any(item.get("loadBalancerName") for item in service.options.get("loadBalancers") or [])
    return not service.is_task_set_based and not classic


def _desired(service: Service, deployment: Deployment) -> int:
    if deployment.status == "PRIMARY":
        return desired_of(service)
    return len(deployment.live)


def deployment_view(deployment: Deployment) -> dict[str, Any]:
    """The API's Deployment."""
    service = deployment.service
    definition = deployment.revision.task_definition
    view = {
        "id": deployment.id,
        "status": deployment.status,
        "taskDefinition": definition.arn if definition else None,
        "desiredCount": _desired(service, deployment),
        "pendingCount": deployment.pending,
        "runningCount": deployment.running,
        "failedTasks": deployment.failed_tasks,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.updated_at,
    } | _placement(deployment.revision, resolved=True)
    if has_rollout_state(service):
        view |= {"rolloutState": deployment.rollout_state, "rolloutStateReason": deployment.rollout_reason}
    for name in ("serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"):
        if deployment.revision.settings.get(name):
            view[name] = deployment.revision.settings[name]
    return view


def task_set_view(deployment: Deployment, include: list[str]) -> dict[str, Any]:
    """The API's TaskSet."""
    service = deployment.service
    definition = deployment.revision.task_definition
    stable = deployment.running == len(deployment.tasks) == math.ceil(service.desired * deployment.scale / 100)
    settings = deployment.revision.settings
    view = {
        "id": deployment.id,
        "taskSetArn": task_set_arn(deployment),
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "startedBy": "CODE_DEPLOY" if service.controller == "CODE_DEPLOY" else None,
        "externalId": deployment.external_id or None,
        "status": deployment.status,
        "taskDefinition": definition.arn if definition else None,
        "computedDesiredCount": math.ceil(service.desired * deployment.scale / 100),
        "pendingCount": deployment.pending,
        "runningCount": deployment.running,
        "createdAt": deployment.created_at,
        "updatedAt": deployment.updated_at,
        "loadBalancers": settings.get("loadBalancers") or [],
        "serviceRegistries": settings.get("serviceRegistries") or [],
        "scale": {"value": deployment.scale, "unit": "PERCENT"},
        "stabilityStatus": "STEADY_STATE" if stable else "STABILIZING",
        "stabilityStatusAt": deployment.updated_at,
    } | _placement(deployment.revision, resolved=True)
    if "TAGS" in include:
        view["tags"] = tags.write(deployment.tags)
    return view


def task_set_arn(deployment: Deployment) -> str:
    service = deployment.service
    return service.arn.replace(":service/", ":task-set/") + "/" + deployment.id


def service_view(service: Service, include: list[str]) -> dict[str, Any]:
    """The API's Service; tags only when they were asked for."""
    definition = service.revision.task_definition
    configuration = dict(service.configuration)
    if service.scheduling == "DAEMON":
        configuration.setdefault("maximumPercent", 100)
    view = (
        service.options
        | {
            "serviceArn": service.arn,
            "serviceName": service.name,
            "clusterArn": service.cluster.arn,
            "status": service.status,
            "desiredCount": desired_of(service),
            "runningCount": service.running,
            "pendingCount": service.pending,
            "taskDefinition": definition.arn if definition else None,
            "deploymentConfiguration": configuration,
            "deployments": [] if service.is_task_set_based else [deployment_view(item) for item in service.deployments],
            "events": list(service.events),
            "createdAt": service.created_at,
            "createdBy": service.created_by,
            "schedulingStrategy": service.scheduling,
            "deploymentController": {"type": service.controller},
            "resourceManagementType": service.managed_by,
        }
        | _placement(service.revision, resolved=False)
    )
    if service.is_task_set_based:
        view["taskSets"] = [task_set_view(item, []) for item in service.deployments]
    else:
        if service.rollouts and service.status == "ACTIVE":
            view["currentServiceDeployment"] = service.rollouts[0].arn
        view["currentServiceRevisions"] = [_current_revision(service, item) for item in service.deployments]
    if "TAGS" in include:
        view["tags"] = tags.write(service.tags)
    return view


def _current_revision(service: Service, deployment: Deployment) -> dict[str, Any]:
    return {
        "arn": deployment.revision.arn,
        "requestedTaskCount": _desired(service, deployment),
        "runningTaskCount": deployment.running,
        "pendingTaskCount": deployment.pending,
    }


def revision_view(service: Service, revision: Revision) -> dict[str, Any]:
    """The API's ServiceRevision."""
    definition = revision.task_definition
    containers = definition.containers if definition else []
    kept = ("loadBalancers", "serviceRegistries", "serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations")
    return (
        {
            "serviceRevisionArn": revision.arn,
            "serviceArn": service.arn,
            "clusterArn": service.cluster.arn,
            "taskDefinition": definition.arn if definition else None,
            "containerImages": [{"containerName": item["name"], "image": item["image"]} for item in containers],
            "guardDutyEnabled": False,
            "createdAt": revision.created_at,
        }
        | {name: revision.settings.get(name) or [] for name in kept if isinstance(revision.settings.get(name), list)}
        | {name: revision.settings[name] for name in kept if isinstance(revision.settings.get(name), dict)}
        | _placement(revision, resolved=True)
    )


def rollout_view(service: Service, rollout: Rollout) -> dict[str, Any]:
    """The API's ServiceDeployment."""
    by_revision = {item.revision.arn: item for item in service.deployments}

    def summary(revision: Revision) -> dict[str, Any]:
        deployment = by_revision.get(revision.arn)
        return {
            "arn": revision.arn,
            "requestedTaskCount": _desired(service, deployment) if deployment else 0,
            "runningTaskCount": deployment.running if deployment else 0,
            "pendingTaskCount": deployment.pending if deployment else 0,
        }

    breaker = (rollout.configuration.get("deploymentCircuitBreaker") or {}).get("enable")
    watched = "DISABLED" if not breaker else "MONITORING" if rollout.status == "IN_PROGRESS" else "MONITORING_COMPLETE"
    if breaker and rollout.failures >= rollout.threshold:
        watched = "TRIGGERED"
    return {
        "serviceDeploymentArn": rollout.arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "createdAt": rollout.created_at,
        "startedAt": rollout.started_at,
        "finishedAt": rollout.finished_at,
        "stoppedAt": rollout.stopped_at,
        "updatedAt": rollout.updated_at,
        "sourceServiceRevisions": [summary(item) for item in rollout.source],
        "targetServiceRevision": summary(rollout.target),
        "status": rollout.status,
        "statusReason": rollout.reason,
        "lifecycleStage": rollout.stage,
        "deploymentConfiguration": rollout.configuration,
        "rollback": rollout.rollback,
        "deploymentCircuitBreaker": {
            "status": watched,
            "failureCount": rollout.failures,
            "threshold": rollout.threshold or deployments.threshold(service),
        },
        "alarms": {"status": "DISABLED"},
    }
