"""Parameters against botocore's service model: what AWS's front ends refuse before an operation runs.

moto checks next to nothing of it. Constraints (required, length, range, pattern, enum) and types are the model's; the
error code is the service's own. Rules that no model states are the service packages'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from moto.core.model import OperationModel

from runbook_sandbox.aws.wire import errors
from runbook_sandbox.aws.wire.errors import ApiError

#: Error code of a violated constraint by service; `ValidationException` (JSON) or `ValidationError` (query) otherwise.
_CODES = {
    "ecs": "InvalidParameterException",
    "rds": "InvalidParameterValue",
    "ec2": "InvalidParameterValue",
    "sqs": "InvalidParameterValue",
    "sns": "InvalidParameter",
    "elasticache": "InvalidParameterValue",
    "secretsmanager": "InvalidParameterException",
    "logs": "InvalidParameterException",
}
#: Error code of a parameter that is not there, where it differs from a violated constraint.
_MISSING = {"rds": "MissingParameter", "ec2": "MissingParameter", "sqs": "MissingParameter", "elasticache": "MissingParameter"}
#: CloudWatch's operations on metrics are older than those on alarms, and refuse with codes of their own.
_METRIC_OPERATIONS = frozenset({"PutMetricData", "GetMetricStatistics", "ListMetrics"})
#: How JSON spells the numbers that it has no digits for.
_NOT_FINITE = frozenset({"NaN", "Infinity", "-Infinity"})
#: Enumerations that grow faster than the models, or whose own error the operations give.
_OPEN_ENUMS = frozenset({"StandardUnit", "SourceType", "QueueAttributeName"})
_TEXTS = {"string": str, "boolean": bool, "structure": dict, "map": dict, "list": (list, tuple)}
#: Integers have 32 bits, longs 64 ("Simple types", Smithy specification).
_LARGEST = {"integer": 2**31 - 1, "long": 2**63 - 1}
_NUMBERS = {"integer": int, "long": int, "float": (int, float), "double": (int, float)}


def validate(service: str, protocol: str, operation: OperationModel, params: dict[str, Any]) -> None:
    """Raises the service's own ApiError when the parameters are not what the model allows."""
    shape = operation.input_shape
    if shape is None:
        return
    if protocol == errors.JSON:
        for problem in _types(params, shape, ""):
            raise ApiError("SerializationException", problem)
    problems = list(_constraints(params, shape, ""))
    if not problems:
        if service == "sns":
            _check_arns(operation.name, params)
        return
    missing = next((path for path, text in problems if text is None), None)
    if missing is not None and service in _MISSING:
        raise ApiError(_MISSING[service], f"The request must contain the parameter {_title(missing)}.")
    default = "ValidationError" if protocol in (errors.QUERY, errors.EC2, errors.CBOR) else "ValidationException"
    if service == "cloudwatch":
        if operation.name in _METRIC_OPERATIONS:
            if missing is not None:
                raise ApiError("MissingParameter", f"The parameter {_title(missing)} is required.")
            raise ApiError("InvalidParameterValue", _message(problems))
        default = "ValidationError"
    raise ApiError(_CODES.get(service, default), _message(problems))


#: Members of SNS that hold ARNs; no model says so, and moto trips over what is none.
_SNS_ARNS = ("TopicArn", "TargetArn", "SubscriptionArn", "PlatformApplicationArn", "EndpointArn", "ResourceArn")


def _check_arns(operation: str, params: dict[str, Any]) -> None:
    if operation == "Publish" and not any(params.get(name) for name in ("TopicArn", "TargetArn", "PhoneNumber")):
        raise ApiError("InvalidParameter", "Invalid parameter: TopicArn or TargetArn Reason: no value for required parameter")
    for name in _SNS_ARNS:
        value = params.get(name)
        if isinstance(value, str) and len(value.split(":", 5)) < 6:
            parts = len(value.split(":", 5))
            reason = f"An ARN must have at least 6 elements, not {parts}"
            raise ApiError("InvalidParameter", f"Invalid parameter: {name} Reason: {reason}")


def _message(problems: list[tuple[str, str | None]]) -> str:
    texts = [text or f"Value null at '{path}' failed to satisfy constraint: Member must not be null" for path, text in problems]
    noun = "error" if len(texts) == 1 else "errors"
    return f"{len(texts)} validation {noun} detected: " + "; ".join(texts)


def _title(path: str) -> str:
    return ".".join(part[:1].upper() + part[1:] for part in path.split("."))


def _join(path: str, name: str) -> str:
    # AWS's messages spell members with a small first letter: 'serviceNamespace'.
    small = name[:1].lower() + name[1:]
    return f"{path}.{small}" if path else small


def _types(value: Any, shape: Any, path: str) -> Iterator[str]:
    kind = shape.type_name
    wanted = _TEXTS.get(kind) or _NUMBERS.get(kind)
    is_flag = isinstance(value, bool)
    if wanted and (not isinstance(value, wanted) or (is_flag and kind != "boolean")):
        if kind in ("integer", "long") and isinstance(value, float) and value.is_integer() and abs(value) <= _LARGEST[kind]:
            return
        if kind in ("float", "double") and isinstance(value, str) and value in _NOT_FINITE:
            return
        yield f"{_kind_of(value)} can not be converted to {_KINDS.get(kind, kind)}" + (f" ({path})" if path else "")
    elif kind in _LARGEST and isinstance(value, int) and not -_LARGEST[kind] - 1 <= value <= _LARGEST[kind]:
        yield f"{_kind_of(value)} can not be converted to {_KINDS[kind]}" + (f" ({path})" if path else "")
    elif kind == "structure" and not getattr(shape, "is_document_type", False):
        for name, member in shape.members.items():
            item = value.get(member.serialization.get("name", name))
            if item is not None:
                yield from _types(item, member, _join(path, name))
    elif kind == "list":
        for index, item in enumerate(value, 1):
            if item is not None:
                yield from _types(item, shape.member, f"{path}.{index}.member")
    elif kind == "map":
        for key, item in value.items():
            if item is not None:
                yield from _types(item, shape.value, f"{path}.{key}")


_KINDS = {"integer": "an Integer", "long": "a Long", "string": "a String", "boolean": "a Boolean", "list": "a List", "double": "a Double"}


def _kind_of(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, (int, float)):
        return "NUMBER_VALUE"
    if isinstance(value, str):
        return "STRING_VALUE"
    return (
        "Start of structure or map found where not expected: it"
        if isinstance(value, dict)
        else "Start of list found where not expected: it"
    )


def _constraints(value: Any, shape: Any, path: str) -> Iterator[tuple[str, str | None]]:
    kind = shape.type_name
    if kind == "structure":
        if getattr(shape, "is_document_type", False) or not isinstance(value, dict):
            return
        for name in shape.required_members:
            if value.get(name) is None:
                yield _join(path, name), None
        for name, member in shape.members.items():
            if value.get(name) is not None:
                yield from _constraints(value[name], member, _join(path, name))
        return
    yield from ((path, text) for text in _own(value, shape, kind, path))
    if kind == "list":
        for index, item in enumerate(value, 1):
            yield from _constraints(item, shape.member, f"{path}.{index}.member")
    elif kind == "map" and isinstance(value, dict):
        for key, item in value.items():
            yield from _constraints(key, shape.key, f"{path}.{key}.key")
            yield from _constraints(item, shape.value, f"{path}.{key}.value")


def _own(value: Any, shape: Any, kind: str, path: str) -> Iterator[str]:
    limits = shape.metadata
    said = f"Value '{_shown(value)}' at '{path}' failed to satisfy constraint: "
    if kind in _NUMBERS and not isinstance(value, (str, datetime)):
        if limits.get("min") is not None and value < limits["min"]:
            yield said + f"Member must have value greater than or equal to {limits['min']}"
        if limits.get("max") is not None and value > limits["max"]:
            yield said + f"Member must have value less than or equal to {limits['max']}"
    elif kind in ("string", "list", "map", "blob") and hasattr(value, "__len__"):
        if limits.get("min") is not None and len(value) < limits["min"]:
            yield said + f"Member must have length greater than or equal to {limits['min']}"
        if limits.get("max") is not None and len(value) > limits["max"]:
            yield said + f"Member must have length less than or equal to {limits['max']}"
    if kind == "string" and isinstance(value, str):
        if shape.enum and value not in shape.enum and shape.name not in _OPEN_ENUMS:
            yield said + f"Member must satisfy enum value set: [{', '.join(shape.enum)}]"
        pattern = _pattern(limits["pattern"]) if limits.get("pattern") else None
        if pattern is not None and not pattern.fullmatch(value):
            yield said + f"Member must satisfy regular expression pattern: {limits['pattern']}"


def _shown(value: Any) -> str:
    text = f"[{', '.join(map(str, value))}]" if isinstance(value, (list, tuple)) else str(value)
    return text if len(text) <= 200 else text[:200] + "..."


@lru_cache(maxsize=512)
def _pattern(source: str) -> re.Pattern[str] | None:
    # The models' expressions are Java's; those Python cannot read are not checked.
    try:
        return re.compile(source, re.ASCII if r"\p" not in source else 0)
    except re.error:
        return None
