"""What is declared in the course of a soak: policies, overrides and the account, always as a person could write them."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime, timedelta
from typing import Any

from runbook_sandbox.clocked.account import ACCOUNT, REGION, Account
from runbook_sandbox.harness import Client, CommandError
from runbook_sandbox.soak import backups

CLUSTER = NAMESPACE = ACCOUNT_NAME = "soak"
_VERSION = "ops.clocked.app/v1alpha1"
_LARGEST = 8
_METRICS = {"cpu": "ECSServiceAverageCPUUtilization", "memory": "ECSServiceAverageMemoryUtilization"}


class Declared:
    """The manifests as they were last applied. Half of the services have a fixed size, half a band."""

    def __init__(self, client: Client, account: Account, dice: random.Random, services: int) -> None:
        self.client, self.account, self._dice = client, account, dice
        self.fixed = [f"fixed-{number:02}" for number in range(services // 2)]
        self.banded = [f"band-{number:02}" for number in range(services - services // 2)]
        self.services = [*self.fixed, *self.banded]
        self.specs: dict[str, dict[str, Any]] = {}
        self._overrides = 0

    def begin(self) -> None:
        """Services, namespace, account, and a first spec of every policy."""
        self.account.create_services(*self.services, cluster=CLUSTER)
        self.client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        self.write_account()
        for service in self.services:
            self.edit(service)

    def write_account(self, **spec: Any) -> None:
        """The AwsAccount: enforcing, without limits, unless said otherwise."""
        grant = {"namespaces": [NAMESPACE], "verbs": ["scale"], "resources": [f"arn:aws:ecs:*:*:service/{CLUSTER}/*"]}
        usual = {"accountId": ACCOUNT, "regions": [REGION], "mode": "Enforce", "grants": [grant, backups.GRANT]}
        about = {"apiVersion": _VERSION, "kind": "AwsAccount", "metadata": {"name": ACCOUNT_NAME}}
        self.client.apply(about | {"spec": usual | spec})

    def edit(self, service: str, **more: Any) -> str:
        """Another spec of a policy, of the same sort. What it says of the size, in short."""
        if service in self.fixed:
            size: dict[str, Any] = {"replicas": self._dice.randint(1, _LARGEST)}
        else:
            low = self._dice.randint(1, _LARGEST)
            metrics = self._dice.sample(sorted(_METRICS), self._dice.randint(0, 2))
            tracking = [
                {"name": name, "predefinedMetric": _METRICS[name], "targetValue": self._dice.randint(20, 80), "disableScaleIn": True}
                for name in metrics
            ]
            size = {"autoscaling": {"minCapacity": low, "maxCapacity": self._dice.randint(low, _LARGEST), "targetTracking": tracking}}
        drift = {"scaleOut": self._dice.choice(["Adopt", "Correct"]), "adoptFor": f"{self._dice.randint(5, 60)}s"}
        self.specs[service] = size | {"overrideCeiling": _LARGEST + 4, "drift": drift} | more
        self._apply(service)
        return json.dumps(size | more)

    def switch(self, service: str, field: str, value: Any) -> None:
        """Another value of one field, the rest as it is."""
        self.specs[service] = self.specs[service] | {field: value}
        self._apply(service)

    def scale(self, service: str) -> int:
        """`kubectl scale`."""
        count = self._dice.randint(1, _LARGEST)
        self.client.kubectl("scale", f"scalingpolicy/{service}", f"--namespace={NAMESPACE}", f"--replicas={count}")
        self.specs[service] = self.specs[service] | {"replicas": count}
        return count

    def replace(self, service: str) -> None:
        """Deletes a policy and applies it again: everything that its status remembered is lost."""
        self.client.kubectl("delete", "scalingpolicy", service, f"--namespace={NAMESPACE}")
        self._apply(service)

    def override(self, service: str) -> str:
        """A ScalingOverride that ends soon. Its size, in short."""
        self._overrides += 1
        low = self._dice.randint(1, _LARGEST)
        size = self._dice.choice([{"atLeast": low}, {"exactly": low}, {"range": {"min": low, "max": low + 2}}])
        ends = datetime.now(UTC) + timedelta(seconds=self._dice.randint(3, 60))
        spec = {"policyRef": {"name": service}, "expiresAt": ends.strftime("%Y-%m-%dT%H:%M:%SZ"), "reason": "a soak"}
        about = {"name": f"override-{self._overrides}", "namespace": NAMESPACE}
        self.client.apply({"apiVersion": _VERSION, "kind": "ScalingOverride", "metadata": about, "spec": spec | size})
        return json.dumps(size)

    def overrides(self) -> list[str]:
        """Names of all overrides, those that the operator made among them."""
        return [one["metadata"]["name"] for one in self.client.get("scalingoverrides", f"--namespace={NAMESPACE}")["items"]]

    def delete_override(self, name: str) -> None:
        """`kubectl delete`."""
        self.client.kubectl("delete", "scalingoverride", name, f"--namespace={NAMESPACE}", "--ignore-not-found")

    def policies(self) -> dict[str, dict[str, Any]]:
        """The policies as they are, by name."""
        return {one["metadata"]["name"]: one for one in self.client.get("scalingpolicies", f"--namespace={NAMESPACE}")["items"]}

    def _apply(self, service: str) -> None:
        target = {"ecsService": {"cluster": CLUSTER, "service": service}}
        spec = {"accountRef": {"name": ACCOUNT_NAME}, "target": target} | self.specs[service]
        about = {"apiVersion": _VERSION, "kind": "ScalingPolicy", "metadata": {"name": service, "namespace": NAMESPACE}}
        try:
            self.client.apply(about | {"spec": spec})
        except CommandError as error:
            raise AssertionError(f"a valid edit was refused: {json.dumps(spec)}: {error}") from None
