"""EventBridge event patterns ("Comparison operators for use in event patterns", EventBridge User Guide).

moto knows no `wildcard`, no arrays of objects, no null, and takes any filter name for granted.
"""

from __future__ import annotations

import ipaddress
import json
import operator
from typing import Any

from runbook_sandbox.aws.wire.errors import ApiError

_ABSENT = object()
_COMPARISONS = {"<": operator.lt, "<=": operator.le, "=": operator.eq, ">": operator.gt, ">=": operator.ge}
_FILTERS = frozenset({"prefix", "suffix", "anything-but", "numeric", "exists", "cidr", "wildcard", "equals-ignore-case"})


def parse(text: str) -> dict[str, Any]:
    """The pattern of a rule. Raises InvalidEventPatternException for one that EventBridge does not store."""
    try:
        pattern = json.loads(text)
    except ValueError as error:
        raise _invalid("Unable to parse the event pattern as JSON") from error
    if not isinstance(pattern, dict) or not pattern:
        raise _invalid("Event pattern must be a JSON object that is not empty")
    _check_object(pattern)
    return pattern


def _invalid(reason: str) -> ApiError:
    return ApiError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")


def _check_object(pattern: dict[str, Any]) -> None:
    for name, value in pattern.items():
        if name == "$or":
            if not isinstance(value, list) or len(value) < 2 or not all(isinstance(one, dict) and one for one in value):
                raise _invalid('"$or" must be an array of at least two objects')
            for one in value:
                _check_object(one)
        elif isinstance(value, dict):
            if not value:
                raise _invalid("Empty objects are not allowed")
            _check_object(value)
        elif isinstance(value, list):
            if not value:
                raise _invalid("Empty arrays are not allowed")
            for one in value:
                _check_filter(one)
        else:
            raise _invalid(f'"{name}" must be an object or an array')


def _check_filter(one: Any) -> None:
    if isinstance(one, list):
        raise _invalid("Match value must be String, number, true, false, or null")
    if not isinstance(one, dict):
        return
    if len(one) != 1:
        raise _invalid("Only one key allowed in match expression")
    name, value = next(iter(one.items()))
    if name not in _FILTERS:
        raise _invalid(f"Unrecognized match type {name}")
    if name == "exists" and not isinstance(value, bool):
        raise _invalid("exists match pattern must be either true or false.")
    if name == "numeric":
        pairs = value if isinstance(value, list) else []
        well_formed = len(pairs) in (2, 4) and all(
            pairs[index] in _COMPARISONS and _is_number(pairs[index + 1]) for index in range(0, len(pairs), 2)
        )
        if not well_formed:
            raise _invalid("Value of numeric must be an array of operators and numbers.")
    if name == "cidr":
        try:
            ipaddress.ip_network(value, strict=False)
        except ValueError as error:
            raise _invalid(f"Malformed CIDR, {error}") from error


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Every field of the pattern matches; fields it does not name do not matter."""
    if isinstance(event, list):
        return any(matches(pattern, one) for one in event)
    if not isinstance(event, dict):
        event = {}
    for name, wanted in pattern.items():
        if name == "$or":
            if not any(matches(one, event) for one in wanted):
                return False
        elif isinstance(wanted, dict):
            if not matches(wanted, event.get(name)):
                return False
        elif not _field(wanted, event.get(name, _ABSENT)):
            return False
    return True


def _field(wanted: list[Any], value: Any) -> bool:
    return any(_one(filter_, value) for filter_ in wanted)


def _one(filter_: Any, value: Any) -> bool:
    if isinstance(filter_, dict) and "exists" in filter_:
        # Only leaves exist: an object in that place does not.
        present = value is not _ABSENT and not isinstance(value, dict)
        return present == filter_["exists"]
    if value is _ABSENT or isinstance(value, dict):
        return False
    if isinstance(value, list):
        return any(_one(filter_, one) for one in value)
    if not isinstance(filter_, dict):
        return _equal(filter_, value)
    name, wanted = next(iter(filter_.items()))
    if name == "anything-but":
        return not _any_but_this(wanted, value)
    return _named(name, wanted, value)


def _any_but_this(wanted: Any, value: Any) -> bool:
    if isinstance(wanted, dict):
        return _named(*next(iter(wanted.items())), value)
    return any(_equal(one, value) for one in (wanted if isinstance(wanted, list) else [wanted]))


def _named(name: str, wanted: Any, value: Any) -> bool:
    if name == "numeric":
        pairs = zip(wanted[::2], wanted[1::2], strict=True)
        return _is_number(value) and all(_COMPARISONS[sign](value, bound) for sign, bound in pairs)
    if isinstance(wanted, list):
        return any(_named(name, one, value) for one in wanted)
    if not isinstance(value, str):
        return False
    if isinstance(wanted, dict):
        wanted, value = wanted.get("equals-ignore-case", ""), value.lower()
        wanted = wanted.lower()
    if name == "prefix":
        return value.startswith(wanted)
    if name == "suffix":
        return value.endswith(wanted)
    if name == "equals-ignore-case":
        return value.lower() == wanted.lower()
    if name == "wildcard":
        return _wildcard(wanted, value)
    if name == "cidr":
        try:
            return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)
        except ValueError:
            return False
    return False


def _wildcard(pattern: str, value: str) -> bool:
    """`*` is any text; `\\*` and `\\\\` are the characters themselves."""
    parts, part, index = [], "", 0
    while index < len(pattern):
        if pattern[index] == "\\" and index + 1 < len(pattern):
            index += 1
            part += pattern[index]
        elif pattern[index] == "*":
            parts.append(part)
            part = ""
        else:
            part += pattern[index]
        index += 1
    parts.append(part)
    if len(parts) == 1:
        return value == parts[0]
    if not value.startswith(parts[0]) or not value.endswith(parts[-1]) or len(value) < len(parts[0]) + len(parts[-1]):
        return False
    rest = value[len(parts[0]) : len(value) - len(parts[-1])]
    for middle in parts[1:-1]:
        found = rest.find(middle)
        if found < 0:
            return False
        rest = rest[found + len(middle) :]
    return True


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _equal(wanted: Any, value: Any) -> bool:
    # In Python True == 1; in JSON it is not.
    return isinstance(wanted, bool) == isinstance(value, bool) and wanted == value
