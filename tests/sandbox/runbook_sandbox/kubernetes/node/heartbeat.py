"""The Node object, kept Ready."""

from __future__ import annotations

import asyncio
import datetime
import logging
import os
import platform

import aiohttp

from runbook_sandbox.kubernetes.node.api import STRATEGIC, Api, ApiError, Object, insist
from runbook_sandbox.kubernetes.node.events import now

log = logging.getLogger(__name__)
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
LEASE_SECONDS = 40  # the kubelet's nodeLeaseDurationSeconds, renewed every quarter


def node(name: str, version: str, port: int, isolation: str) -> Object:
    """The Node: much room, since nothing is scheduled by size, and the port where logs are served."""
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 1024
    room = {"cpu": "64", "memory": f"{max(memory, 256 << 20)}Ki", "pods": "250", "ephemeral-storage": "256Gi"}
    labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": architecture}
    info = {
        "kubeletVersion": version,
        "osImage": "node-runner",
        "containerRuntimeVersion": f"process://{isolation}",
        "kubeProxyVersion": "",
    }
    info |= {"architecture": architecture, "operatingSystem": "linux", "kernelVersion": platform.release()}
    info |= {"machineID": "", "systemUUID": "", "bootID": ""}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "status": {
            "capacity": room,
            "allocatable": room,
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}, {"type": "Hostname", "address": name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
            "nodeInfo": info,
        },
    }


def conditions(since: str) -> list[Object]:
    wanted = {"MemoryPressure": "False", "DiskPressure": "False", "PIDPressure": "False", "Ready": "True"}
    texts = {"reason": "NodeRunnerReady", "message": "the node-runner is posting ready status"}
    return [
        {"type": kind, "status": value, "lastHeartbeatTime": now(), "lastTransitionTime": since, **texts} for kind, value in wanted.items()
    ]


async def register(api: Api, wanted: Object) -> None:
    """Creates the Node, or brings the one of an earlier node-runner up to date."""
    name = wanted["metadata"]["name"]
    try:
        await insist("creating the node", lambda: api.create("/api/v1/nodes", wanted))
    except ApiError as error:
        if error.status != 409:
            raise
    await insist("status of the node", lambda: _beat(api, name, wanted["status"], now()))


async def _beat(api: Api, name: str, status: Object, since: str) -> None:
    body = {"status": status | {"conditions": conditions(since)}}
    await api.patch(f"/api/v1/nodes/{name}/status", body, STRATEGIC)


async def keep(api: Api, wanted: Object) -> None:
    """Renews the Lease that the controllers watch, and the status less often, until cancelled."""
    name, since, beats = wanted["metadata"]["name"], now(), 0
    while True:
        try:
            await _renew(api, name)
            if beats % 6 == 0:
                await _beat(api, name, wanted["status"], since)
            beats += 1
        except (ApiError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("heartbeat: %s", error)
            await asyncio.sleep(1)
            continue
        await asyncio.sleep(LEASE_SECONDS / 4)


async def _renew(api: Api, name: str) -> None:
    leases = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases"
    moment = datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": name, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": moment}
    try:
        await api.patch(f"{leases}/{name}", {"spec": spec})
    except ApiError as error:
        if error.status != 404:
            raise
        await api.create(leases, {"metadata": {"name": name, "namespace": "kube-node-lease"}, "spec": spec})
