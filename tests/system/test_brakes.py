"""What the account's owner holds back: freezes, and the pace of scaling in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runbook_sandbox.clocked.installation import condition, until


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


def test_no_more_targets_change_within_an_hour_than_the_account_allows(place):
    services = ["one", "two", "three", "four"]
    place.account.create_services(*services, cluster=place.cluster)
    place.grant(safety={"maxChangedTargetsPercent": 50})
    place.apply(*(place.policy(service, replicas=2) for service in services))

    def stalled() -> list[str]:
        return [name for name in services if condition(place.get(name), "Stalled").get("reason") == "BlastRadius"]

    left = until("two are left", stalled, lambda names: len(names) == 2)
    changed = [name for name in services if name not in left]
    for name in changed:
        place.in_sync(name)
    assert {name: place.desired(name) for name in services} == dict.fromkeys(changed, 2) | dict.fromkeys(left, 1)
    # Those that were changed are still kept right, and whoever means all of them says so.
    place.account.set_desired(changed[0], 1, place.cluster)
    place.wait_desired(changed[0], 2)
    place.grant()
    for name in services:
        place.wait_desired(name, 2)
        place.in_sync(name)


def test_who_keeps_undoing_is_told_and_waited_for(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=3))
    place.in_sync("web")
    for _ in range(3):
        place.account.set_desired("web", 1, place.cluster)
        place.wait_desired("web", 3)
        place.in_sync("web")
    place.account.set_desired("web", 1, place.cluster)
    policy = place.wait("web", lambda p: condition(p, "Synced").get("reason") == "Contested", "waits")
    assert condition(policy, "Contested")["status"] == "True"
    assert condition(policy, "Stalled")["status"] == "False"
    assert place.desired("web") == 1
    # What Git says now is no correction.
    place.apply(place.policy("web", replicas=4))
    place.wait_desired("web", 4)
    place.in_sync("web")
