"""The records of deployments: list, describe, stop.

Source: Amazon ECS API Reference, ListServiceDeployments, DescribeServiceDeployments, DescribeServiceRevisions,
StopServiceDeployment.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runbook_sandbox.aws.ecs import arns, deployments, scheduler, services
from runbook_sandbox.aws.ecs.errors import error, invalid, service_not_found
from runbook_sandbox.aws.ecs.service_view import revision_view, rollout_view
from runbook_sandbox.aws.ecs.state import Region, Rollout, Service
from runbook_sandbox.aws.ecs.table import active_cluster, at_most, max_results, operations, page, region
from runbook_sandbox.aws.modelled import Call


def _path(arn: str, kind: str) -> list[str]:
    """`[cluster, service, id]` of the ARN of a service deployment or revision."""
    path = arn.split(":", 5)[-1].split("/")
    if not arn.startswith("arn:") or len(path) != 4 or path[0] != kind:
        raise invalid(f"The {kind} ARN is not valid: {arn}")
    arns.check_home(arn)
    return path[1:]


def _service_of(state: Region, arn: str, kind: str) -> Service | None:
    cluster_name, name, _ = _path(arn, kind)
    cluster = state.clusters.get(cluster_name)
    return cluster.services.get(name) if cluster else None


def _find(state: Region, arn: str) -> tuple[Service, Rollout] | None:
    service = _service_of(state, arn, "service-deployment")
    rollout = next((item for item in service.rollouts if item.arn == arn), None) if service else None
    return (service, rollout) if service and rollout else None


@operations("ListServiceDeployments")
def list_service_deployments(call: Call) -> dict[str, Any]:
    """Newest first, 20 a page unless said, by status and time of creation."""
    cluster = active_cluster(call, call.get("cluster"))
    service = services.find(cluster, call.get("service"))
    if service is None:
        raise service_not_found()
    window = call.get("createdAt") or {}
    before, after = window.get("before"), window.get("after")

    def fits(rollout: Rollout) -> bool:
        if call.get("status") and rollout.status not in call.get("status"):
            return False
        return _within(rollout.created_at, after, before)

    chosen = {f"{index:03}": item for index, item in enumerate(service.rollouts) if fits(item)}
    query = f"ListServiceDeployments/{service.arn}/{call.get('status')}/{window}"
    found, token = page(query, list(chosen), call, max_results(call, 20), chosen.get)
    return {"serviceDeployments": [_brief(service, item) for item in found], "nextToken": token}


def _within(time: datetime, after: datetime | None, before: datetime | None) -> bool:
    return (after is None or time >= after) and (before is None or time <= before)


def _brief(service: Service, rollout: Rollout) -> dict[str, Any]:
    return {
        "serviceDeploymentArn": rollout.arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster.arn,
        "startedAt": rollout.started_at,
        "createdAt": rollout.created_at,
        "finishedAt": rollout.finished_at,
        "targetServiceRevisionArn": rollout.target.arn,
        "status": rollout.status,
        "statusReason": rollout.reason,
    }


@operations("DescribeServiceDeployments")
def describe_service_deployments(call: Call) -> dict[str, Any]:
    found, failures = [], []
    for arn in at_most(call.get("serviceDeploymentArns"), 20, "Service deployment ARNs"):
        known = _find(region(call), arn)
        if known is None:
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            found.append(rollout_view(*known))
    return {"serviceDeployments": found, "failures": failures}


@operations("DescribeServiceRevisions")
def describe_service_revisions(call: Call) -> dict[str, Any]:
    found, failures = [], []
    for arn in at_most(call.get("serviceRevisionArns"), 20, "Service revision ARNs"):
        service = _service_of(region(call), arn, "service-revision")
        revision = service.revisions.get(arn) if service else None
        if service is None or revision is None:
            failures.append({"arn": arn, "reason": "MISSING"})
        else:
            found.append(revision_view(service, revision))
    return {"serviceRevisions": found, "failures": failures}


@operations("StopServiceDeployment")
def stop_service_deployment(call: Call) -> dict[str, Any]:
    """Rolls back to the last completed deployment; only one that is in progress."""
    known = _find(region(call), call.get("serviceDeploymentArn") or "")
    if known is None:
        raise error("ServiceDeploymentNotFoundException", "The service deployment cannot be found. Specify a valid service deployment ARN.")
    service, rollout = known
    deployment = service.primary
    if rollout.status != "IN_PROGRESS" or deployment is None or deployment.rollout is not rollout:
        raise error("ConflictException", f"The service deployment is in the {rollout.status} state and cannot be stopped.")
    if (call.get("stopType") or "ROLLBACK") == "ABORT":
        deployments.fail(deployment, f"ECS deployment {deployment.id} was stopped.")
        deployments.stop_rollout(service, rollout, "Service deployment was stopped by StopServiceDeployment.")
        return {"serviceDeploymentArn": rollout.arn}
    previous = service.last_completed
    if previous is None or previous is deployment:
        raise invalid("There is no completed service deployment to roll back to.")
    reason = f"ECS deployment {deployment.id} was stopped: rolling back to deploymentId {previous.id}."
    deployments.fail(deployment, reason)
    deployments.roll_back(deployment, previous, "Service deployment rolled back because StopServiceDeployment was called.")
    scheduler.unsettle(service)
    return {"serviceDeploymentArn": rollout.arn}
