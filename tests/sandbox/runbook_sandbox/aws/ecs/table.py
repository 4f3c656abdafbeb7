"""The operations of ECS that the sandbox answers itself; the modules beside it add theirs."""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws import paging
from runbook_sandbox.aws.ecs import arns
from runbook_sandbox.aws.ecs.errors import cluster_inactive, cluster_not_found, invalid
from runbook_sandbox.aws.ecs.state import Cluster, Region, region_of
from runbook_sandbox.aws.modelled import Call, Operations

operations = Operations()


def region(call: Call) -> Region:
    return region_of(call.account_id, call.region)


def active_cluster(call: Call, identifier: str | None) -> Cluster:
    """The cluster a request names, `default` when it names none. Only an ACTIVE one."""
    cluster = known_cluster(call, identifier)
    if cluster.status == "INACTIVE":
        raise cluster_inactive()
    return cluster


def known_cluster(call: Call, identifier: str | None) -> Cluster:
    """As `active_cluster`, but a deleted one is found too."""
    cluster = region(call).clusters.get(arns.cluster_name(identifier))
    if cluster is None:
        raise cluster_not_found()
    return cluster


def max_results(call: Call, default: int, most: int = 100) -> int:
    """The page size asked for, between 1 and `most`."""
    size = call.get("maxResults")
    if size is None:
        return default
    if not 1 <= size <= most:
        raise invalid(f"maxResults must be between 1 and {most}.")
    return size


def page(query: str, keys: Any, call: Call, size: int, find: Any) -> tuple[list[Any], str | None]:
    """A page by the request's nextToken; a foreign token is refused."""
    try:
        return paging.page(query, keys, call.get("nextToken"), size, find)
    except paging.BadToken as error:
        raise invalid("Invalid token") from error


def at_most(items: list[Any] | None, limit: int, what: str) -> list[Any]:
    """The items of a describe request: none and too many are refused."""
    if not items:
        raise invalid(f"{what} cannot be empty.")
    if len(items) > limit:
        raise invalid(f"{what} cannot have more than {limit} elements.")
    return items
