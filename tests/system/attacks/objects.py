"""Somebody who may write ScalingPolicies, or tag a service in AWS."""

from __future__ import annotations

import json

import pytest
from runbook_sandbox.clocked.installation import condition
from runbook_sandbox.harness import CommandError

from attacks.table import HOLD, REQUESTED, Scene, attack


def scale(scene: Scene, replicas: int) -> None:
    scene.as_editor("scale", "scalingpolicy/web", f"--replicas={replicas}")


@attack("scales beyond what the schema takes, or to zero without `allowZero`", "refused", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled()
    for replicas in (5001, 2**31 - 1, 0):
        with pytest.raises(CommandError, match="5000|allowZero"):
            scale(scene, replicas)
    # What kubectl does not send is refused all the same.
    with pytest.raises(CommandError, match="greater than or equal to 0"):
        patch = json.dumps({"spec": {"replicas": -1}})
        scene.as_editor("patch", "scalingpolicy", "web", "--subresource=scale", "--type=merge", f"--patch={patch}")
    scene.place.reconciled_again("web")
    assert len(scene.place.writes("web")) == 1


@attack("writes a status without the right to, or an AwsAccount", "refused", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled()
    forged = json.dumps({"status": {"followed": {"minimum": 1, "maximum": 1, "since": "2020-01-01T00:00:00Z"}}})
    grants = json.dumps({"spec": {"mode": "Observe"}})
    with pytest.raises(CommandError, match="forbidden"):
        scene.as_editor("patch", "scalingpolicy", "web", "--subresource=status", "--type=merge", f"--patch={forged}")
    with pytest.raises(CommandError, match="forbidden"):
        scene.as_editor("patch", "awsaccount", scene.place.name, "--type=merge", f"--patch={grants}")
    # Sent with the object, a status is dropped.
    scene.as_editor("patch", "scalingpolicy", "web", "--type=merge", f"--patch={forged}")
    scene.place.reconciled_again("web")
    assert scene.place.get("web")["status"]["followed"]["minimum"] == 2
    assert len(scene.place.writes("web")) == 1


@attack("asks for a look with a value that is huge or odd, again and again", "harmless", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled()
    for value in ("x" * 200_000, "", "\u202e\u0000".replace("\u0000", "\x1b[2J"), "😀" * 1000, *(str(number) for number in range(50))):
        patch = json.dumps({"metadata": {"annotations": {REQUESTED: value}}})
        where = f"--namespace={scene.place.namespace}"
        scene.client.kubectl("patch", "scalingpolicy", "web", where, "--type=merge", "--patch-file=/dev/stdin", stdin=patch)
        if not value.isdigit():
            scene.place.wait("web", lambda p, v=value: p["status"].get("lastHandledReconcileAt") == v[:128], "was looked at")
    scene.place.wait("web", lambda p: p["status"].get("lastHandledReconcileAt") == "49", "was looked at")
    scene.place.in_sync("web")
    assert len(scene.place.writes("web")) == 1


@attack("gives cluster and service the longest names that AWS takes", "harmless", "as declared")
def _(scene: Scene) -> None:
    cluster, service = f"{scene.place.cluster}-".ljust(255, "c"), "s" * 255
    arn = f"arn:aws:ecs:*:*:service/{scene.place.cluster}-*"
    scene.place.grant(grants=[{"namespaces": [scene.place.namespace], "verbs": ["scale"], "resources": [arn]}])
    scene.service(service, cluster)
    policy = scene.place.policy("web", replicas=3)
    policy["spec"]["target"]["ecsService"] = {"cluster": cluster, "service": service}
    scene.place.apply(policy)
    scene.place.in_sync("web")
    assert scene.account.service(service, cluster)["desiredCount"] == 3
    assert len(scene.place.get("web")["status"]["history"]) == 1


@attack("holds a service by a tag until a year far away", "`HeldByTag`", "only read")
def _(scene: Scene) -> None:
    held(scene, "9999-12-30T00:00:00Z")
    found = scene.place.wait("web", lambda p: condition(p, "Synced").get("reason") == scene.reason, "is held")
    assert condition(found, "Stalled")["status"] == "False"
    scene.place.reconciled_again("web")


@attack("writes nonsense, or a time that no calendar has, into that tag", "`InvalidHoldTag`", "only read")
def _(scene: Scene) -> None:
    for number, value in enumerate(("tomorrow", "", "9999-12-31T23:59:59Z", "2026-13-01T00:00:00Z", "+" * 256)):
        held(scene, value, f"web-{number}")
        scene.stalled(f"web-{number}")


def held(scene: Scene, value: str, name: str = "web") -> None:
    """A service with the tag, and a policy that would change it."""
    arn = scene.service(name)
    scene.account.ecs.tag_resource(resourceArn=arn, tags=[{"key": HOLD, "value": value}])
    scene.place.apply(scene.place.policy(name, replicas=3))
