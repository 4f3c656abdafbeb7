"""What the audience sees: titles, commands and what they print, and whether each step did what it says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from runbook_sandbox.clocked.installation import until
from runbook_sandbox.harness import Client

T = TypeVar("T")
_COLOURS = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def _paint(code: str, text: str) -> str:
    return f"\033[{code}m{text}\033[0m" if _COLOURS else text


class Stage:
    """Prints the story. A step that does not do what it says ends it with an exception."""

    def __init__(self) -> None:
        self._step = 0
        self._begun = time.monotonic()

    def title(self, text: str) -> None:
        """The next step."""
        self._step += 1
        print(f"\n{_paint('1;36', f'{self._step}. {text}')}", flush=True)

    def say(self, text: str) -> None:
        """What the audience should know."""
        print(f"   {text}", flush=True)

    def run(self, client: Client, command: str, *, shown: Callable[[str], str] = lambda output: output) -> str:
        """Shows a kubectl command and what it prints."""
        print(f"   {_paint('2', '$')} {_paint('33', command)}", flush=True)
        output = client.run(*command.split())
        for line in shown(output).rstrip().splitlines():
            print(f"   {line}")
        sys.stdout.flush()
        return output

    def run_cli(self, client: Client, program: Path, *arguments: str, stdin: str = "") -> int:
        """Shows a command of `kubectl runbook` and what it prints, and returns its exit code."""
        print(f"   {_paint('2', '$')} {_paint('33', ' '.join(('kubectl', 'runbook', *arguments)))}", flush=True)
        environment = os.environ | client.environment()
        done = subprocess.run([program, *arguments], input=stdin, capture_output=True, text=True, env=environment, check=False)
        for line in (done.stdout + done.stderr).rstrip().splitlines():
            print(f"   {line}")
        sys.stdout.flush()
        return done.returncode

    def expect(self, what: str, read: Callable[[], T], right: Callable[[T], bool], seconds: float = 60) -> T:
        """Waits until what is read is right, and says so."""
        begun = time.monotonic()
        value = until(what, read, right, seconds)
        print(f"   {_paint('32', '✓')} {what} {_paint('2', f'({time.monotonic() - begun:.1f} s)')}", flush=True)
        return value

    def check(self, what: str, holds: bool, otherwise: object = "") -> None:
        """Says that something holds, or ends the story."""
        if not holds:
            raise AssertionError(f"{what}: it does not hold {otherwise}")
        print(f"   {_paint('32', '✓')} {what}", flush=True)

    def end(self) -> None:
        """The last line."""
        print(f"\n{_paint('1;32', 'Everything did what it says')} {_paint('2', f'({time.monotonic() - self._begun:.0f} s)')}", flush=True)
