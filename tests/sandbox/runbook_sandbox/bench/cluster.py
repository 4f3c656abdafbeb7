"""The API server of a run: many objects put in at once, and what it counted of those who wrote to it."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import aiohttp
import requests

from runbook_sandbox.clocked.installation import is_in_sync
from runbook_sandbox.harness import Client
from runbook_sandbox.kubernetes.binaries import Binaries
from runbook_sandbox.kubernetes.control_plane import ControlPlane

#: Requests under way at a time.
_AT_ONCE = 16
_WRITES = re.compile(r"^apiserver_request_total\{(?P<labels>[^}]*)\} (?P<count>\S+)$", re.MULTILINE)
_POLICIES = "/apis/ops.clocked.app/v1alpha1/namespaces/bench"


class Cluster(Client):
    """A control plane with the CRDs, without nodes, and policies of one kind."""

    def __init__(self, directory: Path, binaries: Binaries, crds: Path, plural: str) -> None:
        self._policies = f"{_POLICIES}/{plural}"
        super().__init__(directory / "kubernetes" / "kubeconfig", "", binaries.search_path())
        self.plane = ControlPlane(directory / "kubernetes", binaries)
        self.plane.start()
        self.kubectl("apply", "--server-side", f"--filename={crds}")
        self.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(self.plane.ca)
        self._session.cert = (str(self.plane.node_client.certificate), str(self.plane.node_client.key))

    def create(self, objects: Iterable[dict]) -> None:
        """Creates policies, many at a time: kubectl would take twenty minutes for ten thousand."""
        asyncio.run(self._create(list(objects)))

    async def _create(self, objects: list[dict]) -> None:
        context = ssl.create_default_context(cafile=str(self.plane.ca))
        context.load_cert_chain(str(self.plane.node_client.certificate), str(self.plane.node_client.key))
        waiting = iter(objects)
        async with aiohttp.ClientSession(self.plane.server, connector=aiohttp.TCPConnector(ssl=context)) as session:

            async def work() -> None:
                for one in waiting:
                    async with session.post(self._policies, json=one) as answer:
                        if answer.status != 201:
                            raise RuntimeError(f"{one['metadata']['name']}: {answer.status} {await answer.text()}")

            await asyncio.gather(*(work() for _ in range(_AT_ONCE)))

    def in_sync(self) -> int:
        """How many policies say, of their spec as it is, that AWS is as declared."""
        count, after = 0, ""
        while True:
            page = self._session.get(f"{self.plane.server}{self._policies}", params={"limit": "500", "continue": after}, timeout=60).json()
            count += sum(is_in_sync(item) for item in page["items"])
            after = page["metadata"].get("continue", "")
            if not after:
                return count

    def object_bytes(self) -> int:
        """Length of one policy as JSON, as the API server sends it."""
        answer = self._session.get(f"{self.plane.server}{self._policies}", params={"limit": "1"}, timeout=60)
        return len(answer.content)

    def writes(self) -> Counter[str]:
        """Writes that the API server was asked for so far: the operator's kinds, events and leases (`apiserver_request_total`)."""
        text = self._session.get(f"{self.plane.server}/metrics", timeout=60).text
        counts: Counter[str] = Counter()
        for found in _WRITES.finditer(text):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', found["labels"]))
            ours = labels["group"] == "ops.clocked.app" or labels["resource"] in ("events", "leases")
            if ours and labels["verb"] in ("POST", "PUT", "PATCH", "APPLY", "DELETE"):
                part = f"/{labels['subresource']}" if labels["subresource"] else ""
                counts[labels["resource"] + part] += int(float(found["count"]))
        return counts

    def stop(self) -> None:
        self.plane.stop()
