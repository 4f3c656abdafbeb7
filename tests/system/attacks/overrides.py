"""Somebody who may write ScalingOverrides."""

from __future__ import annotations

import json
from typing import Any

from runbook_sandbox.clocked.installation import condition, until

from attacks.table import MADE_BY, Scene, attack


def squatted(scene: Scene, squatter: dict[str, Any], delete: bool = False) -> None:
    """The squatter has the name of the adoption of six tasks; then somebody makes the service so large."""
    name = squatter["metadata"]["name"] = scene.adoption(6)
    scene.place.apply(squatter)
    if delete:
        scene.client.kubectl("delete", "scalingoverride", name, f"--namespace={scene.place.namespace}", "--wait=false")
    scene.account.set_desired("web", 6, scene.place.cluster)
    scene.place.wait_desired("web", 2)
    scene.place.in_sync("web")
    (one,) = scene.place.overrides()
    assert one["spec"]["reason"] == "a test", "nothing was adopted"
    assert [call["params"]["desiredCount"] for call in scene.place.writes("web")] == [2, 2]


@attack("gives an override of another policy the name that an adoption will have", "harmless", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled(overrideCeiling=4)
    squatted(scene, scene.place.override("", "another", atLeast=3))


@attack("keeps such an override in deletion with a finalizer", "harmless", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled(overrideCeiling=4)
    squatter = scene.place.override("", "web", atLeast=1)
    squatter["metadata"]["finalizers"] = ["mallory.example/keep"]
    try:
        squatted(scene, squatter, delete=True)
    finally:
        for one in scene.place.overrides():
            free = json.dumps({"metadata": {"finalizers": None}})
            where = f"--namespace={scene.place.namespace}"
            scene.client.kubectl("patch", "scalingoverride", one["metadata"]["name"], where, "--type=merge", f"--patch={free}")


@attack("names the policy of another namespace in an override", "`PolicyNotFound`", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled()
    beside = f"{scene.place.namespace}-beside"
    scene.client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": beside}})
    override = scene.place.override("sale", "web", exactly=9)
    override["metadata"]["namespace"] = beside
    scene.place.apply(override)
    until(
        "it finds no policy",
        lambda: condition(scene.client.get("scalingoverride", "sale", f"--namespace={beside}"), "Active"),
        lambda active: active.get("reason") == scene.reason,
    )
    scene.place.reconciled_again("web")
    assert scene.place.desired("web") == 2
    scene.client.kubectl("delete", "namespace", beside, "--wait=false")


@attack("overrides beyond `overrideCeiling`", "harmless", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled(overrideCeiling=4)
    scene.place.apply(scene.place.override("sale", "web", exactly=5000))
    scene.place.wait_desired("web", 4)
    assert "asked for 5000" in scene.place.told("sale", "Active")["status"]["changes"]
    assert [call["params"]["desiredCount"] for call in scene.place.writes("web")] == [2, 4]


@attack("overrides to zero where the policy has no `allowZero`", "`ZeroNotAllowed`", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled()
    scene.place.apply(scene.place.override("stop", "web", exactly=0))
    scene.place.told("stop", scene.reason)
    scene.place.reconciled_again("web")
    assert len(scene.place.writes("web")) == 1


@attack("labels an override as made by the operator, to have it removed or ignored", "harmless", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled()
    override = scene.place.override("sale", "web", exactly=3)
    override["metadata"]["labels"] = {MADE_BY: "operator"}
    scene.place.apply(override)
    scene.place.wait_desired("web", 3)
    override |= {"spec": override["spec"] | {"expiresAt": scene.place.override("", "", seconds=-1)["spec"]["expiresAt"]}}
    scene.place.apply(override)
    scene.place.told("sale", "Expired")
    scene.place.wait_desired("web", 2)
    scene.place.reconciled_again("web")
    assert [one["metadata"]["name"] for one in scene.place.overrides()] == ["sale"], "it is there to be looked at"


@attack("writes an end that no calendar of the operator reaches", "`InvalidSpec`", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled()
    override = scene.place.override("sale", "web", exactly=3)
    override["spec"]["expiresAt"] = "9999-12-31T23:59:59Z"
    scene.place.apply(override, scene.place.override("good", "web", atLeast=4))
    until(
        "it is told",
        lambda: condition(scene.client.get("scalingoverride", "sale", f"--namespace={scene.place.namespace}"), "Stalled"),
        lambda stalled: stalled.get("reason") == scene.reason,
    )
    scene.place.wait_desired("web", 4)
    assert [call["params"]["desiredCount"] for call in scene.place.writes("web")] == [2, 4]


@attack("makes a hundred overrides of one policy", "harmless", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled()
    scene.place.apply(*[scene.place.override(f"sale-{number:03}", "web", atLeast=3, suspendScheduled=True) for number in range(100)])
    scene.place.wait_desired("web", 3)
    scene.place.in_sync("web")
    shown = scene.place.get("web")["status"]["overrides"]
    assert 1 <= len(shown) <= 20
    assert [call["params"]["desiredCount"] for call in scene.place.writes("web")] == [2, 3]
