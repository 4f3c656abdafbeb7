"""What an alarm's configuration must be.

Source: Amazon CloudWatch API Reference, PutMetricAlarm and PutCompositeAlarm.
"""

from __future__ import annotations

import re
from typing import Any

from moto.utilities.utils import get_partition

from runbook_sandbox.aws.cloudwatch import errors, statistics
from runbook_sandbox.aws.cloudwatch.evaluate import check_queries
from runbook_sandbox.aws.cloudwatch.publishing import UNITS, check_dimensions

_COMPARISONS = (
    "GreaterThanOrEqualToThreshold",
    "GreaterThanThreshold",
    "LessThanThreshold",
    "LessThanOrEqualToThreshold",
)
_BANDS = ("LessThanLowerOrGreaterThanUpperThreshold", "LessThanLowerThreshold", "GreaterThanUpperThreshold")
_MISSING = ("breaching", "notBreaching", "ignore", "missing")
_ARN = re.compile(r"^arn:aws[\w-]*:[\w-]+:[\w-]*:[\w-]*:.+$")
_DAY, _WEEK = 86400, 7 * 86400
_OF_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Dimensions", "Period", "Unit")


def check_metric_alarm(params: dict[str, Any], region: str) -> None:
    """Raises ValidationError (mostly) on the first thing that is wrong."""
    if params.get("EvaluationCriteria") is not None or params.get("EvaluationWindow") is not None:
        raise errors.validation("The sandbox has no PromQL alarms; give MetricName or Metrics.")
    for name in ("EvaluationPeriods", "ComparisonOperator"):
        if params.get(name) is None:
            raise errors.missing(f"The parameter {name} is required.")
    periods, wanted = params["EvaluationPeriods"], params.get("DatapointsToAlarm")
    if periods < 1:
        raise errors.validation("EvaluationPeriods must be at least 1.")
    if wanted is not None and not 1 <= wanted <= periods:
        raise errors.validation("DatapointsToAlarm must be at least 1 and at most EvaluationPeriods.")
    comparison = params["ComparisonOperator"]
    if comparison in _BANDS or params.get("ThresholdMetricId"):
        raise errors.validation("The sandbox has no anomaly detection; use a ComparisonOperator with a Threshold.")
    if comparison not in _COMPARISONS:
        raise errors.validation(f"The value {comparison} for parameter ComparisonOperator is invalid: [{', '.join(_COMPARISONS)}].")
    if params.get("Threshold") is None:
        raise errors.validation("Threshold must be set when the alarm is not based on an anomaly detection model.")
    if params.get("TreatMissingData") not in (None, *_MISSING):
        raise errors.validation(f"Value '{params['TreatMissingData']}' for TreatMissingData must be one of [{', '.join(_MISSING)}].")
    _check_actions(params, region)
    check_tags(params.get("Tags") or [])
    if len(params.get("AlarmDescription") or "") > 1024:
        raise errors.validation("AlarmDescription must not be longer than 1024 characters.")
    period = _check_metrics(params) if params.get("Metrics") else _check_metric(params)
    limit = _WEEK if period >= 3600 else _DAY
    if period * periods > limit:
        raise errors.validation(
            f"Metrics cannot be checked across more than {'a week' if limit == _WEEK else 'a day'} (EvaluationPeriods * Period)."
        )
    low = params.get("EvaluateLowSampleCountPercentile")
    if low is not None:
        if low not in ("evaluate", "ignore"):
            raise errors.validation("EvaluateLowSampleCountPercentile must be evaluate or ignore.")
        if not str(params.get("ExtendedStatistic") or "").startswith("p"):
            raise errors.validation("EvaluateLowSampleCountPercentile can be set only with a percentile statistic.")


def _check_metric(params: dict[str, Any]) -> int:
    for name in ("MetricName", "Namespace", "Period"):
        if params.get(name) is None:
            raise errors.missing(f"The parameter {name} is required.")
    if params["Namespace"].startswith(":"):
        raise errors.invalid_value(f"The value {params['Namespace']} for parameter Namespace is invalid.")
    basic, extended = params.get("Statistic"), params.get("ExtendedStatistic")
    if (basic is None) == (extended is None):
        raise errors.validation("Exactly one of Statistic and ExtendedStatistic must be set.")
    if basic is not None and basic not in statistics.BASIC:
        raise errors.validation(f"The value {basic} for parameter Statistic is invalid: [{', '.join(statistics.BASIC)}].")
    if extended is not None and (extended in statistics.BASIC or not statistics.valid(extended)):
        raise errors.validation(f"The value {extended} for parameter ExtendedStatistic is invalid.")
    check_dimensions(params.get("Dimensions"), "PutMetricAlarm")
    if params.get("Unit") is not None and params["Unit"] not in UNITS:
        raise errors.validation(f"The value {params['Unit']} for parameter Unit is invalid.")
    return check_alarm_period(params["Period"])


def check_alarm_period(period: int) -> int:
    """Alarms look every 10, 20 or 30 seconds or whole minutes."""
    if period not in (10, 20, 30) and (period < 60 or period % 60):
        raise errors.validation("Period must be 10, 20, 30 or a multiple of 60.")
    return period


def _check_metrics(params: dict[str, Any]) -> int:
    queries = params["Metrics"]
    clash = [name for name in _OF_METRIC if params.get(name) is not None]
    if clash:
        raise errors.validation(f"Metrics can't be set together with {', '.join(clash)}.")
    if len(queries) > 20:
        raise errors.validation("The collection Metrics must not have a size greater than 20.")
    stats = [query for query in queries if query.get("MetricStat")]
    if len(stats) > 10:
        raise errors.validation("An alarm can use at most 10 metrics.")
    if not stats:
        raise errors.validation("The metrics list must contain at least one metric.")
    check_queries(queries)
    if sum(1 for query in queries if query.get("ReturnData", True)) != 1:
        raise errors.validation("Exactly one element of the metrics list should return data.")
    periods = {query["MetricStat"]["Period"] for query in stats}
    if len(periods) > 1:
        raise errors.validation("Period must be the same for all metrics of an alarm.")
    return check_alarm_period(periods.pop())


def _check_actions(params: dict[str, Any], region: str) -> None:
    for name in ("OKActions", "AlarmActions", "InsufficientDataActions"):
        actions = params.get(name) or []
        if len(actions) > 5:
            raise errors.validation(f"The collection {name} must not have a size greater than 5.")
        for action in actions:
            if not _ARN.match(action) or len(action) > 1024:
                raise errors.validation(f"Invalid arn syntax: {action}")
            _check_home(action, region)


def _check_home(action: str, region: str) -> None:
    """An alarm acts in its own partition and Region only."""
    _, partition, _, where, _ = action.split(":", 4)
    if partition != get_partition(region):
        raise errors.validation(f"Invalid partition {partition} specified. Only {get_partition(region)} is supported.")
    if where not in ("", region):
        raise errors.validation(f"Invalid region {where} specified. Only {region} is supported.")


def check_tags(tags: list[dict[str, str]]) -> dict[str, str]:
    """Raises ValidationError above 50 tags and on keys or values that are too long or AWS's own."""
    found = {tag["Key"]: tag.get("Value", "") for tag in tags}
    if len(found) > 50:
        raise errors.validation("A resource can have at most 50 tags.")
    for key, value in found.items():
        if not 1 <= len(key) <= 128 or len(value) > 256 or key.lower().startswith("aws:"):
            raise errors.validation(f"Invalid tag {key!r}: 1 to 128 characters not beginning with aws:, values of at most 256.")
    return found


def check_composite(params: dict[str, Any], region: str) -> None:
    """What is not the rule's own."""
    if not (params.get("AlarmRule") or "").strip():
        raise errors.validation("AlarmRule must not be empty.")
    if len(params["AlarmRule"]) > 10240:
        raise errors.validation("AlarmRule must not be longer than 10240 characters.")
    _check_actions(params, region)
    check_tags(params.get("Tags") or [])
