"""moto's CloudWatch backend, as other services of moto and of the sandbox use it, led to the sandbox's own.

They publish metrics and make alarms in-process through `cloudwatch_backends[account][region]`; what they do there must be
what DescribeAlarms and GetMetricData show, and must be evaluated.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from moto.cloudwatch.models import CloudWatchBackend

from runbook_sandbox.aws.cloudwatch import alarms
from runbook_sandbox.aws.cloudwatch.store import Store, store_of

_NAMES = {
    "description": "AlarmDescription",
    "ok_actions": "OKActions",
    "alarm_actions": "AlarmActions",
    "insufficient_data_actions": "InsufficientDataActions",
    "metric_name": "MetricName",
    "namespace": "Namespace",
    "statistic": "Statistic",
    "extended_statistic": "ExtendedStatistic",
    "period": "Period",
    "unit": "Unit",
    "evaluation_periods": "EvaluationPeriods",
    "datapoints_to_alarm": "DatapointsToAlarm",
    "threshold": "Threshold",
    "comparison_operator": "ComparisonOperator",
    "treat_missing_data": "TreatMissingData",
    "actions_enabled": "ActionsEnabled",
}


def _store(backend: CloudWatchBackend) -> Store:
    return store_of(backend.account_id, backend.region_name)


def _put_metric_data(self: CloudWatchBackend, namespace: str, metric_data: list[dict[str, Any]]) -> None:
    for datum in metric_data:
        time = datum.get("Timestamp")
        if isinstance(time, datetime) and time.tzinfo is None:
            datum = datum | {"Timestamp": time.replace(tzinfo=UTC)}
        _store(self).metrics.put(namespace, datum)


def _plain(item: Any) -> Any:
    """moto's Dimension as a dict; a dict as it is."""
    return item if isinstance(item, dict) else {"Name": item.name, "Value": item.value}


def _query(query: Any) -> dict[str, Any]:
    """moto's MetricDataQuery as the API names it."""
    if isinstance(query, dict):
        return query
    shown: dict[str, Any] = {"Id": query.id, "ReturnData": str(query.return_data).lower() != "false"}
    if query.label:
        shown["Label"] = query.label
    if query.expression:
        return shown | {"Expression": query.expression}
    stat = query.metric_stat
    if not isinstance(stat, dict):
        metric = {"Namespace": stat.metric.namespace, "MetricName": stat.metric.metric_name}
        metric["Dimensions"] = [_plain(item) for item in stat.metric.dimensions or []]
        stat = {"Metric": metric, "Period": stat.period, "Stat": stat.stat, "Unit": stat.unit}
    stat = {name: value for name, value in stat.items() if value is not None}
    return shown | {"MetricStat": {**stat, "Period": int(stat.get("Period") or 60)}}


def _put_metric_alarm(self: CloudWatchBackend, name: str, **arguments: Any) -> Any:
    params: dict[str, Any] = {"AlarmName": name}
    for argument, member in _NAMES.items():
        if arguments.get(argument) not in (None, "", []):
            params[member] = arguments[argument]
    if arguments.get("metric_data_queries"):
        params["Metrics"] = [_query(query) for query in arguments["metric_data_queries"]]
    elif arguments.get("dimensions"):
        params["Dimensions"] = [_plain(item) for item in arguments["dimensions"]]
    return alarms.put_checked(_store(self), params)


def _delete_alarms(self: CloudWatchBackend, alarm_names: list[str]) -> None:
    for name in alarm_names:
        alarms.remove(_store(self), name)


def _alarms(self: CloudWatchBackend) -> dict[str, Any]:
    return _store(self).alarms


def install() -> None:
    """Idempotent."""
    CloudWatchBackend.put_metric_data = _put_metric_data  # type: ignore[assignment]
    CloudWatchBackend.put_metric_alarm = _put_metric_alarm  # type: ignore[assignment]
    CloudWatchBackend.delete_alarms = _delete_alarms  # type: ignore[assignment]
    # moto's constructor assigns an empty dict, which the setter lets pass.
    CloudWatchBackend.alarms = property(_alarms, lambda self, value: None)  # type: ignore[assignment]
