"""Somebody who wants a service that is another's."""

from __future__ import annotations

from typing import Any

from runbook_sandbox.clocked.installation import condition, until

from attacks.grants import to_others
from attacks.table import OWNER, Scene, attack


def neighbour(scene: Scene, **spec: Any) -> dict[str, Any]:
    """A policy for the place's service in a namespace beside it, which is granted the same, applied by its team."""
    beside = f"{scene.place.namespace}-beside"
    scene.client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": beside}})
    arn = f"arn:aws:ecs:*:*:service/{scene.place.cluster}/*"
    scene.place.grant(grants=[{"namespaces": [scene.place.namespace, beside], "verbs": ["scale"], "resources": [arn]}])
    policy = scene.place.policy("web", replicas=7, **spec)
    policy["metadata"]["namespace"] = beside
    return policy


def conflict(scene: Scene, policy: dict[str, Any]) -> None:
    """The neighbour's policy is applied, and gets nowhere."""
    where = policy["metadata"]["namespace"]
    scene.place.apply(policy)
    until(
        "the neighbour is in conflict",
        lambda: condition(scene.client.get("scalingpolicy", "web", f"--namespace={where}"), "Stalled"),
        lambda stalled: stalled.get("status") == "True" and stalled.get("reason") == scene.reason,
    )
    scene.place.reconciled_again("web")
    assert scene.place.desired("web") == 2
    assert len(scene.place.writes("web")) == 1, "the one that was declared"
    scene.client.kubectl("delete", "namespace", where, "--wait=false")


@attack("targets a service that another namespace's policy holds", "`TargetConflict`", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled()
    conflict(scene, neighbour(scene))


@attack("does so by another AwsAccount of the same AWS account, with grants of its own", "`TargetConflict`", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled()
    policy = neighbour(scene)
    grants = [to_others(scene)[0] | {"namespaces": [policy["metadata"]["namespace"]]}]
    policy["spec"] |= scene.account_named("second", grants=grants)
    conflict(scene, policy)


@attack("writes an older `creationTimestamp` and a forged status into his policy", "`TargetConflict`", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.settled()
    policy = neighbour(scene)
    policy["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    policy["status"] = {"followed": {"minimum": 1, "maximum": 1, "since": "2020-01-01T00:00:00Z"}, "replicas": 99}
    conflict(scene, policy)


@attack("names a service first, without a grant, to keep its team out", "harmless", "as declared")
def _(scene: Scene) -> None:
    squatter = neighbour(scene)
    scene.place.grant()
    scene.service()
    scene.place.apply(squatter)
    where = squatter["metadata"]["namespace"]
    until(
        "the squatter is refused",
        lambda: condition(scene.client.get("scalingpolicy", "web", f"--namespace={where}"), "Stalled").get("reason"),
        lambda reason: reason == "NotGranted",
    )
    scene.settled()
    assert len(scene.place.writes("web")) == 1
    scene.client.kubectl("delete", "namespace", where, "--wait=false")


@attack("names a service first in `mode: Observe`, or suspended", "harmless", "as declared")
def _(scene: Scene) -> None:
    scene.service()
    scene.place.apply(scene.place.policy("first", "web", replicas=5, mode="Observe"))
    scene.place.apply(scene.place.policy("second", "web", replicas=5, suspend=True))
    scene.place.wait("first", lambda p: p.get("status", {}).get("plan"), "has a plan")
    scene.settled()
    assert scene.place.desired("web") == 2


@attack("copies the owner tag of another policy to a service", "harmless", "as declared")
def _(scene: Scene) -> None:
    arn = scene.service()
    scene.account.ecs.tag_resource(resourceArn=arn, tags=[{"key": OWNER, "value": "sandbox/somebody-else/web"}])
    scene.settled(3)
    assert scene.place.desired("web") == 3


@attack("puts the owner tag on a scalable target of his own, to have it taken for the operator's", "`AutoscalerPresent`", "only read")
def _(scene: Scene) -> None:
    scene.service()
    scene.account.autoscaling.register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{scene.place.cluster}/web",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=1,
        MaxCapacity=4,
        Tags={OWNER: f"sandbox/{scene.place.namespace}/web"},
    )
    scene.place.apply(scene.place.policy("web", replicas=3))
    scene.stalled()


@attack("gives a scaling policy of another type in AWS the name that is declared", "`PolicyNameTaken`", "as declared")
def _(scene: Scene) -> None:
    tracking = {"name": "cpu", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": 60}
    scene.service()
    scene.place.apply(scene.place.policy("web", autoscaling={"minCapacity": 1, "maxCapacity": 4}))
    scene.place.in_sync("web")
    step = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": [{"MetricIntervalLowerBound": 0, "ScalingAdjustment": 1}]}
    scene.account.autoscaling.put_scaling_policy(
        ServiceNamespace="ecs",
        ResourceId=f"service/{scene.place.cluster}/web",
        ScalableDimension="ecs:service:DesiredCount",
        PolicyName="cpu",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration=step,
    )
    scene.place.apply(scene.place.policy("web", autoscaling={"minCapacity": 1, "maxCapacity": 4, "targetTracking": [tracking]}))
    scene.stalled()
    (policy,) = scene.account.scaling_policies("web", scene.place.cluster)
    assert policy["PolicyType"] == "StepScaling"
