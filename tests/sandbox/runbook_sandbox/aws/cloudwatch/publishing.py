"""PutMetricData and ListMetrics.

Source: Amazon CloudWatch API Reference, PutMetricData (limits of values, dimensions, time) and ListMetrics.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.cloudwatch import errors
from runbook_sandbox.aws.cloudwatch.store import store_of
from runbook_sandbox.aws.modelled import Call, Operations

operations = Operations()

_PAGE = 500
_LARGEST = 2.0**360
_OLDEST, _NEWEST = timedelta(days=14), timedelta(hours=2)
_SIZES = tuple(f"{prefix}{what}" for what in ("bytes", "bits") for prefix in ("", "Kilo", "Mega", "Giga", "Tera"))
_RATES = (*(size[0].upper() + size[1:] for size in _SIZES), "Count")
UNITS = frozenset(("Seconds", "Microseconds", "Milliseconds", "Percent", "None", *_RATES, *(f"{unit}/Second" for unit in _RATES)))


@operations("PutMetricData")
def put_metric_data(call: Call) -> None:
    """All data or none: everything is checked first."""
    namespace = call.get("Namespace") or ""
    data = list(call.get("MetricData") or [])
    for entity in call.get("EntityMetricData") or []:
        data += entity.get("MetricData") or []
    if namespace.startswith("AWS/"):
        raise errors.invalid_value("The value AWS/ for parameter Namespace is invalid.")
    check_namespace(namespace)
    if not data:
        raise errors.missing("The parameter MetricData is required.")
    if len(data) > 1000:
        raise errors.invalid_value("The collection MetricData must not have a size greater than 1000.")
    for index, datum in enumerate(data, 1):
        check_datum(datum, f"MetricData.member.{index}")
    metrics = store_of(call.account_id, call.region).metrics
    for datum in data:
        metrics.put(namespace, datum)


def check_namespace(namespace: str) -> None:
    """Raises InvalidParameterValue on an empty, long or malformed namespace."""
    if not namespace or len(namespace) > 255 or namespace.startswith(":") or not namespace.isascii() or namespace != namespace.strip():
        raise errors.invalid_value(f"The value {namespace} for parameter Namespace is invalid.")


def check_datum(datum: dict[str, Any], where: str) -> None:
    """Raises MissingParameter, InvalidParameterValue or InvalidParameterCombination."""
    name = datum.get("MetricName")
    if not name:
        raise errors.missing(f"The parameter {where}.MetricName is required.")
    if len(name) > 255 or name != name.strip():
        raise errors.invalid_value(f"The value {name} for parameter {where}.MetricName is invalid.")
    check_dimensions(datum.get("Dimensions"), where)
    given = [key for key in ("Value", "Values", "StatisticValues") if datum.get(key) is not None]
    if not given:
        raise errors.missing(f"The parameter {where}.Value is required.")
    if len(given) > 1:
        raise errors.invalid_combination(f"The parameters {where}.{given[0]} and {where}.{given[1]} are mutually exclusive.")
    if datum.get("Value") is not None:
        _check_number(datum["Value"], f"{where}.Value")
    if datum.get("Values") is not None:
        _check_values(datum, where)
    if statistics := datum.get("StatisticValues"):
        for key in ("SampleCount", "Sum", "Minimum", "Maximum"):
            if statistics.get(key) is None:
                raise errors.missing(f"The parameter {where}.StatisticValues.{key} is required.")
            _check_number(statistics[key], f"{where}.StatisticValues.{key}")
        if statistics["Maximum"] < statistics["Minimum"]:
            raise errors.invalid_combination(f"The parameter {where}.StatisticValues.Maximum must be greater than Minimum.")
        if statistics["SampleCount"] < 0:
            raise errors.invalid_value(f"The value of {where}.StatisticValues.SampleCount must not be negative.")
    if datum.get("Unit") is not None and datum["Unit"] not in UNITS:
        raise errors.invalid_value(f"The parameter {where}.Unit must be a value in the set {sorted(UNITS)}.")
    if datum.get("StorageResolution") not in (None, 1, 60):
        raise errors.invalid_value(f"The parameter {where}.StorageResolution must be 1 or 60.")
    time = datum.get("Timestamp")
    if time is not None:
        _check_time(time, where)


def _check_values(datum: dict[str, Any], where: str) -> None:
    values, counts = datum["Values"], datum.get("Counts")
    if not values or len(values) > 150:
        raise errors.invalid_value(f"The collection {where}.Values must have 1 to 150 members.")
    if counts is not None and len(counts) != len(values):
        raise errors.invalid_value(f"The parameters {where}.Values and {where}.Counts must be of the same size.")
    for value in (*values, *(counts or ())):
        _check_number(value, f"{where}.Values")
    if any(count < 0 for count in counts or ()):
        raise errors.invalid_value(f"The members of {where}.Counts must not be negative.")


def _check_time(time: datetime, where: str) -> None:
    now = clock.now()
    if time < now - _OLDEST or time > now + _NEWEST:
        raise errors.invalid_value(
            f"The parameter {where}.Timestamp must specify a time no more than 2 weeks in the past and no more than 2 hours in the future."
        )


def _check_number(value: float, where: str) -> None:
    if math.isnan(value) or math.isinf(value):
        raise errors.invalid_value(f"The value {value} for parameter {where} is invalid.")
    if abs(value) > _LARGEST:
        raise errors.invalid_value(f"The value {value} for parameter {where} is invalid: it must be in the range of -2^360 to 2^360.")


def check_dimensions(dimensions: list[dict[str, Any]] | None, where: str) -> None:
    """Raises InvalidParameterValue above 30 dimensions, on empty, long, non-ASCII or repeated ones."""
    if len(dimensions or ()) > 30:
        raise errors.invalid_value(f"The collection {where}.Dimensions must not have a size greater than 30.")
    seen = set()
    for dimension in dimensions or ():
        name, value = dimension.get("Name") or "", dimension.get("Value") or ""
        if not name.strip() or len(name) > 255 or name.startswith(":") or not name.isascii():
            raise errors.invalid_value(f"The value {name!r} for parameter {where}.Dimensions.Name is invalid.")
        if not value.strip() or len(value) > 1024 or not value.isascii():
            raise errors.invalid_value(f"The value {value!r} for parameter {where}.Dimensions.Value is invalid.")
        if name in seen:
            raise errors.invalid_value(f"The dimension {name} is given more than once in {where}.")
        seen.add(name)


@operations("ListMetrics")
def list_metrics(call: Call) -> dict[str, Any]:
    """Dimensions filter by inclusion here, unlike everywhere else; 500 a page."""
    metrics = store_of(call.account_id, call.region).metrics
    recent = call.get("RecentlyActive")
    if recent not in (None, "PT3H"):
        raise errors.invalid_value("The parameter RecentlyActive must be PT3H.")
    filters = call.get("Dimensions") or []
    if len(filters) > 10:
        raise errors.invalid_value("The collection Dimensions must not have a size greater than 10.")
    oldest = (clock.now() - timedelta(hours=3)).timestamp()
    found = [
        series
        for series in metrics.listed()
        if call.get("Namespace") in (None, series.namespace)
        and call.get("MetricName") in (None, series.name)
        and all(any(name == item["Name"] and item.get("Value") in (None, value) for name, value in series.dimensions) for item in filters)
        and (recent is None or series.last_put >= oldest)
    ]
    start = decode_token(call.get("NextToken"), errors.list_token)
    result: dict[str, Any] = {"Metrics": [series.describe() for series in found[start : start + _PAGE]]}
    if start + _PAGE < len(found):
        result["NextToken"] = encode_token(start + _PAGE)
    return result


def encode_token(position: int) -> str:
    return base64.urlsafe_b64encode(f"position:{position}".encode()).decode()


def decode_token(token: str | None, refusal: Callable[[], errors.CloudWatchError] = errors.next_token) -> int:
    """Raises `refusal`, InvalidNextToken unless the operation has another, on anything that this sandbox did not make."""
    if not token:
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if word == "position":
            return int(number)
    except ValueError:
        pass
    raise refusal()
