"""Somebody who is granted less than he asks for."""

from __future__ import annotations

from typing import Any

from runbook_sandbox.clocked.installation import until
from runbook_sandbox.harness import CommandError

from attacks.table import Scene, attack


def to_others(scene: Scene) -> list[dict[str, Any]]:
    arn = f"arn:aws:ecs:*:*:service/{scene.place.cluster}/*"
    return [{"namespaces": ["somebody-else"], "verbs": ["scale"], "resources": [arn]}]


@attack("targets a service that another namespace is granted", "`NotGranted`", "not asked")
def _(scene: Scene) -> None:
    scene.service()
    scene.place.grant(grants=to_others(scene))
    scene.place.apply(scene.place.policy("web", replicas=3))
    scene.stalled()


@attack("names the AwsAccount of others in `accountRef`", "`NotGranted`", "not asked")
def _(scene: Scene) -> None:
    scene.service()
    scene.place.apply(scene.place.policy("web", replicas=3, **scene.account_named("theirs", grants=to_others(scene))))
    scene.stalled()


@attack("targets a cluster whose name begins like the granted one", "`NotGranted`", "not asked")
def _(scene: Scene) -> None:
    beside = f"{scene.place.cluster}-beside"
    scene.service(cluster=beside)
    policy = scene.place.policy("web", replicas=3)
    policy["spec"]["target"]["ecsService"]["cluster"] = beside
    scene.place.apply(policy)
    scene.stalled()


@attack("declares a size where only `observe` is granted", "`NotGranted`", "only read")
def _(scene: Scene) -> None:
    scene.service()
    scene.place.grant(grants=[to_others(scene)[0] | {"namespaces": [scene.place.namespace], "verbs": ["observe"]}])
    scene.place.apply(scene.place.policy("web", replicas=3))
    scene.stalled()


@attack("writes wildcards, paths, ARNs or other scripts into a target's name", "refused", "not asked")
def _(scene: Scene) -> None:
    arn = scene.service()
    for name in ("*", "we?", "a/web", "../web", arn, "wеb", "web\n", "", "x" * 256):
        scene.refused(scene.place.policy("web", replicas=3, target={"ecsService": {"cluster": scene.place.cluster, "service": name}}))
        scene.refused(scene.place.policy("web", replicas=3, target={"ecsService": {"cluster": name, "service": "web"}}))


@attack("does so past a schema that somebody loosened", "`InvalidSpec`", "not asked")
def _(scene: Scene) -> None:
    scene.service()
    scene.fixture("loosen")("scalingpolicies.ops.clocked.app")
    for number, name in enumerate(("*", "x/web", "web/../web")):
        target = {"ecsService": {"cluster": scene.place.cluster, "service": name}}
        policy = scene.place.policy(f"web-{number}", replicas=3, target=target)
        until("the API server takes it", lambda policy=policy: taken(scene, policy), bool)
        scene.stalled(f"web-{number}")
    scene.client.kubectl("delete", "scalingpolicies", "--all", f"--namespace={scene.place.namespace}")


def taken(scene: Scene, thing: dict[str, Any]) -> bool:
    try:
        scene.place.apply(thing)
    except CommandError:
        return False
    return True
