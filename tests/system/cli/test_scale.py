"""`kubectl runbook scale`."""

from __future__ import annotations

import json
import signal

from runbook_sandbox.clocked.installation import until


def test_scaling_for_a_while_is_an_override_that_the_operator_follows(place, cli):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", autoscaling={"minCapacity": 1, "maxCapacity": 6}))
    place.in_sync("web")
    here = ("-n", place.namespace)
    ask = ("scale", "web", "--at-least", "4", "--for", "1h", "--reason", "the sale begins", *here)

    tried = cli(*ask, "--dry-run")
    assert tried.code == 0 and "would be made" in tried.out and "size 1 to 6 -> 4 to 6" in tried.out, tried
    assert not place.overrides()

    made = cli(*ask, "--wait", "--timeout", "90s")
    assert made.code == 0 and "followed: ScalingPolicy web is in sync, desiredCount 4" in made.out, made
    assert place.desired("web") == 4
    (override,) = place.overrides()
    assert override["metadata"]["labels"] == {"ops.clocked.app/made-by": "cli"} and override["spec"]["reason"] == "the sale begins"
    assert override["spec"]["atLeast"] == 4 and override["metadata"]["name"] in made.err

    place.apply(place.override("theirs", "web", seconds=1800, range={"min": 4, "max": 5}))
    place.told("theirs", "Active")
    shown = cli("status", *here)
    assert "For a while:" in shown.out and "by ScalingOverride theirs: a test" in shown.out, shown
    assert [one["name"] for one in json.loads(cli("status", *here, "-o", "json").out)["overrides"]][0] == "theirs"

    stopped = cli("scale", "web", "--stop", "--wait", *here)
    assert stopped.code == 0 and f"ended ScalingOverride {place.namespace}/{override['metadata']['name']}" in stopped.err, stopped
    assert "theirs holds until" in stopped.err
    place.told(override["metadata"]["name"], "Expired")
    again = cli("scale", "web", "--stop", *here)
    assert again.code == 0 and "no override" in again.out, again
    assert len(place.overrides()) == 2, "what has ended stays to be looked at"


def test_what_the_operator_would_refuse_is_not_made(place, cli):
    place.account.create_services("web", cluster=place.cluster)
    one = {"minCapacity": 1, "maxCapacity": 1}
    place.apply(place.policy("web", autoscaling=one), place.policy("asleep", "web", replicas=1, suspend=True))
    place.in_sync("web")
    rest = ("--for", "1h", "--reason", "x", "-n", place.namespace)
    for arguments, said in [
        (("web", "--exactly", "0"), "allowZero: true on ScalingPolicy web"),
        (("web", "--at-least", "9"), "set overrideCeiling: 9"),
        (("absent", "--at-least", "9"), "those that are there: asleep, web"),
        (("web", "--range", "4..2"), "for example 4..8"),
    ]:
        answer = cli("scale", *arguments, *rest)
        assert answer.code == 1 and said in answer.err and answer.out == "", answer
    assert not place.overrides()
    asleep = cli("scale", "asleep", "--at-least", "2", *rest, "--wait", "--timeout", "60s")
    assert asleep.code == 1 and "warning: " in asleep.err and "set spec.suspend to false" in asleep.err, asleep


def test_waiting_may_be_broken_off_and_ends_by_itself(place, cli):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=1))
    place.in_sync("web")
    place.account.control("POST", "/faults", {"service": "ecs", "operation": "UpdateService", "kind": "error503", "when": "before"})
    ask = ("scale", "web", "--exactly", "3", "--for", "1h", "--reason", "x", "-n", place.namespace, "--wait")
    with cli.start(*ask) as waiting:
        said = next(line for line in waiting.stderr if line.startswith("waiting: "))
        waiting.send_signal(signal.SIGINT)
        rest = waiting.stderr.read()
        assert waiting.wait(timeout=60) == 1 and "broken off: nothing was taken back" in rest, (said, rest)
    assert len(place.overrides()) == 1
    late = cli(*ask, "--timeout", "2s")
    assert late.code == 1 and "AWS does not follow after 2s" in late.err, late
    place.account.control("DELETE", "/faults")
    place.wait_desired("web", 3)


def test_colours_are_for_terminals_that_want_them(cli):
    wrong = ("plan", "-f", "/nonexistent")
    assert "\x1b[31m" in cli.on_terminal(*wrong)
    for plain in (cli.on_terminal(*wrong, NO_COLOR="1"), cli.on_terminal(*wrong, "--color", "never"), cli(*wrong).err):
        assert "error: " in plain and "\x1b" not in plain
    assert "\x1b[31m" in cli(*wrong, "--color", "always").err


def test_status_marks_what_was_adopted(place, cli):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=1))
    place.in_sync("web")
    place.wait("web", lambda p: p["status"].get("followed", {}).get("minimum") == 1, "is followed")
    place.account.set_desired("web", 3, place.cluster)
    place.reconciled_again("web")
    until("it is adopted", place.overrides, lambda found: bool(found))
    place.told(place.overrides()[0]["metadata"]["name"], "Active")
    shown = cli("status", "-n", place.namespace)
    assert "adopted from AWS" in shown.out and "adopted-web-" in shown.out, shown
