"""Child processes that end with their parent, write to a log of their own and are found again only by identity, never by name."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class ProcessError(RuntimeError):
    """A child did not start or ended unexpectedly; the message holds the tail of its log."""


def _die_with_parent(number: int) -> None:
    _LIBC.prctl(_PR_SET_PDEATHSIG, number)


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot (proc(5), field 22), or None if there is none.

    With the pid it names a process for good.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, *fields = stat.rpartition(")")[2].split()
    return None if state == "Z" else int(fields[18])


@dataclass(frozen=True)
class Identity:
    """A process that stays the same one when its pid is given to another."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> Identity:
        return cls(pid, start_time(pid) or 0)

    def alive(self) -> bool:
        return start_time(self.pid) == self.started

    def end(self, grace: float = 20.0) -> None:
        """SIGTERM, then SIGKILL after ``grace`` seconds; returns when the process is gone."""
        for number, patience in ((signal.SIGTERM, grace), (signal.SIGKILL, 5.0)):
            if not self.alive():
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)
            with contextlib.suppress(TimeoutError):
                wait_until(lambda: not self.alive(), patience, f"process {self.pid} to end")


def wait_until(condition: Callable[[], object], seconds: float, what: str, every: float = 0.05) -> None:
    """Polls until ``condition()`` is true; TimeoutError names ``what`` was waited for."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(every)


def tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log, at most 64 KiB of it."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 65536))
            return "\n".join(log.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""


class Child:
    """One child process. It dies with the *thread* that started it (prctl(2), PR_SET_PDEATHSIG): start it from one that lives as long.

    ``death_signal`` is what it is sent then. ``settings`` are further arguments of subprocess.Popen, such as ``user`` and ``cwd``.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        log: Path,
        env: Mapping[str, str] | None = None,
        death_signal: int = signal.SIGKILL,
        **settings: Any,
    ) -> None:
        self.name, self.log = name, log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=os.environ | dict(env or {}),
                start_new_session=True,
                preexec_fn=functools.partial(_die_with_parent, death_signal),
                **settings,
            )
        self.identity = Identity.of(self._process.pid)

    def check(self) -> None:
        """Raises ProcessError if the child has ended."""
        code = self._process.poll()
        if code is not None:
            raise ProcessError(f"{self.name} ended with exit code {code}; the end of {self.log}:\n{tail(self.log)}")

    def wait_ready(self, ready: Callable[[], bool], seconds: float) -> None:
        """Polls ``ready()`` until it is true; ProcessError if the child ends before, or is not ready in time."""

        def condition() -> bool:
            self.check()
            return ready()

        try:
            wait_until(condition, seconds, f"{self.name} to be ready")
        except TimeoutError as error:
            raise ProcessError(f"{error}; the end of {self.log}:\n{tail(self.log)}") from None

    def stop(self, grace: float = 15.0, number: int = signal.SIGTERM) -> None:
        """SIGTERM or another signal, then SIGKILL after ``grace`` seconds; returns when the child is reaped."""
        self.signal(number)
        try:
            self._process.wait(grace)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def signal(self, number: int) -> None:
        if self._process.poll() is None:
            self._process.send_signal(number)
