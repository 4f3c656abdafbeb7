"""Where PostgreSQL's programs come from: what is installed, else Debian's packages, unpacked into the cache without root.

In this order: the folder that ``RUNBOOK_POSTGRES`` names, the newest ``/usr/lib/postgresql/*/bin``, the folder of the
``postgres`` on PATH, the cache (``~/.cache/runbook-operator/postgresql``; ``XDG_CACHE_HOME`` is honoured).
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from runbook_sandbox.postgres import debian
from runbook_sandbox.postgres.owner import Owner

#: What a server, its data and its backups need.
PROGRAMS = ("initdb", "postgres", "pg_basebackup")
#: 13 is the oldest that RDS still offers; it has all that is used here.
OLDEST = 13
INSTALLED = Path("/usr/lib/postgresql")

Progress = Callable[[str], None]


class InstallError(RuntimeError):
    """PostgreSQL is not there and could not be installed; the message says what to do."""


@dataclass(frozen=True)
class Binaries:
    """The programs of one PostgreSQL, and the folders of the shared libraries that came with them."""

    directory: Path
    libraries: tuple[Path, ...] = ()

    def __getitem__(self, name: str) -> Path:
        return self.directory / name

    def environment(self) -> dict[str, str]:
        """Variables that the programs need."""
        return {"LD_LIBRARY_PATH": os.pathsep.join(map(str, self.libraries))} if self.libraries else {}

    def version(self) -> str:
        """Such as ``15.18``. InstallError with what the program said if it does not run."""
        command = [str(self["postgres"]), "--version"]
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | self.environment())
        found = re.search(r"\(PostgreSQL\) (\S+)", done.stdout)
        if done.returncode != 0 or found is None:
            raise InstallError(f"{self['postgres']} does not run: {done.stderr.strip() or done.stdout.strip()}")
        return found.group(1)

    def major(self) -> int:
        return int(re.match(r"\d+", self.version()).group())  # type: ignore[union-attr]


def say(line: str) -> None:
    print(f"[postgresql] {line}", file=sys.stderr, flush=True)


def cache_dir() -> Path:
    """The folder of this module. A root whose home nobody else may enter has it in /var/cache: servers run as another user."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "runbook-operator" / "postgresql"
    return cache if Owner.of_this_machine().reaches(cache) else Path("/var/cache/runbook-operator/postgresql")


def _complete(directory: Path) -> bool:
    return all(os.access(directory / name, os.X_OK) for name in PROGRAMS)


def _version_of(directory: Path) -> int:
    return int(directory.parent.name) if directory.parent.name.isdigit() else 0


def _installed() -> Iterator[Path]:
    yield from sorted(INSTALLED.glob("*/bin"), key=_version_of, reverse=True)
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent


def _unpacked(root: Path) -> Binaries | None:
    for directory in sorted(root.glob("usr/lib/postgresql/*/bin"), key=_version_of, reverse=True):
        if _complete(directory):
            libraries = [path for path in (*root.glob("usr/lib/*-linux-*"), *root.glob("lib/*-linux-*")) if path.is_dir()]
            return Binaries(directory, tuple(libraries))
    return None


def find(cache: Path | None = None) -> Binaries | None:
    """PostgreSQL as far as it is on this machine. InstallError if ``RUNBOOK_POSTGRES`` names none."""
    named = os.environ.get("RUNBOOK_POSTGRES")
    if named:
        if not _complete(Path(named)):
            raise InstallError(f"RUNBOOK_POSTGRES={named} has no {', '.join(PROGRAMS)}")
        return Binaries(Path(named).resolve())
    for directory in _installed():
        if _complete(directory):
            found = Binaries(directory)
            if found.major() >= OLDEST:
                return found
    return _unpacked((cache or cache_dir()) / "root")


def ensure(progress: Progress = say) -> Binaries:
    """Returns PostgreSQL, installing it into the cache if there is none.

    Safe to call from several processes: one installs, the others wait and find the result.
    """
    return find() or install(cache_dir(), progress)


def install(cache: Path, progress: Progress = say) -> Binaries:
    """Unpacks Debian's packages below ``cache``. InstallError where there is no apt, or no such package."""
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if found := _unpacked(cache / "root"):
            return found
        partial = cache / "root.partial"
        shutil.rmtree(partial, ignore_errors=True)
        try:
            debian.unpack(partial, cache / "apt", progress)
        except debian.PackageError as error:
            raise InstallError(
                f"PostgreSQL could not be installed: {error}. Install PostgreSQL {OLDEST} or newer, or set RUNBOOK_POSTGRES to the folder "
                f"of its {', '.join(PROGRAMS)}."
            ) from error
        found = _unpacked(partial)
        if found is None:
            raise InstallError(f"Debian's packages have no {', '.join(PROGRAMS)}")
        version = found.version()
        shutil.rmtree(cache / "root", ignore_errors=True)
        partial.replace(cache / "root")
        progress(f"PostgreSQL {version} is in {cache / 'root'}")
        return _unpacked(cache / "root")  # type: ignore[return-value]
