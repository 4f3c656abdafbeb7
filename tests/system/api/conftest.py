"""A Kubernetes API with the kinds of `crds/yaml` installed and no operator: what the server alone says to what people write."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import requests
from runbook_sandbox.harness import Client
from runbook_sandbox.kubernetes.binaries import ensure
from runbook_sandbox.kubernetes.control_plane import ControlPlane
from runbook_sandbox.processes import wait_until

Object = dict[str, Any]

CRDS = Path(__file__).resolve().parents[3] / "crds" / "yaml"
PATHS = {
    "AwsAccount": "awsaccounts",
    "BackupPolicy": "namespaces/default/backuppolicies",
    "DatabaseBackup": "namespaces/default/databasebackups",
    "DatabaseRestore": "namespaces/default/databaserestores",
    "ScalingOverride": "namespaces/default/scalingoverrides",
    "ScalingPolicy": "namespaces/default/scalingpolicies",
}
SPECS: dict[str, Object] = {
    "AwsAccount": {
        "accountId": "123456789012",
        "regions": ["eu-central-1", "eu-west-1"],
        "mode": "Enforce",
        "grants": [{"namespaces": ["clocked"], "verbs": ["scale"], "resources": ["arn:aws:ecs:*:*:service/clocked-cluster/*"]}],
    },
    "BackupPolicy": {
        "source": {"rdsInstance": "clocked-db"},
        "snapshots": {"schedule": "0 2 * * *", "retention": {"keepLast": 3}},
    },
    "DatabaseBackup": {"source": {"rdsInstance": "clocked-db"}},
    "DatabaseRestore": {
        "source": {"snapshotIdentifier": "clocked-manual-20260301-020000"},
        "target": {"rdsInstance": "clocked-db-restored"},
        "outcome": "Keep",
    },
    "ScalingOverride": {
        "policyRef": {"name": "clocked-app"},
        "atLeast": 5,
        "expiresAt": "2026-03-01T18:00:00Z",
        "reason": "the sale begins at noon",
    },
    "ScalingPolicy": {
        "target": {"ecsService": {"cluster": "clocked-cluster", "service": "clocked-app-service"}},
        "replicas": 3,
    },
}


@pytest.hookimpl(tryfirst=True)  # before pytest-xdist looks for groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All tests of this folder share one API server, so one worker runs them."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("api"))


class Refused(Exception):
    """The server did not take a request; the message is what it said."""

    def __init__(self, status: Object) -> None:
        super().__init__(status.get("message", str(status)))
        self.causes = [cause.get("message", "") for cause in status.get("details", {}).get("causes", [])]


class Server(Client):
    """The API server, by kubectl and by its wire."""

    Refused = Refused

    def __init__(self, plane: ControlPlane) -> None:
        super().__init__(plane.kubeconfig, "", plane.binaries.search_path())
        self.crds = sorted(CRDS.glob("*.yaml"))
        self._root = plane.server
        self._names = (f"object-{number}" for number in itertools.count(1))
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.verify = str(plane.ca)
        self._session.cert = (str(plane.node_client.certificate), str(plane.node_client.key))

    def example(self, kind: str, changes: Mapping[str, Any] | None = None) -> Object:
        """A good object under a name of its own, with changes by dotted path; None takes a field out."""
        item: Object = {"apiVersion": "ops.clocked.app/v1alpha1", "kind": kind}
        item |= {"metadata": {"name": next(self._names)}, "spec": copy.deepcopy(SPECS[kind])}
        for path, value in (changes or {}).items():
            *parents, last = path.split(".")
            where = item
            for parent in parents:
                where = where[parent]
            where.pop(last, None)
            if value is not None:
                where[last] = copy.deepcopy(value)
        return item

    def request(self, method: str, path: str, body: object = None, *, accept: str = "application/json", **options: str) -> Object:
        """One request; Refused if the server does not take it."""
        answer = self._session.request(method, self._root + path, json=body, headers={"Accept": accept}, params=options, timeout=30)
        if not answer.ok:
            raise Refused(answer.json())
        return answer.json()

    def url(self, kind: str, *below: str) -> str:
        """Where the objects of a kind are, or one of them, or a subresource of it."""
        return "/".join(("/apis/ops.clocked.app/v1alpha1", PATHS[kind], *below))

    def create(self, item: Object, **options: str) -> Object:
        """Creates an object; fields that the kind does not have are refused."""
        return self.request("POST", self.url(item["kind"]), item, fieldValidation="Strict", **options)

    def judge(self, item: Object) -> Object:
        """What the server makes of an object, without keeping it."""
        return self.create(item, dryRun="All")

    def replace(self, item: Object, *subresource: str) -> Object:
        return self.request("PUT", self.url(item["kind"], item["metadata"]["name"], *subresource), item)

    def read(self, kind: str, name: str) -> Object:
        return self.request("GET", self.url(kind, name))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The API server, ready for objects of every kind."""
    plane = ControlPlane(tmp_path_factory.mktemp("api"), ensure())
    plane.start()
    try:
        running = Server(plane)
        for file in running.crds:
            running.kubectl("apply", "--server-side", "--field-manager=helm", f"--filename={file}")
        for kind in PATHS:
            wait_until(lambda kind=kind: _takes(running, kind), 60, f"{kind} to be served")
        yield running
    finally:
        plane.stop()


def _takes(server: Server, kind: str) -> bool:
    """Whether objects of a kind are taken; that begins a moment after the kind was."""
    try:
        server.judge(server.example(kind))
    except (Refused, requests.RequestException):
        return False
    return True
