"""Scheduled actions: what is refused, what fires and when."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from runbook_sandbox.aws.autoscaling.expressions import BadExpression, Schedule

TARGET = {"ServiceNamespace": "ecs", "ResourceId": "service/app/api", "ScalableDimension": "ecs:service:DesiredCount"}


def _utc(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def _firings(expression, start, count=3, zone=None):
    schedule, found, moment = Schedule(expression, zone), [], _utc(start)
    for _ in range(count):
        following = schedule.next_after(moment, _utc(start))
        if following is None:
            break
        found.append(following.strftime("%Y-%m-%dT%H:%M"))
        moment = following
    return found


# The operator judges by the same table (operator/core/tests/decisions/schedules.rs): two implementations, one calendar.
TABLE = json.loads((Path(__file__).parents[5] / "operator/core/tests/schedules.json").read_text())


@pytest.mark.parametrize("case", TABLE, ids=lambda case: f"{case['schedule']} {case.get('timeZone', 'UTC')} after {case['after']}")
def test_the_operators_table_of_firings_is_this_clocks_too(case):
    schedule, moment = Schedule(case["schedule"], case.get("timeZone")), datetime.fromisoformat(case["after"])
    found, started = [], moment
    for _ in case["fires"]:
        moment = schedule.next_after(moment, started)
        found.append(moment and moment.strftime("%Y-%m-%dT%H:%M:%SZ"))
        if moment is None:
            break
    assert found == case["fires"]



@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 8 ? * MON-FRI *)", ["2026-01-01T08:00", "2026-01-02T08:00", "2026-01-05T08:00"]),
        ("cron(0/15 9 1 * ? *)", ["2026-01-01T09:00", "2026-01-01T09:15", "2026-01-01T09:30"]),
        ("cron(30 6 L * ? *)", ["2026-01-31T06:30", "2026-02-28T06:30", "2026-03-31T06:30"]),
        ("cron(0 0 LW * ? *)", ["2026-01-30T00:00", "2026-02-27T00:00", "2026-03-31T00:00"]),
        ("cron(0 0 15W * ? *)", ["2026-01-15T00:00", "2026-02-16T00:00", "2026-03-16T00:00"]),
        ("cron(0 0 ? * 2#1 *)", ["2026-01-05T00:00", "2026-02-02T00:00", "2026-03-02T00:00"]),
        ("cron(0 0 ? * 6L *)", ["2026-01-30T00:00", "2026-02-27T00:00", "2026-03-27T00:00"]),
        ("cron(0 12 29 2 ? *)", ["2028-02-29T12:00", "2032-02-29T12:00", "2036-02-29T12:00"]),
        ("cron(0 12 1 JAN,JUL ? 2027)", ["2027-01-01T12:00", "2027-07-01T12:00"]),
        ("cron(0 22-2 1 1 ? 2027)", ["2027-01-01T00:00", "2027-01-01T01:00", "2027-01-01T02:00"]),
        ("cron(0 12 30 2 ? *)", []),
        ("rate(5 minutes)", ["2026-01-01T00:05", "2026-01-01T00:10", "2026-01-01T00:15"]),
        ("rate(1 day)", ["2026-01-02T00:00", "2026-01-03T00:00", "2026-01-04T00:00"]),
        ("at(2026-05-01T12:00:00)", ["2026-05-01T12:00"]),
        ("at(2025-05-01T12:00:00)", []),
    ],
)
def test_when_expressions_fire(expression, expected):
    """Cron, rate and at expressions (PutScheduledAction)."""
    assert _firings(expression, "2026-01-01T00:00:00") == expected


def test_expressions_in_a_time_zone_with_summer_time():
    """ "... the action automatically adjusts for Daylight Saving Time": 8:00 in Berlin is 7:00, then 6:00 UTC.

    A skipped local time does not fire, a repeated one fires once.
    """
    daily = "cron(0 8 * * ? *)"
    assert _firings(daily, "2026-03-28T00:00:00", 2, "Europe/Berlin") == ["2026-03-28T07:00", "2026-03-29T06:00"]
    assert _firings(daily, "2026-10-24T00:00:00", 2, "Europe/Berlin") == ["2026-10-24T06:00", "2026-10-25T07:00"]
    skipped = "cron(30 2 * * ? *)"
    assert _firings(skipped, "2026-03-28T00:00:00", 2, "Europe/Berlin") == ["2026-03-28T01:30", "2026-03-30T00:30"]
    assert _firings(skipped, "2026-10-24T00:00:00", 3, "Europe/Berlin") == ["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]
    assert _firings("at(2026-07-01T08:00:00)", "2026-01-01T00:00:00", 1, "Europe/Berlin") == ["2026-07-01T06:00"]


@pytest.mark.parametrize(
    "expression",
    [
        "0 8 * * *", "cron(0 8 * * *)", "cron(0 8 * * * *)", "cron(0 8 ? * ? *)", "cron(60 8 ? * MON *)", "cron(0 24 ? * MON *)",
        "cron(0 8 32 * ? *)", "cron(0 8 ? 13 MON *)", "cron(0 8 ? * 8 *)", "cron(0 8 ? * MON 1969)", "cron(0/0 8 ? * MON *)",
        "cron(? 8 ? * MON *)", "cron(0 8 ? * MON#6 *)", "cron(a 8 ? * MON *)", "rate(0 minutes)", "rate(1 minutes)", "rate(2 minute)",
        "rate(5 seconds)", "rate(-1 hours)", "rate(1.5 hours)", "rate(5minutes)", "at(2026-13-01T00:00:00)", "at(2026-01-01)",
        "at(2026-01-01T00:00:00Z)", "every(1 day)", "cron(0 8 ? * MON *) ", "",
    ],
)  # fmt: skip
def test_wrong_expressions_are_refused(expression):
    """Six fields, exactly one `?`, values in range; the unit of 1 is singular. Plain moto takes anything."""
    with pytest.raises(BadExpression):
        Schedule(expression, None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"Schedule": "cron(0 8 * * *)"}, "Invalid schedule expression. Details: a cron expression has six fields, this has 5"),
        ({"Timezone": "Europe/Atlantis"}, "Time zone Europe/Atlantis is not a known IANA time zone"),
        ({"StartTime": datetime(2027, 1, 2, tzinfo=UTC), "EndTime": datetime(2027, 1, 1, tzinfo=UTC)}, "StartTime must be before EndTime"),
        ({"ScalableTargetAction": {}}, "At least one of minimum capacity and maximum capacity should be provided"),
        ({"ScalableTargetAction": {"MinCapacity": 3, "MaxCapacity": 2}}, "Maximum capacity cannot be less than minimum capacity"),
        ({"ScalableTargetAction": {"MinCapacity": -1}}, "cannot be negative"),
    ],
)
def test_wrong_actions_are_refused(scaling, refused, changes, message):
    """PutScheduledAction answers ValidationException. Plain moto takes all of these."""
    scaling.register()
    wanted = {"Schedule": "rate(1 hour)", "ScalableTargetAction": {"MinCapacity": 1}, **changes}
    refusal = refused(scaling.client.put_scheduled_action, ScheduledActionName="a", **TARGET, **wanted)
    assert refusal.code == "ValidationException"
    assert message in refusal.message
    assert scaling.client.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"] == []


def test_an_action_needs_its_target(scaling, refused):
    """ObjectNotFoundException. Plain moto makes it."""
    refusal = refused(scaling.action, "rate(1 hour)")
    assert refusal.code == "ObjectNotFoundException"
    assert refusal.message.startswith("No scalable target registered for service namespace: ecs, resource ID: service/app/api")


def test_a_fired_action_moves_the_band_and_the_service(scaling):
    """ "A scheduled action sets the MinCapacity and MaxCapacity to what is specified". Plain moto never fires."""
    scaling.register(1, 10)
    due = scaling.aws.clock.now() + timedelta(hours=1)
    scaling.action(f"at({due:%Y-%m-%dT%H:%M:%S})")
    scaling.aws.clock.advance(3500)
    assert (scaling.band(), scaling.desired()) == ((1, 10), 2)
    scaling.aws.clock.advance(160)
    assert (scaling.band(), scaling.desired()) == ((4, 8), 4)
    clamp, moved = scaling.activities()
    assert (moved["Description"], moved["Cause"]) == (
        "Setting min capacity to 4 and max capacity to 8",
        "scheduled action name a was triggered",
    )
    assert (clamp["Description"], clamp["Cause"]) == ("Setting desired count to 4.", "minimum capacity was set to 4")
    assert scaling.client.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"] == []


def test_recurring_actions_go_on(scaling):
    """Two actions make a window each day; each half that an action leaves out stays."""
    scaling.register(1, 10)
    scaling.action("cron(0 8 * * ? *)", "begin", ScalableTargetAction={"MinCapacity": 4}, Timezone="Europe/Berlin")
    scaling.action("cron(0 20 * * ? *)", "end", ScalableTargetAction={"MinCapacity": 1, "MaxCapacity": 3}, Timezone="Europe/Berlin")
    scaling.action("cron(0 6 * * ? *)", "wide", ScalableTargetAction={"MaxCapacity": 12}, Timezone="Europe/Berlin")
    seen = set()
    for _ in range(72):
        scaling.aws.clock.advance(3600)
        seen.add((scaling.band(), scaling.desired()))
    assert seen >= {((4, 12), 4), ((1, 3), 3), ((1, 12), 3)}
    assert len(scaling.client.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"]) == 3


def test_an_action_that_would_turn_the_band_around_fails(scaling):
    """ "In some cases ... you must include both sizes": a minimum above the maximum changes nothing."""
    scaling.register(1, 3)
    scaling.action("rate(1 minute)", ScalableTargetAction={"MinCapacity": 5})
    scaling.aws.clock.advance(61)
    assert (scaling.band(), scaling.desired()) == ((1, 3), 2)
    activity = scaling.activities()[0]
    assert activity["StatusCode"] == "Failed"
    assert "Maximum capacity cannot be less than minimum capacity" in activity["StatusMessage"]


def test_suspended_actions_do_not_fire(scaling):
    """ScheduledScalingSuspended."""
    scaling.register(1, 10, SuspendedState={"ScheduledScalingSuspended": True})
    scaling.action("rate(5 minutes)")
    scaling.aws.clock.advance(301)
    assert scaling.band() == (1, 10)
    scaling.register(None, None, SuspendedState={"ScheduledScalingSuspended": False})
    assert scaling.band() == (1, 10), "what was missed is not made up for"
    scaling.aws.clock.advance(300)
    assert scaling.band() == (4, 8)


def test_start_and_end_bound_an_action(scaling):
    """It fires not before StartTime, from which a rate counts, and not from EndTime on."""
    scaling.register(1, 10)
    now = scaling.aws.clock.now()
    scaling.action("rate(1 hour)", StartTime=now + timedelta(hours=2), EndTime=now + timedelta(hours=4))
    fired = []
    for hour in range(1, 7):
        scaling.aws.clock.advance(3600)
        if scaling.band() == (4, 8):
            fired.append(hour)
            scaling.register(1, 10)
    assert fired == [2, 3]


def test_an_update_keeps_what_it_leaves_out_but_the_times(scaling):
    """ "If you don't specify start and end times, the old values are deleted" (PutScheduledAction)."""
    scaling.register()
    times = {"StartTime": datetime(2030, 1, 1, tzinfo=UTC), "EndTime": datetime(2031, 1, 1, tzinfo=UTC)}
    scaling.action("cron(0 8 * * ? *)", Timezone="Europe/Berlin", **times)
    before = scaling.client.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"][0]
    assert (before["StartTime"], before["EndTime"]) == tuple(times.values())
    scaling.client.put_scheduled_action(ScheduledActionName="a", ScalableTargetAction={"MaxCapacity": 9}, **TARGET)
    after = scaling.client.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"][0]
    assert "StartTime" not in after
    assert "EndTime" not in after
    assert (after["Schedule"], after["Timezone"]) == ("cron(0 8 * * ? *)", "Europe/Berlin")
    assert after["ScalableTargetAction"] == {"MaxCapacity": 9}
    assert after["ScheduledActionARN"] == before["ScheduledActionARN"]
    assert after["CreationTime"] == before["CreationTime"]


def test_limits_pages_and_deletion(scaling, refused):
    """200 actions a target, 50 a page, 50 names; deleting twice is ObjectNotFoundException. Plain moto does not page."""
    scaling.register()
    for index in range(200):
        scaling.action("rate(1 day)", f"a{index:03}")
    assert refused(scaling.action, "rate(1 day)", "more").code == "LimitExceededException"
    scaling.action("rate(2 days)", "a000")
    describe = scaling.client.describe_scheduled_actions
    pages = scaling.client.get_paginator("describe_scheduled_actions").paginate(ServiceNamespace="ecs", ResourceId="service/app/api")
    assert [len(page["ScheduledActions"]) for page in pages] == [50, 50, 50, 50]
    named = describe(ServiceNamespace="ecs", ScheduledActionNames=["a001", "none"])["ScheduledActions"]
    assert [item["ScheduledActionName"] for item in named] == ["a001"]
    assert refused(describe, ServiceNamespace="ecs", MaxResults=51).code == "ValidationException"
    assert (
        refused(describe, ServiceNamespace="ecs", ScheduledActionNames=[f"n{index}" for index in range(51)]).code == "ValidationException"
    )
    scaling.client.delete_scheduled_action(ScheduledActionName="a000", **TARGET)
    assert refused(scaling.client.delete_scheduled_action, ScheduledActionName="a000", **TARGET).code == "ObjectNotFoundException"
