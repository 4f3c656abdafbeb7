"""Where a test lives: a namespace, an AwsAccount and what they have in AWS."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from runbook_sandbox.clocked.account import ACCOUNT, REGION, Account
from runbook_sandbox.clocked.installation import condition, is_in_sync, until
from runbook_sandbox.harness import Client

_numbers = itertools.count(1)


class Place:
    """A namespace, an AwsAccount that grants it everything in a cluster of its own, and that cluster."""

    #: The kind that `get` and what waits for it speak of.
    kind = "scalingpolicy"

    def __init__(self, client: Client, account: Account, name: str) -> None:
        self.client, self.account, self.name = client, account, name
        self.namespace = self.cluster = name

    def grant(self, **spec: Any) -> None:
        """Creates or changes the AwsAccount; `spec` replaces what a grant to the whole cluster would say."""
        default = {
            "accountId": ACCOUNT,
            "regions": [REGION],
            "mode": "Enforce",
            "grants": [
                {"namespaces": [self.namespace], "verbs": ["scale"], "resources": [f"arn:aws:ecs:*:*:service/{self.cluster}/*"]},
            ],
        }
        self.client.apply(
            {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "AwsAccount", "metadata": {"name": self.name}, "spec": default | spec}
        )

    def policy(self, name: str, service: str | None = None, **spec: Any) -> dict[str, Any]:
        """A ScalingPolicy of this place, not yet applied."""
        target = {"ecsService": {"cluster": self.cluster, "service": service or name}}
        return {
            "apiVersion": "ops.clocked.app/v1alpha1",
            "kind": "ScalingPolicy",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"accountRef": {"name": self.name}, "target": target} | spec,
        }

    def override(self, name: str, policy: str, seconds: float = 3600, **spec: Any) -> dict[str, Any]:
        """A ScalingOverride of a policy of this place that ends so many seconds from now, not yet applied."""
        ends = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "apiVersion": "ops.clocked.app/v1alpha1",
            "kind": "ScalingOverride",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"policyRef": {"name": policy}, "expiresAt": ends, "reason": "a test"} | spec,
        }

    def overrides(self) -> list[dict[str, Any]]:
        """The ScalingOverrides of this place."""
        return self.client.get("scalingoverrides", f"--namespace={self.namespace}")["items"]

    def told(self, name: str, reason: str, seconds: float = 60) -> dict[str, Any]:
        """Waits until an override's Active condition has this reason, and returns the override."""
        return until(
            f"override {self.namespace}/{name} is {reason}",
            lambda: self.client.get("scalingoverride", name, f"--namespace={self.namespace}"),
            lambda found: condition(found, "Active").get("reason") == reason,
            seconds,
        )

    def delete_override(self, name: str) -> None:
        """`kubectl delete`."""
        self.client.kubectl("delete", "scalingoverride", name, f"--namespace={self.namespace}")

    def apply(self, *objects: dict[str, Any]) -> None:
        """`kubectl apply`."""
        self.client.apply(*objects)

    def get(self, name: str) -> dict[str, Any]:
        """A policy as it is."""
        return self.client.get(self.kind, name, f"--namespace={self.namespace}")

    def wait(self, name: str, right: Callable[[dict[str, Any]], bool], what: str, seconds: float = 60) -> dict[str, Any]:
        """Waits until a policy is as told, and returns it."""
        return until(f"{self.namespace}/{name} {what}", lambda: self.get(name), right, seconds)

    def in_sync(self, *names: str, seconds: float = 60) -> None:
        """Waits until policies are in line with AWS."""
        for name in names:
            self.wait(name, is_in_sync, "is in sync", seconds)

    def stalled(self, name: str, reason: str) -> dict[str, Any]:
        """Waits until a policy is stalled for this reason, and returns the condition."""

        def right(policy: dict[str, Any]) -> bool:
            stalled = condition(policy, "Stalled")
            return stalled.get("status") == "True" and stalled.get("reason") == reason

        return condition(self.wait(name, right, f"is stalled with {reason}"), "Stalled")

    def desired(self, service: str) -> int:
        """desiredCount of a service of this place."""
        return self.account.service(service, self.cluster)["desiredCount"]

    def wait_desired(self, service: str, count: int, seconds: float = 60) -> None:
        """Waits until a service has this desiredCount."""
        until(f"desiredCount of {self.cluster}/{service} is {count}", lambda: self.desired(service), lambda n: n == count, seconds)

    def writes(self, service: str | None = None, operation: str = "UpdateService") -> list[dict[str, Any]]:
        """The operator's writes in this place that had an effect, oldest first."""
        wanted = f"{self.cluster}/{service}" if service else f"{self.cluster}/"
        calls = self.account.operator_calls(operation)
        return [call for call in calls if call["effect"] and any(wanted in resource for resource in _resources(call))]

    def reconciled_again(self, name: str, times: int = 2) -> None:
        """Waits until the operator has looked at a policy so many times more, by asking it to."""
        for _ in range(times):
            asked = f"{self.name}-{next(_numbers)}"
            self.client.annotate(self.kind, name, self.namespace, **{"ops.clocked.app/reconcile-requested-at": asked})
            self.wait(name, lambda p, asked=asked: p["status"].get("lastHandledReconcileAt") == asked, "was looked at again")


def _resources(call: dict[str, Any]) -> list[str]:
    params = call["params"]
    named = (
        f"service/{params['cluster']}/{params['service']}" if "service" in params and "cluster" in params else params.get("resourceId", "")
    )
    return [*call["resources"], named, params.get("ResourceId", "")]
