"""What ECS refuses of a task definition, and what it says of one."""

from __future__ import annotations

import pytest

_MAIN = {"name": "main", "image": "nginx", "memory": 128}
_FARGATE = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512"}
_LOGS = {"logDriver": "awslogs", "options": {"awslogs-group": "g", "awslogs-region": "eu-central-1", "awslogs-stream-prefix": "p"}}
_ROLE = "arn:aws:iam::123456789012:role/execution"


def test_fargate_insists_on_awsvpc(ecs, refused):
    """networkMode defaults to bridge, also for FARGATE, which has only awsvpc (RegisterTaskDefinition). Plain moto takes anything."""
    register = ecs.client.register_task_definition
    without = {name: value for name, value in _FARGATE.items() if name != "networkMode"}
    answer = refused(register, family="web", containerDefinitions=[_MAIN], **without)
    assert (answer.code, answer.message) == ("ClientException", "Fargate only supports network mode ‘awsvpc’.")  # noqa: RUF001


@pytest.mark.parametrize(
    ("container", "needed_for"),
    [
        ({"logConfiguration": _LOGS}, "log driver awslogs"),
        ({"image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/web:1"}, "ECR images"),
        ({"secrets": [{"name": "KEY", "valueFrom": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:key"}]}, "container secrets"),
    ],
)
def test_fargate_needs_an_execution_role(ecs, refused, container, needed_for):
    """ "Task execution IAM role": for private images, logs and secrets. Plain moto asks for none."""
    wanted = {"family": "web", "containerDefinitions": [_MAIN | container], **_FARGATE}
    answer = refused(ecs.client.register_task_definition, **wanted)
    assert answer.code == "ClientException"
    assert needed_for in answer.message
    assert ecs.client.register_task_definition(**wanted, executionRoleArn=_ROLE)["taskDefinition"]["executionRoleArn"] == _ROLE


@pytest.mark.parametrize("container", [{"logConfiguration": _LOGS}, {"image": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/web:1"}])
def test_an_instance_has_a_role_of_its_own(ecs, container):
    """On EC2 the instance's role pulls and logs: no execution role is needed."""
    assert ecs.client.register_task_definition(family="web", containerDefinitions=[_MAIN | container])["taskDefinition"]["revision"] == 2


def test_compatibilities_follow_the_network(ecs):
    """Where it could run: ECS Anywhere (EXTERNAL) has no awsvpc, Fargate has nothing else. Plain moto says what was required."""
    register = ecs.client.register_task_definition

    def compatible(**more):
        return register(family="web", containerDefinitions=[_MAIN], **more)["taskDefinition"]["compatibilities"]

    assert compatible() == ["EXTERNAL", "EC2"]
    assert compatible(networkMode="awsvpc") == ["EC2"]
    assert compatible(**_FARGATE) == ["EC2", "FARGATE"]


def test_families_of_all_statuses(ecs):
    """ "By default, both ACTIVE and INACTIVE task definition families are listed" (ListTaskDefinitionFamilies)."""
    ecs.register("worker")
    ecs.client.deregister_task_definition(taskDefinition="worker:1")
    assert ecs.client.list_task_definition_families()["families"] == ["web", "worker"]
    assert ecs.client.list_task_definition_families(status="ALL")["families"] == ["web", "worker"]
    assert ecs.client.list_task_definition_families(status="ACTIVE")["families"] == ["web"]
