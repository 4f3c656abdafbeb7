"""One run: converge, stay, drift, start again. What is told are counts and ratios; times only against the budget's or the resync's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runbook_sandbox.bench.aws import WRITES as OPERATIONS
from runbook_sandbox.bench.aws import Aws
from runbook_sandbox.bench.cluster import Cluster
from runbook_sandbox.bench.operator import Operator
from runbook_sandbox.bench.plan import ACCOUNT_NAME, FIXED_SIZE, NAMESPACE, READS, WRITES, Plan, account, policy
from runbook_sandbox.processes import wait_until

#: The operator's own default, for the idle CPU.
_DEFAULT_RESYNC = 300


@dataclass
class Run:
    """What a run is made of."""

    plan: Plan
    cluster: Cluster
    aws: Aws
    start_operator: Callable[[str, int], Operator]
    say: Callable[[str], None]

    def measure(self) -> dict[str, Any]:
        """Everything, as it goes into the JSON report."""
        plan = self.plan
        self.say(f"{plan.policies} policies: putting them in")
        self._declare()
        result: dict[str, Any] = {
            "policies": plan.policies,
            "bands": plan.bands,
            "scale": plan.scale,
            "resyncSeconds": plan.resync,
            "budget": {"read": READS * plan.scale, "modify": WRITES * plan.scale},
        }
        operator = self.start_operator("converge", plan.resync)
        try:
            result["converge"] = self._converge(operator)
            result["steady"] = self._steady(operator)
            result["drift"] = self._drift(operator)
            result["memory"] = vars(operator.memory())
            time.sleep(plan.settle)
        finally:
            operator.stop()
        result["restart"] = self._restart()
        result["objectBytes"] = self.cluster.object_bytes()
        return result

    def _declare(self) -> None:
        rates = {"read": str(READS * self.plan.scale), "modify": str(WRITES * self.plan.scale)}
        spec = account() | {"endpointUrl": self.aws.endpoint, "requestBudget": {"ecs": rates, "applicationAutoScaling": rates}}
        self.cluster.apply(
            {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
            {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "AwsAccount", "metadata": {"name": ACCOUNT_NAME}, "spec": spec},
        )
        self.cluster.create(policy(self.plan, number) for number in range(self.plan.policies))

    def _all_in_sync(self, operator: Operator) -> bool:
        return operator.states().get("InSync") == self.plan.policies

    def _converge(self, operator: Operator) -> dict[str, Any]:
        """From the start of the process until AWS is as declared."""
        plan, began = self.plan, time.time()
        self.say(f"{plan.policies} policies: converging, {plan.least_seconds:.0f} s of writes at the budget")
        wait_until(lambda: self._all_in_sync(operator), 120 + 10 * plan.least_seconds, "all policies to be in sync", every=1)
        reported = time.time() - began
        if self.cluster.in_sync() != plan.policies:
            raise AssertionError("the operator counts policies as in sync that do not say so")
        calls = self.aws.calls()
        if min(self.aws.desired().values()) < FIXED_SIZE:
            raise AssertionError("policies say that they are in sync with services that are not")
        writes = {name: calls.made[name] - calls.failed[name] for name in OPERATIONS}
        wanted = plan.writes["ecs"] + plan.writes["application-autoscaling"]
        written = self.aws.written_at() - began
        return {
            "leastSeconds": plan.least_seconds,
            "ratio": written / plan.least_seconds,
            "ratioUntilReported": reported / plan.least_seconds,
            "writesPerWanted": sum(writes.values()) / wanted,
            "calls": dict(calls.made),
            "failed": dict(+calls.failed),
            "readsPerPolicy": (calls.made.total() - sum(calls.made[name] for name in OPERATIONS)) / plan.policies,
            "kubernetesWrites": dict(self.cluster.writes()),
            "reconciles": dict(operator.reconciles()),
            "cpuSecondsPerThousandPolicies": operator.cpu() / plan.policies * 1000,
            "memory": vars(operator.memory()),
        }

    def _steady(self, operator: Operator) -> dict[str, Any]:
        """Several resyncs in which nothing happens."""
        plan = self.plan
        self.say(f"{plan.policies} policies: {plan.resyncs} resyncs of {plan.resync} s in which nothing happens")
        time.sleep(plan.settle)
        calls, writes = self.aws.calls(), self.cluster.writes()
        cpu, reconciles, began = operator.cpu(), operator.reconciles(), time.monotonic()
        # Intervals are lengthened by an eighth on average, so that they do not fall together.
        time.sleep(plan.resync * plan.resyncs * 1.125)
        elapsed = time.monotonic() - began
        made = self.aws.calls().since(calls)
        spent, done = operator.cpu() - cpu, operator.reconciles() - reconciles
        looks = done.total()
        policies_hourly = made.made["DescribeScalingPolicies"] / plan.bands / elapsed * 3600
        return {
            "reconciles": dict(done),
            "reconcilesPerPolicyAndResync": looks / plan.policies / (elapsed / (plan.resync * 1.125)),
            "calls": dict(made.made),
            "failed": dict(+made.failed),
            "ecsPerPolicyAndResync": made.made["DescribeServices"] / looks,
            "targetsPerPolicyAndResync": made.made["DescribeScalableTargets"] / looks,
            "policiesPerBandAndHour": policies_hourly,
            "awsWrites": sum(made.made[name] for name in OPERATIONS),
            "kubernetesWrites": dict(self.cluster.writes() - writes),
            "cpuSecondsPerThousandReconciles": spent / looks * 1000,
            "cpuPercent": spent / elapsed * 100,
            "memory": vars(operator.memory()),
        }

    def _drift(self, operator: Operator) -> dict[str, Any]:
        """Somebody stops tasks of some services; how long until each is corrected, in resyncs."""
        plan = self.plan
        victims = plan.fixed()[: plan.drifts]
        self.say(f"{plan.policies} policies: {len(victims)} services drift")
        self.aws.set_desired(victims, FIXED_SIZE - 1)
        began, after = time.monotonic(), dict[str, float]()

        def corrected() -> bool:
            desired, now = self.aws.desired(), time.monotonic()
            for name in victims:
                if desired[name] == FIXED_SIZE:
                    after.setdefault(name, now - began)
            return len(after) == len(victims)

        wait_until(corrected, plan.resync * 6 + 60, "drift to be corrected", every=0.25)
        waits = sorted(seconds / plan.resync for seconds in after.values())
        return {"services": len(victims), "by": "resync", "medianResyncs": waits[len(waits) // 2], "worstResyncs": waits[-1]}

    def _restart(self) -> dict[str, Any]:
        """Another process takes over a world that is in line, with the operator's default resync."""
        plan = self.plan
        self.say(f"{plan.policies} policies: started again, with a resync of {_DEFAULT_RESYNC} s")
        calls, writes = self.aws.calls(), self.cluster.writes()
        operator = self.start_operator("restart", _DEFAULT_RESYNC)
        try:
            wait_until(lambda: operator.reconciles().total() >= plan.policies, 300, "all policies to be looked at", every=1)
            made, written = self.aws.calls().since(calls), self.cluster.writes() - writes
            cpu, began = operator.cpu(), time.monotonic()
            time.sleep(plan.floor)
            floor = (operator.cpu() - cpu) / (time.monotonic() - began) * 100
            return {
                "calls": dict(made.made),
                "failed": dict(+made.failed),
                "readsPerPolicy": made.made.total() / plan.policies,
                "policiesPerBand": made.made["DescribeScalingPolicies"] / plan.bands,
                "awsWrites": sum(made.made[name] for name in OPERATIONS),
                "kubernetesWrites": dict(written),
                "cpuSeconds": cpu,
                "floorCpuPercent": floor,
                "memory": vars(operator.memory()),
            }
        finally:
            operator.stop()
