"""Container instances, as far as finding them goes; registering them is left to moto.

Source: Amazon ECS API Reference, ListContainerInstances, DescribeContainerInstances.
"""

from __future__ import annotations

from typing import Any

from moto.ecs.models import ecs_backends

from runbook_sandbox.aws.ecs import arns
from runbook_sandbox.aws.ecs.state import Cluster
from runbook_sandbox.aws.ecs.table import active_cluster, at_most, max_results, operations, page, region
from runbook_sandbox.aws.modelled import Call


def registered(cluster: Cluster) -> dict[str, Any]:
    """moto's container instances of a cluster, by id."""
    kept = ecs_backends[cluster.account_id][cluster.region].container_instances
    return kept.get(cluster.name, {})


@operations("ListContainerInstances")
def list_container_instances(call: Call) -> dict[str, Any]:
    cluster = active_cluster(call, call.get("cluster"))
    status, known = call.get("status"), registered(cluster)

    def find(name: str) -> str | None:
        return known[name].container_instance_arn if status in (None, known[name].status) else None

    query = f"ListContainerInstances/{cluster.name}/{status}"
    found, token = page(query, list(known), call, max_results(call, 100), find)
    return {"containerInstanceArns": found, "nextToken": token}


@operations("DescribeContainerInstances")
def describe_container_instances(call: Call) -> dict[str, Any]:
    wanted = at_most(call.get("containerInstances"), 100, "Container instances")
    cluster = active_cluster(call, call.get("cluster"))
    known, found, failures = registered(cluster), [], []
    for identifier in wanted:
        name = arns.scoped_name(identifier, "container-instance", cluster.name)
        if name in known:
            found.append(_view(known[name]))
        else:
            failures.append({"arn": region(call).arn(f"container-instance/{cluster.name}/{name}"), "reason": "MISSING"})
    return {"containerInstances": found, "failures": failures}


def _view(instance: Any) -> dict[str, Any]:
    return {
        "containerInstanceArn": instance.container_instance_arn,
        "ec2InstanceId": instance.ec2_instance_id,
        "status": instance.status,
        "agentConnected": instance.agent_connected,
        "runningTasksCount": instance.running_tasks_count,
        "pendingTasksCount": instance.pending_tasks_count,
        "versionInfo": instance.version_info,
        "registeredResources": instance.registered_resources,
        "remainingResources": instance.remaining_resources,
        "registeredAt": instance.registered_at,
        "attributes": [{"name": name, "value": value} for name, value in instance.attributes.items()],
    }
