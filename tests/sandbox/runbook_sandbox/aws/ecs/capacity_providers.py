"""Capacity providers: Fargate's two, which every account has, and those of Auto Scaling groups.

Source: Amazon ECS API Reference, CreateCapacityProvider, DescribeCapacityProviders, UpdateCapacityProvider,
DeleteCapacityProvider. The groups behind them are not looked at: EC2 capacity is imagined.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from runbook_sandbox.aws.ecs import arns, tags
from runbook_sandbox.aws.ecs.errors import client, error, invalid
from runbook_sandbox.aws.ecs.state import Region
from runbook_sandbox.aws.ecs.table import max_results, operations, page, region
from runbook_sandbox.aws.modelled import Call

MANAGED = ("FARGATE", "FARGATE_SPOT")
_SCALING_DEFAULTS = {
    "status": "DISABLED",
    "targetCapacity": 100,
    "minimumScalingStepSize": 1,
    "maximumScalingStepSize": 10000,
    "instanceWarmupPeriod": 300,
}


@dataclass(slots=True, eq=False)
class Provider:
    name: str
    arn: str
    group: dict[str, Any] | None
    tags: dict[str, str]

    def view(self, include: list[str]) -> dict[str, Any]:
        return {
            "capacityProviderArn": self.arn,
            "name": self.name,
            "status": "ACTIVE",
            "autoScalingGroupProvider": self.group,
            "tags": tags.write(self.tags) if "TAGS" in include else [],
        }


def providers(state: Region) -> dict[str, Provider]:
    """Those of the account's region by name, Fargate's included."""
    if not state.capacity_providers:
        for name in MANAGED:
            state.capacity_providers[name] = Provider(name, state.arn(f"capacity-provider/{name}"), None, {})
    return state.capacity_providers


def complete(strategy: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A strategy as it is shown: base and weight are 0 where they were left out."""
    return [{"weight": 0, "base": 0} | item for item in strategy]


class Shares:
    """Which provider runs the next task: each its base first, the rest by weight ("CapacityProviderStrategyItem")."""

    def __init__(self, strategy: list[dict[str, Any]] | None, running: Iterable[str | None] = ()) -> None:
        self._items = complete(strategy or [])
        # Whoever has only one need not count.
        self._tasks = Counter(running if len(self._items) > 1 else ())

    def next(self) -> str | None:
        """The name of a provider; None without a strategy."""
        if not self._items:
            return None
        wanting = [item for item in self._items if self._tasks[item["capacityProvider"]] < item["base"]]
        weighed = [item for item in self._items if item["weight"]] or self._items
        chosen = wanting[0] if wanting else min(weighed, key=self._load)
        self._tasks[chosen["capacityProvider"]] += 1
        return chosen["capacityProvider"]

    def _load(self, item: dict[str, Any]) -> float:
        return (self._tasks[item["capacityProvider"]] - item["base"]) / max(item["weight"], 1)


def _with_defaults(group: dict[str, Any]) -> dict[str, Any]:
    group = deepcopy(group)
    group["managedScaling"] = _SCALING_DEFAULTS | (group.get("managedScaling") or {})
    group.setdefault("managedTerminationProtection", "DISABLED")
    group.setdefault("managedDraining", "ENABLED")
    if not 1 <= group["managedScaling"]["targetCapacity"] <= 100:
        raise client("The specified target capacity is invalid. It must be between 1 and 100.")
    return group


@operations("CreateCapacityProvider")
def create_capacity_provider(call: Call) -> dict[str, Any]:
    name = call.get("name") or ""
    if not arns.NAME.match(name) or name.lower().startswith(("aws", "ecs", "fargate")):
        raise client(f"The specified capacity provider name is invalid: {name}. It cannot begin with 'aws', 'ecs' or 'fargate'.")
    state = region(call)
    if name in providers(state):
        raise client("The specified capacity provider already exists. To change it, use UpdateCapacityProvider.")
    if not call.get("autoScalingGroupProvider"):
        raise client("A capacity provider needs an autoScalingGroupProvider.")
    given = tags.on_creation(call, f"capacity-provider/{name}")
    group = _with_defaults(call.get("autoScalingGroupProvider"))
    provider = Provider(name, state.arn(f"capacity-provider/{name}"), group, given)
    state.capacity_providers[name] = provider
    return {"capacityProvider": provider.view(["TAGS"])}


def _own(call: Call, identifier: str) -> Provider:
    provider = providers(region(call)).get(identifier.split("/")[-1])
    if provider is not None and provider.name in MANAGED:
        raise invalid(f"The {provider.name} capacity provider is reserved: it cannot be changed or deleted.")
    if provider is None:
        raise client("The specified capacity provider does not exist. Specify a valid name or ARN and try again.")
    return provider


@operations("UpdateCapacityProvider")
def update_capacity_provider(call: Call) -> dict[str, Any]:
    provider = _own(call, call.get("name") or "")
    change = call.get("autoScalingGroupProvider") or {}
    before = provider.group or {}
    scaling = (before.get("managedScaling") or {}) | (change.get("managedScaling") or {})
    provider.group = _with_defaults(before | change | {"managedScaling": scaling})
    return {"capacityProvider": provider.view(["TAGS"])}


@operations("DeleteCapacityProvider")
def delete_capacity_provider(call: Call) -> dict[str, Any]:
    state, provider = region(call), _own(call, call.get("capacityProvider") or "")
    if any(provider.name in cluster.capacityProviders for cluster in state.clusters.values() if cluster.status == "ACTIVE"):
        raise error("ResourceInUseException", "The specified capacity provider is in use by a cluster and cannot be deleted.")
    del state.capacity_providers[provider.name]
    return {"capacityProvider": provider.view(["TAGS"]) | {"updateStatus": "DELETE_COMPLETE"}}


@operations("DescribeCapacityProviders")
def describe_capacity_providers(call: Call) -> dict[str, Any]:
    state, wanted, include = region(call), call.get("capacityProviders"), call.get("include") or []
    if wanted is not None and len(wanted) > 100:
        raise invalid("Capacity providers cannot have more than 100 elements.")
    known, failures = providers(state), []
    for identifier in wanted or []:
        if identifier.split("/")[-1] not in known:
            failures.append({"arn": identifier, "reason": "MISSING"})
    names = [item.split("/")[-1] for item in wanted] if wanted else list(known)

    def find(name: str) -> dict[str, Any] | None:
        return known[name].view(include) if name in known else None

    query = f"capacity-providers/{sorted(names) if wanted else ''}"
    found, token = page(query, names, call, max_results(call, 10, 10), find)
    return {"capacityProviders": found, "failures": failures, "nextToken": token}
