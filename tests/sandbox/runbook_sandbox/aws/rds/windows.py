"""Backup and maintenance windows, in UTC.

Source: Amazon RDS User Guide, "Backup window" (default 8-hour block of each Region) and "The Amazon RDS maintenance window".
"""

from __future__ import annotations

import re
import zlib
from datetime import datetime, timedelta

from runbook_sandbox.aws.rds import errors

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WEEK = 7 * 1440
_BACKUP = re.compile(r"^([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]):([0-5]\d)$")
_MAINTENANCE = re.compile(rf"^({'|'.join(_DAYS)}):([01]\d|2[0-3]):([0-5]\d)-({'|'.join(_DAYS)}):([01]\d|2[0-3]):([0-5]\d)$", re.IGNORECASE)
#: First hour (UTC) of the 8 hours from which RDS picks a default window.
_BLOCKS = {
    "us-east-1": 3, "us-east-2": 3, "us-west-1": 6, "us-west-2": 6, "ca-central-1": 3, "sa-east-1": 23, "eu-central-1": 20, "eu-west-1": 22,
    "eu-west-2": 22, "eu-west-3": 7, "eu-north-1": 23, "eu-south-1": 2, "ap-northeast-1": 13, "ap-northeast-2": 13, "ap-southeast-1": 14,
    "ap-southeast-2": 12, "ap-south-1": 16,
}  # fmt: skip


def _backup_minutes(window: str) -> tuple[int, int]:
    """Start in minutes of the day and length in minutes. Raises InvalidParameterValue."""
    match = _BACKUP.match(window)
    if not match:
        raise errors.invalid_value(
            f"Invalid backup window format: {window}. Should be specified as a range hh24:mi-hh24:mi (24H Clock UTC). Example: 05:10-06:10"
        )
    start, end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
    length = (end - start) % 1440
    if length < 30:
        raise errors.invalid_value(f"The backup window must be at least 30 minutes: {window}")
    return start, length


def _maintenance_minutes(window: str) -> tuple[int, int]:
    """Start in minutes of the week and length in minutes. Raises InvalidParameterValue."""
    match = _MAINTENANCE.match(window)
    if not match:
        raise errors.invalid_value(
            f"Invalid maintenance window format: {window}. Should be specified as a range ddd:hh24:mi-ddd:hh24:mi (24H Clock UTC). "
            "Example: Sun:23:45-Mon:00:15"
        )
    start = _DAYS.index(match[1].lower()) * 1440 + int(match[2]) * 60 + int(match[3])
    end = _DAYS.index(match[4].lower()) * 1440 + int(match[5]) * 60 + int(match[6])
    length = (end - start) % _WEEK
    if length < 30:
        raise errors.invalid_value(f"The maintenance window must be at least 30 minutes: {window}")
    if length > 1440:
        raise errors.invalid_value(f"Maintenance window must be less than 24 hours: {window}")
    return start, length


def checked(backup: str, maintenance: str) -> tuple[str, str]:
    """Both windows as RDS stores them (lower case). Raises InvalidParameterValue on format, length or overlap."""
    daily, daily_length = _backup_minutes(backup)
    weekly, weekly_length = _maintenance_minutes(maintenance)
    for day in range(7):
        start = day * 1440 + daily
        # Two arcs of the week overlap when either begins inside the other.
        if (start - weekly) % _WEEK < weekly_length or (weekly - start) % _WEEK < daily_length:
            raise errors.invalid_value("The backup window and maintenance window must not overlap.")
    return backup, maintenance.lower()


def defaults(region: str, name: str, backup: str | None, maintenance: str | None) -> tuple[str, str]:
    """The windows of a new database: those given, and for the rest half an hour of the Region's block that does not overlap."""
    block = _BLOCKS.get(region, 22) * 60
    seed = zlib.crc32(name.encode())
    if backup is not None:
        _backup_minutes(backup)
    if maintenance is not None:
        _maintenance_minutes(maintenance)
    # Half hours of the block first; the rest of the day is for a given window that fills the block.
    for attempt in range(48):
        minute = (seed + attempt) % 16 * 30 if attempt < 16 else attempt * 30
        daily = backup or _hours((block + minute) % 1440)
        weekly = maintenance or _weekly((seed // 16 % 7) * 1440 + (block + (minute + 150) % (480 if attempt < 16 else 1440)) % 1440)
        try:
            return checked(daily, weekly)
        except errors.RDSError:
            if backup is not None and maintenance is not None:
                raise
    raise errors.invalid_value("The backup window and maintenance window must not overlap.")


def _hours(minute: int) -> str:
    end = (minute + 30) % 1440
    return f"{minute // 60:02}:{minute % 60:02}-{end // 60:02}:{end % 60:02}"


def _weekly(minute: int) -> str:
    end = (minute + 30) % _WEEK

    def text(value: int) -> str:
        return f"{_DAYS[value // 1440]}:{value % 1440 // 60:02}:{value % 60:02}"

    return f"{text(minute)}-{text(end)}"


def next_backup(window: str, after: datetime) -> datetime:
    """The next start of a backup window strictly after a time."""
    start, _ = _backup_minutes(window)
    due = after.replace(hour=start // 60, minute=start % 60, second=0, microsecond=0)
    return due if due > after else due + timedelta(days=1)


def next_maintenance(window: str, after: datetime) -> datetime:
    """The next start of a maintenance window strictly after a time."""
    start, _ = _maintenance_minutes(window)
    monday = (after - timedelta(days=after.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    due = monday + timedelta(minutes=start)
    return due if due > after else due + timedelta(days=7)
