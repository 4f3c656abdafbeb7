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


_HELPER = {"name": "helper", "image": "nginx", "memory": 64}


@pytest.mark.parametrize(
    ("containers", "task", "said"),
    [
        ([_MAIN | {"memory": 1024}], _FARGATE, "The 'memory' setting for container is greater than for the task."),
        ([_MAIN | {"cpu": 200}, _HELPER | {"cpu": 100}], _FARGATE, "total 'cpu'"),
        (
            [_MAIN | {"portMappings": [{"containerPort": 80, "hostPort": 8080}]}],
            _FARGATE,
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ),
        ([_MAIN | {"mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}]}], {}, "Unknown volume 'data'."),
        ([_MAIN | {"volumesFrom": [{"sourceContainer": "data"}]}], {}, "Invalid 'volumesFrom' setting. Unknown container: 'data'."),
        ([_MAIN | {"dependsOn": [{"containerName": "db", "condition": "START"}]}], {}, "because it does not exist"),
        ([_MAIN | {"dependsOn": [{"containerName": "helper", "condition": "SUCCESS"}]}, _HELPER], {}, "cannot be an essential container"),
        ([_MAIN | {"dependsOn": [{"containerName": "helper", "condition": "HEALTHY"}]}, _HELPER], {}, "no health check"),
        ([_MAIN], _FARGATE | {"ephemeralStorage": {"sizeInGiB": 20}}, "between 21 and 200"),
    ],
)
def test_what_does_not_fit_together_is_refused(ecs, refused, containers, task, said):
    """ContainerDefinition and EphemeralStorage (API Reference): sizes, ports and names within one definition. Plain moto takes all."""
    answer = refused(ecs.client.register_task_definition, family="web", containerDefinitions=containers, **task)
    assert answer.code == "ClientException"
    assert said in answer.message


def test_what_fits_together_is_taken(ecs):
    """The same members, rightly used; on a bridge the host's port is another one."""
    main = _MAIN | {
        "cpu": 128,
        "portMappings": [{"containerPort": 80, "hostPort": 8080}],
        "mountPoints": [{"sourceVolume": "data", "containerPath": "/data"}],
        "dependsOn": [{"containerName": "helper", "condition": "SUCCESS"}],
    }
    helper = _HELPER | {"essential": False, "volumesFrom": [{"sourceContainer": "main"}]}
    wanted = {"containerDefinitions": [main, helper], "volumes": [{"name": "data"}], "cpu": "256", "memory": "512"}
    made = ecs.client.register_task_definition(family="web", **wanted)["taskDefinition"]
    assert made["containerDefinitions"][0]["portMappings"] == [{"containerPort": 80, "hostPort": 8080, "protocol": "tcp"}]


def test_a_health_check_has_defaults(ecs):
    """HealthCheck: an interval of 30 seconds, a timeout of 5, 3 retries. Plain moto leaves them out."""
    main = _MAIN | {"healthCheck": {"command": ["CMD", "true"], "retries": 5}}
    made = ecs.client.register_task_definition(family="web", containerDefinitions=[main])["taskDefinition"]
    assert made["containerDefinitions"][0]["healthCheck"] == {"command": ["CMD", "true"], "interval": 30, "timeout": 5, "retries": 5}


def test_a_size_that_fargate_has_not_is_named_in_the_refusal(ecs, refused):
    """ "Task CPU and memory" (Amazon ECS Developer Guide) lists the sizes; ECS names the pair it refuses. Plain moto takes any."""
    container = {"name": "main", "image": "nginx"}
    size = {"requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "4096"}
    refusal = refused(ecs.client.register_task_definition, family="big", containerDefinitions=[container], **size)
    assert (refusal.code, refusal.message) == (
        "ClientException",
        "No Fargate configuration exists for given values: 256 CPU, 4096 memory. See the Amazon ECS documentation for the valid values.",
    )
