"""Windows and scheduled actions on the whole system: AWS fires on its own clock, the operator judges by another."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from runbook_sandbox.clocked.account import Account
from runbook_sandbox.clocked.installation import NAMESPACE, condition, until

BAND = {"minCapacity": 1, "maxCapacity": 4}
MINUTE = timedelta(minutes=1)


def cron(moment: datetime) -> str:
    """Every day at this minute."""
    return f"cron({moment.minute} {moment.hour} * * ? *)"


def at(moment: datetime) -> str:
    """Once."""
    return moment.strftime("at(%Y-%m-%dT%H:%M:%S)")


def from_to(start: datetime, end: datetime, low: int = 3, high: int = 6) -> dict[str, Any]:
    """A window."""
    return {"name": "rush", "start": cron(start), "end": cron(end), "minCapacity": low, "maxCapacity": high}


@pytest.fixture
def now() -> datetime:
    """The minute that it is."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


class Clock:
    """AWS's clock. It can only be moved forward, so a test moves it no further than to the next full minute: it must stay within five
    minutes of the operator's, as AWS's does."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def soon(self, seconds: float) -> datetime:
        """The first full minute that is at least so far away."""
        told = datetime.fromisoformat(self._account.control("GET", "/clock")["now"])
        return (told + timedelta(seconds=seconds + 60)).replace(second=0, microsecond=0)

    def reach(self, moment: datetime) -> None:
        """Moves it there, unless it is there by now."""
        if datetime.fromisoformat(self._account.control("GET", "/clock")["now"]) <= moment:
            self._account.control("POST", "/clock", {"to": (moment + timedelta(seconds=1)).isoformat()})


@pytest.fixture
def clock(place) -> Clock:
    """AWS's clock."""
    return Clock(place.account)


@pytest.fixture
def limits(place) -> Callable[[], tuple[int, int] | None]:
    """minCapacity and maxCapacity as AWS has them."""

    def read() -> tuple[int, int] | None:
        found = place.account.scalable_target("web", place.cluster)
        return (found["MinCapacity"], found["MaxCapacity"]) if found else None

    return read


@pytest.fixture
def actions(place) -> Callable[[], dict[str, dict[str, Any]]]:
    """The scheduled actions in AWS, by name."""
    client = place.account.client("application-autoscaling")

    def read() -> dict[str, dict[str, Any]]:
        found = client.describe_scheduled_actions(ServiceNamespace="ecs", ResourceId=f"service/{place.cluster}/web")
        return {action["ScheduledActionName"]: action for action in found["ScheduledActions"]}

    return read


def registrations(place) -> int:
    """How often the operator has registered the band."""
    return len(place.writes("web", "RegisterScalableTarget"))


def test_a_window_becomes_two_actions_and_goes_with_the_spec(place, now, limits, actions):
    place.account.create_services("web", cluster=place.cluster)
    window = from_to(now + 120 * MINUTE, now + 180 * MINUTE)
    place.apply(place.policy("web", autoscaling=BAND | {"windows": [window]}))
    place.in_sync("web")
    assert limits() == (1, 4)
    found = actions()
    assert {name: action["ScalableTargetAction"] for name, action in found.items()} == {
        "rush-start": {"MinCapacity": 3, "MaxCapacity": 6},
        "rush-end": {"MinCapacity": 1, "MaxCapacity": 4},
    }
    assert found["rush-start"]["Schedule"] == window["start"]
    # The end restores the policy's own band, which is another now.
    place.apply(place.policy("web", autoscaling=BAND | {"maxCapacity": 5, "windows": [window | {"timeZone": "Europe/Berlin"}]}))
    until("the end restores it", lambda: actions()["rush-end"]["ScalableTargetAction"]["MaxCapacity"], lambda n: n == 5)
    until("in the zone", lambda: actions()["rush-start"].get("Timezone"), lambda zone: zone == "Europe/Berlin")
    # What is taken out stays until somebody says prune.
    place.apply(place.policy("web", autoscaling=BAND))
    reported = "scheduled actions that are not declared"
    policy = place.wait("web", lambda p: reported in condition(p, "Synced").get("message", ""), "reports the actions")
    assert set(actions()) == {"rush-start", "rush-end"}
    message = condition(policy, "Synced")["message"]
    assert "rush-end" in message and "rush-start" in message and "prune: true" in message
    place.apply(place.policy("web", autoscaling=BAND | {"prune": True}))
    until("they are deleted", actions, lambda found: not found)
    place.in_sync("web")


def test_a_window_that_is_declared_while_it_is_open_holds_at_once(place, now, limits):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", autoscaling=BAND | {"windows": [from_to(now - 30 * MINUTE, now + 60 * MINUTE)]}))
    place.in_sync("web")
    assert limits() == (3, 6)
    place.wait_desired("web", 3)
    place.apply(place.policy("web", autoscaling=BAND | {"windows": [from_to(now - 30 * MINUTE, now - 10 * MINUTE)]}))
    until("the window is over", limits, lambda band: band == (1, 4))
    place.in_sync("web")


def test_what_aws_fires_is_not_undone(place, clock, limits):
    place.account.create_services("web", cluster=place.cluster)
    begins = clock.soon(20)
    window = from_to(begins, begins + 120 * MINUTE)
    place.apply(place.policy("web", autoscaling=BAND | {"windows": [window]}))
    place.in_sync("web")
    before = registrations(place)
    # AWS's clock is ahead of the operator's: it fires first.
    clock.reach(begins)
    until("AWS fires", limits, lambda band: band == (3, 6))
    place.wait_desired("web", 3)
    place.reconciled_again("web", times=3)
    place.in_sync("web")
    assert limits() == (3, 6) and registrations(place) == before, "both bands are right around a firing"


def test_an_override_inside_a_window_raises_its_band_and_gives_it_back(place, now, limits):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", autoscaling=BAND | {"windows": [from_to(now - 30 * MINUTE, now + 60 * MINUTE)]}))
    place.in_sync("web")
    place.apply(place.override("sale", "web", atLeast=5, suspendScheduled=True))
    until("the window's minimum is raised", limits, lambda band: band == (5, 6))
    place.wait_desired("web", 5)
    target = place.account.scalable_target("web", place.cluster)
    assert target["SuspendedState"]["ScheduledScalingSuspended"] is True
    place.delete_override("sale")
    until("the window's own band is back", limits, lambda band: band == (3, 6))
    target = place.account.scalable_target("web", place.cluster)
    assert not target.get("SuspendedState", {}).get("ScheduledScalingSuspended", False)
    place.in_sync("web")


def test_an_action_of_the_past_is_done_also_after_a_restart(place, operator, clock, limits):
    place.account.create_services("web", cluster=place.cluster)
    begins = clock.soon(20)
    launch = {"name": "launch", "schedule": at(begins), "maxCapacity": 8}
    place.apply(place.policy("web", autoscaling=BAND | {"scheduledActions": [launch]}))
    place.in_sync("web")
    clock.reach(begins)
    until("AWS fires", limits, lambda band: band == (1, 8))
    before = registrations(place), len(place.writes("web", "PutScheduledAction"))
    operator.kubectl("delete", "pods", "--all", f"--namespace={NAMESPACE}", "--wait=true")
    place.reconciled_again("web")
    place.in_sync("web")
    assert limits() == (1, 8)
    assert (registrations(place), len(place.writes("web", "PutScheduledAction"))) == before, "nothing is written again"


def test_what_the_action_of_somebody_else_has_set_stays_until_it_is_pruned(place, clock, limits, actions):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", autoscaling=BAND))
    place.in_sync("web")
    fires = clock.soon(1)
    place.account.client("application-autoscaling").put_scheduled_action(
        ServiceNamespace="ecs",
        ScalableDimension="ecs:service:DesiredCount",
        ResourceId=f"service/{place.cluster}/web",
        ScheduledActionName="theirs",
        Schedule=cron(fires),
        ScalableTargetAction={"MinCapacity": 2},
    )
    clock.reach(fires)
    until("theirs fires", limits, lambda band: band == (2, 4))
    place.reconciled_again("web")
    told = place.stalled("web", "BandUndecided")
    assert "theirs" in told["message"] and limits() == (2, 4)
    place.apply(place.policy("web", autoscaling=BAND | {"prune": True}))
    until("theirs is deleted", actions, lambda found: not found)
    until("the band is as declared", limits, lambda band: band == (1, 4))
    place.in_sync("web")


def test_what_is_in_aws_is_imported_and_planned_as_nothing(place, cli, now, tmp_path):
    place.account.create_services("web", cluster=place.cluster, desired=3)
    client = place.account.client("application-autoscaling")
    web = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": f"service/{place.cluster}/web"}
    client.register_scalable_target(**web, MinCapacity=2, MaxCapacity=9)
    client.put_scheduled_action(
        **web,
        ScheduledActionName="night",
        Schedule=cron(now + 120 * MINUTE),
        Timezone="Europe/Berlin",
        ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 3},
    )
    client.put_scheduled_action(
        **web,
        ScheduledActionName="day",
        Schedule=cron(now + 180 * MINUTE),
        StartTime=now,
        EndTime=now + timedelta(days=9),
        ScalableTargetAction={"MinCapacity": 2},
    )
    client.put_scaling_policy(
        **web,
        PolicyName="busy",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "Cooldown": 60,
            "StepAdjustments": [
                {"MetricIntervalLowerBound": 0, "MetricIntervalUpperBound": 10.5, "ScalingAdjustment": 1},
                {"MetricIntervalLowerBound": 10.5, "ScalingAdjustment": 3},
            ],
        },
    )
    stat = {
        "Metric": {"Namespace": "AWS/SQS", "MetricName": "Visible", "Dimensions": [{"Name": "QueueName", "Value": "jobs"}]},
        "Stat": "Sum",
    }
    client.put_scaling_policy(
        **web,
        PolicyName="backlog",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 10,
            "CustomizedMetricSpecification": {
                "Metrics": [
                    {"Id": "visible", "MetricStat": stat, "ReturnData": False},
                    {"Id": "backlog", "Expression": "visible / 2", "ReturnData": True},
                ]
            },
        },
    )
    imported = cli("import", "ecs", "--cluster", place.cluster, "--namespace", place.namespace, "--account-name", place.name)
    assert imported.code == 0, imported
    assert "left out" not in imported.err, imported.err
    (tmp_path / "policies.yaml").write_text(imported.out)
    place.client.kubectl("apply", f"--filename={tmp_path / 'policies.yaml'}", "--dry-run=server")
    planned = cli("plan", "--cluster", "-f", str(tmp_path / "policies.yaml"))
    assert planned.code == 0, planned
    place.client.kubectl("apply", f"--filename={tmp_path / 'policies.yaml'}")
    place.in_sync("web")
    assert not place.writes("web", "PutScheduledAction") and not place.writes("web", "PutScalingPolicy")
    assert not place.writes("web", "RegisterScalableTarget")


def test_where_services_are_made_smaller_in_steps_a_window_ends_so_too(place, now, limits, actions):
    place.grant(safety={"scaleInStep": {"percent": 50, "every": "1s"}})
    place.account.create_services("web", cluster=place.cluster, desired=6)
    # It ended before the operator saw it: nobody but the operator makes the service smaller.
    client = place.account.client("application-autoscaling")
    web = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount", "ResourceId": f"service/{place.cluster}/web"}
    client.register_scalable_target(**web, MinCapacity=3, MaxCapacity=6)
    window = from_to(now - 60 * MINUTE, now - 10 * MINUTE)
    place.apply(place.policy("web", autoscaling={"minCapacity": 1, "maxCapacity": 2, "windows": [window]}))
    until("the band is the policy's own", limits, lambda band: band == (1, 2))
    place.in_sync("web")
    seen = [call["params"]["MaxCapacity"] for call in place.writes("web", "RegisterScalableTarget")]
    assert seen == [3, 2], seen
    assert {name: found["ScalableTargetAction"]["MaxCapacity"] for name, found in actions().items()} == {"rush-start": 6, "rush-end": 6}
    assert place.desired("web") == 2
