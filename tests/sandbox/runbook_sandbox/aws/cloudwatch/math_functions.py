"""Values of metric math, and what operators and functions do to them.

A value is a scalar, a time series (a dict of epoch seconds to numbers) or an array of them. Operators on two series work
on the times that both have; a division by zero leaves no datapoint.
Source: Amazon CloudWatch User Guide, "Functions supported for metric math".
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass, field

from runbook_sandbox.aws.cloudwatch.expressions import ExpressionError


@dataclass
class Series:
    """A time series inside an expression, with the period and the label of where it comes from."""

    points: dict[int, float]
    period: int
    label: str = ""
    name: str = ""


Value = float | str | Series | list[Series]


@dataclass
class Range:
    """The time that a request asks for: what FILL fills. Epoch seconds."""

    start: int
    end: int
    metrics: list[Series] = field(default_factory=list)


def _divide(left: float, right: float) -> float | None:
    return left / right if right else None


def _power(left: float, right: float) -> float | None:
    try:
        result = left**right
    except (OverflowError, ZeroDivisionError):
        return None
    return result if isinstance(result, float) else None


_OPERATORS: dict[str, Callable[[float, float], float | None]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _divide,
    "^": _power,
    "<": lambda left, right: float(left < right),
    "<=": lambda left, right: float(left <= right),
    ">": lambda left, right: float(left > right),
    ">=": lambda left, right: float(left >= right),
    "==": lambda left, right: float(left == right),
    "!=": lambda left, right: float(left != right),
    "&&": lambda left, right: float(bool(left) and bool(right)),
    "||": lambda left, right: float(bool(left) or bool(right)),
}


def binary(operator: str, left: Value, right: Value) -> Value:
    """Raises ExpressionError on operands that metric math does not combine."""
    function = _OPERATORS[operator]
    if isinstance(left, str) or isinstance(right, str):
        raise ExpressionError(f"a string can't be an operand of '{operator}'")
    if isinstance(left, list) and isinstance(right, list):
        if len(left) != len(right):
            raise ExpressionError(f"the arrays on both sides of '{operator}' are not of the same length")
        return [_one(function, first, second) for first, second in zip(left, right, strict=True)]
    if isinstance(left, list):
        return [_one(function, item, right) for item in left]
    if isinstance(right, list):
        return [_one(function, left, item) for item in right]
    if isinstance(left, float) and isinstance(right, float):
        result = function(left, right)
        if result is None:
            raise ExpressionError("division by zero")
        return result
    return _one(function, left, right)


def _one(function: Callable[[float, float], float | None], left: float | Series, right: float | Series) -> Series:
    if isinstance(left, Series) and isinstance(right, Series):
        times = left.points.keys() & right.points.keys()
        pairs = {time: (left.points[time], right.points[time]) for time in times}
        model = left
    elif isinstance(left, Series):
        pairs = {time: (value, right) for time, value in left.points.items()}
        model = left
    else:
        assert isinstance(right, Series)
        pairs = {time: (left, value) for time, value in right.points.items()}
        model = right
    points = {time: result for time, (first, second) in pairs.items() if (result := function(first, second)) is not None}
    return Series(dict(sorted(points.items())), model.period, model.label)


def each(function: Callable[[float], float | None], value: Value) -> Value:
    """A function of one number over whatever the value is."""
    if isinstance(value, list):
        return [each(function, item) for item in value]  # type: ignore[misc]
    if isinstance(value, Series):
        points = {time: result for time, number in value.points.items() if (result := function(number)) is not None}
        return Series(points, value.period, value.label)
    if isinstance(value, str):
        raise ExpressionError("a number or time series is expected, not a string")
    result = function(value)
    if result is None:
        raise ExpressionError(f"no value for {value}")
    return result


def aggregate(function: Callable[[list[float]], float], arguments: list[Value]) -> Value:
    """A series becomes a scalar; an array becomes a series over all times that any of it has."""
    if len(arguments) == 1 and isinstance(arguments[0], Series):
        return function(list(arguments[0].points.values())) if arguments[0].points else 0.0
    flat: list[float | Series] = []
    for argument in arguments:
        if isinstance(argument, str):
            raise ExpressionError("a number or time series is expected, not a string")
        flat += argument if isinstance(argument, list) else [argument]
    series = [item for item in flat if isinstance(item, Series)]
    scalars = [item for item in flat if not isinstance(item, Series)]
    if not series:
        return function(scalars) if scalars else 0.0
    times = sorted({time for item in series for time in item.points})
    points = {time: function([item.points[time] for item in series if time in item.points] + scalars) for time in times}
    return Series(points, series[0].period, series[0].label)


def fill(value: Value, filler: Value, span: Range) -> Value:
    """FILL: a number, a series, REPEAT or LINEAR for the periods that have no datapoint."""
    if isinstance(value, list):
        return [fill(item, filler, span) for item in value]  # type: ignore[misc]
    if not isinstance(value, Series):
        raise ExpressionError("FILL needs a time series")
    points: dict[int, float] = {}
    known = sorted(value.points)
    for time in range(span.start, span.end, value.period):
        if time in value.points:
            points[time] = value.points[time]
        elif isinstance(filler, Series):
            if time in filler.points:
                points[time] = filler.points[time]
        elif isinstance(filler, str):
            before = next((item for item in reversed(known) if item < time), None)
            after = next((item for item in known if item > time), None)
            if filler == "LINEAR" and before is not None and after is not None:
                share = (time - before) / (after - before)
                points[time] = value.points[before] + (value.points[after] - value.points[before]) * share
            elif before is not None:
                points[time] = value.points[before]
        elif isinstance(filler, float):
            points[time] = filler
    return Series(points, value.period, value.label)


def choose(condition: Value, yes: Value, no: Value) -> Value:
    """IF: by point where the condition is a series, as a whole where it is a number."""
    if isinstance(condition, (str, list)) or isinstance(yes, (str, list)) or isinstance(no, (str, list)):
        raise ExpressionError("IF takes numbers and time series")
    if isinstance(condition, float):
        return yes if condition else no
    points = {}
    for time, number in condition.points.items():
        chosen = yes if number else no
        if isinstance(chosen, Series):
            if time in chosen.points:
                points[time] = chosen.points[time]
        else:
            points[time] = chosen
    return Series(points, condition.period, condition.label)


def steps(value: Value, function: Callable[[float, float, int], float]) -> Value:
    """A function of each pair of neighbours: (previous, current, seconds between them)."""
    if isinstance(value, list):
        return [steps(item, function) for item in value]  # type: ignore[misc]
    if not isinstance(value, Series):
        raise ExpressionError("a time series is expected")
    times = sorted(value.points)
    points = {
        later: function(value.points[earlier], value.points[later], later - earlier)
        for earlier, later in zip(times, times[1:], strict=False)
    }
    return Series(points, value.period, value.label)


def running_sum(value: Value) -> Value:
    if isinstance(value, list):
        return [running_sum(item) for item in value]  # type: ignore[misc]
    if not isinstance(value, Series):
        raise ExpressionError("RUNNING_SUM needs a time series")
    total, points = 0.0, {}
    for time in sorted(value.points):
        total += value.points[time]
        points[time] = total
    return Series(points, value.period, value.label)


#: Functions of one number.
SINGLE: dict[str, Callable[[float], float | None]] = {
    "ABS": abs,
    "CEIL": lambda number: float(math.ceil(number)),
    "FLOOR": lambda number: float(math.floor(number)),
    "LOG": lambda number: math.log(number) if number > 0 else None,
    "LOG10": lambda number: math.log10(number) if number > 0 else None,
}
#: Functions of many numbers.
MANY: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum,
    "AVG": lambda numbers: sum(numbers) / len(numbers),
    "MIN": min,
    "MAX": max,
    "STDDEV": statistics.pstdev,
}
