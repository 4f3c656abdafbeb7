"""What instances, clusters and snapshots have in common: a record, a status, tags, and appointments that end with them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from runbook_sandbox.aws.clock import Appointment, clock
from runbook_sandbox.aws.rds.store import Store


class Work(Protocol):
    """Something that takes time of its own."""

    @property
    def busy(self) -> bool:
        """Whether it is under way."""

    def join(self) -> None:
        """Waits for its end; raises what went wrong."""


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

    @property
    def work(self) -> Work | None:
        """What is done about it outside of the sandbox's clock, if anything is."""
        return None

    def complete(self) -> None:
        """Waits for `work`."""
        if self.work is not None:
            self.work.join()

    def when_done(self, seconds: float, action: Callable[[], None], name: str) -> None:
        """As `later`, but once `work` is done: a frozen clock waits for it, one that runs goes on meanwhile."""

        def keep() -> None:
            if self.work is not None and self.work.busy and not clock.frozen:
                self.later(0.1, keep, name)
                return
            self.complete()
            action()

        self.later(seconds, keep, name)

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
