"""Scheduled actions: put, describe, delete, and fire.

Source: Application Auto Scaling API Reference, PutScheduledAction, DescribeScheduledActions, DeleteScheduledAction; User
Guide, "How scheduled scaling for Application Auto Scaling works". A one-time action is gone once it has fired: AWS
promises neither that it stays nor that it goes, and what has to live with AWS has to live with both.
"""

from __future__ import annotations

import uuid
from typing import Any

from runbook_sandbox.aws.autoscaling import activities, targets
from runbook_sandbox.aws.autoscaling.errors import limit_exceeded, not_found, validation
from runbook_sandbox.aws.autoscaling.expressions import BadExpression, Schedule, zone
from runbook_sandbox.aws.autoscaling.state import ScheduledAction, Target, joined, region_of
from runbook_sandbox.aws.autoscaling.table import (
    checked,
    described,
    filters,
    find_target,
    names,
    of_resource,
    operations,
    page,
    region,
    registered,
)
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.modelled import Call
from runbook_sandbox.aws.paging import SortedKeys

MAX_ACTIONS = 200


def _schedule(expression: str, timezone: str | None) -> Schedule:
    try:
        zone(timezone)
    except BadExpression as bad:
        raise validation(f"Invalid timezone. Details: {bad}") from bad
    try:
        return Schedule(expression, timezone)
    except BadExpression as bad:
        raise validation(f"Invalid schedule expression. Details: {bad}") from bad


def _half_bands(call: Call, existing: ScheduledAction | None) -> tuple[int | None, int | None]:
    wanted = call.get("ScalableTargetAction")
    if wanted is None and existing is not None:
        return existing.minimum, existing.maximum
    minimum, maximum = (wanted or {}).get("MinCapacity"), (wanted or {}).get("MaxCapacity")
    if minimum is None and maximum is None:
        raise validation("At least one of minimum capacity and maximum capacity should be provided")
    targets.check_band(minimum, maximum)
    return minimum, maximum


@operations("PutScheduledAction")
def put_scheduled_action(call: Call) -> dict[str, Any]:
    """Creates or changes an action. What an update leaves out stays, but StartTime and EndTime, which are then deleted."""
    target, name = registered(call), call.get("ScheduledActionName")
    existing = target.actions.get(name)
    expression = call.get("Schedule") or (existing.expression if existing else None)
    if expression is None:
        raise validation("Schedule is required to create a scheduled action")
    timezone = call.get("Timezone") or (existing.timezone if existing else None)
    schedule = _schedule(expression, timezone)
    minimum, maximum = _half_bands(call, existing)
    start, end = call.get("StartTime"), call.get("EndTime")
    if start is not None and end is not None and start >= end:
        raise validation("StartTime must be before EndTime")
    if existing is None and len(target.actions) >= MAX_ACTIONS:
        raise limit_exceeded(f"The maximum number of scheduled actions per scalable target ({MAX_ACTIONS}) was reached.")
    action = existing or _create(call, target, name, expression, schedule)
    action.expression, action.schedule, action.timezone = expression, schedule, timezone
    action.minimum, action.maximum, action.start, action.end = minimum, maximum, start, end
    _book(target, action)
    return {}


def _create(call: Call, target: Target, name: str, expression: str, schedule: Schedule) -> ScheduledAction:
    state = region(call)
    resource = f"scheduledAction:{uuid.uuid4()}:resource/{target.namespace}/{target.resource_id}:scheduledActionName/{name}"
    arn = state.arn("autoscaling", resource)
    action = ScheduledAction(name, arn, expression, schedule, None, clock.now(), None, None, None, None)
    target.actions[name] = action
    state.action_keys.setdefault(target.namespace, SortedKeys()).add(joined(target.resource_id, target.dimension, name))
    return action


def _book(target: Target, action: ScheduledAction) -> None:
    """Appoint the next firing, if there is one before the action ends."""
    if action.next is not None:
        action.next.cancel()
        action.next = None
    due = action.schedule.next_after(clock.now(), action.start or action.created_at)
    if due is not None and (action.end is None or due < action.end):
        action.next = clock.call_at(due, lambda: _fire(target, action), f"scheduled action {action.name}")


def _fire(target: Target, action: ScheduledAction) -> None:
    action.next = None
    if not target.suspended["ScheduledScalingSuspended"]:
        apply(target, action)
    if action.schedule.kind == "at":
        remove(target, action)
    else:
        _book(target, action)


def apply(target: Target, action: ScheduledAction) -> None:
    """Move the target's own band, each half that the action has, and the capacity into it."""
    minimum = target.minimum if action.minimum is None else action.minimum
    maximum = target.maximum if action.maximum is None else action.maximum
    parts = []
    if action.minimum is not None:
        parts.append(f"min capacity to {action.minimum}")
    if action.maximum is not None:
        parts.append(f"max capacity to {action.maximum}")
    what, cause = " and ".join(parts), f"scheduled action name {action.name} was triggered"
    if minimum > maximum:
        # "In some cases, however, you must include both sizes to ensure that the new minimum capacity is not greater
        # than the maximum capacity": the action fails, and nothing changes.
        reason = "Reason: Maximum capacity cannot be less than minimum capacity"
        activities.done(target, f"Setting {what}", cause, "Failed", f"Failed to set {what}. {reason}")
        return
    target.minimum, target.maximum = minimum, maximum
    activities.done(target, f"Setting {what}", cause, "Successful", f"Successfully set {what}")
    targets.clamp(target)


def remove(target: Target, action: ScheduledAction) -> None:
    """Take an action out of its target."""
    if action.next is not None:
        action.next.cancel()
    target.actions.pop(action.name, None)
    keys = region_of(target.account_id, target.region).action_keys[target.namespace]
    keys.discard(joined(target.resource_id, target.dimension, action.name))


def _view(target: Target, action: ScheduledAction) -> dict[str, Any]:
    band = {"MinCapacity": action.minimum, "MaxCapacity": action.maximum}
    return {
        "ScheduledActionName": action.name,
        "ScheduledActionARN": action.arn,
        "ServiceNamespace": target.namespace,
        "Schedule": action.expression,
        "Timezone": action.timezone,
        "ResourceId": target.resource_id,
        "ScalableDimension": target.dimension,
        "StartTime": action.start,
        "EndTime": action.end,
        "ScalableTargetAction": {name: value for name, value in band.items() if value is not None},
        "CreationTime": action.created_at,
    }


@operations("DescribeScheduledActions")
def describe_scheduled_actions(call: Call) -> dict[str, Any]:
    """50 a page."""
    namespace, wanted = call.get("ServiceNamespace"), names(call, "ScheduledActionNames")
    fits, state = filters(call), region(call)
    keys: Any = state.action_keys.get(namespace, ())
    if call.get("ResourceId") is not None:
        keys = [joined(item.resource_id, item.dimension, name) for item in of_resource(call) for name in item.actions]

    def find(key: str) -> dict[str, Any] | None:
        resource_id, dimension, name = key.split("|", 2)
        if not fits(resource_id, dimension) or (wanted is not None and name not in wanted):
            return None
        target = state.targets[namespace, resource_id, dimension]
        return _view(target, target.actions[name])

    query = f"actions/{namespace}/{call.get('ResourceId')}/{call.get('ScalableDimension')}/{sorted(wanted or [])}"
    found, token = page(query, call, keys, 50, find)
    return {"ScheduledActions": found, "NextToken": token}


@operations("DeleteScheduledAction")
def delete_scheduled_action(call: Call) -> dict[str, Any]:
    checked(call)
    target = find_target(call)
    action = target.actions.get(call.get("ScheduledActionName")) if target else None
    if target is None or action is None:
        raise not_found(f"No scheduled action found for {described(call)}, scheduled action name: {call.get('ScheduledActionName')}")
    remove(target, action)
    return {}
