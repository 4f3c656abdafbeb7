"""The operator, installed from its chart as a user would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from runbook_sandbox.clocked.account import CLUSTER, CLUSTER_ID, Account, documented_policy
from runbook_sandbox.harness import Client
from runbook_sandbox.processes import wait_until

REPOSITORY = Path(__file__).resolve().parents[4]
CHART = REPOSITORY / "charts" / "runbook-operator"
EXAMPLES = REPOSITORY / "examples" / "clocked"
IMAGE = "runbook-operator:dev"
NAMESPACE = "runbook-system"
RELEASE = "runbook-operator"

T = TypeVar("T")


def install(client: Client, account: Account, *settings: str, cluster: str = CLUSTER, chart: Path = CHART) -> None:
    """`helm install --wait`, with credentials of an IAM user who has just the documented permissions, for one cluster."""
    key, secret = account.create_operator_user(documented_policy(REPOSITORY, cluster))
    credentials = {"AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": secret, "AWS_ENDPOINT_URL": account.endpoint}
    client.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": "aws", "namespace": NAMESPACE},
            "stringData": credentials,
        },
    )
    helm(client, "install", *settings, chart=chart)


def trust(client: Client, authority: Path) -> tuple[str, ...]:
    """Settings of the chart by which the operator asks databases of the sandbox: they listen on this host, under its own authority."""
    client.apply(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "sandbox-ca", "namespace": NAMESPACE},
            "data": {"ca.crt": authority.read_text()},
        },
    )
    return '--set-json=databases.allowedNetworks=["127.0.0.0/8","::1/128"]', "--set=databases.caConfigMap=sandbox-ca"


def helm(client: Client, command: str, *settings: str, chart: Path = CHART) -> str:
    """`helm install` or `helm upgrade` of a chart, that of this checkout by default, waiting until the operator is available."""
    repository, tag = IMAGE.split(":")
    values = {
        "clusterId": CLUSTER_ID,
        "image": {"repository": repository, "tag": tag},
        "envFrom": [{"secretRef": {"name": "aws"}}],
        "operator": {"resync": "1s"},
    }
    flags = [f"--set-json={name}={json.dumps(value)}" for name, value in values.items()] + list(settings)
    return client.helm(command, RELEASE, str(chart), f"--namespace={NAMESPACE}", "--wait", "--timeout=3m", *flags)


def condition(thing: dict[str, Any], kind: str) -> dict[str, Any]:
    """A condition of an object, empty when it has none."""
    return next((c for c in thing.get("status", {}).get("conditions", []) if c["type"] == kind), {})


def is_in_sync(thing: dict[str, Any]) -> bool:
    """Whether the operator says, of the spec as it is now, that AWS is as declared."""
    synced = condition(thing, "Synced")
    return synced.get("status") == "True" and synced.get("observedGeneration") == thing["metadata"]["generation"]


def until(what: str, read: Callable[[], T], right: Callable[[T], bool], seconds: float = 60) -> T:
    """Reads until it is right, and returns what was read; TimeoutError with what was read last."""
    last: list[T] = []

    def holds() -> bool:
        last[:] = [read()]
        return right(last[0])

    try:
        wait_until(holds, seconds, what, every=0.2)
    except TimeoutError as error:
        raise TimeoutError(f"{error}; last seen: {last[0] if last else 'nothing'}") from None
    return last[0]
