"""Scalable targets: register, describe, deregister, tag.

Source: Application Auto Scaling API Reference, the actions of these names.
"""

from __future__ import annotations

import uuid
from typing import Any

from runbook_sandbox.aws.autoscaling import activities, alarms, aurora, capacity, namespaces, permissions, roles
from runbook_sandbox.aws.autoscaling.errors import error, validation
from runbook_sandbox.aws.autoscaling.state import Target, joined, region_of
from runbook_sandbox.aws.autoscaling.table import checked, filters, find_target, names, operations, page, region, registered
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs.state import Service
from runbook_sandbox.aws.modelled import Call
from runbook_sandbox.aws.paging import SortedKeys

SUSPENDABLE = ("DynamicScalingInSuspended", "DynamicScalingOutSuspended", "ScheduledScalingSuspended")
_MAX_TAGS = 50


def check_band(minimum: int | None, maximum: int | None) -> None:
    """What can be said of a band, or of half of one."""
    if minimum is not None and minimum < 0:
        raise validation("Minimum capacity cannot be negative")
    if maximum is not None and maximum < 0:
        raise validation("Maximum capacity cannot be negative")
    if minimum is not None and maximum is not None and minimum > maximum:
        raise validation("Maximum capacity cannot be less than minimum capacity")


def clamp(target: Target) -> None:
    """Bring the capacity into the band, as an activity of its own when it was outside."""
    now = capacity.current(target)
    if now is None:
        return
    if now < target.minimum:
        activities.set_capacity(target, target.minimum, f"minimum capacity was set to {target.minimum}")
    elif now > target.maximum:
        activities.set_capacity(target, target.maximum, f"maximum capacity was set to {target.maximum}")


def _check_tags(given: dict[str, str]) -> None:
    for key in given:
        if key.lower().startswith("aws:"):
            raise validation("Tag keys that begin with aws: are reserved for AWS")
    if len(given) > _MAX_TAGS:
        raise error("TooManyTagsException", f"A scalable target can have at most {_MAX_TAGS} tags.")


@operations("RegisterScalableTarget")
def register_scalable_target(call: Call) -> dict[str, Any]:
    """Creates or changes a target. A current capacity outside the band is brought into it at once, changed band or not."""
    checked(call)
    target, namespace = find_target(call), call.get("ServiceNamespace")
    minimum, maximum = call.get("MinCapacity"), call.get("MaxCapacity")
    if target is None:
        if minimum is None or maximum is None:
            raise validation("Both minimum capacity and maximum capacity must be provided to register a new scalable target")
    else:
        minimum = target.minimum if minimum is None else minimum
        maximum = target.maximum if maximum is None else maximum
    check_band(minimum, maximum)
    if namespace == "rds" and maximum > aurora.MAX_REPLICAS:
        raise validation(f"Maximum capacity cannot be greater than {aurora.MAX_REPLICAS}, the number of Aurora Replicas of a DB cluster")
    given_tags = call.get("Tags") or {}
    _check_tags(given_tags)
    if target is not None and given_tags:
        raise validation(
            "The scalable target that you tried to tag already exists. "
            "To update tags on an existing scalable target, use the TagResource API."
        )
    permissions.to_scale(call.account_id, call.region, namespace, call.get("ResourceId"))
    capacity.check_exists(call.account_id, call.region, namespace, call.get("ResourceId"))
    if given_tags:
        permissions.to_tag(region(call).arn("application-autoscaling", "scalable-target/*"), given_tags)
    role = roles.use(call, namespace)
    suspended = {name: bool(value) for name, value in (call.get("SuspendedState") or {}).items()}
    if target is None:
        target = _create(call, minimum, maximum, role, given_tags)
    target.minimum, target.maximum = minimum, maximum
    target.suspended |= suspended
    clamp(target)
    return {"ScalableTargetARN": target.arn}


def _create(call: Call, minimum: int, maximum: int, role: str, tags: dict[str, str]) -> Target:
    state, namespace = region(call), call.get("ServiceNamespace")
    target = Target(
        account_id=call.account_id,
        region=call.region,
        namespace=namespace,
        resource_id=call.get("ResourceId"),
        dimension=call.get("ScalableDimension"),
        arn=state.arn("application-autoscaling", f"scalable-target/{uuid.uuid4().hex}"),
        minimum=minimum,
        maximum=maximum,
        role=role,
        created_at=clock.now(),
        suspended=dict.fromkeys(SUSPENDABLE, False),
        tags=dict(tags),
    )
    state.targets[target.key] = target
    state.by_arn[target.arn] = target
    state.target_keys.setdefault(namespace, SortedKeys()).add(joined(target.resource_id, target.dimension))
    return target


def _view(target: Target) -> dict[str, Any]:
    return {
        "ServiceNamespace": target.namespace,
        "ResourceId": target.resource_id,
        "ScalableDimension": target.dimension,
        "MinCapacity": target.minimum,
        "MaxCapacity": target.maximum,
        "RoleARN": target.role,
        "CreationTime": target.created_at,
        "SuspendedState": target.suspended,
        "ScalableTargetARN": target.arn,
    }


@operations("DescribeScalableTargets")
def describe_scalable_targets(call: Call) -> dict[str, Any]:
    """50 a page; unknown resource ids are no error."""
    namespace, wanted = call.get("ServiceNamespace"), names(call, "ResourceIds")
    fits, state = filters(call), region(call)
    keys: Any = state.target_keys.get(namespace, ())
    if wanted is not None:
        dimensions = [name for name in namespaces.DIMENSIONS if name.startswith(f"{namespace}:")]
        keys = [joined(item, name) for item in set(wanted) for name in dimensions if (namespace, item, name) in state.targets]

    def find(key: str) -> dict[str, Any] | None:
        resource_id, _, dimension = key.rpartition("|")
        return _view(state.targets[namespace, resource_id, dimension]) if fits(resource_id, dimension) else None

    query = f"targets/{namespace}/{sorted(wanted or [])}/{call.get('ScalableDimension')}"
    found, token = page(query, call, keys, 50, find)
    return {"ScalableTargets": found, "NextToken": token}


@operations("DeregisterScalableTarget")
def deregister_scalable_target(call: Call) -> dict[str, Any]:
    """Takes its scaling policies, their alarms and its scheduled actions along. The capacity stays as it is."""
    target = registered(call, missing="found")
    if any(policy.alarms for policy in target.policies.values()):
        permissions.to_track(target, deleting=True)
    remove(target)
    return {}


def remove(target: Target) -> None:
    """Without a trace but its activities, which are told of for six weeks."""
    state = region_of(target.account_id, target.region)
    for policy in target.policies.values():
        alarms.delete(target, policy)
        state.policies_by_arn.pop(policy.arn, None)
        state.policy_keys[target.namespace].discard(joined(target.resource_id, target.dimension, policy.name))
    for action in target.actions.values():
        if action.next is not None:
            action.next.cancel()
        state.action_keys[target.namespace].discard(joined(target.resource_id, target.dimension, action.name))
    del state.targets[target.key]
    del state.by_arn[target.arn]
    state.target_keys[target.namespace].discard(joined(target.resource_id, target.dimension))
    target.policies.clear()
    target.actions.clear()


def service_is_deleted(service: Service) -> None:
    """Deleting an ECS service deregisters its target: no document says so, users of DeleteService have always seen it."""
    resource_id = f"service/{service.cluster.name}/{service.name}"
    state = region_of(service.cluster.account_id, service.cluster.region)
    target = state.targets.get(("ecs", resource_id, "ecs:service:DesiredCount"))
    if target is not None:
        remove(target)


def _by_arn(call: Call) -> Target:
    arn = call.get("ResourceARN")
    target = region(call).by_arn.get(arn)
    if target is None:
        raise error("ResourceNotFoundException", f"The specified resource doesn't exist: {arn}")
    return target


@operations("TagResource")
def tag_resource(call: Call) -> dict[str, Any]:
    target = _by_arn(call)
    merged = target.tags | (call.get("Tags") or {})
    _check_tags(merged)
    target.tags = merged
    return {}


@operations("UntagResource")
def untag_resource(call: Call) -> dict[str, Any]:
    target = _by_arn(call)
    for key in call.get("TagKeys") or []:
        target.tags.pop(key, None)
    return {}


@operations("ListTagsForResource")
def list_tags_for_resource(call: Call) -> dict[str, Any]:
    return {"Tags": _by_arn(call).tags}
