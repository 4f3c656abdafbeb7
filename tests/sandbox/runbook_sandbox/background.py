"""Sandboxes that outlive the command that starts them."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from runbook_sandbox.harness import Client, Options
from runbook_sandbox.processes import Identity, ProcessError, tail, wait_until
from runbook_sandbox.state import State


@contextmanager
def _exclusively(directory: Path) -> Iterator[None]:
    """One `up` or `down` of a sandbox at a time. The lock lies beside the folder, which `down` removes."""
    directory.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with directory.with_name(f".{directory.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def client(directory: Path) -> Client | None:
    """The sandbox that runs there, or None."""
    state = State.read(directory)
    if state is None or state.phase != "ready" or "supervisor" not in state.alive():
        return None
    return Client(Path(state.kubeconfig), state.aws_endpoint, state.path)


def up(directory: Path, options: Options, owner: Identity | None = None) -> tuple[Client, bool]:
    """Starts a sandbox, or finds the one that runs there; the second value is whether it was started.

    ProcessError tells what did not start, with the end of its log. With ``owner`` the sandbox ends when that process does.
    """
    with _exclusively(directory):
        if running := client(directory):
            return running, False
        _end(directory)
        shutil.rmtree(directory, ignore_errors=True)  # the logs and data of the one before
        directory.mkdir(mode=0o700)
        command = [
            sys.executable,
            "-m",
            "runbook_sandbox.supervisor",
            f"--directory={directory}",
            f"--options={json.dumps(asdict(options))}",
        ]
        if owner:
            command.append(f"--owner={owner.pid}:{owner.started}")
        log = directory / "supervisor.log"
        with log.open("wb") as output:
            supervisor = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True)

        def decided() -> bool:
            state = State.read(directory)
            return supervisor.poll() is not None or (state is not None and state.phase != "starting")

        wait_until(decided, 300, "the sandbox to start", every=0.1)
        if running := client(directory):
            return running, True
        state = State.read(directory)
        raise ProcessError(f"the sandbox did not start: {state.message if state and state.message else tail(log)}")


def down(directory: Path, keep: bool = False) -> bool:
    """Ends a sandbox and removes its folder (unless ``keep``); False if there was none."""
    with _exclusively(directory):
        existed = State.read(directory) is not None
        if existed:
            _end(directory)
            if not keep:
                shutil.rmtree(directory, ignore_errors=True)
        return existed


def _end(directory: Path) -> None:
    state = State.read(directory)
    if state is None:
        return
    if supervisor := state.processes.get("supervisor"):
        supervisor.end()
    for process in state.alive().values():  # none, unless the kernel did not end them with their parent
        process.end()


def me() -> Identity:
    """This process, as an owner for `up`."""
    return Identity.of(os.getpid())
