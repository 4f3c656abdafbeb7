"""Container instances: they are registered, drained and counted; tasks are not placed on them.

Source: Amazon ECS API Reference, RegisterContainerInstance, DeregisterContainerInstance, UpdateContainerInstancesState,
ListContainerInstances, DescribeContainerInstances.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs import arns, tags
from runbook_sandbox.aws.ecs.errors import client, invalid
from runbook_sandbox.aws.ecs.state import Cluster, ContainerInstance
from runbook_sandbox.aws.ecs.table import active_cluster, at_most, max_results, operations, page, region
from runbook_sandbox.aws.modelled import Call

#: What an instance has when it does not say (`totalResources`): 2 vCPU and 4 GiB.
_RESOURCES = [
    {"name": "CPU", "type": "INTEGER", "integerValue": 2048},
    {"name": "MEMORY", "type": "INTEGER", "integerValue": 4096},
]
#: Called with a cluster whose instances have become more or fewer: its DAEMON services have a task on each.
changed_listeners: list[Callable[[Cluster], None]] = []


def registered(cluster: Cluster) -> dict[str, ContainerInstance]:
    """The container instances of a cluster, by id."""
    return cluster.instances


def _changed(cluster: Cluster) -> None:
    for listener in changed_listeners:
        listener(cluster)


def find(cluster: Cluster, identifier: str) -> ContainerInstance | None:
    """By id or ARN."""
    return cluster.instances.get(arns.scoped_name(identifier, "container-instance", cluster.name))


def _missing(call: Call, cluster: Cluster, identifier: str) -> dict[str, str]:
    name = arns.scoped_name(identifier, "container-instance", cluster.name)
    return {"arn": region(call).arn(f"container-instance/{cluster.name}/{name}"), "reason": "MISSING"}


def _ec2_id(call: Call) -> str:
    """The instance's id in its identity document, which is not verified."""
    try:
        return json.loads(call.get("instanceIdentityDocument") or "{}").get("instanceId") or f"i-{arns.new_task_id()[:17]}"
    except (ValueError, AttributeError) as error:
        raise client("The instance identity document is not valid JSON.") from error


@operations("RegisterContainerInstance")
def register_container_instance(call: Call) -> dict[str, Any]:
    cluster = active_cluster(call, call.get("cluster"))
    again = call.get("containerInstanceArn")
    instance = find(cluster, again) if again else None
    if instance is None:
        name = arns.new_task_id()
        resources = call.get("totalResources") or _RESOURCES
        instance = ContainerInstance(
            arn=region(call).arn(f"container-instance/{cluster.name}/{name}"),
            ec2_instance_id=_ec2_id(call),
            registered_at=clock.now(),
            resources=resources,
            version_info=call.get("versionInfo") or {},
            tags=tags.on_creation(call, f"container-instance/{cluster.name}/*"),
        )
        cluster.instances[name] = instance
        _changed(cluster)
    instance.attributes |= {item["name"]: item.get("value") for item in call.get("attributes") or []}
    return {"containerInstance": _view(instance, ["TAGS"])}


@operations("DeregisterContainerInstance")
def deregister_container_instance(call: Call) -> dict[str, Any]:
    """No task is on it, because none is placed on instances: `force` makes no difference."""
    cluster = active_cluster(call, call.get("cluster"))
    instance = find(cluster, call.get("containerInstance") or "")
    if instance is None:
        raise invalid("The referenced container instance was not found.")
    del cluster.instances[instance.id]
    instance.status, instance.agent_connected = "INACTIVE", False
    _changed(cluster)
    return {"containerInstance": _view(instance, ["TAGS"])}


@operations("UpdateContainerInstancesState")
def update_container_instances_state(call: Call) -> dict[str, Any]:
    """ACTIVE or DRAINING; the other states are ECS's own."""
    wanted = at_most(call.get("containerInstances"), 10, "Container instances")
    cluster, status = active_cluster(call, call.get("cluster")), call.get("status")
    if status not in ("ACTIVE", "DRAINING"):
        raise invalid("Container instances status should be one of [ACTIVE, DRAINING]")
    found, failures = [], []
    for identifier in wanted:
        instance = find(cluster, identifier)
        if instance is None:
            failures.append(_missing(call, cluster, identifier))
        else:
            instance.status = status
            found.append(_view(instance, []))
    _changed(cluster)
    return {"containerInstances": found, "failures": failures}


@operations("ListContainerInstances")
def list_container_instances(call: Call) -> dict[str, Any]:
    cluster = active_cluster(call, call.get("cluster"))
    status, known = call.get("status"), cluster.instances

    def fits(name: str) -> str | None:
        return known[name].arn if status in (None, known[name].status) else None

    query = f"ListContainerInstances/{cluster.name}/{status}"
    found, token = page(query, list(known), call, max_results(call, 100), fits)
    return {"containerInstanceArns": found, "nextToken": token}


@operations("DescribeContainerInstances")
def describe_container_instances(call: Call) -> dict[str, Any]:
    wanted = at_most(call.get("containerInstances"), 100, "Container instances")
    cluster, include = active_cluster(call, call.get("cluster")), call.get("include") or []
    found, failures = [], []
    for identifier in wanted:
        instance = find(cluster, identifier)
        if instance is None:
            failures.append(_missing(call, cluster, identifier))
        else:
            found.append(_view(instance, include))
    return {"containerInstances": found, "failures": failures}


def _view(instance: ContainerInstance, include: list[str]) -> dict[str, Any]:
    return {
        "containerInstanceArn": instance.arn,
        "ec2InstanceId": instance.ec2_instance_id,
        "status": instance.status,
        "agentConnected": instance.agent_connected,
        "runningTasksCount": 0,
        "pendingTasksCount": 0,
        "version": 1,
        "versionInfo": instance.version_info,
        "registeredResources": instance.resources,
        "remainingResources": instance.resources,
        "registeredAt": instance.registered_at,
        "attachments": [],
        "attributes": [{"name": name, "value": value} for name, value in instance.attributes.items()],
        "tags": tags.write(instance.tags) if "TAGS" in include else [],
    }
