"""One container of a pod: started, probed, ended and started again as its pod's restart policy says."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from runbook_sandbox.kubernetes.node import probes
from runbook_sandbox.kubernetes.node.api import Api, Object
from runbook_sandbox.kubernetes.node.environment import ConfigError, environment, expand
from runbook_sandbox.kubernetes.node.events import now
from runbook_sandbox.kubernetes.node.fallback import as_on_machine
from runbook_sandbox.kubernetes.node.images import ImageMissing
from runbook_sandbox.kubernetes.node.process import Mount, Orders, Process, StartError
from runbook_sandbox.kubernetes.node.settings import Settings
from runbook_sandbox.kubernetes.node.volumes import Volumes
from runbook_sandbox.processes import tail

LONGEST_BACK_OFF = 30  # times the first one: 300 s for 10 s, as the kubelet's
WELL_BEHAVED = 600.0  # seconds of running after which the back-off is forgotten
_LONGEST_MESSAGE = 4096  # bytes of a termination message ("Customizing the termination message")


class Host(Protocol):
    """What a container needs to know of its pod."""

    pod: Object
    api: Api
    settings: Settings
    volumes: Volumes
    ip: str
    stopping: asyncio.Event
    grace: float

    @property
    def directory(self) -> Path: ...
    def changed(self) -> None: ...
    def event(self, kind: str, reason: str, message: str, container: str = "") -> None: ...
    def base_environment(self) -> Mapping[str, str]: ...


@dataclass
class State:
    """One of ``waiting``, ``running``, ``terminated`` with its fields, as in ContainerState."""

    kind: str
    fields: Object

    def as_status(self) -> Object:
        return {self.kind: self.fields}


class Container:
    """Runs until its restart policy lets it be, or the pod stops."""

    def __init__(self, host: Host, spec: Object, init: bool) -> None:
        self._host, self.spec, self._init = host, spec, init
        self.name: str = spec["name"]
        self.state = State(
            "waiting", {"reason": "PodInitializing" if init or host.pod["spec"].get("initContainers") else "ContainerCreating"}
        )
        self.last: State | None = None
        self.restarts = 0
        self.ready = self.started = False
        self.process: Process | None = None
        self._run_id = ""
        self._resume(host.pod)

    def _resume(self, pod: Object) -> None:
        """Goes on from the status of an earlier node-runner, whose processes ended with it."""
        group = "initContainerStatuses" if self._init else "containerStatuses"
        before = next((status for status in pod.get("status", {}).get(group) or [] if status["name"] == self.name), None)
        if before is None:
            return
        self.restarts = before["restartCount"]
        if "running" in before["state"]:
            fields = {"exitCode": 137, "reason": "ContainerStatusUnknown", "message": "the node-runner was restarted", "finishedAt": now()}
            self.last = State("terminated", before["state"]["running"] | fields)
            self.restarts += 1

    def status(self) -> Object:
        """The entry of containerStatuses."""
        return {
            "name": self.name,
            "image": self.spec["image"],
            "imageID": "",
            "containerID": self._run_id,
            "restartCount": self.restarts,
            "ready": self.ready or (self._init and self.state.fields.get("exitCode") == 0),
            "started": self.started,
            "state": self.state.as_status(),
            "lastState": self.last.as_status() if self.last else {},
        }

    def log(self, previous: bool = False) -> Path:
        """The file of the current (or the previous) run's output."""
        run = self.restarts - 1 if previous else self.restarts
        return self._host.settings.pod_directory(self._host.pod["metadata"]["uid"]) / "logs" / self.name / f"{run}.log"

    async def run(self) -> bool:
        """True if its last run succeeded. Returns when it will not be started again, or when the pod is stopping."""
        delay = 0.0  # the first restart is immediate
        while not self._host.stopping.is_set():
            begun = time.monotonic()
            code = await self._once()
            if code is None or not self._restarts_after(code):
                return code == 0
            delay = 0.0 if time.monotonic() - begun > WELL_BEHAVED else delay
            if delay:
                await self._back_off(delay)
            if self._host.stopping.is_set():
                return code == 0
            first = self._host.settings.crash_back_off
            delay = min(delay * 2, LONGEST_BACK_OFF * first) if delay else first
            if self.state.kind == "terminated":
                self.last = self.state
            self.restarts += 1
        return False

    def _restarts_after(self, code: int) -> bool:
        policy = self._host.pod["spec"].get("restartPolicy", "Always")
        if self._host.stopping.is_set() or policy == "Never":
            return False
        return code != 0 or (policy == "Always" and not self._init)

    async def _back_off(self, seconds: float) -> None:
        metadata = self._host.pod["metadata"]
        pod = f"{metadata['name']}_{metadata['namespace']}({metadata['uid']})"
        message = f"back-off {seconds:g}s restarting failed container={self.name} pod={pod}"
        self._host.event("Warning", "BackOff", f"Back-off restarting failed container {self.name} in pod {metadata['name']}", self.name)
        self.last = self.state
        self._become("waiting", reason="CrashLoopBackOff", message=message)
        await self._pause(seconds)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._host.stopping.wait(), seconds)

    def _become(self, kind: str, **fields: Any) -> None:
        self.state = State(kind, fields)
        self._host.changed()

    async def _once(self) -> int | None:
        """One run; None if the pod stopped before there was one."""
        orders = await self._until_configured()
        if orders is None:
            return None
        started_at = now()
        self.log().parent.mkdir(parents=True, exist_ok=True)
        self._log_of(self.restarts - 2).unlink(missing_ok=True)  # only the current and the previous are kept
        try:
            self.process = await Process.start(orders, self.log())
        except StartError as error:
            self._host.event("Warning", "Failed", f"Error: {error}", self.name)
            self._become("terminated", exitCode=128, reason="StartError", message=str(error), startedAt=started_at, finishedAt=now())
            return 128
        self._run_id = f"process://{self.process.pid}"
        self._host.event("Normal", "Started", "Container started", self.name)
        self._become("running", startedAt=started_at)
        visible = [] if orders.isolate else orders.mounts
        code = await self._attend(probes.Subject(self.spec, self.process, self._host.ip, orders.env, visible))
        self.process, self.ready, self.started = None, False, False
        fields = {"exitCode": code, "reason": "Completed" if code == 0 else "Error", "containerID": self._run_id}
        if message := self._termination_message(code):
            fields["message"] = message
        self._become("terminated", **fields, startedAt=started_at, finishedAt=now())
        return code

    def _termination_log(self) -> Mount:
        """The file that the program may tell its end in, empty for each run; it sees it at ``terminationMessagePath``."""
        path = self._host.directory / "termination" / self.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        # Whoever the container runs as writes it.
        path.chmod(0o666)
        return Mount(path, self.spec.get("terminationMessagePath", "/dev/termination-log"), False)

    def _termination_message(self, code: int) -> str:
        """What it has written there; if nothing and it failed, the end of its log, where that is asked for."""
        with (self._host.directory / "termination" / self.name).open("rb") as told:
            message = told.read(_LONGEST_MESSAGE).decode(errors="replace")
        if not message and code and self.spec.get("terminationMessagePolicy") == "FallbackToLogsOnError":
            return tail(self.log(), 80)[-2048:]
        return message

    def _log_of(self, run: int) -> Path:
        return self.log().with_name(f"{run}.log")

    async def _until_configured(self) -> Orders | None:
        """Tries to make sense of the container until it works or the pod stops: a ConfigMap may still come."""
        pause, told = 1.0, ""
        while not self._host.stopping.is_set():
            try:
                probes.supported(self.spec)
                return await self._orders()
            except (ConfigError, ImageMissing) as error:
                reason = "ErrImagePull" if isinstance(error, ImageMissing) else "CreateContainerConfigError"
                if str(error) != told:
                    told = str(error)
                    self._host.event("Warning", "Failed", f"Error: {told}", self.name)
                    self._become("waiting", reason=reason, message=told)
                await self._pause(pause)
                pause = min(pause * 1.5, 10)
        return None

    async def _orders(self) -> Orders:
        host, uid = self._host, self._host.pod["metadata"]["uid"]
        env = await environment(host.api, host.pod, self.spec, host.base_environment())
        argv = host.settings.images.command(self.spec, env)
        mounts = [self._mount(mount, env) for mount in self.spec.get("volumeMounts", [])] + [self._termination_log()]
        root = host.settings.pod_directory(uid) / "roots" / self.name
        root.mkdir(parents=True, exist_ok=True)
        cwd = self.spec.get("workingDir") or "/"
        if not host.settings.isolate:
            env = {name: as_on_machine(value, mounts) for name, value in env.items()}
            argv = [as_on_machine(part, mounts) for part in argv]
            cwd = as_on_machine(cwd, mounts)
        hostname = host.pod["spec"].get("hostname") or host.pod["metadata"]["name"][:63]
        return Orders(argv, env, cwd, hostname, root, host.settings.isolate, mounts)

    def _mount(self, mount: Object, env: Mapping[str, str]) -> Mount:
        volumes = {volume["name"]: volume for volume in self._host.pod["spec"].get("volumes", [])}
        volume, source = volumes[mount["name"]], self._host.volumes.path(mount["name"])
        written = any(kind in volume for kind in ("configMap", "secret", "projected", "downwardAPI"))
        inside = mount.get("subPath") or expand(mount.get("subPathExpr", ""), env)
        if inside:
            source = (source / inside).resolve()
            if not source.exists():
                if written:
                    raise ConfigError(f'subPath "{inside}" is not in volume "{mount["name"]}"')
                source.mkdir(parents=True)
        return Mount(source, mount["mountPath"], written or mount.get("readOnly", False))

    async def _attend(self, subject: probes.Subject) -> int:
        """Probes a running program and ends it when it is unhealthy or its pod stops; its exit code."""
        unhealthy = asyncio.Event()
        exited = asyncio.create_task(subject.process.exited())
        minding = asyncio.create_task(self._mind(subject, unhealthy))
        waits = {exited, asyncio.create_task(self._host.stopping.wait()), asyncio.create_task(unhealthy.wait())}
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            if not exited.done():
                await self._end(subject, unhealthy.is_set() and not self._host.stopping.is_set())
            return await exited
        finally:
            for task in (minding, *waits):
                task.cancel()
            await asyncio.gather(minding, *waits, return_exceptions=True)
            await subject.process.stop(0)  # does nothing unless an error ended this early

    async def _end(self, subject: probes.Subject, unhealthy: bool) -> None:
        spec = self._host.pod["spec"]
        grace = self._host.grace if self._host.stopping.is_set() else spec.get("terminationGracePeriodSeconds", 30)
        if unhealthy:
            grace = self.spec.get("livenessProbe", {}).get("terminationGracePeriodSeconds", grace)
        self._host.event("Normal", "Killing", f"Stopping container {self.name}", self.name)
        begun = time.monotonic()
        if (hook := self.spec.get("lifecycle", {}).get("preStop")) and grace > 0:
            good, message = await probes.look(subject, hook, grace)
            if not good:
                self._host.event("Warning", "FailedPreStopHook", f"PreStopHook failed: {message}", self.name)
            grace = max(grace - (time.monotonic() - begun), 2)  # the kubelet grants two seconds after a hook
        await subject.process.stop(grace)

    async def _mind(self, subject: probes.Subject, unhealthy: asyncio.Event) -> None:
        if probe := self.spec.get("startupProbe"):
            message = await probes.until_started(subject, probe)
            if message is not None:
                self._host.event("Warning", "Unhealthy", f"Startup probe failed: {message}", self.name)
                unhealthy.set()
                return
        self.started = True
        self.ready = "readinessProbe" not in self.spec
        self._host.changed()
        tellers: dict[str, tuple[bool, Callable[[bool, str], None]]] = {
            "livenessProbe": (True, lambda good, message: self._live(good, message, unhealthy)),
            "readinessProbe": (False, self._readied),
        }
        async with asyncio.TaskGroup() as looking:
            for name, (verdict, tell) in tellers.items():
                if probe := self.spec.get(name):
                    looking.create_task(probes.watch(subject, probe, verdict, tell))

    def _live(self, good: bool, message: str, unhealthy: asyncio.Event) -> None:
        if not good:
            self._host.event("Warning", "Unhealthy", f"Liveness probe failed: {message}", self.name)
            unhealthy.set()

    def _readied(self, good: bool, message: str) -> None:
        if not good:
            self._host.event("Warning", "Unhealthy", f"Readiness probe failed: {message}", self.name)
        self.ready = good
        self._host.changed()
