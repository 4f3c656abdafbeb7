"""However a sandbox ends, no server and no data of its databases is left."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from runbook_sandbox.clocked.account import Account
from runbook_sandbox.clocked.database import Database, certificate_authority
from runbook_sandbox.postgres import binaries
from runbook_sandbox.processes import Child, Identity, wait_until


@contextmanager
def _sandbox(directory: Path) -> Iterator[tuple[Child, Account]]:
    """An AWS sandbox in a process of its own."""
    ready = directory / "ready"
    command = [sys.executable, "-m", "runbook_sandbox.aws.server", f"--ready-file={ready}", "--no-throttling"]
    child = Child("aws", command, directory / "log")
    try:
        child.wait_ready(ready.exists, 60)
        yield child, Account(ready.read_text().strip())
    finally:
        child.stop()


def _shared_memory(pid: int) -> list[str]:
    """The System V segments that a process made."""
    return [line for line in Path("/proc/sysvipc/shm").read_text().splitlines() if line.split()[4] == str(pid)]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_nothing_is_left(tmp_path: Path, number: int):
    binaries.ensure()
    with _sandbox(tmp_path) as (child, account):
        account.control("PUT", "/pace", {"rds_create": 0.5, "rds_snapshot": 0.5})
        database = Database(account)
        database.create()
        database.available()
        connection = database.connect()
        root = certificate_authority(account).parents[1]
        servers = [Identity.of(int(file.read_text().split()[0])) for file in root.glob("*/data/postmaster.pid")]
        assert len(servers) == 1
        assert _shared_memory(servers[0].pid)
        os.kill(child.identity.pid, number)
        wait_until(lambda: not any(server.alive() for server in servers), 60, "the servers to end")
        wait_until(lambda: not root.exists(), 60, "the data to be removed")
        assert not _shared_memory(servers[0].pid)
        connection.close()


def test_a_root_gives_servers_no_rights(tmp_path: Path, aws, database: Callable[..., Database]):
    """PostgreSQL refuses to run as root; whoever is not root runs it as themselves."""
    made = database()
    root = certificate_authority(made.account).parents[1]
    pids = [int(file.read_text().split()[0]) for file in root.glob("*/data/postmaster.pid")]
    owners = {Path(f"/proc/{pid}").stat().st_uid for pid in pids}
    assert len(pids) == 1
    assert owners == {root.stat().st_uid}
    assert 0 not in owners
