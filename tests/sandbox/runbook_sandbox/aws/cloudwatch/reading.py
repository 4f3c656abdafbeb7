"""GetMetricStatistics and GetMetricData.

Source: Amazon CloudWatch API Reference, GetMetricStatistics (1,440 datapoints, rounding of StartTime) and GetMetricData
(500 queries, 100,800 datapoints, PartialData while there is a NextToken).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.cloudwatch import errors, statistics
from runbook_sandbox.aws.cloudwatch.evaluate import Evaluation, check_period, check_queries
from runbook_sandbox.aws.cloudwatch.math_functions import Series
from runbook_sandbox.aws.cloudwatch.publishing import UNITS, check_dimensions, decode_token, encode_token
from runbook_sandbox.aws.cloudwatch.series import key_of
from runbook_sandbox.aws.cloudwatch.store import store_of
from runbook_sandbox.aws.modelled import Call, Operations

operations = Operations()

_DATAPOINTS = 1440
_MAX_DATAPOINTS = 100_800
_DAY = 86400


def _start(time: datetime, period: int) -> int:
    """StartTime as CloudWatch rounds it down: to the minute, 5 minutes or hour by age; to the period below a minute."""
    seconds = int(time.timestamp())
    age = clock.now().timestamp() - seconds
    if age >= 63 * _DAY:
        return seconds // 3600 * 3600
    if age >= 15 * _DAY:
        return seconds // 300 * 300
    return seconds // min(period, 60) * min(period, 60)


@operations("GetMetricStatistics")
def get_metric_statistics(call: Call) -> dict[str, Any]:
    """Datapoints of one metric with exactly these dimensions; only published periods, in no promised order."""
    basic, extended = call.get("Statistics") or [], call.get("ExtendedStatistics") or []
    if not basic and not extended:
        raise errors.missing("The parameter Statistics or ExtendedStatistics is required.")
    if basic and extended:
        raise errors.invalid_combination("The parameters Statistics and ExtendedStatistics are mutually exclusive.")
    if len(basic) > 5 or len(extended) > 10:
        raise errors.invalid_value("At most 5 Statistics or 10 ExtendedStatistics can be asked for.")
    for name in basic:
        if name not in statistics.BASIC:
            raise errors.invalid_value(f"The parameter Statistics.member must be a value in the set [ {', '.join(statistics.BASIC)} ].")
    for name in extended:
        if name in statistics.BASIC or not statistics.valid(name):
            raise errors.invalid_value(f"The value {name} for parameter ExtendedStatistics.member.1 is not supported.")
    period = check_period(call.get("Period"))
    check_dimensions(call.get("Dimensions"), "GetMetricStatistics")
    if call.get("Unit") is not None and call.get("Unit") not in UNITS:
        raise errors.invalid_value(f"The parameter Unit must be a value in the set {sorted(UNITS)}.")
    begin, end = call.get("StartTime"), call.get("EndTime")
    if begin >= end:
        raise errors.invalid_combination("The parameter StartTime must be less than the parameter EndTime.")
    wanted = int((end - begin).total_seconds() / period)
    if wanted > _DATAPOINTS:
        raise errors.invalid_combination(
            f"You have requested up to {wanted:,} datapoints, which exceeds the limit of {_DATAPOINTS:,}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range."
        )
    store = store_of(call.account_id, call.region)
    series = store.metrics.get(call.get("Namespace"), call.get("MetricName"), key_of(call.get("Dimensions")))
    points = []
    for bucket in statistics.buckets(series, _start(begin, period), _end(end), period, call.get("Unit")):
        point: dict[str, Any] = {"Timestamp": datetime.fromtimestamp(bucket.start, UTC), "Unit": bucket.unit}
        point |= {name: bucket.basic(name) for name in basic}
        if extended:
            values = {name: statistics.parse(name)(bucket) for name in extended}  # type: ignore[misc]
            point["ExtendedStatistics"] = {name: value for name, value in values.items() if value is not None}
        points.append(point)
    return {"Label": call.get("MetricName"), "Datapoints": points}


def _end(time: datetime) -> int:
    """EndTime is exclusive; a part of a second still is before it."""
    seconds = time.timestamp()
    return int(seconds) + (1 if seconds > int(seconds) else 0)


@operations("GetMetricData")
def get_metric_data(call: Call) -> dict[str, Any]:
    """Results of the queries that return data, newest first unless ScanBy says otherwise, paged by MaxDatapoints."""
    queries = call.get("MetricDataQueries") or []
    if len(queries) > 500:
        raise errors.validation("The collection MetricDataQueries must not have a size greater than 500.")
    if not queries:
        raise errors.validation("The collection MetricDataQueries must have a size of at least 1.")
    begin, end = call.get("StartTime"), call.get("EndTime")
    if begin >= end:
        raise errors.validation("The parameter StartTime must be less than the parameter EndTime.")
    scan = call.get("ScanBy", "TimestampDescending")
    if scan not in ("TimestampDescending", "TimestampAscending"):
        raise errors.validation("The parameter ScanBy must be TimestampDescending or TimestampAscending.")
    limit = call.get("MaxDatapoints", _MAX_DATAPOINTS)
    if not 1 <= limit <= _MAX_DATAPOINTS:
        raise errors.validation(f"The parameter MaxDatapoints must be 1 to {_MAX_DATAPOINTS}.")
    trees = check_queries(queries)
    if not any(query.get("ReturnData", True) for query in queries):
        raise errors.validation("At least one query must have ReturnData set to true.")
    shortest = min((query["MetricStat"]["Period"] for query in queries if query.get("MetricStat")), default=60)
    evaluation = Evaluation(store_of(call.account_id, call.region), queries, trees, _start(begin, shortest), _end(end))
    results = [result for query in queries for result in _results(query, evaluation, scan)]
    return _page(results, decode_token(call.get("NextToken")), limit)


def _results(query: dict[str, Any], evaluation: Evaluation, scan: str) -> list[dict[str, Any]]:
    if not query.get("ReturnData", True):
        return []
    identifier = query["Id"]
    value = evaluation.value(identifier)
    if isinstance(value, (float, str)):
        raise errors.validation(f"Error in expression '{identifier}': an expression that returns data must be a time series.")
    found = []
    for series in [value] if isinstance(value, Series) else value:
        times = sorted(series.points, reverse=scan == "TimestampDescending")
        # An expression is labelled with its id, an element of an array with its own metric.
        own = series.label if query.get("MetricStat") or not isinstance(value, Series) else identifier
        found.append(
            {
                "Id": identifier,
                "Label": query.get("Label") or own,
                "Timestamps": [datetime.fromtimestamp(time, UTC) for time in times],
                "Values": [series.points[time] for time in times],
                "StatusCode": "Complete",
            }
        )
    return found


def _page(results: list[dict[str, Any]], skip: int, limit: int) -> dict[str, Any]:
    """`limit` datapoints after the first `skip`; every result is named on every page, as CloudWatch does."""
    shown, seen, taken = [], 0, 0
    for result in results:
        size = len(result["Values"])
        first = min(max(skip - seen, 0), size)
        last = min(size, first + max(limit - taken, 0))
        part = result | {"Timestamps": result["Timestamps"][first:last], "Values": result["Values"][first:last]}
        if last < size:
            part["StatusCode"] = "PartialData"
        taken += last - first
        seen += size
        shown.append(part)
    answer: dict[str, Any] = {"MetricDataResults": shown, "Messages": []}
    if skip + taken < seen:
        answer["NextToken"] = encode_token(skip + taken)
    return answer
