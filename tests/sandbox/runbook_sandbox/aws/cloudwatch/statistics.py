"""Statistics over the samples of a period.

Source: Amazon CloudWatch User Guide, "CloudWatch statistics definitions" (syntax of p, tm, wm, tc, ts, pr and IQM). A
percentile interpolates between the ranked values, so that p50 of 1 and 2 is 1.5.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass

from runbook_sandbox.aws.cloudwatch.series import Sample, Series

BASIC = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_NUMBER = r"\d{1,3}(?:\.\d{1,10})?"
_PERCENTILE = re.compile(rf"^p(?P<percent>{_NUMBER})$")
_SHORT = re.compile(rf"^(?P<kind>tm|wm|tc|ts)(?P<percent>{_NUMBER})$", re.IGNORECASE)
_RANGE = re.compile(r"^(?P<kind>TM|WM|TC|TS|PR)\((?P<low>[\d.]*)(?P<lp>%?):(?P<high>[\d.]*)(?P<hp>%?)\)$", re.IGNORECASE)

Values = list[tuple[float, float]]


@dataclass(frozen=True)
class Bucket:
    """All samples of one period."""

    start: int
    samples: list[Sample]

    @property
    def count(self) -> float:
        return sum(item.count for item in self.samples)

    @property
    def unit(self) -> str:
        return self.samples[0].unit

    def basic(self, name: str) -> float:
        """One of the five basic statistics."""
        match name:
            case "SampleCount":
                return self.count
            case "Sum":
                return sum(item.total for item in self.samples)
            case "Average":
                return sum(item.total for item in self.samples) / self.count
            case "Minimum":
                return min(item.low for item in self.samples)
            case _:
                return max(item.high for item in self.samples)

    def values(self) -> Values | None:
        """Ranked values with counts; None when a statistic set hides them (unless it says a single value)."""
        merged: dict[float, float] = {}
        for sample in self.samples:
            pairs = sample.values
            if pairs is None:
                if sample.low != sample.high:
                    return None
                pairs = ((sample.low, sample.count),)
            for value, count in pairs:
                merged[value] = merged.get(value, 0) + count
        return sorted(merged.items())


def valid(stat: str) -> bool:
    """Whether CloudWatch knows the statistic."""
    return parse(stat) is not None


def parse(stat: str) -> Callable[[Bucket], float | None] | None:
    """The statistic as a function of a bucket, None when the text is no statistic."""
    if stat in BASIC:
        return lambda bucket: bucket.basic(stat)
    if stat == "IQM":
        return _of_values(lambda values: _trimmed_mean(values, 25, 75))
    if match := _PERCENTILE.match(stat):
        percent = float(match["percent"])
        return _of_values(lambda values: percentile(values, percent)) if percent <= 100 else None
    if match := _SHORT.match(stat):
        percent = float(match["percent"])
        return _ranged(match["kind"].upper(), 0, percent) if percent <= 100 else None
    if match := _RANGE.match(stat):
        return _range(match)
    return None


def _of_values(function: Callable[[Values], float]) -> Callable[[Bucket], float | None]:
    def apply(bucket: Bucket) -> float | None:
        values = bucket.values()
        return function(values) if values else None

    return apply


def percentile(values: Values, percent: float) -> float:
    """Linear interpolation between the closest ranks of the values, each counted as often as it was published."""
    total = sum(count for _, count in values)
    rank = percent / 100 * (total - 1)
    lower, upper = math.floor(rank), math.ceil(rank)

    def at(position: float) -> float:
        seen = 0.0
        for value, count in values:
            seen += count
            if position < seen:
                return value
        return values[-1][0]

    low, high = at(lower), at(upper)
    return low + (high - low) * (rank - lower)


def _kept(values: Values, low: float, high: float) -> Values:
    """The part of the values between two percentages of their number."""
    total = sum(count for _, count in values)
    start, end = low / 100 * total, high / 100 * total
    kept, seen = [], 0.0
    for value, count in values:
        share = min(seen + count, end) - max(seen, start)
        if share > 0:
            kept.append((value, share))
        seen += count
    return kept


def _trimmed_mean(values: Values, low: float, high: float) -> float:
    kept = _kept(values, low, high) or values
    return sum(value * count for value, count in kept) / sum(count for _, count in kept)


def _winsorized_mean(values: Values, low: float, high: float) -> float:
    kept = _kept(values, low, high) or values
    floor, ceiling = kept[0][0], kept[-1][0]
    total = sum(count for _, count in values)
    return sum(min(max(value, floor), ceiling) * count for value, count in values) / total


def _ranged(kind: str, low: float, high: float) -> Callable[[Bucket], float | None] | None:
    match kind:
        case "TM":
            return _of_values(lambda values: _trimmed_mean(values, low, high))
        case "WM":
            return _of_values(lambda values: _winsorized_mean(values, low, high))
        case "TC":
            return _of_values(lambda values: sum(count for _, count in _kept(values, low, high)))
        case "TS":
            return _of_values(lambda values: sum(value * count for value, count in _kept(values, low, high)))
        case _:
            return None


def _range(match: re.Match[str]) -> Callable[[Bucket], float | None] | None:
    kind = match["kind"].upper()
    if not match["low"] and not match["high"]:
        return None
    try:
        if match["lp"] or match["hp"]:
            return _ranged(kind, float(match["low"] or 0), float(match["high"] or 100))
        low, high = float(match["low"] or "-inf"), float(match["high"] or "inf")
    except ValueError:
        return None

    def inside(values: Values) -> Values:
        return (
            [(value, count) for value, count in values if low < value <= high]
            if match["low"]
            else [(value, count) for value, count in values if value <= high]
        )

    def apply(values: Values) -> float:
        kept, total = inside(values), sum(count for _, count in values)
        count = sum(item for _, item in kept)
        match kind:
            case "PR":
                return 100 * count / total
            case "TC":
                return count
            case "TS":
                return sum(value * item for value, item in kept)
            case "TM":
                return sum(value * item for value, item in kept) / count if count else 0.0
            case _:
                return sum(min(max(value, low), high) * item for value, item in values) / total

    return _of_values(apply)


def buckets(series: Series | None, start: int, end: int, period: int, unit: str | None) -> list[Bucket]:
    """The periods from `start` that have samples, in order; only what was published, nothing is filled in.

    Periods below a minute see high-resolution samples alone. Samples of another unit than the one asked for do not count.
    """
    if series is None:
        return []
    found: dict[int, list[Sample]] = {}
    for sample in series.between(start, end):
        if (unit is None or sample.unit == unit) and (period >= 60 or sample.high_resolution) and sample.count > 0:
            found.setdefault(start + (sample.time - start) // period * period, []).append(sample)
    return [Bucket(time, samples) for time, samples in sorted(found.items())]
