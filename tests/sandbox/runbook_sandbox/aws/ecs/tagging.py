"""Tags by ARN.

Source: Amazon ECS API Reference, TagResource, UntagResource, ListTagsForResource.
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.ecs import capacity_providers, tags, task_definitions
from runbook_sandbox.aws.ecs.errors import cluster_not_found, error, invalid
from runbook_sandbox.aws.ecs.service_view import task_set_arn
from runbook_sandbox.aws.ecs.table import operations, region
from runbook_sandbox.aws.modelled import Call


def _missing(call: Call, kind: str) -> Exception:
    text = f"The specified {kind} was not found. Specify an existing {kind} and try again."
    # ResourceNotFoundException is an error of TagResource and UntagResource only.
    return invalid(text) if call.operation == "ListTagsForResource" else error("ResourceNotFoundException", text)


def _find(call: Call) -> Any:
    arn = call.get("resourceArn") or ""
    fields = arn.split(":", 5)
    if len(fields) != 6 or fields[0] != "arn" or fields[2] != "ecs" or "/" not in fields[5]:
        raise invalid(f"The ARN provided is invalid: {arn}")
    if fields[3:5] != [call.region, call.account_id]:
        raise invalid("The ARN provided belongs to another account or region.")
    state = region(call)
    kind, *path = fields[5].split("/")
    if kind == "cluster":
        cluster = state.clusters.get(path[0])
        if cluster is None:
            raise cluster_not_found()
        if cluster.status == "INACTIVE":
            raise invalid("The specified cluster is inactive. Specify an active cluster and try again.")
        return cluster
    if kind == "task-definition":
        return task_definitions.find(state, arn) or _raise(_missing(call, "task definition"))
    if kind == "capacity-provider" and path[0] in capacity_providers.providers(state):
        return capacity_providers.providers(state)[path[0]]
    if kind in ("service", "task") and len(path) == 1:
        raise invalid("Long arn format must be used for tagging operations")
    cluster = state.clusters.get(path[0])
    if kind == "service" and cluster is not None and path[1] in cluster.services:
        service = cluster.services[path[1]]
        if service.status == "INACTIVE":
            raise invalid("The specified service is inactive. Specify an active service and try again.")
        return service
    if kind == "task" and cluster is not None and path[1] in cluster.tasks:
        return cluster.tasks[path[1]]
    if kind == "container-instance" and cluster is not None and path[-1] in cluster.instances:
        return cluster.instances[path[-1]]
    if kind == "task-set" and cluster is not None and path[1] in cluster.services:
        for task_set in cluster.services[path[1]].deployments:
            if task_set_arn(task_set) == arn:
                return task_set
    raise _missing(call, kind)


def _raise(problem: Exception) -> Any:
    raise problem


@operations("TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    given = tags.read(call.get("tags"))
    resource = _find(call)
    merged = resource.tags | given
    tags.limit(merged)
    resource.tags = merged
    return {}


@operations("UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    """Keys that are not there are no error."""
    resource = _find(call)
    gone = set(call.get("tagKeys") or [])
    if any(key.lower().startswith("aws:") for key in gone):
        raise invalid("Tag keys and values cannot start with the reserved prefix 'aws:'.")
    resource.tags = {key: value for key, value in resource.tags.items() if key not in gone}
    return {}


@operations("ListTagsForResource")
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    return {"tags": tags.write(_find(call).tags)}
