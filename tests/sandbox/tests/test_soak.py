"""The soak's own judgement: a write that changes nothing is found, one that changes something is not."""

from __future__ import annotations

from typing import Any

import pytest

from runbook_sandbox.clocked.account import OPERATOR_USER
from runbook_sandbox.soak.record import Record

HANDS = "administrator"
BAND = {"ResourceId": "service/soak/web", "MinCapacity": 2, "MaxCapacity": 4}
TRACKING = {"ResourceId": "service/soak/web", "PolicyName": "cpu", "TargetTrackingScalingPolicyConfiguration": {"TargetValue": 60}}


class Recorded:
    """An account whose record holds these calls."""

    def __init__(self, calls: list[dict[str, Any]]) -> None:
        self._calls = calls

    def control(self, method: str, path: str, since: str, limit: str) -> dict[str, Any]:
        return {"calls": [call for call in self._calls if call["sequence"] > int(since)]}


def calls(*made: tuple[str, str, dict[str, Any]]) -> list[dict[str, Any]]:
    first = (HANDS, "CreateService", {"serviceName": "web", "desiredCount": 1})
    answered = {"effect": True, "outcome": "ok", "sandbox_time": ""}
    return [
        {"sequence": number, "caller": caller, "operation": operation, "params": params} | answered
        for number, (caller, operation, params) in enumerate([first, *made], 1)
    ]


def sized(count: int) -> dict[str, Any]:
    return {"service": "web", "desiredCount": count}


@pytest.mark.parametrize(
    ("made", "doubled"),
    [
        ([(OPERATOR_USER, "UpdateService", sized(3)), (OPERATOR_USER, "UpdateService", sized(3))], 1),
        ([(OPERATOR_USER, "UpdateService", sized(1))], 1),
        ([(OPERATOR_USER, "UpdateService", sized(3)), (HANDS, "UpdateService", sized(5)), (OPERATOR_USER, "UpdateService", sized(3))], 0),
        ([(HANDS, "UpdateService", sized(1)), (HANDS, "UpdateService", {"service": "web", "forceNewDeployment": True})], 0),
        ([(OPERATOR_USER, "RegisterScalableTarget", BAND), (OPERATOR_USER, "UpdateService", sized(2))], 1),
        ([(OPERATOR_USER, "RegisterScalableTarget", BAND), (OPERATOR_USER, "RegisterScalableTarget", BAND)], 1),
        ([(OPERATOR_USER, "RegisterScalableTarget", BAND), (OPERATOR_USER, "RegisterScalableTarget", BAND | {"MaxCapacity": 5})], 0),
        ([(OPERATOR_USER, "PutScalingPolicy", TRACKING), (OPERATOR_USER, "PutScalingPolicy", TRACKING)], 1),
    ],
)
def test_a_write_that_changes_nothing_is_found(made, doubled):
    record = Record(Recorded(calls(*made)))
    record.read()
    assert len(record.doubled()) == doubled


def test_what_is_not_answered_yet_is_read_later():
    known = calls((OPERATOR_USER, "UpdateService", sized(3)), (OPERATOR_USER, "UpdateService", sized(4)))
    known[1]["outcome"] = "pending"
    record = Record(Recorded(known))
    record.read()
    assert [call["sequence"] for call in record.writes] == [1]
    known[1]["outcome"] = "ok"
    record.read()
    assert [call["sequence"] for call in record.writes] == [1, 2, 3]
