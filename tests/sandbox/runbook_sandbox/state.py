"""Where a sandbox keeps what it is: a folder, and in it ``sandbox.json`` for whoever wants to use, ask about or end it."""

from __future__ import annotations

import json
import os
import re
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from runbook_sandbox.processes import Identity

DEFAULT_NAME = "sandbox"


def state_root() -> Path:
    """``${XDG_STATE_HOME:-~/.local/state}/runbook-operator`` (XDG Base Directory specification)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "runbook-operator"


def directory_of(name: str) -> Path:
    """The folder of a named sandbox. ValueError for a name that would not be one folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", name):
        raise ValueError(f"sandbox name {name!r}: use letters, digits, '.', '_' and '-'")
    return state_root() / name


@dataclass
class State:
    """What ``sandbox.json`` holds. ``phase`` is starting, ready, failed or stopped; ``message`` says why it failed."""

    phase: str
    kubeconfig: str = ""
    aws_endpoint: str = ""
    path: str = ""  # a PATH prefix with kubectl and helm of the sandbox's version
    message: str = ""
    processes: dict[str, Identity] = field(default_factory=dict)  # "supervisor" runs the others

    def write(self, directory: Path) -> None:
        """All at once: a reader sees the old state or the new."""
        partial = directory / ".sandbox.json.partial"
        partial.write_text(json.dumps(asdict(self), indent=2) + "\n")
        partial.replace(directory / "sandbox.json")

    @classmethod
    def read(cls, directory: Path) -> State | None:
        """None if no sandbox was ever started there."""
        try:
            stored: dict[str, Any] = json.loads((directory / "sandbox.json").read_text())
        except FileNotFoundError:
            return None
        processes = {name: Identity(**identity) for name, identity in stored.pop("processes").items()}
        return cls(**stored, processes=processes)

    def alive(self) -> dict[str, Identity]:
        """Its processes that still run; none whose pid was given to another program."""
        return {name: identity for name, identity in self.processes.items() if identity.alive()}
