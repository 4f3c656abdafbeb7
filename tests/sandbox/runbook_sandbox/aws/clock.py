"""The sandbox's own time.

Everything in the AWS sandbox that takes time in AWS (a task starting, a snapshot being created, a scheduled action
firing) is an entry on this clock's agenda. A test freezes and advances it, so that a night passes in a millisecond;
left alone, it runs with the wall clock.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class Appointment:
    """One entry of the agenda; `cancel()` takes it out."""

    __slots__ = ("callback", "cancelled", "due", "name")

    def __init__(self, due: datetime, callback: Callable[[], None], name: str) -> None:
        self.due = due
        self.callback = callback
        self.name = name
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class Clock:
    """Virtual UTC time with an agenda.

    While appointments are kept, `now()` is the time at which each one was due, so an advance by a day sees every
    step in its order and at its time, and a callback may make new appointments inside the same advance.
    All callbacks run under `lock`, which the server also holds while it answers a request: a request never sees a
    half-made step.
    """

    def __init__(self, start: datetime | None = None, *, frozen: bool = False) -> None:
        self.lock = threading.RLock()
        self._origin = start or datetime.now(UTC)
        self._monotonic = time.monotonic()
        self._frozen_at: datetime | None = self._origin if frozen else None
        self._keeping: datetime | None = None
        self._agenda: list[tuple[datetime, int, Appointment]] = []
        self._sequence = itertools.count()
        #: What to do with an appointment that raised; without it the exception goes to whoever settled the clock.
        self.on_failure: Callable[[Appointment, Exception], None] | None = None

    def now(self) -> datetime:
        """The sandbox's time, timezone-aware UTC."""
        with self.lock:
            if self._keeping is not None:
                return self._keeping
            return self._target()

    def _target(self) -> datetime:
        if self._frozen_at is not None:
            return self._frozen_at
        return self._origin + timedelta(seconds=time.monotonic() - self._monotonic)

    @property
    def frozen(self) -> bool:
        """True while only `advance` moves the time."""
        with self.lock:
            return self._frozen_at is not None

    def call_at(self, due: datetime, callback: Callable[[], None], name: str = "") -> Appointment:
        """Run `callback` when the clock reaches `due` (at once, at the next settle, when that is past)."""
        if due.tzinfo is None:
            raise ValueError("an appointment needs a timezone-aware time")
        with self.lock:
            appointment = Appointment(due, callback, name)
            heapq.heappush(self._agenda, (due, next(self._sequence), appointment))
            return appointment

    def call_later(self, seconds: float, callback: Callable[[], None], name: str = "") -> Appointment:
        """Run `callback` in `seconds` of the sandbox's time."""
        return self.call_at(self.now() + timedelta(seconds=seconds), callback, name)

    def settle(self) -> None:
        """Keep every appointment that is due, in order of time. The server calls it before each request."""
        with self.lock:
            if self._keeping is not None:
                return
            target = self._target()
            try:
                while self._agenda and self._agenda[0][0] <= target:
                    due, _, appointment = heapq.heappop(self._agenda)
                    if appointment.cancelled:
                        continue
                    self._keeping = max(due, self._keeping) if self._keeping else due
                    self._keep(appointment)
            finally:
                self._keeping = None

    def _keep(self, appointment: Appointment) -> None:
        try:
            appointment.callback()
        except Exception as error:
            if self.on_failure is None:
                raise
            self.on_failure(appointment, error)

    def freeze(self) -> None:
        """Stop the clock where it is."""
        with self.lock:
            self.settle()
            self._frozen_at = self._target()

    def resume(self) -> None:
        """Let the clock run with the wall clock again, from where it is."""
        with self.lock:
            if self._frozen_at is not None:
                self._origin, self._monotonic, self._frozen_at = self._frozen_at, time.monotonic(), None

    def advance(self, seconds: float) -> None:
        """Move the clock forward and keep everything that falls due on the way. Time never goes back."""
        if seconds < 0:
            raise ValueError("the clock cannot go back")
        with self.lock:
            self.settle()
            moved = self._target() + timedelta(seconds=seconds)
            if self._frozen_at is not None:
                self._frozen_at = moved
            else:
                self._origin, self._monotonic = moved, time.monotonic()
            self.settle()

    def reset(self, start: datetime | None = None) -> None:
        """Forget the agenda and start again, at `start` or now."""
        with self.lock:
            self._agenda.clear()
            self._origin, self._monotonic = start or datetime.now(UTC), time.monotonic()
            self._frozen_at = self._origin if self._frozen_at is not None else None


#: The one clock of this process. Modules import it: `from runbook_sandbox.aws.clock import clock`.
clock = Clock()
