"""The operations of Application Auto Scaling; the modules beside it add theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from runbook_sandbox.aws import paging
from runbook_sandbox.aws.autoscaling import namespaces
from runbook_sandbox.aws.autoscaling.errors import error, not_found, validation
from runbook_sandbox.aws.autoscaling.state import Region, Target, region_of
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.paging import SortedKeys

operations = Operations()

Item = TypeVar("Item")


def region(call: Call) -> Region:
    return region_of(call.account_id, call.region)


def described(call: Call) -> str:
    """The resource of a request as the error texts name it."""
    return (
        f"service namespace: {call.get('ServiceNamespace')}, resource ID: {call.get('ResourceId')}, "
        f"scalable dimension: {call.get('ScalableDimension')}"
    )


def checked(call: Call) -> None:
    """Namespace, resource id and dimension of a request fit."""
    namespaces.check(call.get("ServiceNamespace"), call.get("ResourceId"), call.get("ScalableDimension"))


def find_target(call: Call) -> Target | None:
    return region(call).targets.get((call.get("ServiceNamespace"), call.get("ResourceId"), call.get("ScalableDimension")))


def registered(call: Call, missing: str = "registered") -> Target:
    """The target of a request, which must be registered; to deregister it has a text of its own."""
    checked(call)
    target = find_target(call)
    if target is None:
        raise not_found(f"No scalable target {missing} for {described(call)}")
    return target


def page(
    query: str, call: Call, keys: SortedKeys | Sequence[str], most: int, find: Callable[[str], Item | None]
) -> tuple[list[Item], str | None]:
    """A page of at most `most` (also the default) by MaxResults and NextToken."""
    size = call.get("MaxResults")
    if size is not None and not 1 <= size <= most:
        bound = f"less than or equal to {most}" if size > most else "greater than or equal to 1"
        raise validation(
            f"1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy constraint: Member must have value {bound}"
        )
    try:
        return paging.page(query, keys, call.get("NextToken"), size or most, find)
    except paging.BadToken as bad:
        raise error("InvalidNextTokenException", "The specified next token is not valid.") from bad


def names(call: Call, member: str) -> list[str] | None:
    """A list filter of at most 50 items."""
    given = call.get(member)
    if given is not None and len(given) > 50:
        raise validation(
            f"1 validation error detected: Value at '{member[0].lower() + member[1:]}' failed to satisfy constraint: "
            "Member must have length less than or equal to 50"
        )
    return given or None


def filters(call: Call) -> Callable[[str, str], bool]:
    """Whether a resource id and a dimension are asked for; the filters themselves are checked."""
    namespaces.check_dimension(call.get("ServiceNamespace"), call.get("ScalableDimension"))
    if call.get("ScalableDimension") and not (call.get("ResourceId") or call.get("ResourceIds")):
        raise validation("If you specify a scalable dimension, you must also specify a resource ID")
    resource_id, dimension = call.get("ResourceId"), call.get("ScalableDimension")
    return lambda found_id, found_dimension: (
        (resource_id is None or found_id == resource_id) and (dimension is None or found_dimension == dimension)
    )


def of_resource(call: Call) -> list[Target]:
    """The targets of the request's resource id, one for each dimension that is registered."""
    namespace, state = call.get("ServiceNamespace"), region(call)
    keys = ((namespace, call.get("ResourceId"), name) for name in namespaces.DIMENSIONS if name.startswith(f"{namespace}:"))
    return [state.targets[key] for key in keys if key in state.targets]
