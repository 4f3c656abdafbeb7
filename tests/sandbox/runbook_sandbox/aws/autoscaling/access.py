"""Which resources the operations of Application Auto Scaling touch, for IAM.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Application Auto Scaling". The
actions on a target are evaluated against its ARN; a target that does not exist yet has none that could be named.
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.autoscaling.state import region_of
from runbook_sandbox.aws.iam import resources

Params = dict[str, Any]
_ON_TARGET = (
    "RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy", "DeleteScalingPolicy", "PutScheduledAction",
    "DeleteScheduledAction",
)  # fmt: skip
_ON_ARN = ("TagResource", "UntagResource", "ListTagsForResource")


def _target_arn(params: Params, account: str, region: str) -> list[str]:
    state = region_of(account, region)
    target = state.targets.get((params.get("ServiceNamespace"), params.get("ResourceId"), params.get("ScalableDimension")))  # type: ignore[arg-type]
    return [target.arn if target else state.arn("application-autoscaling", "scalable-target/*")]


def _given_arn(params: Params, account: str, region: str) -> list[str]:
    return [params["ResourceARN"]] if params.get("ResourceARN") else []


def _conditions(resolver: resources.Resolver) -> resources.ConditionResolver:
    def resolve(params: Params, account: str, region: str) -> dict[str, Any]:
        keys = {
            "application-autoscaling:service-namespace": params.get("ServiceNamespace"),
            "application-autoscaling:scalable-dimension": params.get("ScalableDimension"),
        }
        state = region_of(account, region)
        for arn in resolver(params, account, region):
            target = state.by_arn.get(arn)
            for key, value in (target.tags if target else {}).items():
                keys[f"aws:ResourceTag/{key}"] = value
        return {key: value for key, value in keys.items() if value is not None}

    return resolve


def install() -> None:
    for operation in _ON_TARGET:
        resources.register("application-autoscaling", operation, _target_arn, conditions=_conditions(_target_arn))
    for operation in _ON_ARN:
        resources.register("application-autoscaling", operation, _given_arn, conditions=_conditions(_given_arn))
