"""Queries of GetMetricData and of alarms, answered: metrics with a statistic, and expressions over them.

Source: Amazon CloudWatch API Reference, GetMetricData, MetricDataQuery, MetricStat; User Guide, "Using metric math".
"""

from __future__ import annotations

import re
from typing import Any

from runbook_sandbox.aws.cloudwatch import errors, math_functions, statistics
from runbook_sandbox.aws.cloudwatch.expressions import ExpressionError, Node, parse, references, uses_all_metrics
from runbook_sandbox.aws.cloudwatch.math_functions import Range, Series, Value
from runbook_sandbox.aws.cloudwatch.publishing import check_dimensions
from runbook_sandbox.aws.cloudwatch.series import key_of
from runbook_sandbox.aws.cloudwatch.store import Store, store_of

_ID = re.compile(r"^[a-z][a-zA-Z0-9_]*$")
_HIGH = (1, 5, 10, 20, 30)
#: Functions that AWS has and the sandbox does not.
_ABSENT = ("SEARCH", "ANOMALY_DETECTION_BAND", "INSIGHT_RULE_METRIC", "DB_PERF_INSIGHTS", "LAMBDA", "SERVICE_QUOTA", "METRIC_MATH")


def check_period(period: int, where: str = "Period") -> int:
    """Raises InvalidParameterValue unless it is 1, 5, 10, 20, 30 or a multiple of 60 seconds."""
    if period not in _HIGH and (period < 60 or period % 60):
        raise errors.invalid_value(f"The parameter {where} must be 1, 5, 10, 20, 30 or a multiple of 60: {period}.")
    return period


def check_queries(queries: list[dict[str, Any]]) -> dict[str, Node]:
    """The parsed expressions by id. Raises ValidationError on anything that can't be asked."""
    seen: set[str] = set()
    trees: dict[str, Node] = {}
    for query in queries:
        identifier = query.get("Id") or ""
        if not _ID.match(identifier):
            raise errors.validation(
                f"The value {identifier} for parameter Id is invalid: it must begin with a lowercase letter and contain only letters, "
                "numbers and underscores."
            )
        if identifier in seen:
            raise errors.validation(f"The values for parameter id in MetricDataQueries are not unique: {identifier}.")
        seen.add(identifier)
        metric, expression = query.get("MetricStat"), query.get("Expression")
        if (metric is None) == (expression is None):
            raise errors.validation(f"Exactly one of MetricStat and Expression must be specified for query {identifier}.")
        if metric is not None:
            _check_metric(metric, identifier)
        else:
            if query.get("Period") is not None:
                check_period(query["Period"])
            try:
                trees[identifier] = parse(str(expression))
            except ExpressionError as error:
                raise errors.validation(f"Error in expression '{identifier}': {error}.") from error
    for identifier, tree in trees.items():
        for name in references(tree):
            if name not in seen and name not in ("REPEAT", "LINEAR", "ASC", "DESC"):
                raise errors.validation(f"Error in expression '{identifier}': Undefined variable '{name}'.")
    return trees


def _check_metric(metric: dict[str, Any], identifier: str) -> None:
    named = metric.get("Metric") or {}
    if not named.get("MetricName") or not named.get("Namespace"):
        raise errors.validation(f"The metric of query {identifier} needs Namespace and MetricName.")
    check_dimensions(named.get("Dimensions"), f"MetricStat of {identifier}")
    if metric.get("Period") is None or metric.get("Stat") is None:
        raise errors.validation(f"The metric of query {identifier} needs Period and Stat.")
    check_period(metric["Period"])
    if not statistics.valid(metric["Stat"]):
        raise errors.validation(f"The value {metric['Stat']} for parameter MetricDataQueries of {identifier}.Stat is not supported.")


class Evaluation:
    """Answers the queries of one request; each is computed once, also when several expressions use it."""

    def __init__(self, store: Store, queries: list[dict[str, Any]], trees: dict[str, Node], start: int, end: int) -> None:
        self._store = store
        self._queries = {query["Id"]: query for query in queries}
        self._trees = trees
        self._span = Range(start, end)
        self._done: dict[str, Value] = {}
        self._open: list[str] = []

    def value(self, identifier: str) -> Value:
        """Raises ValidationError when an expression can't be computed or depends on itself."""
        if identifier in self._done:
            return self._done[identifier]
        if identifier in self._open:
            raise errors.validation(f"Error in expression '{identifier}': it depends on itself.")
        self._open.append(identifier)
        query = self._queries[identifier]
        if query.get("MetricStat"):
            result: Value = self._metric(query)
        else:
            tree = self._trees[identifier]
            if uses_all_metrics(tree):
                self._span.metrics = [self.value(name) for name, item in self._queries.items() if item.get("MetricStat")]  # type: ignore[misc]
            try:
                result = self._walk(tree)
            except ExpressionError as error:
                raise errors.validation(f"Error in expression '{identifier}': {error}.") from error
        self._open.pop()
        self._done[identifier] = result
        return result

    def _metric(self, query: dict[str, Any]) -> Series:
        metric = query["MetricStat"]
        named, period = metric["Metric"], metric["Period"]
        function = statistics.parse(metric["Stat"])
        assert function is not None
        store = self._store
        if query.get("AccountId") and query["AccountId"] != store.account_id:
            store = store_of(query["AccountId"], store.region)
        source = store.metrics.get(named["Namespace"], named["MetricName"], key_of(named.get("Dimensions")))
        points = {}
        for bucket in statistics.buckets(source, self._span.start, self._span.end, period, metric.get("Unit")):
            number = function(bucket)
            if number is not None:
                points[bucket.start] = number
        return Series(points, period, query.get("Label") or named["MetricName"], query["Id"])

    def _walk(self, node: Node) -> Value:
        match node.kind:
            case "number":
                return float(node.value)
            case "text":
                return str(node.value)
            case "name" if node.value in ("REPEAT", "LINEAR", "ASC", "DESC"):
                return str(node.value)
            case "name":
                return self.value(str(node.value))
            case "list":
                items: list[Series] = []
                for child in node.children:
                    value = self._walk(child)
                    if isinstance(value, Series):
                        items.append(value)
                    elif isinstance(value, list):
                        items += value
                    else:
                        raise ExpressionError("an array holds time series only")
                return items
            case "unary":
                return math_functions.binary("-", 0.0, self._walk(node.children[0]))
            case "binary":
                return math_functions.binary(str(node.value), self._walk(node.children[0]), self._walk(node.children[1]))
            case _:
                return self._call(str(node.value), node.children)

    def _call(self, name: str, children: tuple[Node, ...]) -> Value:
        if name in _ABSENT:
            raise ExpressionError(f"the sandbox has no {name}")
        arguments = [self._walk(child) for child in children]

        def demand(*numbers: int) -> None:
            if len(arguments) not in numbers:
                raise ExpressionError(f"{name} takes {' or '.join(map(str, numbers))} arguments, not {len(arguments)}")

        if name in math_functions.SINGLE:
            demand(1)
            return math_functions.each(math_functions.SINGLE[name], arguments[0])
        if name in math_functions.MANY:
            return math_functions.aggregate(math_functions.MANY[name], arguments)
        match name:
            case "METRICS":
                demand(0, 1)
                part = str(arguments[0]) if arguments else ""
                return [item for item in self._span.metrics if part in item.name]
            case "FILL":
                demand(2)
                return math_functions.fill(arguments[0], arguments[1], self._span)
            case "IF":
                demand(2, 3)
                return math_functions.choose(arguments[0], arguments[1], arguments[2] if len(arguments) == 3 else Series({}, 60))
            case "RATE":
                demand(1)
                return math_functions.steps(arguments[0], lambda before, after, seconds: (after - before) / seconds)
            case "DIFF":
                demand(1)
                return math_functions.steps(arguments[0], lambda before, after, seconds: after - before)
            case "DIFF_TIME":
                demand(1)
                return math_functions.steps(arguments[0], lambda before, after, seconds: float(seconds))
            case "RUNNING_SUM":
                demand(1)
                return math_functions.running_sum(arguments[0])
            case "PERIOD":
                demand(1)
                return float(self._one(name, arguments[0]).period)
            case "METRIC_COUNT":
                demand(1)
                return float(len(arguments[0])) if isinstance(arguments[0], list) else 1.0
            case "DATAPOINT_COUNT":
                demand(1)
                return float(len(self._one(name, arguments[0]).points))
            case "TIME_SERIES":
                demand(1)
                period = self._period()
                return Series({time: float(arguments[0]) for time in range(self._span.start, self._span.end, period)}, period)  # type: ignore[arg-type]
            case "FIRST" | "LAST":
                demand(1)
                items = arguments[0]
                if not isinstance(items, list) or not items:
                    raise ExpressionError(f"{name} needs an array of time series")
                return items[0 if name == "FIRST" else -1]
            case "REMOVE_EMPTY":
                demand(1)
                items = arguments[0] if isinstance(arguments[0], list) else [arguments[0]]
                return [item for item in items if isinstance(item, Series) and item.points]
        raise ExpressionError(f"Unsupported operation '{name}'")

    @staticmethod
    def _one(name: str, value: Value) -> Series:
        if not isinstance(value, Series):
            raise ExpressionError(f"{name} needs a time series")
        return value

    def _period(self) -> int:
        return next((query["MetricStat"]["Period"] for query in self._queries.values() if query.get("MetricStat")), 60)
