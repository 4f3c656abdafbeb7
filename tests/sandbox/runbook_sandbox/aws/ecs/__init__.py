"""Amazon ECS: clusters, task definitions, services that converge, tasks that live and die.

The state and the rules are the sandbox's own; nothing of moto's ECS is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.core.resource_tagging import TaggedResource
from moto.ecs import urls
from moto.ecs.models import EC2ContainerServiceBackend

from runbook_sandbox.aws.ecs import (
    access,
    account_settings,  # noqa: F401
    attributes,  # noqa: F401
    capacity_providers,  # noqa: F401
    clusters,  # noqa: F401 - registers its operations
    container_instances,
    control,  # noqa: F401 - registers its routes
    protection,  # noqa: F401
    scheduler,
    service_create,  # noqa: F401
    service_deployments,  # noqa: F401
    service_update,  # noqa: F401
    services,  # noqa: F401
    state,
    tagging,  # noqa: F401
    task_definitions,  # noqa: F401
    task_sets,  # noqa: F401
    tasks,  # noqa: F401
    utilization,
    validation,
)
from runbook_sandbox.aws.ecs.table import operations
from runbook_sandbox.aws.modelled import ModelledResponse


class EcsResponse(ModelledResponse):
    service = "ecs"
    operations = operations
    error_namespace = "com.amazonaws.ecs"


def _dispatch(request: Any, full_url: str, headers: Any) -> Any:
    # Also for operations that are not here: moto's would answer from a state of their own, of which these know nothing.
    return EcsResponse.dispatch(request, full_url, headers)


def _tagged(self: EC2ContainerServiceBackend) -> Iterator[TaggedResource]:
    """For the Resource Groups Tagging API."""
    for cluster in state.region_of(self.account_id, self.region_name).clusters.values():
        if cluster.status != "INACTIVE":
            yield TaggedResource(arn=cluster.arn, tags=cluster.tags, resource_type="ecs:cluster")
        for service in cluster.services.values():
            if service.status != "INACTIVE":
                yield TaggedResource(arn=service.arn, tags=service.tags, resource_type="ecs:service")
        for task in cluster.tasks.values():
            yield TaggedResource(arn=task.arn, tags=task.tags, resource_type="ecs:task")


def install() -> None:
    """Answer ECS from here. Idempotent."""
    urls.url_paths["{0}/$"] = _dispatch
    EC2ContainerServiceBackend.iter_tagged_resources = _tagged
    scheduler.install()
    if scheduler.instances_changed not in container_instances.changed_listeners:
        container_instances.changed_listeners.append(scheduler.instances_changed)
    access.install()


def reset() -> None:
    """An ECS without clusters."""
    state.reset()
    utilization.reset()
    scheduler.Capacity.ec2_available = True
    validation.quotas.services_per_cluster = validation.Quotas.services_per_cluster
