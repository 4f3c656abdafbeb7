"""What the account's owner holds back: freezes, and the pace of scaling in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runbook_sandbox.clocked.installation import condition


def in_hours(hours: float) -> str:
    return (datetime.now(UTC) + timedelta(hours=hours)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_frozen_account_follows_overrides_alone(place):
    place.account.create_services("web", cluster=place.cluster)
    place.grant(freeze=[{"from": in_hours(-1), "to": in_hours(1), "reason": "nobody is there to look"}])
    place.apply(place.policy("web", replicas=3))
    policy = place.wait("web", lambda p: condition(p, "Synced").get("reason") == "Frozen" and p["status"].get("plan"), "is frozen")
    assert "nobody is there to look" in condition(policy, "Ready")["message"]
    assert condition(policy, "Ready")["status"] == "True"
    place.reconciled_again("web")
    assert place.desired("web") == 1
    assert not place.writes()
    place.apply(place.override("sale", "web", atLeast=4))
    place.wait_desired("web", 4)
    place.grant()
    place.in_sync("web")
    place.delete_override("sale")
    place.wait_desired("web", 3)


def test_a_service_is_made_smaller_in_steps(place):
    place.account.create_services("web", cluster=place.cluster)
    place.grant(safety={"scaleInStep": {"percent": 50, "every": "3s"}})
    place.apply(place.policy("web", replicas=9))
    place.in_sync("web")
    place.apply(place.policy("web", replicas=2))
    place.wait_desired("web", 2)
    place.in_sync("web")
    sizes = [call["params"]["desiredCount"] for call in place.writes("web")]
    assert sizes == [9, 5, 3, 2]


def test_a_maximum_comes_down_in_steps(place):
    place.account.create_services("web", cluster=place.cluster, desired=8)
    place.grant(safety={"scaleInStep": {"percent": 50, "every": "3s"}})
    place.apply(place.policy("web", autoscaling={"minCapacity": 1, "maxCapacity": 2}))
    place.wait_desired("web", 2)
    place.in_sync("web")
    registered = [call["params"]["MaxCapacity"] for call in place.writes("web", "RegisterScalableTarget")]
    assert registered == [4, 2]
    assert not place.writes("web"), "registering moves the size"
