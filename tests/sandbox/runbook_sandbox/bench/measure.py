"""One run: converge, stay, drift, start again. What is told are counts and ratios; times only against the budget's or the resync's."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from runbook_sandbox.bench.aws import Aws
from runbook_sandbox.bench.cluster import Cluster
from runbook_sandbox.bench.operator import Operator
from runbook_sandbox.bench.plan import NAMESPACE, READS, RESYNC, SPREAD, WRITES, Plan
from runbook_sandbox.processes import wait_until


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
        self.say(f"{plan.policies} {plan.plural}: putting them in")
        self._declare()
        result: dict[str, Any] = {
            "policies": plan.policies,
            **plan.describe(),
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
        namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
        self.cluster.apply(namespace, self.plan.account(self.aws.endpoint))
        self.cluster.create(self.plan.objects())

    def _all_in_sync(self, operator: Operator) -> bool:
        return operator.states().get("InSync") == self.plan.policies

    def _converge(self, operator: Operator) -> dict[str, Any]:
        """From the start of the process until AWS is as declared."""
        plan, began = self.plan, time.time()
        self.say(f"{plan.policies} {plan.plural}: converging, {plan.least_seconds:.0f} s of writes at the budget")
        wait_until(lambda: self._all_in_sync(operator), 120 + 10 * plan.least_seconds, "all policies to be in sync", every=1)
        reported = time.time() - began
        if self.cluster.in_sync() != plan.policies:
            raise AssertionError("the operator counts policies as in sync that do not say so")
        calls = self.aws.calls()
        if min(self.aws.sizes().values()) < plan.declared:
            raise AssertionError("policies say that they are in sync with targets that are not")
        writes = {name: calls.made[name] - calls.failed[name] for name in plan.operations}
        wanted = sum(plan.writes.values())
        written = self.aws.written_at() - began
        return {
            "leastSeconds": plan.least_seconds,
            "ratio": written / plan.least_seconds,
            "ratioUntilReported": reported / plan.least_seconds,
            "writesPerWanted": sum(writes.values()) / wanted,
            "calls": dict(calls.made),
            "failed": dict(+calls.failed),
            "readsPerPolicy": (calls.made.total() - sum(calls.made[name] for name in plan.operations)) / plan.policies,
            "kubernetesWrites": dict(self.cluster.writes()),
            "reconciles": dict(operator.reconciles()),
            "cpuSecondsPerThousandPolicies": operator.cpu() / plan.policies * 1000,
            "memory": vars(operator.memory()),
        }

    def _steady(self, operator: Operator) -> dict[str, Any]:
        """Several resyncs in which nothing happens."""
        plan = self.plan
        self.say(f"{plan.policies} {plan.plural}: {plan.resyncs} resyncs of {plan.resync} s in which nothing happens")
        time.sleep(plan.settle)
        calls, writes = self.aws.calls(), self.cluster.writes()
        cpu, reconciles, began = operator.cpu(), operator.reconciles(), time.monotonic()
        time.sleep(plan.resync * plan.resyncs * SPREAD)
        elapsed = time.monotonic() - began
        made = self.aws.calls().since(calls)
        spent, done = operator.cpu() - cpu, operator.reconciles() - reconciles
        looks = done.total()
        return {
            "reconciles": dict(done),
            "reconcilesPerPolicyAndResync": looks / plan.policies / (elapsed / (plan.resync * SPREAD)),
            "calls": dict(made.made),
            "failed": dict(+made.failed),
            **plan.costs(made.made, looks, elapsed),
            "awsWrites": sum(made.made[name] for name in plan.operations),
            "kubernetesWrites": dict(self.cluster.writes() - writes),
            "cpuSecondsPerThousandReconciles": spent / looks * 1000,
            "cpuPercent": spent / elapsed * 100,
            "memory": vars(operator.memory()),
        }

    def _drift(self, operator: Operator) -> dict[str, Any]:
        """Somebody changes some targets; how long until each is corrected, in resyncs."""
        plan = self.plan
        victims = plan.victims()
        self.say(f"{plan.policies} {plan.plural}: {len(victims)} targets drift")
        self.aws.set_sizes(victims, plan.drifted)
        began, after = time.monotonic(), dict[str, float]()

        def corrected() -> bool:
            sizes, now = self.aws.sizes(), time.monotonic()
            for name in victims:
                if sizes[name] == plan.declared:
                    after.setdefault(name, now - began)
            return len(after) == len(victims)

        wait_until(corrected, plan.resync * 6 + 60, "drift to be corrected", every=0.25)
        waits = sorted(seconds / plan.resync for seconds in after.values())
        return {"targets": len(victims), "by": "resync", "medianResyncs": waits[len(waits) // 2], "worstResyncs": waits[-1]}

    def _restart(self) -> dict[str, Any]:
        """Another process takes over a world that is in line, with the operator's default resync."""
        plan = self.plan
        self.say(f"{plan.policies} {plan.plural}: started again, with a resync of {RESYNC} s")
        calls, writes = self.aws.calls(), self.cluster.writes()
        operator = self.start_operator("restart", RESYNC)
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
                **plan.listed(made.made),
                "awsWrites": sum(made.made[name] for name in plan.operations),
                "kubernetesWrites": dict(written),
                "cpuSeconds": cpu,
                "floorCpuPercent": floor,
                "memory": vars(operator.memory()),
            }
        finally:
            operator.stop()
