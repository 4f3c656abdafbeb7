"""What instances, clusters and snapshots have in common: a record, a status, tags, and appointments that end with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runbook_sandbox.aws.clock import Appointment, clock
from runbook_sandbox.aws.rds.store import Store


class Resource:
    """An RDS resource.

    `record` holds members named as the API reference names them. Progress is made by appointments on the clock; when
    the resource goes, so do they.
    """

    #: Resource type in the ARN.
    kind = ""

    def __init__(self, store: Store, identifier: str, record: dict[str, Any], tags: list[dict[str, str]]) -> None:
        self.store = store
        self.identifier = identifier
        self.record = record
        self.tags = tags
        self.status = "creating"
        self._appointments: list[Appointment] = []

    @property
    def arn(self) -> str:
        return self.store.arn(self.kind, self.identifier)

    def later(self, seconds: float, action: Callable[[], None], name: str) -> Appointment:
        """Do something in `seconds` of the sandbox's time, unless the resource is gone by then."""
        self._appointments = [item for item in self._appointments if not item.cancelled and item.due >= clock.now()]
        appointment = clock.call_later(seconds, action, f"rds {name} {self.identifier}")
        self._appointments.append(appointment)
        return appointment

    def cancel_all(self) -> None:
        """Forget what was to happen."""
        for appointment in self._appointments:
            appointment.cancel()
        self._appointments.clear()


class Progress:
    """Percent of something that takes a known time, read off the clock."""

    def __init__(self, seconds: float) -> None:
        self._begun = clock.now()
        self._seconds = seconds

    def percent(self) -> int:
        """0 to 99; only the end itself is 100."""
        if self._seconds <= 0:
            return 99
        return max(0, min(99, int((clock.now() - self._begun).total_seconds() / self._seconds * 100)))
