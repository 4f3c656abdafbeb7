"""The scheduler of a cluster with one node: binds every pod whose nodeSelector fits."""

from __future__ import annotations

import asyncio
import logging

from runbook_sandbox.kubernetes.node.api import STRATEGIC, Api, ApiError, Object, insist
from runbook_sandbox.kubernetes.node.events import now

log = logging.getLogger(__name__)


def wants_binding(pod: Object) -> bool:
    """Whether a pod waits for the default scheduler."""
    spec = pod["spec"]
    waits = not spec.get("nodeName") and not spec.get("schedulingGates") and not pod["metadata"].get("deletionTimestamp")
    return waits and spec.get("schedulerName", "default-scheduler") == "default-scheduler"


class Scheduler:
    def __init__(self, api: Api, node: Object) -> None:
        self._api, self._name, self._labels = api, node["metadata"]["name"], node["metadata"]["labels"]
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def offer(self, pod: Object) -> None:
        """Binds a pod in the background, or says why it stays Pending."""
        uid = pod["metadata"]["uid"]
        if wants_binding(pod) and uid not in self._tasks:
            task = self._tasks[uid] = asyncio.create_task(self._bind(pod))
            task.add_done_callback(lambda _: self._tasks.pop(uid, None))

    async def _bind(self, pod: Object) -> None:
        metadata = pod["metadata"]
        path = f"/api/v1/namespaces/{metadata['namespace']}/pods/{metadata['name']}"
        selector = pod["spec"].get("nodeSelector", {})
        try:
            if not selector.items() <= self._labels.items():
                await self._refuse(path, pod)
                return
            target = {"apiVersion": "v1", "kind": "Node", "name": self._name}
            binding = {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": metadata["name"], "uid": metadata["uid"]},
                "target": target,
            }
            await insist(f"binding of {metadata['name']}", lambda: self._api.create(f"{path}/binding", binding))
        except ApiError as error:
            if error.status not in (404, 409):  # deleted meanwhile, or bound already
                log.error("binding of %s/%s was refused: %s", metadata["namespace"], metadata["name"], error)

    async def _refuse(self, path: str, pod: Object) -> None:
        told = any(condition["type"] == "PodScheduled" for condition in pod.get("status", {}).get("conditions") or [])
        if told:
            return
        texts = {"reason": "Unschedulable", "message": "0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector."}
        condition = {"type": "PodScheduled", "status": "False", "lastTransitionTime": now(), **texts}
        await insist("unschedulable pod", lambda: self._api.patch(f"{path}/status", {"status": {"conditions": [condition]}}, STRATEGIC))
