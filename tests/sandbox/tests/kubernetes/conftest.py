"""One Kubernetes sandbox for the whole session, however many workers share it; a namespace for each test."""

from __future__ import annotations

import os
import secrets
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook_sandbox import background
from runbook_sandbox.harness import Client, Options
from runbook_sandbox.kubernetes.binaries import Binaries, ensure
from runbook_sandbox.processes import Identity, wait_until

Object = dict[str, Any]
PATIENCE = 60.0  # seconds until a condition counts as never met; no test depends on how long it takes


@pytest.fixture(scope="session")
def binaries() -> Binaries:
    return ensure()


@pytest.fixture(scope="session")
def options(binaries: Binaries) -> Options:
    """Images: `shell` has no entrypoint, `kubectl` is a program that finds the API server as client-go does."""
    images = {"shell": "", "kubectl:dev": str(binaries["kubectl"])}
    return Options(images=images, aws=False, crash_back_off=0.2, volume_refresh=0.2)


@pytest.fixture(scope="session")
def client(options: Options, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Client:
    """The shared sandbox: the first worker starts it, and it ends with the process that runs the whole session."""
    alone = worker_id == "master"
    folder = tmp_path_factory.getbasetemp() if alone else tmp_path_factory.getbasetemp().parent
    session = Identity.of(os.getpid() if alone else os.getppid())
    return background.up(folder / "sandbox", options, owner=session)[0]


class Cluster:
    """One namespace of a sandbox, with short ways to say what a test means."""

    def __init__(self, client: Client, namespace: str) -> None:
        self.client, self.namespace = client, namespace

    def kubectl(self, *arguments: str, stdin: str | None = None) -> str:
        return self.client.kubectl(f"--namespace={self.namespace}", *arguments, stdin=stdin)

    def apply(self, *objects: Object) -> None:
        self.client.apply(*({**each, "metadata": {"namespace": self.namespace, **each["metadata"]}} for each in objects))

    def get(self, *arguments: str) -> Object:
        return self.client.get(f"--namespace={self.namespace}", *arguments)

    def pod(self, script: str = "", name: str = "pod", *, spec: Object | None = None, **container: Any) -> Object:
        """A pod that runs a shell script once; keywords are fields of its container, ``spec`` fields of the pod."""
        command = {"command": ["/bin/sh", "-c", script]} if script else {}
        containers = [{"name": "main", "image": "shell", **command, **container}]
        metadata = {"name": name, "labels": {"app": name}}
        shared = {"restartPolicy": "Never", "terminationGracePeriodSeconds": 1}
        return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {**shared, "containers": containers, **(spec or {})}}

    def config_map(self, name: str, **data: str) -> Object:
        return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}

    def output(self, pod: Object) -> str:
        """Applies a pod that ends by itself, and returns what it printed."""
        self.apply(pod)
        name = pod["metadata"]["name"]
        until(lambda: self.phase(name) in ("Succeeded", "Failed"), f"pod {name} to end: {self.status(name)}")
        return self.kubectl("logs", name)

    def status(self, pod: str = "pod") -> Object:
        return self.get("pod", pod).get("status", {})

    def phase(self, pod: str = "pod") -> str:
        return self.status(pod).get("phase", "")

    def container(self, pod: str = "pod") -> Object:
        """The status of a pod's first container; empty while there is none."""
        return (self.status(pod).get("containerStatuses") or [{}])[0]

    def condition(self, kind: str, resource: str = "pod/pod") -> str:
        conditions = self.get(resource).get("status", {}).get("conditions") or []
        return next((condition["status"] for condition in conditions if condition["type"] == kind), "")

    def process(self, pod: str = "pod") -> Identity:
        """The process of this machine that a pod's first container is."""
        return Identity.of(int(self.container(pod)["containerID"].removeprefix("process://")))


def until(condition: Callable[[], object], what: str) -> None:
    """Polls; fails the test if the condition is never met."""
    wait_until(condition, PATIENCE, what)


@pytest.fixture(name="until")
def until_fixture() -> Callable[[Callable[[], object], str], None]:
    return until


@pytest.fixture
def make_cluster() -> Callable[[Client], Cluster]:
    """A fresh namespace in any sandbox, ready for pods."""

    def make(client: Client) -> Cluster:
        name = f"test-{uuid.uuid4().hex[:12]}"
        client.kubectl("create", "namespace", name)
        cluster = Cluster(client, name)
        until(lambda: "default" in cluster.kubectl("get", "serviceaccounts", "--output=name"), f"the ServiceAccount of {name}")
        return cluster

    return make


@pytest.fixture
def cluster(client: Client, make_cluster: Callable[[Client], Cluster]) -> Iterator[Cluster]:
    made = make_cluster(client)
    yield made
    client.kubectl("delete", "namespace", made.namespace, "--wait=false")


@pytest.fixture
def shared(tmp_path: Path) -> Iterator[tuple[Path, Object]]:
    """A folder of the machine, and the volume and mount (at /shared) that give it to a pod."""
    folder = tmp_path / secrets.token_hex(4)
    folder.mkdir()
    yield (
        folder,
        {
            "spec": {"volumes": [{"name": "shared", "hostPath": {"path": str(folder)}}]},
            "volumeMounts": [{"name": "shared", "mountPath": "/shared"}],
        },
    )
