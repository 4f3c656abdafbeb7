"""What every test of ECS begins with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


class Ecs:
    """A cluster `app`, a task definition `web`, and short ways to do what tests do again and again."""

    def __init__(self, aws: Any) -> None:
        self.aws = aws
        self.client = aws.client("ecs")
        self.client.create_cluster(clusterName="app")
        self.web = self.register("web")

    def register(self, family: str = "web", **more: Any) -> str:
        container = {"name": "main", "image": "nginx", "memory": 128, "portMappings": [{"containerPort": 80}]}
        answer = self.client.register_task_definition(family=family, containerDefinitions=[container], **more)
        return answer["taskDefinition"]["taskDefinitionArn"]

    def register_fargate(self, family: str = "fargate") -> str:
        return self.register(family, requiresCompatibilities=["FARGATE"], networkMode="awsvpc", cpu="256", memory="512")

    def create(self, name: str = "api", desired: int | None = 2, **more: Any) -> dict[str, Any]:
        if desired is not None:
            more["desiredCount"] = desired
        return self.client.create_service(**{"cluster": "app", "serviceName": name, "taskDefinition": "web", **more})["service"]

    def update(self, name: str = "api", **more: Any) -> dict[str, Any]:
        return self.client.update_service(cluster="app", service=name, **more)["service"]

    def show(self, name: str = "api", **more: Any) -> dict[str, Any]:
        return self.client.describe_services(cluster="app", services=[name], **more)["services"][0]

    def tasks(self, name: str = "api", **more: Any) -> list[dict[str, Any]]:
        arns = self.client.list_tasks(cluster="app", serviceName=name, **more)["taskArns"]
        return self.client.describe_tasks(cluster="app", tasks=arns)["tasks"] if arns else []

    def watch(self, seconds: float, look: Callable[[], Any], step: float = 0.25) -> list[Any]:
        """What `look` gave at every step of the way, equal neighbours once."""
        seen = [look()]
        for _ in range(int(seconds / step)):
            self.aws.clock.advance(step)
            found = look()
            if found != seen[-1]:
                seen.append(found)
        return seen

    def settle(self, seconds: float = 60) -> None:
        self.aws.clock.advance(seconds)

    def messages(self, name: str = "api") -> list[str]:
        return [event["message"] for event in self.show(name)["events"]]


@pytest.fixture
def ecs(aws: Any) -> Ecs:
    return Ecs(aws)


class Refusal:
    """Code and message of a refused call."""

    def __init__(self, error: ClientError) -> None:
        self.code = error.response["Error"]["Code"]
        self.message = error.response["Error"]["Message"]
        self.status = error.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.fixture
def refused() -> Callable[..., Refusal]:
    """`refused(client.operation, **parameters)`: the call must fail."""

    def call(operation: Callable[..., Any], **parameters: Any) -> Refusal:
        with pytest.raises(ClientError) as caught:
            operation(**parameters)
        return Refusal(caught.value)

    return call
