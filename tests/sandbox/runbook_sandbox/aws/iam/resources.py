"""Which resource ARNs, and which condition keys, a request is evaluated against.

Service packages register their operations here, after AWS's Service Authorization Reference ("Actions, resources, and
condition keys for ..."). An operation that is not registered is evaluated against `*`, which is also what the reference
says of most operations that list or page.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

#: `(params, account_id, region) -> ARNs`; `params` are named as botocore names them.
Resolver = Callable[[dict[str, Any], str, str], list[str]]
#: `(params, account_id, region) -> {condition key: value or list of values}`, such as `{"ecs:cluster": "arn:..."}`.
ConditionResolver = Callable[[dict[str, Any], str, str], dict[str, Any]]

_resolvers: dict[tuple[str, str], Resolver] = {}
_conditions: dict[tuple[str, str], ConditionResolver] = {}
_actions: dict[tuple[str, str], list[str]] = {}
#: `ARN -> {condition key: value}` of one resource, by service: its tags.
_of_resource: dict[str, Callable[[str], dict[str, Any]]] = {}


def register(
    service: str,
    operation: str,
    resolver: Resolver,
    *,
    conditions: ConditionResolver | None = None,
    actions: list[str] | None = None,
) -> None:
    """Tell IAM what an operation touches.

    `service` is botocore's service name (`ecs`, `application-autoscaling`, `rds`, `cloudwatch`); `operation` the API
    operation. `actions` names the IAM actions when they differ from `<prefix>:<operation>`; all of them must be allowed.
    """
    _resolvers[service, operation] = resolver
    if conditions is not None:
        _conditions[service, operation] = conditions
    if actions is not None:
        _actions[service, operation] = actions


def register_conditions(service: str, operation: str, conditions: ConditionResolver) -> None:
    """Condition keys of an operation that is evaluated against `*`, or whose resolver is registered elsewhere."""
    _conditions[service, operation] = conditions


def register_resource_conditions(service: str, of_resource: Callable[[str], dict[str, Any]]) -> None:
    """Condition keys that belong to one resource of a request: IAM judges each resource by its own tags."""
    _of_resource[service] = of_resource


def conditions_of_resource(service: str, arn: str) -> dict[str, Any]:
    """The condition keys of one resource of a request."""
    found = _of_resource.get(service)
    return found(arn) if found else {}


def resources_of(service: str, operation: str, params: dict[str, Any], account_id: str, region: str) -> list[str]:
    """The ARNs of a request; `["*"]` for an unregistered operation or when the request names nothing."""
    resolver = _resolvers.get((service, operation))
    found = resolver(params, account_id, region) if resolver else []
    return found or ["*"]


def conditions_of(service: str, operation: str, params: dict[str, Any], account_id: str, region: str) -> dict[str, Any]:
    """Service-specific condition keys and values of a request."""
    resolver = _conditions.get((service, operation))
    return resolver(params, account_id, region) if resolver else {}


def actions_of(service: str, operation: str) -> list[str] | None:
    """The IAM actions registered for an operation, None for the usual `<prefix>:<operation>`."""
    return _actions.get((service, operation))
