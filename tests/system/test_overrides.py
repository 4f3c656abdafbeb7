"""ScalingOverrides on the whole system: a temporary change begins, is seen, and ends by itself."""

from __future__ import annotations

from runbook_sandbox.clocked.installation import condition, until


def test_at_least_raises_a_fixed_size_and_ends_by_itself(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2))
    place.in_sync("web")
    place.apply(place.override("sale", "web", seconds=20, atLeast=4))
    place.wait_desired("web", 4)
    found = place.told("sale", "Active")
    assert found["status"]["changes"] == "size 2 to at least 4"
    policy = place.wait("web", lambda p: p["status"].get("overrides"), "lists the override")
    assert [one["name"] for one in policy["status"]["overrides"]] == ["sale"]
    place.wait_desired("web", 2)
    place.told("sale", "Expired")
    policy = place.wait("web", lambda p: not p["status"].get("overrides"), "lists it no longer")
    place.in_sync("web")
    assert place.overrides()[0]["metadata"]["name"] == "sale", "what people wrote is left to them"
    reasons = [entry["reason"] for entry in policy["status"]["history"] if entry["step"] == "SetDesiredCount"]
    assert reasons == ["Override", "Override", "SpecChanged"], "the end of an override is nobody's drift"


def test_at_least_never_makes_a_service_smaller(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2))
    place.in_sync("web")
    place.apply(place.override("sale", "web", atLeast=3))
    place.wait_desired("web", 3)
    place.wait("web", lambda p: p["status"].get("followed", {}).get("minimum") == 3, "follows the override")
    place.account.set_desired("web", 6, place.cluster)
    place.reconciled_again("web")
    assert place.desired("web") == 6
    place.delete_override("sale")
    place.wait_desired("web", 2)


def test_the_end_may_be_moved(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2))
    place.in_sync("web")
    place.apply(place.override("sale", "web", exactly=3))
    place.wait_desired("web", 3)
    place.apply(place.override("sale", "web", seconds=-1, exactly=3))
    place.wait_desired("web", 2)
    place.told("sale", "Expired")
    place.apply(place.override("sale", "web", exactly=3))
    place.wait_desired("web", 3)


def test_with_autoscaling_the_band_is_raised_and_scheduled_scaling_suspended(place):
    place.account.create_services("web", cluster=place.cluster)
    band = {"minCapacity": 1, "maxCapacity": 4}
    place.apply(place.policy("web", autoscaling=band, overrideCeiling=6))
    place.in_sync("web")

    def target() -> tuple[int, int, bool]:
        found = place.account.scalable_target("web", place.cluster)
        return found["MinCapacity"], found["MaxCapacity"], found.get("SuspendedState", {}).get("ScheduledScalingSuspended", False)

    place.apply(place.override("sale", "web", atLeast=9, suspendScheduled=True))
    until("the band is raised up to the ceiling", target, lambda t: t == (6, 6, True))
    assert "overrideCeiling" in place.told("sale", "Active")["status"]["changes"]
    place.delete_override("sale")
    until("the band is as declared again", target, lambda t: t == (1, 4, False))
    place.in_sync("web")
    assert place.desired("web") == 4, "inside the band the rest is the autoscaler's"


def test_the_newest_decides_and_the_others_are_told(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=1))
    place.in_sync("web")
    place.apply(place.override("first", "web", exactly=2))
    place.wait_desired("web", 2)
    # Creation times have whole seconds, and of two in one second the name decides.
    created = place.told("first", "Active")["metadata"]["creationTimestamp"]
    dry_run = ("--dry-run=server", "--output=jsonpath={.metadata.creationTimestamp}")
    until(
        "a second has passed",
        lambda: place.client.kubectl("create", "configmap", "tick", f"--namespace={place.namespace}", *dry_run),
        lambda time: time > created,
    )
    place.apply(place.override("second", "web", exactly=3))
    place.wait_desired("web", 3)
    assert "second" in condition(place.told("first", "Superseded"), "Active")["message"]
    place.delete_override("second")
    place.wait_desired("web", 2)
    place.told("first", "Active")


def test_what_cannot_be_is_said(place):
    place.apply(place.override("lost", "nowhere", atLeast=2))
    lost = place.told("lost", "PolicyNotFound")
    assert condition(lost, "Stalled")["status"] == "True"
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=1), place.override("stop", "web", exactly=0))
    assert "allowZero" in condition(place.told("stop", "ZeroNotAllowed"), "Active")["message"]
    place.in_sync("web")
    assert place.desired("web") == 1


def test_a_suspended_policy_is_not_moved_by_an_override(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2, suspend=True), place.override("sale", "web", atLeast=4))
    place.wait("web", lambda p: condition(p, "Ready").get("reason") == "Suspended", "is suspended")
    place.told("sale", "Active")
    assert not place.writes()
