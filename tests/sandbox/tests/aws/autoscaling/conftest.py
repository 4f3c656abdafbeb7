"""What every test of Application Auto Scaling begins with: a service `app/api` of two tasks, running."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

TARGET = {"ServiceNamespace": "ecs", "ResourceId": "service/app/api", "ScalableDimension": "ecs:service:DesiredCount"}
CPU = {"TargetValue": 60.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}


class Scaling:
    """The client, and short ways to do what tests do again and again."""

    target = TARGET
    cpu = CPU

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.client = aws.client("application-autoscaling")
        self.ecs = aws.client("ecs")
        self.ecs.create_cluster(clusterName="app")
        self.ecs.register_task_definition(family="web", containerDefinitions=[{"name": "main", "image": "nginx", "memory": 128}])
        self.service("api", 2)

    def service(self, name: str, desired: int) -> None:
        self.ecs.create_service(cluster="app", serviceName=name, taskDefinition="web", desiredCount=desired)
        self.aws.clock.advance(30)

    def register(self, least: int | None = 1, most: int | None = 10, **more: Any) -> str:
        band = {"MinCapacity": least, "MaxCapacity": most}
        given = {name: value for name, value in band.items() if value is not None}
        return self.client.register_scalable_target(**{**TARGET, **given, **more})["ScalableTargetARN"]

    def band(self) -> tuple[int, int]:
        found = self.client.describe_scalable_targets(ServiceNamespace="ecs", ResourceIds=["service/app/api"])["ScalableTargets"][0]
        return found["MinCapacity"], found["MaxCapacity"]

    def desired(self, name: str = "api") -> int:
        return self.ecs.describe_services(cluster="app", services=[name])["services"][0]["desiredCount"]

    def set_desired(self, count: int) -> None:
        self.ecs.update_service(cluster="app", service="api", desiredCount=count)
        self.aws.clock.advance(60)

    def policy(self, name: str = "cpu", **more: Any) -> dict[str, Any]:
        wanted = {"PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": CPU, **more}
        return self.client.put_scaling_policy(PolicyName=name, **TARGET, **wanted)

    def step(self, *steps: tuple[float | None, float | None, int], name: str = "step", **configuration: Any) -> dict[str, Any]:
        adjustments = []
        for low, high, change in steps:
            step: dict[str, Any] = {"ScalingAdjustment": change}
            if low is not None:
                step["MetricIntervalLowerBound"] = low
            if high is not None:
                step["MetricIntervalUpperBound"] = high
            adjustments.append(step)
        body = {"AdjustmentType": "ChangeInCapacity", "StepAdjustments": adjustments, **configuration}
        return self.client.put_scaling_policy(PolicyName=name, PolicyType="StepScaling", StepScalingPolicyConfiguration=body, **TARGET)

    def action(self, schedule: str, name: str = "a", **more: Any) -> None:
        wanted = {"ScalableTargetAction": {"MinCapacity": 4, "MaxCapacity": 8}, **more}
        self.client.put_scheduled_action(ScheduledActionName=name, Schedule=schedule, **TARGET, **wanted)

    def activities(self, **more: Any) -> list[dict[str, Any]]:
        return self.client.describe_scaling_activities(ServiceNamespace="ecs", ResourceId="service/app/api", **more)["ScalingActivities"]


@pytest.fixture
def scaling(aws: Any) -> Scaling:
    return Scaling(aws)


class Refusal:
    """Code and message of a refused call."""

    def __init__(self, error: ClientError) -> None:
        self.code = error.response["Error"]["Code"]
        self.message = error.response["Error"]["Message"]


@pytest.fixture
def refused() -> Callable[..., Refusal]:
    """`refused(operation, ...)`: the call must fail."""

    def call(operation: Callable[..., Any], *args: Any, **parameters: Any) -> Refusal:
        with pytest.raises(ClientError) as caught:
            operation(*args, **parameters)
        return Refusal(caught.value)

    return call
