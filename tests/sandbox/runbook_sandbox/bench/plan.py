"""What is measured with how many policies: sizes, rates and intervals, all told in the report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar

CLUSTER = "bench"
NAMESPACE = "bench"
ACCOUNT_NAME = "bench"
#: What a ScalingPolicy of each half brings its service of one task to.
FIXED_SIZE = 2
BAND = (2, 6)
#: What a BackupPolicy brings the retention of its database, a day, to.
RETENTION_DAYS = 7

#: The operator's own default, calls a second: a quarter of what AWS sustains (operator/core/src/account/budget.rs).
READS, WRITES = 5.0, 1.25
#: The operator's own default resync, in seconds, and how much longer looks are apart on average, so that they do not fall together.
RESYNC, SPREAD = 300, 1.125
#: For how many seconds a list of snapshots is believed where nothing is told of a change (operator/aws/src/plane/state.rs).
LISTED = 4 * 3600


@dataclass(frozen=True)
class Plan:
    """One run, with policies of one kind. `scale` multiplies AWS's token buckets and the operator's budget alike; `resync`, `settle`
    (waited before what is to be quiet is measured: numbers that moved may be written 30 s later) and `floor` (in which a process between
    resyncs is looked at) are in seconds."""

    policies: int
    scale: float
    resync: int
    resyncs: int
    settle: int = 40
    floor: int = 20

    kind: ClassVar[str]
    plural: ClassVar[str]
    #: The writes that its policies make, by operation.
    operations: ClassVar[tuple[str, ...]]
    #: What the sizes of its targets are once they are as declared, at least, and what somebody sets them to behind the operator's back.
    declared: ClassVar[int]
    drifted: ClassVar[int]
    #: Field of `requestBudget`.
    budgets: ClassVar[tuple[str, ...]]

    @property
    def drifts(self) -> int:
        """Targets that somebody changes behind the operator's back."""
        return max(3, self.policies // 100)

    @property
    def writes(self) -> dict[str, int]:
        """Writes that it takes, by API."""
        raise NotImplementedError

    @property
    def least_seconds(self) -> float:
        """N ÷ write budget, for the API that has more to write."""
        return max(self.writes.values()) / (WRITES * self.scale)

    def victims(self) -> list[str]:
        """Targets that drift."""
        raise NotImplementedError

    def grant(self) -> dict:
        """What the policies are allowed."""
        raise NotImplementedError

    def spec(self, number: int) -> dict:
        """What a policy says, beside its account."""
        raise NotImplementedError

    def name(self, number: int) -> str:
        """Of a policy and its target."""
        raise NotImplementedError

    def describe(self) -> dict[str, Any]:
        """What is special about it, for the report."""
        return {}

    def costs(self, made: Counter[str], looks: int, elapsed: float) -> dict[str, float]:
        """The reads of a quiet time by policy, whose looks are counted, as AWS counted them in so many seconds."""
        raise NotImplementedError

    def listed(self, made: Counter[str]) -> dict[str, float]:
        """The reads of a process that has just begun, of what is else read seldom."""
        raise NotImplementedError

    def account(self, endpoint: str) -> dict:
        """The AwsAccount."""
        rates = {"read": str(READS * self.scale), "modify": str(WRITES * self.scale)}
        spec = {
            "accountId": "123456789012",
            "regions": ["eu-central-1"],
            "mode": "Enforce",
            "grants": [{"namespaces": [NAMESPACE], **self.grant()}],
            "endpointUrl": endpoint,
            "requestBudget": dict.fromkeys(self.budgets, rates),
        }
        return {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "AwsAccount", "metadata": {"name": ACCOUNT_NAME}, "spec": spec}

    def objects(self) -> Iterator[dict]:
        """The policies."""
        for number in range(self.policies):
            yield {
                "apiVersion": "ops.clocked.app/v1alpha1",
                "kind": self.kind,
                "metadata": {"name": self.name(number), "namespace": NAMESPACE},
                "spec": {"accountRef": {"name": ACCOUNT_NAME}, **self.spec(number)},
            }


@dataclass(frozen=True)
class ScalingPlan(Plan):
    """ScalingPolicies: a fixed size, or a band that CPU moves."""

    kind = "ScalingPolicy"
    plural = "scalingpolicies"
    operations = ("UpdateService", "RegisterScalableTarget", "PutScalingPolicy")
    declared, drifted = FIXED_SIZE, FIXED_SIZE - 1
    budgets = ("ecs", "applicationAutoScaling")

    def name(self, number: int) -> str:
        return f"service-{number:05}"

    def fixed(self) -> list[str]:
        """Services of a fixed size; the others have a band."""
        return [self.name(number) for number in range(0, self.policies, 2)]

    @property
    def bands(self) -> int:
        return self.policies // 2

    @property
    def writes(self) -> dict[str, int]:
        """A size each, or a scalable target and a scaling policy."""
        return {"ecs": len(self.fixed()), "application-autoscaling": 2 * self.bands}

    def victims(self) -> list[str]:
        return self.fixed()[: self.drifts]

    def grant(self) -> dict:
        return {"verbs": ["scale"], "resources": [f"arn:aws:ecs:*:*:service/{CLUSTER}/*"]}

    def spec(self, number: int) -> dict:
        target = {"target": {"ecsService": {"cluster": CLUSTER, "service": self.name(number)}}}
        if number % 2 == 0:
            return target | {"replicas": FIXED_SIZE}
        cpu = {"name": "cpu", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": 60, "scaleInCooldown": "5m"}
        return target | {"autoscaling": {"minCapacity": BAND[0], "maxCapacity": BAND[1], "targetTracking": [cpu]}}

    def describe(self) -> dict[str, Any]:
        return {"bands": self.bands}

    def costs(self, made: Counter[str], looks: int, elapsed: float) -> dict[str, float]:
        return {
            "ecsPerPolicyAndResync": made["DescribeServices"] / looks,
            "targetsPerPolicyAndResync": made["DescribeScalableTargets"] / looks,
            "policiesPerBandAndHour": made["DescribeScalingPolicies"] / self.bands / elapsed * 3600,
        }

    def listed(self, made: Counter[str]) -> dict[str, float]:
        return {"policiesPerBand": made["DescribeScalingPolicies"] / self.bands}


@dataclass(frozen=True)
class BackupPlan(Plan):
    """BackupPolicies of databases that have snapshots of their own already. `slot_hour` is the hour of their schedule, in UTC: none falls
    due while it is measured."""

    snapshots: int = 20
    slot_hour: int = 2

    kind = "BackupPolicy"
    plural = "backuppolicies"
    operations = ("ModifyDBInstance", "CreateDBSnapshot", "DeleteDBSnapshot")
    declared, drifted = RETENTION_DAYS, RETENTION_DAYS - 1
    budgets = ("rds",)

    def name(self, number: int) -> str:
        return f"database-{number:05}"

    @property
    def writes(self) -> dict[str, int]:
        """A retention each."""
        return {"rds": self.policies}

    def victims(self) -> list[str]:
        return [self.name(number) for number in range(self.drifts)]

    def grant(self) -> dict:
        return {"verbs": ["snapshot", "deleteSnapshot"], "resources": ["arn:aws:rds:*:*:db:database-*"]}

    def spec(self, number: int) -> dict:
        return {
            "source": {"rdsInstance": self.name(number)},
            "automated": {"retentionDays": RETENTION_DAYS},
            "snapshots": {"schedule": f"0 {self.slot_hour} * * *", "retention": {"keepLast": self.snapshots}},
        }

    def describe(self) -> dict[str, Any]:
        return {"snapshots": self.snapshots * self.policies}

    def costs(self, made: Counter[str], looks: int, elapsed: float) -> dict[str, float]:
        return {
            "databasesPerPolicyAndResync": made["DescribeDBInstances"] / looks,
            "snapshotsPerPolicyAndResync": made["DescribeDBSnapshots"] / looks,
        }

    def listed(self, made: Counter[str]) -> dict[str, float]:
        pages = made["DescribeDBSnapshots"] / self.policies
        return {"snapshotsPerPolicy": pages, "listPerPolicyAndResync": pages / (LISTED / (RESYNC * SPREAD))}


def plan_for(policies: int) -> ScalingPlan:
    """Rates under which so many ScalingPolicies converge within minutes."""
    if policies <= 30:
        return ScalingPlan(policies, scale=8, resync=5, resyncs=2, settle=5, floor=2)  # for the test of this very program
    if policies <= 300:
        return ScalingPlan(policies, scale=2, resync=20, resyncs=3)
    if policies <= 3000:
        return ScalingPlan(policies, scale=16, resync=20, resyncs=3)
    return ScalingPlan(policies, scale=32, resync=60, resyncs=2, settle=75)


def backup_plan_for(policies: int) -> BackupPlan:
    """The same of BackupPolicies, whose slots are half a day away."""
    slot_hour = (datetime.now(UTC).hour + 12) % 24
    if policies <= 30:
        return BackupPlan(policies, scale=8, resync=5, resyncs=2, settle=5, floor=2, snapshots=3, slot_hour=slot_hour)
    if policies <= 100:
        return BackupPlan(policies, scale=2, resync=20, resyncs=3, slot_hour=slot_hour)
    return BackupPlan(policies, scale=8, resync=20, resyncs=3, slot_hour=slot_hour)
