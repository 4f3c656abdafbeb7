"""Scaling activities: every attempt to change a capacity, and what came of it.

Sources: Application Auto Scaling API Reference, ScalingActivity; User Guide, "Scaling activities for Application Auto
Scaling" (texts, not scaled reasons) and "Scaling events using EventBridge".
"""

from __future__ import annotations

import uuid
from collections import deque
from datetime import timedelta
from itertools import chain
from typing import Any

from runbook_sandbox.aws import events
from runbook_sandbox.aws.autoscaling import capacity
from runbook_sandbox.aws.autoscaling.state import Activity, Region, Target, region_of
from runbook_sandbox.aws.autoscaling.table import filters, operations, page, region
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs.state import Service
from runbook_sandbox.aws.modelled import Call

#: "from the previous six weeks" (DescribeScalingActivities).
_KEPT = timedelta(weeks=6)
_MOST_KEPT = 500
_LOOK_EVERY = 5


def _put(target: Target, body: dict[str, Any], not_scaled: bool = False) -> dict[str, Any]:
    state = region_of(target.account_id, target.region)
    state.activity_count += 1
    activity = Activity(f"{10**12 - state.activity_count:013}", body, not_scaled)
    body |= {
        "ActivityId": str(uuid.uuid4()),
        "ServiceNamespace": target.namespace,
        "ResourceId": target.resource_id,
        "ScalableDimension": target.dimension,
        "StartTime": clock.now(),
    }
    state.activities.setdefault((target.namespace, target.resource_id), deque(maxlen=_MOST_KEPT)).appendleft(activity)
    return body


def done(target: Target, description: str, cause: str, status: str, message: str) -> None:
    """An activity that is over as soon as it began."""
    body = _put(target, {"Description": description, "Cause": cause, "StatusCode": status, "StatusMessage": message})
    body["EndTime"] = clock.now()


def set_capacity(target: Target, count: int, cause: str) -> bool:
    """Change the capacity and record it; whether that succeeded."""
    before = capacity.current(target)
    what = capacity.name(target)
    _override(target)
    failure = capacity.change(target, count)
    description = f"Setting {what} to {count}."
    if failure is not None:
        done(target, description, cause, "Failed", failure)
        return False
    message = f"Successfully set {what} to {count}. Waiting for change to be fulfilled by {target.namespace}."
    body = _put(target, {"Description": description, "Cause": cause, "StatusCode": "InProgress", "StatusMessage": message})
    if capacity.is_fulfilled(target):
        _fulfil(target, body)
    elif target.namespace != "ecs":
        _look_again(target, body)
    if count == target.maximum and before is not None and count > before:
        _scaled_to_max(target, body, before, count)
    return True


def not_scaled(target: Target, cause: str, code: str) -> None:
    """An activity that was not begun: shown only when IncludeNotScaledActivities asks for it."""
    reason: dict[str, Any] = {"Code": code, "CurrentCapacity": capacity.current(target)}
    if code == "AlreadyAtMaxCapacity":
        reason["MaxCapacity"] = target.maximum
    if code == "AlreadyAtMinCapacity":
        reason["MinCapacity"] = target.minimum
    description = "Attempting to scale due to alarm triggered"
    body = {"Description": description, "Cause": cause, "StatusCode": "Failed", "NotScaledReasons": [reason]}
    _put(target, body, not_scaled=True)["EndTime"] = clock.now()


def _fulfil(target: Target, body: dict[str, Any]) -> None:
    body["StatusCode"] = "Successful"
    body["StatusMessage"] = body["StatusMessage"].replace(
        f"Waiting for change to be fulfilled by {target.namespace}.", f"Change successfully fulfilled by {target.namespace}."
    )
    body["EndTime"] = clock.now()


def _look_again(target: Target, body: dict[str, Any]) -> None:
    """ECS says itself when a service is steady; of others the activity asks."""

    def look() -> None:
        if body["StatusCode"] != "InProgress":
            return
        if capacity.is_fulfilled(target):
            _fulfil(target, body)
        else:
            _look_again(target, body)

    clock.call_later(_LOOK_EVERY, look, "is a scaling activity fulfilled?")


def _in_progress(state: Region, namespace: str, resource_id: str) -> list[dict[str, Any]]:
    recent = state.activities.get((namespace, resource_id), ())
    return [item.body for item in recent if item.body["StatusCode"] == "InProgress"]


def _override(target: Target) -> None:
    """A newer activity ends those that were still waiting."""
    for body in _in_progress(region_of(target.account_id, target.region), target.namespace, target.resource_id):
        body["StatusCode"], body["EndTime"] = "Overridden", clock.now()


def service_is_steady(service: Service) -> None:
    """An ECS service reached its desired count: what waited for it is fulfilled."""
    cluster = service.cluster
    resource_id = f"service/{cluster.name}/{service.name}"
    state = region_of(cluster.account_id, cluster.region)
    target = state.targets.get(("ecs", resource_id, "ecs:service:DesiredCount"))
    for body in _in_progress(state, "ecs", resource_id):
        if target is not None:
            _fulfil(target, body)


def _scaled_to_max(target: Target, body: dict[str, Any], before: int, count: int) -> None:
    detail = {
        "startTime": body["StartTime"].isoformat(),
        "endTime": body.get("EndTime", clock.now()).isoformat(),
        "newDesiredCapacity": count,
        "oldDesiredCapacity": before,
        "minCapacity": target.minimum,
        "maxCapacity": target.maximum,
        "resourceId": target.resource_id,
        "scalableDimension": target.dimension,
        "serviceNamespace": target.namespace,
        "statusCode": "Successful",
        "scaledToMax": True,
        "direction": "scale-out",
    }
    kind = "Application Auto Scaling Scaling Activity State Change"
    events.emit(target.account_id, target.region, "aws.application-autoscaling", kind, [], detail)


@operations("DescribeScalingActivities")
def describe_scaling_activities(call: Call) -> dict[str, Any]:
    """Newest first, of the last six weeks."""
    wanted, all_of_them = filters(call), bool(call.get("IncludeNotScaledActivities"))
    namespace, resource_id = call.get("ServiceNamespace"), call.get("ResourceId")
    kept = region(call).activities
    if resource_id is not None:
        candidates: Any = kept.get((namespace, resource_id), ())
    else:
        candidates = chain.from_iterable(items for (found, _), items in kept.items() if found == namespace)
    oldest = clock.now() - _KEPT
    found = {
        item.order: item.body
        for item in candidates
        if (all_of_them or not item.not_scaled)
        and item.body["StartTime"] >= oldest
        and wanted(item.body["ResourceId"], item.body["ScalableDimension"])
    }
    query = f"activities/{namespace}/{resource_id}/{call.get('ScalableDimension')}/{all_of_them}"
    shown, token = page(query, call, list(found), 50, found.get)
    return {"ScalingActivities": shown, "NextToken": token}
