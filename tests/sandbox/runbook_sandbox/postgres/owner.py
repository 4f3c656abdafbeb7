"""As whom PostgreSQL runs: it refuses to be root, so a root's servers run as a user without rights."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Owner:
    """The user whom servers and their data belong to; None where that is who runs the sandbox."""

    user: int | None = None
    group: int | None = None

    @classmethod
    def of_this_machine(cls) -> Owner:
        """``postgres`` where the distribution made that user, else ``nobody``; whoever runs this unless that is root."""
        if os.geteuid() != 0:
            return cls()
        for name in ("postgres", "nobody"):
            try:
                found = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(found.pw_uid, found.pw_gid)
        return cls(65534, 65534)

    def settings(self) -> dict[str, Any]:
        """Arguments of subprocess.Popen that make a program run as this user."""
        return {} if self.user is None else {"user": self.user, "group": self.group, "extra_groups": []}

    def give(self, paths: Sequence[Path]) -> None:
        """Makes files and folders (not what is in them) this user's."""
        if self.user is not None and self.group is not None:
            for path in paths:
                os.chown(path, self.user, self.group)

    def temporary(self) -> Path:
        """A new temporary folder of this user's. Its path is short: that of a Unix socket has at most 107 bytes (unix(7))."""
        usual = Path(tempfile.gettempdir())
        made = Path(tempfile.mkdtemp(prefix="runbook-postgres-", dir=usual if self.reaches(usual) and len(str(usual)) <= 40 else "/tmp"))
        self.give([made])
        return made

    def reaches(self, path: Path) -> bool:
        """Whether this user may go into a folder; of one that does not exist yet, into the one it will be made in."""
        if self.user is None:
            return True
        return all(parent.stat().st_mode & 0o001 for parent in (path, *path.parents) if parent.exists())
