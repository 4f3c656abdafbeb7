"""Metric alarms looking at their metric.

Source: Amazon CloudWatch User Guide, "Alarm evaluation" and "Configuring how CloudWatch alarms treat missing data": the
tables there are this module's rules, with an evaluation range two datapoints longer than EvaluationPeriods.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.cloudwatch.alarm import ALARM, INSUFFICIENT, OK, Alarm
from runbook_sandbox.aws.cloudwatch.evaluate import Evaluation, check_queries
from runbook_sandbox.aws.cloudwatch.expressions import Node
from runbook_sandbox.aws.cloudwatch.math_functions import Series
from runbook_sandbox.aws.cloudwatch.series import Dimensions, key_of
from runbook_sandbox.aws.cloudwatch.statistics import buckets

_BEYOND = 2
_BREACHES = {
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
    "LessThanOrEqualToThreshold": lambda value, threshold: value <= threshold,
}
#: The state that an alarm has come to when there is no data; None keeps whatever it is.
_WITHOUT_DATA = {"missing": INSUFFICIENT, "ignore": None, "breaching": ALARM, "notBreaching": OK}
_WORDS = {
    "GreaterThanOrEqualToThreshold": "greater than or equal to",
    "GreaterThanThreshold": "greater than",
    "LessThanThreshold": "less than",
    "LessThanOrEqualToThreshold": "less than or equal to",
}


@dataclass(frozen=True)
class Watch:
    """What an alarm's configuration comes down to: queries, the one that is compared, and the period."""

    queries: list[dict[str, Any]]
    trees: dict[str, Node]
    watched: str
    period: int
    #: Namespace, name and dimensions of an alarm on one metric; None with metric math.
    key: tuple[str, str, Dimensions] | None = None

    @property
    def step(self) -> int:
        """Seconds between two evaluations."""
        return 60 if self.period >= 60 else 10


def watch_of(config: dict[str, Any]) -> Watch:
    """Parse once, when the alarm is put."""
    queries = config.get("Metrics")
    if not queries:
        metric = {
            "Namespace": config["Namespace"],
            "MetricName": config["MetricName"],
            "Dimensions": config.get("Dimensions") or [],
        }
        stat = {"Metric": metric, "Period": config["Period"], "Stat": config.get("Statistic") or config["ExtendedStatistic"]}
        if config.get("Unit"):
            stat["Unit"] = config["Unit"]
        queries = [{"Id": "m1", "MetricStat": stat, "ReturnData": True}]
    watched = next(query["Id"] for query in queries if query.get("ReturnData", True))
    period = next(query["MetricStat"]["Period"] for query in queries if query.get("MetricStat"))
    key = None
    if not config.get("Metrics"):
        key = (config["Namespace"], config["MetricName"], key_of(config.get("Dimensions")))
    return Watch(queries, check_queries(queries), watched, period, key)


def schedule(alarm: Alarm, watch: Watch) -> None:
    """Look each minute, or every ten seconds where the period is shorter than a minute."""
    cancel(alarm)
    due = datetime.fromtimestamp((clock.now().timestamp() // watch.step + 1) * watch.step, UTC)

    def look() -> None:
        evaluate(alarm, watch)
        schedule(alarm, watch)

    alarm.appointment = clock.call_at(due, look, f"alarm {alarm.name}")


def cancel(alarm: Alarm) -> None:
    if alarm.appointment is not None:
        alarm.appointment.cancel()
        alarm.appointment = None


def evaluate(alarm: Alarm, watch: Watch) -> None:
    """Decide on the state from the periods that are over, and set it.

    The window slides: an alarm of five minutes looks at minutes 1 to 5, a minute later at 2 to 6.
    """
    config = alarm.config
    number = config["EvaluationPeriods"]
    end = int(clock.now().timestamp() // watch.step * watch.step)
    start = end - (number + _BEYOND) * watch.period
    if alarm.state == _WITHOUT_DATA[config.get("TreatMissingData") or "missing"] and _silent(alarm, watch, start):
        # Most alarms of a large account watch metrics that nobody publishes: nothing to compute, nothing to change.
        alarm.newest = None
        return
    value = Evaluation(alarm.store, watch.queries, watch.trees, start, end).value(watch.watched)
    points = value.points if isinstance(value, Series) else {}
    recent = sorted(points.items())[-number:]
    alarm.newest = recent[-1][1] if recent else None
    outcome = _decide(config, alarm.state, recent, start, end, watch.period)
    if outcome is None:
        return
    state, reason = outcome
    if state != alarm.state:
        alarm.set_state(state, reason, _reason_data(alarm, watch, recent))


def _silent(alarm: Alarm, watch: Watch, start: int) -> bool:
    """Whether an alarm on a plain metric has no sample since `start`."""
    if watch.key is None:
        return False
    series = alarm.store.metrics.get(*watch.key)
    return series is None or not series.samples or series.samples[-1].time < start


def _decide(
    config: dict[str, Any], current: str, recent: list[tuple[int, float]], start: int, end: int, period: int
) -> tuple[str, str] | None:
    """The new state and its reason; None when the state is to be kept."""
    number = config["EvaluationPeriods"]
    needed = config.get("DatapointsToAlarm") or number
    breaches, threshold = _BREACHES[config["ComparisonOperator"]], config["Threshold"]
    treatment = config.get("TreatMissingData") or "missing"
    breaching = [item for item in recent if breaches(item[1], threshold)]
    missing = number - len(recent)
    if not recent:
        if treatment == "ignore":
            return None
        if treatment == "missing":
            noun = "datapoint was" if number == 1 else "datapoints were"
            return INSUFFICIENT, f"Insufficient Data: {number} {noun} unknown."
        return (ALARM if treatment == "breaching" else OK), _unseen(number, treatment)
    if treatment == "breaching":
        state = ALARM if len(breaching) + missing >= needed else OK
    elif missing == 0 or len(breaching) >= needed or len(breaching) < len(recent) or treatment == "notBreaching":
        state = ALARM if len(breaching) >= needed else OK
    else:
        # Fewer datapoints than needed and all of them breach: premature, unless the oldest is old enough.
        age = (end - breaching[0][0]) // period
        if treatment == "ignore" or age < needed:
            return None
        state = ALARM
    return state, _crossed(config, current, state, recent, breaching, needed, missing, treatment)


def _unseen(number: int, treatment: str) -> str:
    periods = "1 period" if number == 1 else f"{number} periods"
    noun = "missing datapoint was" if number == 1 else "missing datapoints were"
    word = "Breaching" if treatment == "breaching" else "NonBreaching"
    return f"Threshold Crossed: no datapoints were received for {periods} and {number} {noun} treated as [{word}]."


def _crossed(
    config: dict[str, Any],
    current: str,
    state: str,
    recent: list[tuple[int, float]],
    breaching: list[tuple[int, float]],
    needed: int,
    missing: int,
    treatment: str,
) -> str:
    number = config["EvaluationPeriods"]
    # The reason names what decided: those that breach for an alarm, those that do not for an all-clear.
    named = breaching if state == ALARM else [item for item in recent if item not in breaching]
    named = named or recent
    shown = ", ".join(f"{value!r} ({datetime.fromtimestamp(time, UTC):%d/%m/%y %H:%M:%S})" for time, value in reversed(named))
    verb = "was" if len(named) == 1 else "were"
    word = f"{verb} {'' if state == ALARM else 'not '}{_WORDS[config['ComparisonOperator']]}"
    minimum = needed if state == ALARM else number - needed + 1
    noun = "datapoint" if minimum == 1 else "datapoints"
    arrow = "OK -> ALARM" if state == ALARM else "ALARM -> OK"
    text = (
        f"Threshold Crossed: {len(named)} out of the last {number} datapoints [{shown}] {word} "
        f"the threshold ({float(config['Threshold'])!r}) (minimum {minimum} {noun} for {arrow} transition)."
    )
    if missing and treatment in ("breaching", "notBreaching"):
        lost = "datapoint was" if missing == 1 else "datapoints were"
        text += f" {missing} missing {lost} treated as [{'Breaching' if treatment == 'breaching' else 'NonBreaching'}]."
    return text


def _reason_data(alarm: Alarm, watch: Watch, recent: list[tuple[int, float]]) -> dict[str, Any]:
    def stamp(seconds: float) -> str:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")

    config = alarm.config
    data: dict[str, Any] = {"version": "1.0", "queryDate": stamp(clock.now().timestamp())}
    if recent:
        data["startDate"] = stamp(recent[0][0])
    if config.get("Unit"):
        data["unit"] = config["Unit"]
    if config.get("Statistic") or config.get("ExtendedStatistic"):
        data["statistic"] = config.get("Statistic") or config.get("ExtendedStatistic")
    counts = {}
    if not config.get("Metrics") and recent:
        series = alarm.store.metrics.get(config["Namespace"], config["MetricName"], key_of(config.get("Dimensions")))
        end = recent[-1][0] + watch.period
        counts = {item.start: item.count for item in buckets(series, recent[0][0], end, watch.period, config.get("Unit"))}
    evaluated = [
        {"timestamp": stamp(time), "value": value} | ({"sampleCount": counts[time]} if time in counts else {})
        for time, value in reversed(recent)
    ]
    data |= {
        "period": watch.period,
        "recentDatapoints": [value for _, value in recent],
        "threshold": float(config["Threshold"]),
        "evaluatedDatapoints": evaluated,
    }
    return data
