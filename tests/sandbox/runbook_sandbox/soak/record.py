"""The calls of a soak, and which of the operator's writes changed nothing."""

from __future__ import annotations

from typing import Any

from runbook_sandbox.clocked.account import OPERATOR_USER, Account
from runbook_sandbox.soak.declared import CLUSTER

WRITES = ("CreateService", "UpdateService", "RegisterScalableTarget", "PutScalingPolicy")


class Record:
    """The writes that had an effect, in their order. Read again and again: the sandbox keeps the last 20,000 calls only."""

    def __init__(self, account: Account) -> None:
        self._account, self._since = account, 0
        self.writes: list[dict[str, Any]] = []

    def read(self) -> None:
        """Adds what has happened since."""
        while True:
            calls = self._account.control("GET", "/calls", since=str(self._since), limit="10000")["calls"]
            # What is not answered yet is read next time, with all that came after it.
            answered = [call for call in calls if call["outcome"] != "pending"]
            first_open = min((call["sequence"] for call in calls if call["outcome"] == "pending"), default=None)
            settled = [call for call in answered if first_open is None or call["sequence"] < first_open]
            self.writes += [call for call in settled if call["operation"] in WRITES and call["effect"]]
            if not settled:
                return
            self._since = settled[-1]["sequence"]

    def of_operator(self) -> list[dict[str, Any]]:
        """The operator's writes."""
        return [call for call in self.writes if OPERATOR_USER in (call["caller"] or "")]

    def doubled(self) -> list[str]:
        """Writes of the operator that asked for what was so already, by what was written before."""
        sizes: dict[str, int] = {}
        targets: dict[str, tuple[Any, ...]] = {}
        policies: dict[tuple[str, str], Any] = {}
        found = []
        for call in self.writes:
            params = call["params"]
            name = params.get("service") or params.get("serviceName") or params.get("ResourceId", "").rpartition("/")[2]
            before: Any
            after: Any
            match call["operation"]:
                case "CreateService":
                    sizes[name] = params["desiredCount"]
                    continue
                case "UpdateService" if "desiredCount" in params:
                    before, after = sizes.get(name), params["desiredCount"]
                    sizes[name] = after
                case "RegisterScalableTarget":
                    limits = params["MinCapacity"], params["MaxCapacity"]
                    before, after = targets.get(name), (*limits, str(params.get("SuspendedState")))
                    targets[name] = after
                    sizes[name] = min(max(sizes[name], limits[0]), limits[1])
                case "PutScalingPolicy":
                    key = name, params["PolicyName"]
                    before, after = policies.get(key), params["TargetTrackingScalingPolicyConfiguration"]
                    policies[key] = after
                case _:
                    continue
            if before == after and OPERATOR_USER in (call["caller"] or ""):
                found.append(f"{call['sandbox_time']} {call['operation']} of {CLUSTER}/{name}: {after} again")
        return found
