"""Throttling, faults, kill -9 and failover on the whole system: late perhaps, but right, and nothing twice."""

from __future__ import annotations

import os
import signal
from collections import Counter
from pathlib import Path

import pytest
from runbook_sandbox.clocked.installation import NAMESPACE, condition, helm, until


def operator_pids() -> dict[str, int]:
    """The operator's processes by the name of their pod."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            program = Path(os.readlink(entry / "exe")).name
            environment = (entry / "environ").read_bytes().decode(errors="replace").split("\0")
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
        variables = dict(line.split("=", 1) for line in environment if "=" in line)
        if program == "runbook-operator" and variables.get("POD_NAMESPACE") == NAMESPACE:
            found[variables["POD_NAME"]] = int(entry.name)
    return found


def leader(client) -> str:
    """The pod that holds the Lease; it may be nobody for a moment."""
    return client.get("lease", "runbook-operator", f"--namespace={NAMESPACE}")["spec"].get("holderIdentity", "")


def many(place, count: int, replicas: int) -> list[str]:
    names = [f"web-{number:02}" for number in range(count)]
    place.account.create_services(*names, cluster=place.cluster)
    place.apply(*[place.policy(name, replicas=replicas) for name in names])
    return names


def effects(place) -> Counter:
    """How often each service was changed to what."""
    return Counter((call["params"]["service"], call["params"]["desiredCount"]) for call in place.writes())


@pytest.fixture
def throttled(account):
    """AWS's rates cut to a tenth, so that the operator's own budget is far above them."""
    account.control("PUT", "/throttling", {"enabled": True, "scale": 0.1})
    yield
    account.control("PUT", "/throttling", {"enabled": True, "scale": 1.0})


@pytest.mark.long
def test_throttling_makes_it_slower_and_nothing_else(place, throttled):
    names = many(place, 12, 3)
    place.in_sync(*names, seconds=240)
    assert effects(place) == {(name, 3): 1 for name in names}, "each service is changed once"


@pytest.mark.long
@pytest.mark.parametrize("when", ["before", "after"])
def test_lost_answers_and_errors_are_survived(place, account, when):
    account.control(
        "POST", "/faults", {"service": "ecs", "operation": "UpdateService", "kind": "reset", "when": when, "probability": 0.5, "seed": 7}
    )
    account.control(
        "POST", "/faults", {"service": "*", "operation": "Describe*", "kind": "error500", "when": "before", "probability": 0.2, "seed": 8}
    )
    names = many(place, 8, 2)
    place.in_sync(*names, seconds=180)
    assert {name: place.desired(name) for name in names} == dict.fromkeys(names, 2)


def test_an_outage_of_aws_never_turns_ready_false(place, account):
    (name,) = many(place, 1, 2)
    place.in_sync(name)
    account.control("POST", "/faults", {"service": "*", "operation": "Describe*", "kind": "error503", "when": "before"})
    try:
        found = place.wait(name, lambda p: condition(p, "Synced").get("status") == "Unknown", "says that AWS cannot be read")
        assert condition(found, "Ready")["status"] == "True"
        assert condition(found, "Stalled")["status"] == "False"
    finally:
        account.control("DELETE", "/faults")
    place.in_sync(name)


@pytest.mark.long
def test_kill_minus_nine_loses_and_doubles_nothing(place):
    names = many(place, 20, 3)
    for wanted in (2, 8, 14):
        until("some writes are made", lambda: len(place.writes()), lambda n, wanted=wanted: n >= wanted, 120)
        for pid in operator_pids_of(place).values():
            os.kill(pid, signal.SIGKILL)
    place.in_sync(*names, seconds=240)
    assert {name: place.desired(name) for name in names} == dict.fromkeys(names, 3)
    # One request may have been in flight at each kill; it is the same absolute value again.
    doubled = {key: count for key, count in effects(place).items() if count > 1}
    assert len(doubled) <= 3 and all(count <= 2 for count in doubled.values()), doubled


def operator_pids_of(place) -> dict[str, int]:
    """The operator's processes in this sandbox, not those of a sandbox beside it."""
    pods = {pod["metadata"]["name"] for pod in place.client.get("pods", f"--namespace={NAMESPACE}")["items"]}
    return {name: pid for name, pid in operator_pids().items() if name in pods}


@pytest.mark.long
def test_a_standby_takes_over_and_a_leader_hands_over(place, operator):
    helm(operator, "upgrade", "--reuse-values", "--set=replicas=2")
    first = until("somebody leads", lambda: leader(operator), bool)
    names = many(place, 10, 2)
    operator.kubectl("delete", "pod", first, f"--namespace={NAMESPACE}", "--wait=false")
    until("another leads", lambda: leader(operator), lambda name: name and name != first, 90)
    place.in_sync(*names, seconds=120)
    assert effects(place) == {(name, 2): 1 for name in names}, "a graceful hand-over doubles nothing"
    helm(operator, "upgrade", "--reuse-values", "--set=replicas=1")


def test_metrics_and_health_answer(place, operator):
    (name,) = many(place, 1, 2)
    place.in_sync(name)
    pod = leader(operator)
    for path, wanted in (("/healthz", ""), ("/readyz", ""), ("/metrics", "runbook_reconciles_total")):
        answer = place.client.get("pods", pod, f"--namespace={NAMESPACE}")["status"]["podIP"]
        import requests

        got = requests.get(f"http://{answer}:8080{path}", timeout=10)
        assert got.ok and wanted in got.text
