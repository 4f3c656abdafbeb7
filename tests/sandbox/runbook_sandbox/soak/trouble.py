"""What happens to the operator in the course of a soak."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from runbook_sandbox.clocked import installation
from runbook_sandbox.clocked.account import Account
from runbook_sandbox.harness import Sandbox
from runbook_sandbox.soak.backups import Backups
from runbook_sandbox.soak.declared import CLUSTER, Declared

HOLD = "ops.clocked.app/hold-until"
_OPERATIONS = ("Describe*", "UpdateService", "RegisterScalableTarget", "PutScalingPolicy", "*DBSnapshot", "DeleteDBInstance")
_FAULTS = ("throttle", "error500", "error503", "reset", "slow", "timeout")


def operator_process(sandbox: Sandbox) -> int | None:
    """The pid of the operator in this sandbox, if it runs."""
    pods = {pod["metadata"]["name"] for pod in sandbox.get("pods", f"--namespace={installation.NAMESPACE}")["items"]}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            if Path(os.readlink(entry / "exe")).name != "runbook-operator":
                continue
            environment = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        if any(f"POD_NAME={pod}" in environment for pod in pods):
            return int(entry.name)
    return None


class Trouble:
    """Everything that may happen, each with how often it does beside the others."""

    def __init__(self, sandbox: Sandbox, account: Account, declared: Declared, backups: Backups, dice: random.Random) -> None:
        self._sandbox, self._account, self._declared, self._dice = sandbox, account, declared, dice
        self.kills = 0
        self._edits: list[tuple[int, Callable[[], str]]] = [
            (6, self._edit),
            (3, self._scale),
            (4, self._override),
            (2, self._end_override),
            (6, self._drift),
            (1, self._replace),
            (1, self._suspend),
            (1, self._observe),
            (1, self._stop),
            (1, self._brake),
            (1, self._deploy),
            (1, self._hold),
            (1, backups.take_by_hand),
            (1, backups.delete_one),
            (1, backups.modify),
            (1, backups.suspend),
            (1, backups.drop_restores),
        ]
        self._faults: list[tuple[int, Callable[[], str]]] = [(3, self._fault), (1, self._throttle), (1, self._clear)]
        self._violence: list[tuple[int, Callable[[], str]]] = [(2, self._kill), (1, self._restart_api_server)]

    def next(self, violent: bool) -> str:
        """Makes something happen, and says what."""
        choices = self._edits + self._faults + (self._violence if violent else [])
        weights, acts = zip(*choices, strict=True)
        return self._dice.choices(acts, weights)[0]()

    def clear(self) -> None:
        """Faults and throttling as they are without trouble."""
        self._account.control("DELETE", "/faults")
        self._account.control("PUT", "/throttling", {"enabled": True, "scale": 1.0})

    def _any(self, services: list[str] | None = None) -> str:
        return self._dice.choice(services or self._declared.services)

    def _edit(self) -> str:
        service = self._any()
        return f"edit {service}: {self._declared.edit(service)}"

    def _scale(self) -> str:
        service = self._any(self._declared.fixed)
        return f"kubectl scale {service} to {self._declared.scale(service)}"

    def _override(self) -> str:
        service = self._any()
        return f"override {service}: {self._declared.override(service)}"

    def _end_override(self) -> str:
        names = self._declared.overrides()
        if not names:
            return self._override()
        name = self._dice.choice(names)
        self._declared.delete_override(name)
        return f"delete {name}"

    def _drift(self) -> str:
        service, size = self._any(), self._dice.randint(0, 12)
        self._account.set_desired(service, size, CLUSTER)
        return f"somebody sets {service} to {size} in AWS"

    def _replace(self) -> str:
        service = self._any()
        self._declared.replace(service)
        return f"delete and create {service}"

    def _suspend(self) -> str:
        service, suspend = self._any(), self._dice.random() < 0.5
        self._declared.switch(service, "suspend", suspend)
        return f"suspend {service}: {suspend}"

    def _observe(self) -> str:
        service, mode = self._any(), self._dice.choice(["Observe", "Enforce"])
        self._declared.switch(service, "mode", mode)
        return f"mode of {service}: {mode}"

    def _stop(self) -> str:
        mode = self._dice.choice(["Observe", "Enforce", "Enforce"])
        self._declared.write_account(mode=mode)
        return f"mode of the account: {mode}"

    def _brake(self) -> str:
        percent = self._dice.choice([20, 50])
        self._declared.write_account(safety={"scaleInStep": {"percent": percent, "every": "2s"}})
        return f"scale-in in steps of {percent} %"

    def _deploy(self) -> str:
        service = self._any()
        self._account.ecs.update_service(cluster=CLUSTER, service=service, forceNewDeployment=True)
        return f"deploy {service}"

    def _hold(self) -> str:
        service, ends = self._any(), datetime.now(UTC) + timedelta(seconds=self._dice.randint(2, 20))
        arn = self._account.service(service, CLUSTER)["serviceArn"]
        value = ends.strftime("%Y-%m-%dT%H:%M:%SZ")
        self._account.ecs.tag_resource(resourceArn=arn, tags=[{"key": HOLD, "value": value}])
        return f"hold {service} until {value}"

    def _fault(self) -> str:
        kind, when = self._dice.choice(_FAULTS), self._dice.choice(["before", "after"])
        rule = {"service": self._dice.choice(["ecs", "application-autoscaling", "rds", "*"]), "kind": kind, "when": when}
        rule |= {"probability": self._dice.choice([0.1, 0.5]), "count": self._dice.randint(1, 20), "seed": self._dice.randint(0, 999)}
        rule |= {"operation": self._dice.choice(_OPERATIONS), "delay": 3}
        self._account.control("POST", "/faults", rule)
        return f"fault {rule}"

    def _throttle(self) -> str:
        scale = self._dice.choice([0.1, 0.3, 1.0])
        self._account.control("PUT", "/throttling", {"enabled": True, "scale": scale})
        return f"AWS's rates times {scale}"

    def _clear(self) -> str:
        self.clear()
        return "no faults"

    def _kill(self) -> str:
        process = operator_process(self._sandbox)
        if process is None:
            return "kill: the operator does not run"
        self.kills += 1
        os.kill(process, signal.SIGKILL)
        return f"kill -9 {process}"

    def _restart_api_server(self) -> str:
        self._sandbox.control_plane.restart_apiserver()
        return "the API server is restarted"
