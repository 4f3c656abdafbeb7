"""Published metrics: one series for each namespace, name and exact set of dimensions.

Source: Amazon CloudWatch User Guide, "Metrics concepts": a unique combination of dimensions is a metric of its own;
standard resolution is one minute; a metric without data for two weeks is no longer listed.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from runbook_sandbox.aws.clock import clock

Dimensions = tuple[tuple[str, str], ...]
_KEPT_SECONDS = 455 * 86400
_LISTED = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Sample:
    """What one published datum says of one moment: values with their counts, or a statistic set without the values."""

    time: int
    unit: str
    high_resolution: bool
    count: float
    total: float
    low: float
    high: float
    values: tuple[tuple[float, float], ...] | None


@dataclass
class Series:
    """Samples of one metric in order of time."""

    namespace: str
    name: str
    dimensions: Dimensions
    samples: list[Sample] = field(default_factory=list)
    last_put: float = 0

    def add(self, sample: Sample) -> None:
        """Insert by time; usually it is the newest."""
        if not self.samples or sample.time >= self.samples[-1].time:
            self.samples.append(sample)
        else:
            bisect.insort_right(self.samples, sample, key=lambda item: item.time)
        oldest = sample.time - _KEPT_SECONDS
        if self.samples[0].time < oldest:
            del self.samples[: bisect.bisect_left(self.samples, oldest, key=lambda item: item.time)]
        self.last_put = clock.now().timestamp()

    def between(self, start: int, end: int) -> list[Sample]:
        """Samples of start (included) to end (excluded), in epoch seconds."""
        first = bisect.bisect_left(self.samples, start, key=lambda item: item.time)
        last = bisect.bisect_left(self.samples, end, lo=first, key=lambda item: item.time)
        return self.samples[first:last]

    def describe(self) -> dict[str, Any]:
        return {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": shown(self.dimensions)}


def key_of(dimensions: Iterable[dict[str, str]] | None) -> Dimensions:
    """Dimensions in an order of their own, so that the order sent does not matter."""
    return tuple(sorted((item["Name"], item["Value"]) for item in dimensions or ()))


def shown(dimensions: Dimensions) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in dimensions]


class Metrics:
    """The metrics of one account and region."""

    def __init__(self) -> None:
        self._series: dict[tuple[str, str, Dimensions], Series] = {}

    def get(self, namespace: str, name: str, dimensions: Dimensions) -> Series | None:
        """The metric with exactly these dimensions; fewer or more are another metric."""
        return self._series.get((namespace, name, dimensions))

    def put(self, namespace: str, datum: dict[str, Any]) -> None:
        """Store a checked MetricDatum."""
        dimensions = key_of(datum.get("Dimensions"))
        key = (namespace, datum["MetricName"], dimensions)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = Series(namespace, datum["MetricName"], dimensions)
        series.add(_sample(datum))

    def listed(self) -> Iterator[Series]:
        """What ListMetrics shows: metrics that had data in the last two weeks."""
        oldest = (clock.now() - _LISTED).timestamp()
        for key in sorted(self._series):
            if self._series[key].last_put >= oldest:
                yield self._series[key]

    def names(self, namespace: str) -> Iterator[Series]:
        for key, series in self._series.items():
            if key[0] == namespace:
                yield series


def _sample(datum: dict[str, Any]) -> Sample:
    high = datum.get("StorageResolution") == 1
    time = (datum.get("Timestamp") or clock.now()).timestamp()
    seconds = int(time) if high else int(time // 60 * 60)
    unit = datum.get("Unit") or "None"
    statistics = datum.get("StatisticValues")
    if statistics:
        count, total = float(statistics["SampleCount"]), float(statistics["Sum"])
        return Sample(seconds, unit, high, count, total, float(statistics["Minimum"]), float(statistics["Maximum"]), None)
    if datum.get("Values"):
        counts = datum.get("Counts") or [1.0] * len(datum["Values"])
        pairs = tuple((float(value), float(count)) for value, count in zip(datum["Values"], counts, strict=True) if count > 0)
    else:
        pairs = ((float(datum["Value"]), 1.0),)
    return Sample(
        seconds,
        unit,
        high,
        sum(count for _, count in pairs),
        sum(value * count for value, count in pairs),
        min((value for value, _ in pairs), default=0.0),
        max((value for value, _ in pairs), default=0.0),
        pairs,
    )
