"""One pod of this node, from its first sight to its removal."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable, Mapping

from runbook_sandbox.kubernetes.node import status
from runbook_sandbox.kubernetes.node.api import STRATEGIC, Api, ApiError, Object, insist
from runbook_sandbox.kubernetes.node.container import Container
from runbook_sandbox.kubernetes.node.environment import DEFAULT_PATH, ConfigError
from runbook_sandbox.kubernetes.node.events import Recorder, now
from runbook_sandbox.kubernetes.node.fallback import write_kubeconfig
from runbook_sandbox.kubernetes.node.settings import Settings
from runbook_sandbox.kubernetes.node.volumes import Volumes

log = logging.getLogger(__name__)


class Pod:
    """Runs a pod's containers and reports them. Its task ends when the pod is gone from the API; an error in it is this pod's alone."""

    def __init__(self, pod: Object, api: Api, settings: Settings, recorder: Recorder, ip: str, ended: Callable[[Pod], None]) -> None:
        self.pod, self.api, self.settings, self.ip = pod, api, settings, ip
        self._recorder = recorder
        self.name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
        self.uid: str = pod["metadata"]["uid"]
        self._path = f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods/{pod['metadata']['name']}"
        self._directory = settings.pod_directory(self.uid)
        self.stopping = asyncio.Event()
        self.grace = 30.0
        self._vanished = False
        self._changed = asyncio.Event()
        self._written: Object | None = None
        self._conditions: list[Object] = pod.get("status", {}).get("conditions") or []
        self._start_time = pod.get("status", {}).get("startTime") or now()
        self.volumes = Volumes(api, self._with_addresses(pod), self._directory / "volumes")
        self.init = [Container(self, spec, init=True) for spec in pod["spec"].get("initContainers", [])]
        self.containers = [Container(self, spec, init=False) for spec in pod["spec"]["containers"]]
        self.update(pod)
        self.task = asyncio.create_task(self._guarded(), name=self.name)
        self.task.add_done_callback(lambda _: ended(self))

    # What the API server tells.

    def update(self, pod: Object) -> None:
        """A new version of the object: labels for the downward API, or the wish to end."""
        self.pod = self.volumes.pod = self._with_addresses(pod)
        if pod["metadata"].get("deletionTimestamp"):
            self.grace = float(pod["metadata"].get("deletionGracePeriodSeconds") or 0)
            self.stopping.set()

    def vanish(self) -> None:
        """The object is gone (a forced deletion): end at once and report nothing."""
        self._vanished, self.grace = True, 0.0
        self.stopping.set()

    def _with_addresses(self, pod: Object) -> Object:
        known = pod.get("status", {})
        return pod | {"status": known | {"podIP": self.ip, "hostIP": "127.0.0.1"}}

    # What containers need (container.Host).

    def changed(self) -> None:
        self._changed.set()

    def event(self, kind: str, reason: str, message: str, container: str = "") -> None:
        if not self._vanished:
            self._recorder.record(self.pod, kind, reason, message, container)

    def base_environment(self) -> Mapping[str, str]:
        host, port = self.api.server.removeprefix("https://").rsplit(":", 1)
        name = self.pod["metadata"]["name"]
        # Never the home of who runs the sandbox: a client would find the kubeconfig or AWS profile of real systems there.
        home = "/" if self.settings.isolate else str(self._directory)
        environment = {"PATH": DEFAULT_PATH, "HOSTNAME": name, "HOME": home, "KUBERNETES_SERVICE_HOST": host}
        environment |= {"KUBERNETES_SERVICE_PORT": port, "KUBERNETES_SERVICE_PORT_HTTPS": port, "KUBERNETES_PORT": f"tcp://{host}:{port}"}
        if not self.settings.isolate and (kubeconfig := write_kubeconfig(self)):
            environment["KUBECONFIG"] = str(kubeconfig)
        return environment

    @property
    def directory(self):
        """The pod's own folder on the machine."""
        return self._directory

    # Its life.

    async def _guarded(self) -> None:
        reporting = asyncio.create_task(self._report())
        try:
            try:
                await self._live()
            except Exception as error:  # one bad pod never stops the others, and can still be deleted
                log.exception("pod %s", self.name)
                self.event("Warning", "NodeRunnerError", f"the node-runner could not run this pod: {error!r}")
            await self.stopping.wait()
            await self._remove()
        except Exception:
            log.exception("removal of pod %s", self.name)
        finally:
            reporting.cancel()
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    async def _live(self) -> None:
        if self.pod["status"].get("phase") in ("Succeeded", "Failed"):
            return  # it ended under an earlier node-runner
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.changed()
        if not await self._prepare_volumes():
            return
        refreshing = asyncio.create_task(self._refresh_volumes())
        try:
            for container in self.init:
                if not await container.run():
                    return
            async with asyncio.TaskGroup() as running:
                for container in self.containers:
                    running.create_task(container.run())
        finally:
            refreshing.cancel()
            self.changed()

    async def _prepare_volumes(self) -> bool:
        pause, told = 0.5, ""
        while not self.stopping.is_set():
            try:
                await self.volumes.prepare()
                return True
            except ConfigError as error:
                if str(error) != told:
                    told = str(error)
                    self.event("Warning", "FailedMount", told)
            try:
                await asyncio.wait_for(self.stopping.wait(), pause)
            except TimeoutError:
                pause = min(pause * 1.5, 10)
        return False

    async def _refresh_volumes(self) -> None:
        """Keeps ConfigMaps, Secrets, labels and tokens in the volumes as they are in the API; what cannot be read stays as it was."""
        while True:
            await asyncio.sleep(self.settings.volume_refresh)
            try:
                await self.volumes.prepare()
            except (ConfigError, OSError) as error:
                self.event("Warning", "FailedMount", str(error))

    # What the API server is told.

    def _status(self) -> Object:
        current = status.phase(self.pod, self.init, self.containers, self.stopping.is_set())
        self._conditions = status.conditions(self._conditions, self.init, self.containers, current, now())
        return {
            "phase": current,
            "observedGeneration": self.pod["metadata"].get("generation"),
            "conditions": self._conditions,
            "hostIP": "127.0.0.1",
            "hostIPs": [{"ip": "127.0.0.1"}],
            "podIP": self.ip,
            "podIPs": [{"$patch": "replace"}, {"ip": self.ip}],  # or a strategic merge adds it to that of an earlier node-runner
            "startTime": self._start_time,
            "initContainerStatuses": [container.status() for container in self.init],
            "containerStatuses": [container.status() for container in self.containers],
        }

    async def _report(self) -> None:
        while True:
            await self._changed.wait()
            self._changed.clear()
            await self._write_status()

    async def _write_status(self) -> None:
        wanted = self._status()
        if wanted == self._written or self._vanished:
            return
        body = {"metadata": {"uid": self.uid}, "status": wanted}
        try:
            await insist(f"status of {self.name}", lambda: self.api.patch(f"{self._path}/status", body, STRATEGIC))
            self._written = wanted
        except ApiError as error:
            if error.status not in (404, 409):  # gone, or another pod of the same name: the watch will tell
                log.error("status of %s was refused: %s", self.name, error)

    async def _remove(self) -> None:
        """Confirms to the API server that no process is left, which is what removes the object."""
        if self._vanished:
            return
        await self._write_status()
        body = {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0, "preconditions": {"uid": self.uid}}
        try:
            await insist(f"removal of {self.name}", lambda: self.api.request("DELETE", self._path, body))
        except ApiError as error:
            if error.status not in (404, 409):
                raise
