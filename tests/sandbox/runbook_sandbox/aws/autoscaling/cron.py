"""Cron expressions of six fields, as AWS reads them.

`minutes hours day-of-month month day-of-week year`, with `, - * / ? L W #`. Source: Amazon EventBridge Scheduler User
Guide, "Schedule types: Cron-based schedules", to which the Application Auto Scaling User Guide ("Schedule recurring
scaling actions using cron expressions") is shorter but equal.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

FIRST_YEAR, LAST_YEAR = 1970, 2199
_MONTHS = {
    name: index for index, name in enumerate(["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"], 1)
}
_DAYS = {name: index for index, name in enumerate(["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"], 1)}

DayTest = Callable[[date], bool]


class BadCron(ValueError):
    """The expression is none; the text says which field and why."""


@dataclass(frozen=True)
class _Field:
    name: str
    low: int
    high: int
    names: dict[str, int]

    def number(self, text: str) -> int:
        value = self.names.get(text.upper())
        if value is None:
            if not re.fullmatch(r"\d{1,4}", text):
                raise BadCron(f"{self.name}: '{text}' is not a value")
            value = int(text)
        if not self.low <= value <= self.high:
            raise BadCron(f"{self.name}: {text} is not between {self.low} and {self.high}")
        return value

    def values(self, text: str) -> frozenset[int]:
        found: set[int] = set()
        for part in text.split(","):
            found |= self._part(part)
        return frozenset(found)

    def _part(self, part: str) -> set[int]:
        body, slash, step_text = part.partition("/")
        if slash and (not step_text.isdigit() or int(step_text) < 1):
            raise BadCron(f"{self.name}: '{part}' has no step that is a positive number")
        step = int(step_text) if slash else 1
        if body == "*":
            first, last = self.low, self.high
        elif "-" in body:
            start, _, end = body.partition("-")
            first, last = self.number(start), self.number(end)
        else:
            first = self.number(body)
            last = self.high if slash else first
        if first > last:
            # Ranges of names and hours may go around, as SAT-MON or 22-2.
            return set(range(first, self.high + 1, step)) | set(range(self.low, last + 1, step))
        return set(range(first, last + 1, step))


_MINUTES, _HOURS = _Field("Minutes", 0, 59, {}), _Field("Hours", 0, 23, {})
_MONTH_DAYS, _MONTH = _Field("Day-of-month", 1, 31, {}), _Field("Month", 1, 12, _MONTHS)
_WEEK_DAYS, _YEAR = _Field("Day-of-week", 1, 7, _DAYS), _Field("Year", FIRST_YEAR, LAST_YEAR, {})


def _last_day(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _weekday(day: date) -> int:
    """1 is Sunday."""
    return day.isoweekday() % 7 + 1


def _month_day_test(text: str) -> DayTest:
    if text == "L":
        return lambda day: day.day == _last_day(day)
    if text == "LW":
        return lambda day: day.day == _nearest_weekday(day, _last_day(day))
    if match := re.fullmatch(r"(\d{1,2})W", text):
        wanted = _MONTH_DAYS.number(match[1])
        return lambda day: day.day == _nearest_weekday(day, wanted)
    values = _MONTH_DAYS.values(text)
    return lambda day: day.day in values


def _nearest_weekday(month: date, wanted: int) -> int | None:
    """Day of the working day nearest to `wanted` in its month; None where the month has no such day."""
    last = _last_day(month)
    if wanted > last:
        return None
    day = date(month.year, month.month, wanted)
    if day.isoweekday() == 6:
        return wanted - 1 if wanted > 1 else wanted + 2
    if day.isoweekday() == 7:
        return wanted + 1 if wanted < last else wanted - 2
    return wanted


def _week_day_test(text: str) -> DayTest:
    if text.upper() == "L":
        return lambda day: _weekday(day) == 7
    if match := re.fullmatch(r"(\w+)L", text.upper()):
        wanted = _WEEK_DAYS.number(match[1])
        return lambda day: _weekday(day) == wanted and day.day > _last_day(day) - 7
    if match := re.fullmatch(r"(\w+)#([1-5])", text):
        wanted, nth = _WEEK_DAYS.number(match[1]), int(match[2])
        return lambda day: _weekday(day) == wanted and (day.day - 1) // 7 + 1 == nth
    values = _WEEK_DAYS.values(text)
    return lambda day: _weekday(day) in values


class Cron:
    """A parsed expression, in local time; what a time zone makes of it is the caller's."""

    def __init__(self, fields: str) -> None:
        parts = fields.split()
        if len(parts) != 6:
            raise BadCron(f"a cron expression has six fields, this has {len(parts)}")
        minutes, hours, month_day, month, week_day, year = parts
        if (month_day == "?") == (week_day == "?"):
            raise BadCron("exactly one of Day-of-month and Day-of-week must be '?'")
        for name, text in (("Minutes", minutes), ("Hours", hours), ("Month", month), ("Year", year)):
            if "?" in text:
                raise BadCron(f"{name}: '?' is for Day-of-month and Day-of-week only")
        self._minutes = sorted(_MINUTES.values(minutes))
        self._hours = sorted(_HOURS.values(hours))
        self._months = _MONTH.values(month)
        self._years = _YEAR.values(year)
        self._day_fits = _week_day_test(week_day) if month_day == "?" else _month_day_test(month_day)

    def after(self, moment: datetime) -> Iterator[datetime]:
        """Naive local times from the day of `moment` on, in order; the caller leaves out those that are past."""
        year, month, first = moment.year, moment.month, moment.day
        while year <= LAST_YEAR:
            if year not in self._years:
                later = [item for item in self._years if item > year]
                if not later:
                    return
                year, month, first = min(later), 1, 1
            if month in self._months:
                for number in range(first, calendar.monthrange(year, month)[1] + 1):
                    day = date(year, month, number)
                    if self._day_fits(day):
                        for hour in self._hours:
                            for minute in self._minutes:
                                yield datetime.combine(day, time(hour, minute))
            first = 1
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
