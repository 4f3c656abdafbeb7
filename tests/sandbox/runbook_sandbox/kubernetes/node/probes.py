"""Probes and hooks: one look at a container, and the thresholds that make verdicts of looks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field

import aiohttp

from runbook_sandbox.kubernetes.node.api import Object
from runbook_sandbox.kubernetes.node.environment import ConfigError
from runbook_sandbox.kubernetes.node.fallback import as_on_machine
from runbook_sandbox.kubernetes.node.process import Mount, Process

HANDLERS = ("httpGet", "tcpSocket", "exec", "sleep")


@dataclass(frozen=True)
class Subject:
    """The running container that is looked at; ``rewritten`` are the mounts that it cannot see at their paths."""

    container: Object
    process: Process
    pod_ip: str
    env: dict[str, str]
    rewritten: list[Mount] = field(default_factory=list)


def supported(container: Object) -> None:
    """ConfigError if a container needs what the node-runner does not do: gRPC probes, postStart hooks, being a sidecar."""
    if "restartPolicy" in container:
        raise ConfigError("restartPolicy of a single container is not supported by the node-runner")
    hooks = container.get("lifecycle", {})
    for name in ("startupProbe", "livenessProbe", "readinessProbe"):
        if name in container and not any(handler in container[name] for handler in HANDLERS):
            raise ConfigError(f"{name}: only httpGet, tcpSocket and exec are supported by the node-runner")
    if "postStart" in hooks:
        raise ConfigError("lifecycle.postStart is not supported by the node-runner")


def _port(subject: Subject, port: int | str) -> int:
    if isinstance(port, int) or port.isdigit():
        return int(port)
    named = {entry.get("name"): entry["containerPort"] for entry in subject.container.get("ports", [])}
    if port not in named:
        raise ValueError(f"couldn't find port \"{port}\" among the container's ports")
    return named[port]


async def _http_get(subject: Subject, action: Object, seconds: float) -> tuple[bool, str]:
    scheme, path = action.get("scheme", "HTTP").lower(), action.get("path", "/").removeprefix("/")
    url = f"{scheme}://{action.get('host') or subject.pod_ip}:{_port(subject, action['port'])}/{path}"
    headers = {"User-Agent": "kube-probe/1.37"} | {header["name"]: header["value"] for header in action.get("httpHeaders", [])}
    timeout = aiohttp.ClientTimeout(total=seconds)
    async with (
        aiohttp.ClientSession(timeout=timeout) as session,
        session.get(url, headers=headers, ssl=False, allow_redirects=False) as answer,
    ):
        return 200 <= answer.status < 400, f"HTTP probe failed with statuscode: {answer.status}"


async def look(subject: Subject, action: Object, seconds: float) -> tuple[bool, str]:
    """Runs one handler (of a probe or hook): whether it succeeded, and the message of a failure."""
    try:
        if request := action.get("httpGet"):
            return await _http_get(subject, request, seconds)
        if socket := action.get("tcpSocket"):
            address = socket.get("host") or subject.pod_ip, _port(subject, socket["port"])
            _, writer = await asyncio.wait_for(asyncio.open_connection(*address), seconds)
            writer.close()
            return True, ""
        if command := action.get("exec"):
            argv = [as_on_machine(part, subject.rewritten) for part in command["command"]]
            code, output = await subject.process.execute(argv, seconds, subject.env)
            return code == 0, output[:1024]
        if sleep := action.get("sleep"):
            await asyncio.sleep(min(sleep["seconds"], seconds))
            return True, ""
    except TimeoutError:
        return False, f"timed out after {seconds:g} s"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return False, str(error) or type(error).__name__
    return False, "the handler is not supported by the node-runner"


async def watch(subject: Subject, probe: Object, verdict: bool | None, tell: Callable[[bool, str], None]) -> None:
    """Looks every ``periodSeconds`` until cancelled; calls ``tell(verdict, message)`` when a threshold is reached that changes it."""
    succeeded = failed = 0
    await asyncio.sleep(probe.get("initialDelaySeconds", 0))
    while True:
        good, message = await look(subject, probe, probe.get("timeoutSeconds", 1))
        succeeded, failed = (succeeded + 1, 0) if good else (0, failed + 1)
        if good and verdict is not True and succeeded >= probe.get("successThreshold", 1):
            verdict = True
            tell(True, "")
        elif not good and verdict is not False and failed >= probe.get("failureThreshold", 3):
            verdict = False
            tell(False, message)
        await asyncio.sleep(probe.get("periodSeconds", 10))


async def until_started(subject: Subject, probe: Object) -> str | None:
    """Waits for a startup probe: None once it succeeds, the message when it failed for good."""
    decided: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()

    def tell(good: bool, message: str) -> None:
        if not decided.done():
            decided.set_result(None if good else message)

    looking = asyncio.create_task(watch(subject, probe, None, tell))
    try:
        return await decided
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking
