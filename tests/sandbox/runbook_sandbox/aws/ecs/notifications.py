"""What ECS says by itself: a service's `events[]`, and its events on EventBridge.

Sources: Amazon ECS Developer Guide, "Amazon ECS service event messages" and "Amazon ECS events" (task state change,
service action and service deployment state change events). There is no event for a changed desiredCount: on AWS it is
seen through CloudTrail only.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

from moto.events.models import events_backends

from runbook_sandbox.aws import events
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs.state import Cluster, Deployment, Service, Task

#: Task arns in one message; ECS writes no longer lists either.
_NAMED = 10


def say(service: Service, message: str) -> None:
    """Put a message at the head of the service's events; ECS keeps the newest 100."""
    entry = {"id": str(uuid.uuid4()), "createdAt": clock.now(), "message": f"(service {service.name}) {message}"}
    service.events.appendleft(entry)


def name_tasks(tasks: list[Task]) -> str:
    """`(task 1a2b…) (task 3c4d…)`."""
    return " ".join(f"(task {task.id})" for task in tasks[:_NAMED])


def _listened_to(cluster: Cluster) -> bool:
    """Rendering a task costs more than finding out that the account has no rule."""
    return bool(events_backends[cluster.account_id][cluster.region].describe_event_bus("default").rules)


def _emit(cluster: Cluster, kind: str, resource: str, detail: dict[str, Any]) -> None:
    events.emit(cluster.account_id, cluster.region, "aws.ecs", kind, [resource], _plain(detail))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value


def task_changed(task: Task) -> None:
    """`ECS Task State Change`; the detail is what DescribeTasks shows, tags left out."""
    if _listened_to(task.cluster):
        from runbook_sandbox.aws.ecs.task_view import render

        _emit(task.cluster, "ECS Task State Change", task.arn, render(task, []) | {"updatedAt": clock.now()})


def service_action(service: Service, name: str, kind: str = "INFO", reason: str | None = None) -> None:
    """`ECS Service Action`, such as SERVICE_STEADY_STATE."""
    if _listened_to(service.cluster):
        detail = {
            "eventType": kind,
            "eventName": name,
            "clusterArn": service.cluster.arn,
            "createdAt": clock.now(),
            "reason": reason,
        }
        _emit(service.cluster, "ECS Service Action", service.arn, detail)


def deployment_changed(deployment: Deployment) -> None:
    """`ECS Deployment State Change`; only services deployed by ECS have it."""
    service = deployment.service
    if not service.is_task_set_based and _listened_to(service.cluster):
        detail = {
            "eventType": "ERROR" if deployment.rollout_state == "FAILED" else "INFO",
            "eventName": f"SERVICE_DEPLOYMENT_{deployment.rollout_state}",
            "clusterArn": service.cluster.arn,
            "deploymentId": deployment.id,
            "updatedAt": clock.now(),
            "reason": deployment.rollout_reason,
        }
        _emit(service.cluster, "ECS Deployment State Change", service.arn, detail)
