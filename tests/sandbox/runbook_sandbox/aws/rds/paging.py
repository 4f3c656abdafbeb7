"""Pages, markers and filters of RDS's Describe calls.

Source: Amazon RDS API Reference, DescribeDBInstances: MaxRecords 20 to 100, default 100; "Unrecognized filter name".
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from typing import Any

from runbook_sandbox.aws.modelled import Call
from runbook_sandbox.aws.rds import errors

Value = Callable[[Any], "str | None | Iterable[str]"]


def page(call: Call, items: list[Any], key: Callable[[Any], str]) -> tuple[list[Any], str | None]:
    """The page that `MaxRecords` and `Marker` ask for, in order of `key`, and the marker of the next.

    A marker names the last item shown, so what is created or deleted between two pages neither repeats nor hides others.
    """
    size = call.get("MaxRecords", 100)
    if not 20 <= size <= 100:
        raise errors.invalid_value(f"Invalid value {size} for MaxRecords. Must be between 20 and 100")
    ordered = sorted(items, key=key)
    if marker := call.get("Marker"):
        try:
            after = base64.urlsafe_b64decode(marker.encode()).decode()
        except ValueError as error:
            raise errors.invalid_value(f"Invalid marker: {marker}") from error
        ordered = [item for item in ordered if key(item) > after]
    shown = ordered[:size]
    following = base64.urlsafe_b64encode(key(shown[-1]).encode()).decode() if len(ordered) > size else None
    return shown, following


def filtered(call: Call, items: list[Any], allowed: dict[str, Value]) -> list[Any]:
    """The items that match every filter (any of its values). Raises InvalidParameterValue on a filter RDS does not know."""
    for condition in call.get("Filters", []):
        name, values = condition.get("Name", ""), condition.get("Values") or []
        value_of = allowed.get(name)
        if value_of is None:
            raise errors.invalid_value(f"Unrecognized filter name: {name}")
        if not values:
            raise errors.invalid_value(f"The filter {name} has no values.")
        wanted = {value.lower() for value in values}
        items = [item for item in items if wanted & _values(value_of(item))]
    return items


def _values(value: str | None | Iterable[str]) -> set[str]:
    if value is None:
        return set()
    if isinstance(value, str):
        return {value.lower()}
    return {item.lower() for item in value}
