"""Scaling policies.

Source: Application Auto Scaling API Reference, PutScalingPolicy, DescribeScalingPolicies, DeleteScalingPolicy,
GetPredictiveScalingForecast; quotas: User Guide, "Quotas for Application Auto Scaling".
"""

from __future__ import annotations

import uuid
from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

from runbook_sandbox.aws.autoscaling import alarms, capacity, permissions, policy_rules
from runbook_sandbox.aws.autoscaling.errors import limit_exceeded, not_found, validation
from runbook_sandbox.aws.autoscaling.state import Policy, Target, joined
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

MAX_POLICIES = 50
#: "MaxResults ... between 1 and 10. The default value is 10."
_PAGE = 10
_PREDICTIVE_DEFAULTS = {"Mode": "ForecastOnly", "SchedulingBufferTime": 300, "MaxCapacityBreachBehavior": "HonorMaxCapacity"}


def _kind(call: Call, existing: Policy | None) -> str:
    kind = call.get("PolicyType")
    if existing is None:
        if kind is None:
            raise validation("PolicyType is required to create a scaling policy")
        return kind
    if kind is not None and kind != existing.kind:
        raise validation(f"The policy type of an existing scaling policy cannot be changed: {existing.name} is of type {existing.kind}")
    return existing.kind


def _configuration(call: Call, kind: str) -> dict[str, Any]:
    for other, member in policy_rules.CONFIGURATIONS.items():
        if other != kind and call.get(member) is not None:
            raise validation(f"{member} cannot be specified for a policy of type {kind}")
    configuration = call.get(policy_rules.CONFIGURATIONS[kind])
    if configuration is None:
        raise validation(f"{policy_rules.CONFIGURATIONS[kind]} is required for a policy of type {kind}")
    policy_rules.check(kind, configuration, call.get("ServiceNamespace"))
    configuration = deepcopy(configuration)
    if kind == "PredictiveScaling":
        return _PREDICTIVE_DEFAULTS | configuration
    return configuration


def _metric(configuration: dict[str, Any]) -> Any:
    return configuration.get("PredefinedMetricSpecification") or configuration.get("CustomizedMetricSpecification")


def _check_distinct(target: Target, name: str, configuration: dict[str, Any]) -> None:
    for other in target.policies.values():
        if other.name != name and other.kind == "TargetTrackingScaling" and _metric(other.configuration) == _metric(configuration):
            raise validation("Only one TargetTrackingScaling policy for a given metric specification is allowed.")


@operations("PutScalingPolicy")
def put_scaling_policy(call: Call) -> dict[str, Any]:
    """Creates or replaces a policy; ARN and creation time stay."""
    target, name, state = registered(call), call.get("PolicyName"), region(call)
    existing = target.policies.get(name)
    kind = _kind(call, existing)
    configuration = _configuration(call, kind)
    if kind == "TargetTrackingScaling":
        _check_distinct(target, name, configuration)
        permissions.to_track(target)
    if existing is None:
        if len(target.policies) >= MAX_POLICIES:
            raise limit_exceeded(f"The maximum number of scaling policies per scalable target ({MAX_POLICIES}) was reached.")
        resource = f"scalingPolicy:{uuid.uuid4()}:resource/{target.namespace}/{target.resource_id}:policyName/{name}"
        existing = Policy(name, state.arn("autoscaling", resource), kind, configuration, clock.now())
        target.policies[name] = existing
        state.policies_by_arn[existing.arn] = (target, existing)
        state.policy_keys.setdefault(target.namespace, SortedKeys()).add(joined(target.resource_id, target.dimension, name))
    else:
        alarms.delete(target, existing)
        existing.configuration = configuration
    if kind == "TargetTrackingScaling":
        alarms.create(target, existing)
    return {"PolicyARN": existing.arn, "Alarms": alarms.view(target, existing)}


def _view(target: Target, policy: Policy) -> dict[str, Any]:
    return {
        "PolicyARN": policy.arn,
        "PolicyName": policy.name,
        "ServiceNamespace": target.namespace,
        "ResourceId": target.resource_id,
        "ScalableDimension": target.dimension,
        "PolicyType": policy.kind,
        policy_rules.CONFIGURATIONS[policy.kind]: policy.configuration,
        "Alarms": alarms.view(target, policy),
        "CreationTime": policy.created_at,
    }


@operations("DescribeScalingPolicies")
def describe_scaling_policies(call: Call) -> dict[str, Any]:
    """At most 10 a page."""
    namespace, wanted = call.get("ServiceNamespace"), names(call, "PolicyNames")
    fits, state = filters(call), region(call)
    keys: Any = state.policy_keys.get(namespace, ())
    if call.get("ResourceId") is not None:
        keys = [joined(item.resource_id, item.dimension, name) for item in of_resource(call) for name in item.policies]

    def find(key: str) -> dict[str, Any] | None:
        resource_id, dimension, name = key.split("|", 2)
        if not fits(resource_id, dimension) or (wanted is not None and name not in wanted):
            return None
        target = state.targets[namespace, resource_id, dimension]
        return _view(target, target.policies[name])

    query = f"policies/{namespace}/{call.get('ResourceId')}/{call.get('ScalableDimension')}/{sorted(wanted or [])}"
    found, token = page(query, call, keys, _PAGE, find)
    return {"ScalingPolicies": found, "NextToken": token}


def _existing(call: Call) -> tuple[Target, Policy]:
    checked(call)
    target = find_target(call)
    policy = target.policies.get(call.get("PolicyName")) if target else None
    if target is None or policy is None:
        raise not_found(f"No scaling policy found for {described(call)}, policy name: {call.get('PolicyName')}")
    return target, policy


@operations("DeleteScalingPolicy")
def delete_scaling_policy(call: Call) -> dict[str, Any]:
    """Deletes the alarms of target tracking too; those that a user made for step scaling stay."""
    target, policy = _existing(call)
    if policy.alarms:
        permissions.to_track(target, deleting=True)
    alarms.delete(target, policy)
    del target.policies[policy.name]
    state = region(call)
    state.policies_by_arn.pop(policy.arn, None)
    state.policy_keys[target.namespace].discard(joined(target.resource_id, target.dimension, policy.name))
    return {}


@operations("GetPredictiveScalingForecast")
def get_predictive_scaling_forecast(call: Call) -> dict[str, Any]:
    """Hourly values that say tomorrow will be as now: the sandbox predicts nothing."""
    checked(call)
    target = find_target(call)
    policy = target.policies.get(call.get("PolicyName")) if target else None
    if target is None or policy is None:
        # The only operation on one policy that has no ObjectNotFoundException.
        raise validation(f"No scaling policy found for {described(call)}, policy name: {call.get('PolicyName')}")
    if policy.kind != "PredictiveScaling":
        raise validation(f"The scaling policy {policy.name} is not a predictive scaling policy")
    start, end = call.get("StartTime"), call.get("EndTime")
    if end <= start:
        raise validation("EndTime must be after StartTime")
    if end - start > timedelta(days=30):
        raise validation("The time range of a forecast cannot be longer than 30 days")
    hours = _hours(start, min(end, clock.now() + timedelta(days=2)))
    level = float(capacity.current(target) or target.minimum)
    specification = policy.configuration["MetricSpecifications"][0]
    load = {"Timestamps": hours, "Values": [level * specification["TargetValue"]] * len(hours), "MetricSpecification": specification}
    return {
        "LoadForecast": [load],
        "CapacityForecast": {"Timestamps": hours, "Values": [level] * len(hours)},
        "UpdateTime": clock.now(),
    }


def _hours(start: datetime, end: datetime) -> list[datetime]:
    first = start.replace(minute=0, second=0, microsecond=0)
    first = first if first >= start else first + timedelta(hours=1)
    return [first + timedelta(hours=index) for index in range(max(0, int((end - first) / timedelta(hours=1)) + 1))] if first <= end else []
