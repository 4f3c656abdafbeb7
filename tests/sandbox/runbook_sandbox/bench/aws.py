"""The AWS of a run: a fast stand-in, or the sandbox to check the stand-in against."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

import requests

from runbook_sandbox.bench.plan import CLUSTER, BackupPlan, Plan, ScalingPlan
from runbook_sandbox.clocked.account import Account
from runbook_sandbox.processes import Child


@dataclass(frozen=True)
class Calls:
    """Calls by operation, and those that were throttled or refused."""

    made: Counter[str]
    failed: Counter[str]

    def since(self, before: Calls) -> Calls:
        return Calls(self.made - before.made, self.failed - before.failed)


class Aws(Protocol):
    """What a run needs of an AWS."""

    endpoint: str

    def calls(self) -> Calls:
        """All calls so far."""

    def written_at(self) -> float:
        """When the last write was taken, in seconds since the epoch."""

    def sizes(self) -> dict[str, int]:
        """desiredCount by service, or BackupRetentionPeriod by database."""

    def set_sizes(self, names: list[str], size: int) -> None:
        """Changes them behind the operator's back."""


class StandIn:
    """The simulator's cloud as a server (tests/src/wire)."""

    def __init__(self, program: Path, plan: Plan, directory: Path) -> None:
        log = directory / "aws.log"
        if isinstance(plan, BackupPlan):
            holds = [f"--databases={plan.policies}", f"--snapshots={plan.snapshots}", f"--slot-hour={plan.slot_hour}"]
        else:
            holds = [f"--services={plan.policies}"]
        self._sizes = "retention" if isinstance(plan, BackupPlan) else "desired"
        self._operations = plan.operations
        self.child = Child("aws", [program, *holds, f"--scale={plan.scale}"], log)
        self.child.wait_ready(lambda: log.exists() and log.read_text().endswith("\n"), 30)
        self.endpoint = log.read_text().strip()
        self._session = requests.Session()
        self._session.trust_env = False

    def _get(self, path: str) -> dict:
        return self._session.get(f"{self.endpoint}/_control/{path}", timeout=30).json()

    def calls(self) -> Calls:
        counts = self._get("calls")
        made = Counter({name: count["calls"] for name, count in counts.items()})
        return Calls(made, Counter({name: count["throttled"] + count["refused"] for name, count in counts.items()}))

    def written_at(self) -> float:
        return max(count["last"] for name, count in self._get("calls").items() if name in self._operations)

    def sizes(self) -> dict[str, int]:
        return self._get(self._sizes)

    def set_sizes(self, names: list[str], size: int) -> None:
        self._session.post(f"{self.endpoint}/_control/{self._sizes}", json=dict.fromkeys(names, size), timeout=30).raise_for_status()

    def stop(self) -> None:
        self.child.stop()


class SandboxAws:
    """The sandbox: slow, and held against botocore's models. Not for many services, and not for databases."""

    def __init__(self, python: str, plan: ScalingPlan, directory: Path) -> None:
        ready = directory / "aws.ready"
        command = [python, "-m", "runbook_sandbox.aws.server", "--port=0", f"--ready-file={ready}"]
        self.child = Child("aws", command, directory / "aws.log", {"PYTHONUNBUFFERED": "1"})
        self.child.wait_ready(lambda: ready.exists() and ready.read_text().endswith("\n"), 60)
        self.endpoint = ready.read_text().strip()
        self._operations = plan.operations
        self._services = [plan.name(number) for number in range(plan.policies)]
        self._account = Account(self.endpoint)
        self._account.control("PUT", "/throttling", {"enabled": False})
        self._account.create_services(*self._services, cluster=CLUSTER)
        self._account.control("PUT", "/throttling", {"enabled": True, "scale": plan.scale})
        self._account.control("DELETE", "/calls")
        self._by_hand: Counter[str] = Counter()

    def calls(self) -> Calls:
        made: Counter[str] = Counter()
        failed: Counter[str] = Counter()
        for call in self._account.control("GET", "/calls", limit="20000")["calls"]:
            made[call["operation"]] += 1
            failed[call["operation"]] += call["outcome"] != "ok"
        return Calls(made - self._by_hand, failed)

    def written_at(self) -> float:
        calls = self._account.control("GET", "/calls", limit="20000")["calls"]
        written = [call["wall_time"] for call in calls if call["operation"] in self._operations and call["outcome"] == "ok"]
        return max(datetime.fromisoformat(time).timestamp() for time in written)

    def sizes(self) -> dict[str, int]:
        found = {}
        for first in range(0, len(self._services), 10):
            self._by_hand["DescribeServices"] += 1
            answer = self._account.ecs.describe_services(cluster=CLUSTER, services=self._services[first : first + 10])
            found |= {service["serviceName"]: service["desiredCount"] for service in answer["services"]}
        return found

    def set_sizes(self, names: list[str], size: int) -> None:
        for service in names:
            self._by_hand["UpdateService"] += 1
            self._account.set_desired(service, size, CLUSTER)

    def stop(self) -> None:
        self.child.stop()
