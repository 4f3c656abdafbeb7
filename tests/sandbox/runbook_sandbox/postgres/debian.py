"""PostgreSQL from the distribution's packages without root: `apt-get download` and `dpkg --extract`, nothing is installed.

The version is the one that the distribution's `postgresql` depends on. Of the libraries only those are taken that the
machine does not have; LLVM, which compiles expressions, is left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

#: Shared libraries are the packages whose names begin so; everything else that is depended on is for a server that boots with the machine.
_LIBRARY = re.compile(r"^(lib(?!llvm)[a-z0-9.+-]+|zlib1g)$")
_SERVER = re.compile(r"^postgresql-(\d+)$")


class PackageError(RuntimeError):
    """A package could not be had; the message is what apt or dpkg said."""


class _Apt:
    """apt with lists of its own where the machine's are missing or outdated."""

    def __init__(self, state: Path) -> None:
        self._state = state
        self._options: list[str] = []

    def refresh(self) -> None:
        """Fetches the package lists into a folder of this user's."""
        for folder in ("lists/partial", "cache/archives/partial"):
            (self._state / folder).mkdir(parents=True, exist_ok=True)
        self._options = [f"-oDir::State::Lists={self._state}/lists", f"-oDir::Cache={self._state}/cache"]
        self._options += ["-oAPT::Sandbox::User=", "-oAcquire::Languages=none"]
        self.run("apt-get", "update", "-qq")

    def run(self, program: str, *arguments: str, cwd: Path | None = None) -> str:
        command = [program, *self._options, *arguments]
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"})
        if done.returncode != 0:
            raise PackageError(f"`{program} {' '.join(arguments)}`: {done.stderr.strip() or done.stdout.strip()}")
        return done.stdout

    def depends(self, package: str) -> list[str]:
        """What a package depends on, real packages only."""
        listed = self.run("apt-cache", "depends", "--important", package)
        return re.findall(r"^ [ |](?:Pre)?Depends: ([^<\s]+)$", listed, re.MULTILINE)


def unpack(root: Path, state: Path, progress: Callable[[str], None]) -> None:
    """Server, client programs and missing libraries into ``root``; apt keeps its lists in ``state`` if need be."""
    for program in ("apt-get", "apt-cache", "dpkg"):
        if shutil.which(program) is None:
            raise PackageError(f"there is no {program}")
    apt = _Apt(state)
    root.mkdir(parents=True)
    try:
        _fetch(apt, root, progress)
    except PackageError as error:
        progress(f"fetching package lists, because {str(error).splitlines()[0]}")
        apt.refresh()
        _fetch(apt, root, progress)
    for package in sorted(root.glob("*.deb")):
        done = subprocess.run(["dpkg", "--extract", str(package), str(root)], capture_output=True, text=True)
        if done.returncode != 0:
            raise PackageError(f"`dpkg --extract {package.name}`: {done.stderr.strip()}")
        package.unlink()
    shutil.rmtree(state, ignore_errors=True)


def _fetch(apt: _Apt, root: Path, progress: Callable[[str], None]) -> None:
    server, client, *libraries = _packages(apt)
    for packages in ([server], [client], libraries):
        progress(f"downloading {' '.join(packages)}")
        apt.run("apt-get", "download", "-q", *packages, cwd=root)


def _packages(apt: _Apt) -> list[str]:
    server = next((name for name in apt.depends("postgresql") if _SERVER.match(name)), None)
    if server is None:
        raise PackageError("the package postgresql depends on no server")
    # libpq always: an older one of the machine may not do for the newer programs.
    wanted = [server, server.replace("postgresql-", "postgresql-client-"), "libpq5"]
    for package in wanted:  # grows while it is walked
        wanted += [name for name in apt.depends(package) if _LIBRARY.match(name) and name not in wanted and not _is_installed(name)]
    return wanted


def _is_installed(package: str) -> bool:
    done = subprocess.run(["dpkg-query", "--show", "--showformat=${db:Status-Status}", package], capture_output=True, text=True)
    return done.returncode == 0 and "installed" in done.stdout.split()
