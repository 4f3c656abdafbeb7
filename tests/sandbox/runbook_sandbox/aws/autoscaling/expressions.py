"""Schedule expressions of scheduled actions: `at()`, `rate()` and `cron()`, in a time zone.

Source: Application Auto Scaling API Reference, PutScheduledAction. What it does not say of summer time is taken from the
EventBridge Scheduler User Guide ("Daylight savings time"): a local time that does not exist is left out, one that
exists twice fires once, the first time.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from runbook_sandbox.aws.autoscaling.cron import BadCron, Cron

_FORM = re.compile(r"(at|rate|cron)\((.*)\)")
_AT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}")
_RATE = re.compile(r"([1-9]\d*) (minutes?|hours?|days?)")
_UNITS = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}


class BadExpression(ValueError):
    """Neither at, rate nor cron; the text says why."""


@lru_cache(maxsize=1)
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones())


def zone(name: str | None) -> ZoneInfo:
    """The IANA time zone; UTC for None. Raises `BadExpression`."""
    if name is None:
        return ZoneInfo("UTC")
    # ZoneInfo alone would take "posixrules" or a path; only listed names are zones.
    if name not in _known_zones():
        raise BadExpression(f"Time zone {name} is not a known IANA time zone")
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise BadExpression(f"Time zone {name} is not a known IANA time zone") from error


def _utc(local: datetime, where: ZoneInfo) -> datetime | None:
    """The first moment of a local time; None when the clocks skip it."""
    moment = local.replace(tzinfo=where, fold=0).astimezone(UTC)
    return moment if moment.astimezone(where).replace(tzinfo=None) == local else None


class Schedule:
    """A parsed expression: when does it fire?"""

    def __init__(self, expression: str, timezone: str | None) -> None:
        match = _FORM.fullmatch(expression)
        if match is None:
            raise BadExpression("expected at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron(fields)")
        self.kind, inner = match.groups()
        self._zone = zone(timezone)
        self._interval: timedelta | None = None
        self._moment: datetime | None = None
        self._cron: Cron | None = None
        if self.kind == "at":
            self._moment = self._read_at(inner)
        elif self.kind == "rate":
            self._interval = self._read_rate(inner)
        else:
            try:
                self._cron = Cron(inner)
            except BadCron as error:
                raise BadExpression(str(error)) from error

    def _read_at(self, inner: str) -> datetime:
        if not _AT.fullmatch(inner):
            raise BadExpression(f"at({inner}) is not of the form at(yyyy-mm-ddThh:mm:ss)")
        try:
            local = datetime.fromisoformat(inner)
        except ValueError as error:
            raise BadExpression(f"at({inner}) is no date: {error}") from error
        # A skipped hour is read with the offset before the change, so that an action asked for is not lost.
        return local.replace(tzinfo=self._zone, fold=0).astimezone(UTC)

    @staticmethod
    def _read_rate(inner: str) -> timedelta:
        match = _RATE.fullmatch(inner)
        if match is None:
            raise BadExpression(f"rate({inner}) is not a positive number and minute, minutes, hour, hours, day or days")
        value, unit = int(match[1]), match[2]
        if (value == 1) == unit.endswith("s"):
            raise BadExpression(f"rate({inner}): the unit of 1 is singular, of more plural")
        return value * _UNITS[unit.removesuffix("s")]

    def next_after(self, moment: datetime, start: datetime) -> datetime | None:
        """The first firing later than `moment` and not before `start`, which a rate counts from; None for never."""
        earliest = max(moment, start)
        if self._moment is not None:
            return self._moment if self._moment > moment and self._moment >= start else None
        if self._interval is not None:
            if moment < start:
                return start
            return start + ((moment - start) // self._interval + 1) * self._interval
        assert self._cron is not None
        for local in self._cron.after(earliest.astimezone(self._zone).replace(tzinfo=None)):
            found = _utc(local, self._zone)
            if found is not None and found > moment and found >= start:
                return found
        return None
