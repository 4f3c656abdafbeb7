"""One run of a container's program on this machine."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launch.py")


class StartError(Exception):
    """The program could not be started; the text says why (kubelet: reason StartError, exit code 128)."""


@dataclass(frozen=True)
class Mount:
    """A directory or file of the machine (``source``) that the program sees at ``target``."""

    source: Path
    target: str
    read_only: bool


@dataclass(frozen=True)
class Orders:
    """What to run. With ``isolate`` it runs in namespaces of its own (see launch.py) with ``root`` as a scratch directory for its root."""

    argv: list[str]
    env: dict[str, str]
    cwd: str
    hostname: str
    root: Path
    isolate: bool
    mounts: list[Mount] = field(default_factory=list)


class Process:
    """A started program; ``await exited()`` gives its exit code, 128 + n for signal n."""

    def __init__(self, launcher: asyncio.subprocess.Process, pid: int, isolated: bool) -> None:
        self._launcher, self.pid, self._isolated = launcher, pid, isolated

    @classmethod
    async def start(cls, orders: Orders, log: Path) -> Process:
        """Runs the program with its output appended to ``log``. StartError if there is no such program, directory or mount."""
        reading, writing = os.pipe()
        try:
            with log.open("ab") as output:
                launcher = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-I", "-S", str(LAUNCHER), str(writing)),
                    stdin=asyncio.subprocess.PIPE,
                    stdout=output,
                    stderr=asyncio.subprocess.STDOUT,
                    pass_fds=(writing,),
                    start_new_session=True,
                )
            os.close(writing)
            writing = -1
            # By stdin: an environment may hold secrets, which belong neither into a file nor on a command line.
            launcher.stdin.write(_message(orders).encode())
            launcher.stdin.close()
            answer = json.loads(await asyncio.to_thread(os.read, reading, 65536) or b'{"error": "the launcher ended without a word"}')
        finally:
            os.close(reading)
            if writing >= 0:
                os.close(writing)
        if "error" in answer:
            await launcher.wait()
            raise StartError(answer["error"])
        return cls(launcher, answer["pid"], orders.isolate)

    async def exited(self) -> int:
        code = await self._launcher.wait()
        return code if code >= 0 else 128 - code

    async def stop(self, grace: float) -> None:
        """SIGTERM to the program, SIGKILL to all of its processes after ``grace`` seconds."""
        if self._launcher.returncode is None:
            self._launcher.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._launcher.wait(), grace)
        if self._launcher.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                # Ends a PID namespace; without one, the session. The launcher lives on to report it.
                os.kill(self.pid, signal.SIGKILL) if self._isolated else os.killpg(self.pid, signal.SIGKILL)
            await self._launcher.wait()

    async def execute(self, argv: list[str], seconds: float, env: dict[str, str]) -> tuple[int, str]:
        """Runs a command where the program runs, for exec probes and hooks: exit code and output. TimeoutError after ``seconds``."""
        enter = ["nsenter", f"--target={self.pid}", "--mount", "--pid", "--uts", "--root", "--wd"]
        if os.geteuid() != 0:
            enter += ["--user", "--preserve-credentials"]
        process = await asyncio.create_subprocess_exec(
            *(enter if self._isolated else []),
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            env=env,
            start_new_session=True,
        )
        try:
            output, _ = await asyncio.wait_for(process.communicate(), seconds)
        except (TimeoutError, asyncio.CancelledError):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
            raise
        return process.returncode, output.decode(errors="replace")


def _message(orders: Orders) -> str:
    mounts = [{"source": str(mount.source), "target": mount.target, "readOnly": mount.read_only} for mount in orders.mounts]
    fields = {"argv": orders.argv, "env": orders.env, "cwd": orders.cwd, "hostname": orders.hostname, "root": str(orders.root)}
    return json.dumps(fields | {"isolate": orders.isolate, "mounts": mounts, "runner": os.getpid()})


async def can_isolate(scratch: Path) -> str | None:
    """None if this machine lets programs have namespaces of their own, else why not."""
    root = scratch / "isolation-check"
    root.mkdir(parents=True, exist_ok=True)
    orders = Orders(["/bin/true"], {}, "/", "check", root, True, [Mount(scratch, "/isolation-check", True)])
    try:
        await (await Process.start(orders, Path(os.devnull))).exited()
    except StartError as error:
        return str(error)
    return None
