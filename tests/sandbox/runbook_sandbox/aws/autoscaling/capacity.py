"""The capacity of a scalable target, read from and written to the service that owns it."""

from __future__ import annotations

from runbook_sandbox.aws.autoscaling import aurora, namespaces
from runbook_sandbox.aws.autoscaling.errors import validation
from runbook_sandbox.aws.autoscaling.state import Target
from runbook_sandbox.aws.ecs import services
from runbook_sandbox.aws.ecs.state import Service
from runbook_sandbox.aws.ecs.validation import MAX_DESIRED
from runbook_sandbox.aws.events import cloudtrail

#: Namespace -> how its activities name the capacity.
_NAMES = {"ecs": "desired count", "rds": "replica count"}


def name(target: Target) -> str:
    """`desired count` for ECS, as in the texts of its activities."""
    return _NAMES.get(target.namespace, "capacity")


def ecs_service(target: Target) -> Service | None:
    """The ACTIVE service behind an ECS target."""
    if target.namespace != "ecs":
        return None
    _, cluster, service = target.resource_id.split("/")
    return services.lookup(target.account_id, target.region, cluster, service)


def check_exists(account_id: str, region: str, namespace: str, resource_id: str) -> None:
    """Registering needs the resource, for the services that the sandbox knows."""
    if namespace == "ecs":
        _, cluster, name_ = resource_id.split("/")
        service = services.lookup(account_id, region, cluster, name_)
        if service is None:
            raise validation(f"ECS service doesn't exist: {resource_id}")
        if service.scheduling == "DAEMON":
            raise validation(f"ECS service uses the DAEMON scheduling strategy, which cannot be scaled: {resource_id}")
    elif namespace == "rds" and aurora.cluster(account_id, region, resource_id) is None:
        raise validation(f"Aurora DB cluster doesn't exist: {resource_id}")


def current(target: Target) -> int | None:
    """Capacity now; None where the sandbox has no such service."""
    if target.namespace == "rds":
        return aurora.current(target)
    service = ecs_service(target)
    return service.desired if service else None


def change(target: Target, count: int) -> str | None:
    """Set the capacity; the answer is why it failed, None when it did not."""
    if target.namespace == "rds":
        return aurora.change(target, count)
    service = ecs_service(target)
    if service is None:
        return f"Failed to set {name(target)} to {count}. Reason: the resource {target.resource_id} was not found."
    if count > MAX_DESIRED:
        return f"Failed to set {name(target)} to {count}. Reason: the service quota of {MAX_DESIRED} tasks per service was exceeded."
    services.set_desired(service, count)
    _announce(target, service, count)
    return None


def _announce(target: Target, service: Service, count: int) -> None:
    """Application Auto Scaling calls UpdateService like anybody else: the account's CloudTrail says so."""
    cloudtrail.record_service_call(
        target.account_id,
        target.region,
        "ecs",
        "UpdateService",
        {"cluster": service.cluster.name, "service": service.name, "desiredCount": count},
        {"service": {"serviceArn": service.arn, "desiredCount": count}},
        invoked_by=namespaces.service_principal(target.namespace),
        role_name=target.role.rsplit("/", 1)[-1],
    )


def is_deploying(target: Target) -> bool:
    """Whether an ECS deployment is in progress: dynamic scale-in waits for its end."""
    service = ecs_service(target)
    if service is None or service.is_task_set_based:
        return False
    return len(service.deployments) > 1 or any(item.rollout_state == "IN_PROGRESS" for item in service.deployments)


def is_fulfilled(target: Target) -> bool:
    """Whether the service runs what it should."""
    if target.namespace == "rds":
        return aurora.is_fulfilled(target)
    service = ecs_service(target)
    return service is None or (service.running == service.desired and service.pending == 0)
