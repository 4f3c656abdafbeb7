"""What must hold when the trouble is over."""

from __future__ import annotations

import statistics
from pathlib import Path

from runbook_sandbox.clocked.account import Account
from runbook_sandbox.clocked.installation import NAMESPACE, condition, is_in_sync, until
from runbook_sandbox.harness import Sandbox
from runbook_sandbox.soak.declared import CLUSTER, Declared
from runbook_sandbox.soak.record import Record
from runbook_sandbox.soak.trouble import HOLD, operator_process

#: Seconds until everything is in line when nothing happens any more: backoff after a long outage included.
PATIENCE = 420
#: How much the operator's memory may grow while as much happens as before, in MiB and as a part.
GROWTH = 8, 0.15


class Memory:
    """The resident memory of the operator, sampled while it is the same process."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._samples: dict[int, list[float]] = {}

    def sample(self) -> None:
        """Adds one sample."""
        process = operator_process(self._sandbox)
        if process is None:
            return
        try:
            lines = Path(f"/proc/{process}/status").read_text().splitlines()
        except (FileNotFoundError, ProcessLookupError):
            return
        (kilobytes,) = [int(line.split()[1]) for line in lines if line.startswith("VmRSS:")]
        self._samples.setdefault(process, []).append(kilobytes / 1024)

    def growth(self) -> tuple[float, float] | None:
        """MiB at first and at last, of the process with most samples; None where there are too few to say."""
        samples = max(self._samples.values(), key=len, default=[])
        if len(samples) < 12:
            return None
        part = len(samples) // 4
        # Its first samples are of a process that still fills its caches.
        return statistics.median(samples[part : 2 * part]), statistics.median(samples[-part:])


def calm_down(declared: Declared, account: Account) -> None:
    """Everything is let through, and no override is left: what is declared is what must come."""
    declared.write_account()
    for service in declared.services:
        arn = account.service(service, CLUSTER)["serviceArn"]
        account.ecs.untag_resource(resourceArn=arn, tagKeys=[HOLD])
        declared.edit(service, suspend=False, mode="Enforce")

    def settled() -> list[str]:
        for name in declared.overrides():
            declared.delete_override(name)
        policies = declared.policies()
        return [
            f"{name}: {condition(policy, 'Synced')}"
            for name, policy in policies.items()
            if not is_in_sync(policy) or policy["status"].get("overrides")
        ]

    until("every policy is in sync and no override holds", settled, lambda open_: not open_, PATIENCE)


def check(sandbox: Sandbox, declared: Declared, account: Account, record: Record, memory: Memory, kills: int) -> list[str]:
    """What does not hold."""
    sandbox.check()
    record.read()
    before = len(record.of_operator())
    requested = {name: f"the end-{before}" for name in declared.services}
    for name, value in requested.items():
        annotation = f"ops.clocked.app/reconcile-requested-at={value}"
        sandbox.kubectl("annotate", "scalingpolicy", name, "--namespace=soak", "--overwrite", annotation)
    until(
        "every policy was looked at once more",
        declared.policies,
        lambda found: all(found[name]["status"].get("lastHandledReconcileAt") == value for name, value in requested.items()),
        PATIENCE,
    )
    record.read()
    problems = [f"at rest it writes: {call['operation']} {call['params']}" for call in record.of_operator()[before:]]
    problems += [line for service in declared.services for line in _differs(declared, account, service)]
    doubled = record.doubled()
    # One request may have been in flight at each kill.
    if len(doubled) > kills:
        problems += [f"doubled: {line}" for line in doubled]
    problems += [f"AWS failed by itself: {error}" for error in account.control("GET", "/internal-errors")["errors"]]
    log = sandbox.kubectl("logs", f"--namespace={NAMESPACE}", "deployment/runbook-operator", "--tail=-1")
    problems += [f"log: {line}" for line in log.splitlines() if "panicked" in line or "defect of the operator" in line]
    print(f"{len(record.of_operator())} writes, {len(doubled)} of them doubled; {kills} kills")
    match memory.growth():
        case None:
            print("memory: too short to say")
        case first, last:
            print(f"memory: {first:.1f} MiB at first, {last:.1f} MiB at last")
            if last - first > max(GROWTH[0], first * GROWTH[1]):
                problems.append(f"memory grows: {first:.1f} to {last:.1f} MiB")
    return problems


def _differs(declared: Declared, account: Account, service: str) -> list[str]:
    """Where AWS is not as declared."""
    spec, size = declared.specs[service], account.service(service, CLUSTER)["desiredCount"]
    target = account.scalable_target(service, CLUSTER)
    if "replicas" in spec:
        return [] if (size, target) == (spec["replicas"], None) else [f"{service}: {size} {target}, declared {spec}"]
    band = spec["autoscaling"]
    low, high = band["minCapacity"], band["maxCapacity"]
    if target is None or (target["MinCapacity"], target["MaxCapacity"]) != (low, high) or not low <= size <= high:
        return [f"{service}: {size} {target}, declared {spec}"]
    values = {
        policy["PolicyName"]: policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"]
        for policy in account.scaling_policies(service, CLUSTER)
    }
    # Policies that are declared no more are left alone.
    return [
        f"{service}: {one['name']} follows {values.get(one['name'])}, declared {one['targetValue']}"
        for one in band["targetTracking"]
        if values.get(one["name"]) != one["targetValue"]
    ]
