"""What is measured with how many policies: sizes, rates and intervals, all told in the report."""

from __future__ import annotations

from dataclasses import dataclass

CLUSTER = "bench"
NAMESPACE = "bench"
ACCOUNT_NAME = "bench"
#: What a policy of each half brings its service of one task to.
FIXED_SIZE = 2
BAND = (2, 6)

#: The operator's own default, calls a second: a quarter of what AWS sustains (operator/core/src/account/budget.rs).
READS, WRITES = 5.0, 1.25


@dataclass(frozen=True)
class Plan:
    """One run. `scale` multiplies AWS's token buckets and the operator's budget alike; `resync`, `settle` (waited before what is to be
    quiet is measured: numbers that moved may be written 30 s later) and `floor` (in which a process between resyncs is looked at) are in
    seconds."""

    policies: int
    scale: float
    resync: int
    resyncs: int
    settle: int = 40
    floor: int = 20

    @property
    def drifts(self) -> int:
        """Services that somebody changes behind the operator's back."""
        return max(3, self.policies // 100)

    def service(self, number: int) -> str:
        return f"service-{number:05}"

    def fixed(self) -> list[str]:
        """Services of a fixed size; the others have a band."""
        return [self.service(number) for number in range(0, self.policies, 2)]

    @property
    def bands(self) -> int:
        return self.policies // 2

    @property
    def writes(self) -> dict[str, int]:
        """Writes that it takes, by API: a size each, or a scalable target and a scaling policy."""
        return {"ecs": len(self.fixed()), "application-autoscaling": 2 * self.bands}

    @property
    def least_seconds(self) -> float:
        """N ÷ write budget, for the API that has more to write."""
        return max(self.writes.values()) / (WRITES * self.scale)


def plan_for(policies: int) -> Plan:
    """Rates under which a size converges within minutes."""
    if policies <= 30:
        return Plan(policies, scale=8, resync=5, resyncs=2, settle=5, floor=2)  # for the test of this very program
    if policies <= 300:
        return Plan(policies, scale=2, resync=20, resyncs=3)
    if policies <= 3000:
        return Plan(policies, scale=16, resync=20, resyncs=3)
    return Plan(policies, scale=32, resync=60, resyncs=2, settle=75)


def account() -> dict:
    """The AwsAccount without its endpoint and budget."""
    return {
        "accountId": "123456789012",
        "regions": ["eu-central-1"],
        "mode": "Enforce",
        "grants": [{"namespaces": [NAMESPACE], "verbs": ["scale"], "resources": [f"arn:aws:ecs:*:*:service/{CLUSTER}/*"]}],
    }


def policy(plan: Plan, number: int) -> dict:
    """A ScalingPolicy: a fixed size, or a band that CPU moves."""
    spec: dict = {"accountRef": {"name": ACCOUNT_NAME}, "target": {"ecsService": {"cluster": CLUSTER, "service": plan.service(number)}}}
    if number % 2 == 0:
        spec["replicas"] = FIXED_SIZE
    else:
        cpu = {"name": "cpu", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": 60, "scaleInCooldown": "5m"}
        spec["autoscaling"] = {"minCapacity": BAND[0], "maxCapacity": BAND[1], "targetTracking": [cpu]}
    return {
        "apiVersion": "ops.clocked.app/v1alpha1",
        "kind": "ScalingPolicy",
        "metadata": {"name": plan.service(number), "namespace": NAMESPACE},
        "spec": spec,
    }
