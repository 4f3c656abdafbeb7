"""Where PostgreSQL comes from, and what of the distribution's packages is taken."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runbook_sandbox.postgres import binaries, debian

#: A distribution: what each package depends on, as `apt-cache depends --important` prints it.
DEPENDS = {
    "postgresql": ["  Depends: postgresql-16"],
    "postgresql-16": [
        " |Depends: locales",
        "  Depends: locales-all",
        "  Depends: postgresql-client-16",
        "  Depends: <debconf-2.0>",
        "    debconf",
        "  Depends: libicu72",
        "  Depends: libllvm16",
        "  Depends: libssl3",
        "  Depends: zlib1g",
    ],
    "postgresql-client-16": ["  Depends: libpq5", "  Depends: libreadline8"],
    "libpq5": ["  Depends: libssl3"],
    "libicu72": ["  Depends: libstdc++6"],
}
PRESENT = "libssl3 libreadline8 libpq5"
FAKES = {
    "apt-cache": """
        for word; do last=$word; done
        cat "$DISTRIBUTION/$last" 2>/dev/null || true""",
    "apt-get": """
        for word; do last=$word; case "$word" in -oDir::State::Lists=*) lists=1;; esac; done
        [ "$last" = -qq ] && exit 0
        if [ -n "$OUTDATED" ] && [ -z "$lists" ]; then echo "E: 404 Not Found" >&2; exit 100; fi
        while [ "$1" != download ]; do shift; done; shift
        for word; do case "$word" in -*) ;; *) : > "$word.deb"; echo "$word" >> "$DISTRIBUTION/downloaded";; esac; done""",
    "dpkg-query": """
        for word; do last=$word; done
        case " $PRESENT " in *" $last "*) echo installed;; *) exit 1;; esac""",
    "dpkg": """
        case "$2" in */postgresql-16.deb)
            mkdir -p "$3/usr/lib/postgresql/16/bin"
            for name in initdb pg_basebackup postgres; do
                printf '#!/bin/sh\\necho "postgres (PostgreSQL) 16.4 (Debian)"\\n' > "$3/usr/lib/postgresql/16/bin/$name"
                chmod +x "$3/usr/lib/postgresql/16/bin/$name"
            done;;
        esac""",
}


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine whose apt and dpkg are scripts, with some libraries installed."""
    folder, programs = tmp_path / "distribution", tmp_path / "bin"
    folder.mkdir()
    programs.mkdir()
    for package, lines in DEPENDS.items():
        (folder / package).write_text("\n".join([package, *lines]) + "\n")
    for name, script in FAKES.items():
        (programs / name).write_text(f"#!/bin/sh\n{script}\n")
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DISTRIBUTION", str(folder))
    monkeypatch.setenv("PRESENT", PRESENT)
    return folder


def test_the_distributions_server_with_the_libraries_that_are_missing(distribution: Path, tmp_path: Path):
    said: list[str] = []
    found = binaries.install(tmp_path / "cache", said.append)
    assert found.version() == "16.4"
    assert found.directory == tmp_path / "cache" / "root/usr/lib/postgresql/16/bin"
    fetched = (distribution / "downloaded").read_text().split()
    assert fetched == ["postgresql-16", "postgresql-client-16", "libpq5", "libicu72", "zlib1g", "libstdc++6"]
    assert [line for line in said if "downloading postgresql-16" in line]


def test_lists_that_are_outdated_are_fetched_anew(distribution: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OUTDATED", "1")
    said: list[str] = []
    binaries.install(tmp_path / "cache", said.append)
    assert any("404 Not Found" in line for line in said)
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["lock", "root"]


def test_what_is_there_is_not_fetched_again(distribution: Path, tmp_path: Path):
    first = binaries.install(tmp_path / "cache", lambda line: None)
    (distribution / "downloaded").unlink()
    assert binaries.install(tmp_path / "cache", lambda line: None) == first
    assert not (distribution / "downloaded").exists()


def test_without_apt_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(binaries.InstallError, match="RUNBOOK_POSTGRES"):
        binaries.install(tmp_path / "cache", lambda line: None)
    with pytest.raises(debian.PackageError, match="apt-get"):
        debian.unpack(tmp_path / "root", tmp_path / "apt", lambda line: None)


def test_the_environment_decides_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("RUNBOOK_POSTGRES", str(tmp_path))
    with pytest.raises(binaries.InstallError, match="initdb, postgres, pg_basebackup"):
        binaries.find()
    for name in binaries.PROGRAMS:
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
    found = binaries.find()
    assert found is not None
    assert found.directory == tmp_path
