"""Custom attributes of container instances.

Source: Amazon ECS API Reference, PutAttributes, DeleteAttributes, ListAttributes.
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.ecs import container_instances
from runbook_sandbox.aws.ecs.errors import error, invalid
from runbook_sandbox.aws.ecs.state import Cluster, ContainerInstance
from runbook_sandbox.aws.ecs.table import active_cluster, at_most, max_results, operations, page
from runbook_sandbox.aws.modelled import Call

#: "You can specify up to 10 custom attributes for each resource" (PutAttributes); ECS's own begin with `ecs.`.
_MOST = 10


def _target(cluster: Cluster, attribute: dict[str, Any]) -> ContainerInstance:
    identifier = attribute.get("targetId")
    if not identifier:
        raise invalid("The targetId of an attribute cannot be blank.")
    instance = container_instances.find(cluster, identifier)
    if instance is None:
        raise error("TargetNotFoundException", f"The specified target was not found: {identifier}")
    return instance


def _shown(instance: ContainerInstance, name: str, value: str | None) -> dict[str, Any]:
    return {"name": name, "value": value, "targetType": "container-instance", "targetId": instance.arn}


@operations("PutAttributes")
def put_attributes(call: Call) -> dict[str, Any]:
    """All of them or none."""
    wanted = at_most(call.get("attributes"), _MOST, "Attributes")
    cluster = active_cluster(call, call.get("cluster"))
    changes = [(_target(cluster, item), item["name"], item.get("value")) for item in wanted]
    merged: dict[str, dict[str, str | None]] = {}
    for instance, name, value in changes:
        merged.setdefault(instance.id, dict(instance.attributes))[name] = value
    for attributes in merged.values():
        if sum(1 for name in attributes if not name.startswith(("ecs.", "com.amazonaws."))) > _MOST:
            raise error("AttributeLimitExceededException", f"A container instance can have at most {_MOST} custom attributes.")
    for name, attributes in merged.items():
        cluster.instances[name].attributes = attributes
    return {"attributes": [_shown(*change) for change in changes]}


@operations("DeleteAttributes")
def delete_attributes(call: Call) -> dict[str, Any]:
    """Those that are not there are no error."""
    wanted = at_most(call.get("attributes"), _MOST, "Attributes")
    cluster = active_cluster(call, call.get("cluster"))
    gone = []
    for instance, name in [(_target(cluster, item), item["name"]) for item in wanted]:
        if name in instance.attributes:
            gone.append(_shown(instance, name, instance.attributes.pop(name)))
    return {"attributes": gone}


@operations("ListAttributes")
def list_attributes(call: Call) -> dict[str, Any]:
    """Of the cluster's instances, narrowed by name and value."""
    cluster = active_cluster(call, call.get("cluster"))
    name, value = call.get("attributeName"), call.get("attributeValue")
    if value is not None and name is None:
        raise invalid("attributeValue needs an attributeName.")
    found = {
        f"{instance.id}/{key}": _shown(instance, key, held)
        for instance in cluster.instances.values()
        for key, held in instance.attributes.items()
        if name in (None, key) and value in (None, held)
    }
    items, token = page(f"ListAttributes/{cluster.name}/{name}/{value}", list(found), call, max_results(call, 100), found.get)
    return {"attributes": items, "nextToken": token}
