"""What somebody changes in AWS: adopted, corrected, reported, or held back by a tag."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from runbook_sandbox.clocked.installation import condition, until

HOLD = "ops.clocked.app/hold-until"


@pytest.mark.long
def test_a_scale_out_by_hand_is_adopted_and_taken_back_at_its_end(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2, drift={"adoptFor": "25s"}))
    place.in_sync("web")
    place.account.set_desired("web", 5, place.cluster)
    (adopted,) = until("the scale-out is adopted", place.overrides, lambda found: len(found) == 1)
    assert adopted["metadata"]["labels"]["ops.clocked.app/made-by"] == "operator"
    assert adopted["spec"]["atLeast"] == 5
    assert adopted["spec"]["policyRef"]["name"] == "web"
    place.wait("web", lambda p: p["status"].get("overrides"), "lists the override")
    place.in_sync("web")
    assert place.desired("web") == 5
    steps = [entry["step"] for entry in place.get("web")["status"]["history"]]
    assert steps[0] == "AdoptScaleOut"
    place.wait_desired("web", 2)
    place.in_sync("web")
    assert len(place.overrides()) == 1, "what it left behind is not adopted again"


def test_an_adoption_that_is_deleted_ends_at_once(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2))
    place.in_sync("web")
    place.account.set_desired("web", 4, place.cluster)
    (adopted,) = until("the scale-out is adopted", place.overrides, lambda found: len(found) == 1)
    place.wait("web", lambda p: p["status"].get("followed", {}).get("minimum") == 4, "follows the override")
    place.delete_override(adopted["metadata"]["name"])
    place.wait_desired("web", 2)
    place.in_sync("web")
    assert not place.overrides()


def test_less_from_git_is_no_scale_out_by_hand(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=4))
    place.in_sync("web")
    place.apply(place.policy("web", replicas=2))
    place.wait_desired("web", 2)
    place.in_sync("web")
    assert not place.overrides()


def test_drift_that_is_only_reported_is_left(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=3, drift={"scaleOut": "Report", "scaleIn": "Report", "fromZero": "Report"}))
    place.in_sync("web")
    for size in (5, 1, 0):
        place.account.set_desired("web", size, place.cluster)
        wanted = f"from {size} to 3"

        def planned(policy, wanted=wanted):
            return any(wanted in step["description"] for step in policy["status"].get("plan", {}).get("steps", []))

        policy = place.wait("web", planned, f"plans {wanted}")
        assert condition(policy, "Synced")["reason"] == "DriftReported"
        assert condition(policy, "Ready")["status"] == "True"
        place.reconciled_again("web")
        assert place.desired("web") == size


def test_a_tag_holds_every_correction(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=3))
    place.in_sync("web")
    arn = place.account.service("web", place.cluster)["serviceArn"]
    until_ = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    place.account.ecs.tag_resource(resourceArn=arn, tags=[{"key": HOLD, "value": until_}])
    place.account.set_desired("web", 1, place.cluster)
    policy = place.wait("web", lambda p: condition(p, "Synced").get("reason") == "HeldByTag" and p["status"].get("plan"), "is held")
    assert until_ in condition(policy, "Ready")["message"]
    assert place.desired("web") == 1
    place.account.ecs.tag_resource(resourceArn=arn, tags=[{"key": HOLD, "value": "tomorrow"}])
    assert "2026-" in place.stalled("web", "InvalidHoldTag")["message"]
    place.account.ecs.untag_resource(resourceArn=arn, tagKeys=[HOLD])
    place.wait_desired("web", 3)
