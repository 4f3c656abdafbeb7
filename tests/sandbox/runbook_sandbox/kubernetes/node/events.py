"""Events about pods, as `kubectl describe` shows them."""

from __future__ import annotations

import asyncio
import datetime
import logging
import secrets

import aiohttp

from runbook_sandbox.kubernetes.node.api import Api, ApiError, Object

log = logging.getLogger(__name__)


def now() -> str:
    """The present moment as Kubernetes writes it: UTC, whole seconds."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Recorder:
    """Writes events in the background; a repeated one is counted, as client-go's correlator does. A lost event stops nothing."""

    def __init__(self, api: Api, node: str) -> None:
        self._api, self._node = api, node
        self._written: dict[tuple[str, str, str, str], tuple[str, int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._one_at_a_time = asyncio.Lock()

    def record(self, pod: Object, kind: str, reason: str, message: str, container: str = "") -> None:
        """``kind`` is Normal or Warning."""
        task = asyncio.create_task(self._write(pod, kind, reason, message, container))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _write(self, pod: Object, kind: str, reason: str, message: str, container: str) -> None:
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/events"
        key = (metadata["uid"], container, reason, message)
        try:
            async with self._one_at_a_time:
                name, count = self._written.get(key, ("", 0))
                if name:
                    await self._api.patch(f"{path}/{name}", {"count": count + 1, "lastTimestamp": now()})
                else:
                    name = f"{metadata['name']}.{secrets.token_hex(8)}"
                    await self._api.create(path, self._event(pod, name, kind, reason, message, container))
                self._written[key] = (name, count + 1)
        except (ApiError, aiohttp.ClientError, TimeoutError) as error:
            self._written.pop(key, None)
            if not (isinstance(error, ApiError) and error.status in (403, 404)):  # its namespace is ending
                log.warning("event %s of %s/%s was not written: %s", reason, metadata["namespace"], metadata["name"], error)

    def _event(self, pod: Object, name: str, kind: str, reason: str, message: str, container: str) -> Object:
        metadata, moment = pod["metadata"], now()
        involved = {"kind": "Pod", "apiVersion": "v1", "namespace": metadata["namespace"], "name": metadata["name"], "uid": metadata["uid"]}
        if container:
            involved["fieldPath"] = f"spec.containers{{{container}}}"
        return {
            "metadata": {"name": name, "namespace": metadata["namespace"]},
            "involvedObject": involved,
            "type": kind,
            "reason": reason,
            "message": message[:1024],
            "source": {"component": "node-runner", "host": self._node},
            "firstTimestamp": moment,
            "lastTimestamp": moment,
            "count": 1,
        }
