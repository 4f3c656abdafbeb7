"""Tasks: run, watched, stopped, protected, replaced."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


def _run(ecs, **more):
    return ecs.client.run_task(**{"cluster": "app", "taskDefinition": "web", **more})["tasks"]


def _task(ecs, arn):
    return ecs.client.describe_tasks(cluster="app", tasks=[arn])["tasks"][0]


def test_a_task_lives_and_dies_in_steps(ecs):
    """ECS task lifecycle. Plain moto: RUNNING at once, and a memory in RunTask needed that the task definition has."""
    arn = _run(ecs)[0]["taskArn"]
    assert ecs.watch(5, lambda: _task(ecs, arn)["lastStatus"]) == ["PROVISIONING", "PENDING", "ACTIVATING", "RUNNING"]
    assert _task(ecs, arn)["group"] == "family:web"
    stopped = ecs.client.stop_task(cluster="app", task=arn, reason="no longer needed")["task"]
    assert (stopped["desiredStatus"], stopped["lastStatus"]) == ("STOPPED", "RUNNING")
    assert ecs.watch(5, lambda: _task(ecs, arn)["lastStatus"])[1:] == ["DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED"]
    task = _task(ecs, arn)
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "no longer needed")
    assert task["containers"][0]["exitCode"] == 137
    assert task["createdAt"] < task["startedAt"] < task["stoppingAt"] < task["stoppedAt"]


def test_stopped_tasks_are_shown_for_an_hour(ecs):
    """ "Recently stopped tasks might appear ... for at least one hour" (ListTasks, DescribeTasks)."""
    arn = _run(ecs)[0]["taskArn"]
    ecs.client.stop_task(cluster="app", task=arn)
    ecs.settle(3500)
    assert _task(ecs, arn)["lastStatus"] == "STOPPED"
    assert ecs.client.list_tasks(cluster="app", desiredStatus="STOPPED")["taskArns"] == [arn]
    ecs.settle(200)
    assert ecs.client.describe_tasks(cluster="app", tasks=[arn])["failures"] == [{"arn": arn, "reason": "MISSING"}]


def test_run_task_is_idempotent_by_token(ecs, refused):
    """The same token and request give the same tasks, another request a ConflictException. Plain moto ignores tokens."""
    first = _run(ecs, clientToken="once", count=2)
    assert [task["taskArn"] for task in _run(ecs, clientToken="once", count=2)] == [task["taskArn"] for task in first]
    assert len(ecs.client.list_tasks(cluster="app")["taskArns"]) == 2
    assert refused(_run, ecs=ecs, clientToken="once", count=3).code == "ConflictException"


@pytest.mark.parametrize(
    ("changes", "code", "part"),
    [
        ({"count": 11}, "InvalidParameterException", "10"),
        ({"count": 0}, "InvalidParameterException", "count"),
        ({"cluster": "none"}, "ClusterNotFoundException", "Cluster not found."),
        ({"taskDefinition": "none"}, "ClientException", "TaskDefinition not found."),
        ({"overrides": {"containerOverrides": [{"name": "other"}]}}, "InvalidParameterException", "other is not a container"),
        ({"startedBy": "x" * 129}, "InvalidParameterException", "startedBy"),
        ({"taskDefinition": "fargate", "launchType": "FARGATE"}, "InvalidParameterException", "Network Configuration must be provided"),
        ({"launchType": "FARGATE", "networkConfiguration": NETWORK}, "InvalidParameterException", "does not support launch_type FARGATE"),
    ],
)
def test_wrong_runs_are_refused(ecs, refused, changes, code, part):
    """RunTask, API Reference."""
    ecs.register_fargate()
    refusal = refused(_run, ecs=ecs, **changes)
    assert refusal.code == code
    assert part in refusal.message


def test_what_a_run_says_is_kept(ecs):
    """startedBy, group, overrides and tags."""
    overrides = {"containerOverrides": [{"name": "main", "command": ["migrate"]}]}
    arn = _run(ecs, startedBy="me", group="jobs", overrides=overrides, tags=[{"key": "a", "value": "b"}])[0]["taskArn"]
    task = ecs.client.describe_tasks(cluster="app", tasks=[arn], include=["TAGS"])["tasks"][0]
    assert (task["startedBy"], task["group"], task["tags"]) == ("me", "jobs", [{"key": "a", "value": "b"}])
    assert task["overrides"]["containerOverrides"] == [{"name": "main", "command": ["migrate"]}]
    assert ecs.client.list_tasks(cluster="app", startedBy="me")["taskArns"] == [arn]
    assert ecs.client.list_tasks(cluster="app", startedBy="you")["taskArns"] == []
    assert ecs.client.list_tasks(cluster="app", family="web")["taskArns"] == [arn]


def test_a_task_can_end_by_itself(ecs):
    """stopCode EssentialContainerExited, with the container's exit code."""
    arn = _run(ecs)[0]["taskArn"]
    ecs.settle()
    ecs.aws.control("POST", f"/ecs/tasks/app/{arn.rsplit('/', 1)[1]}/exit", {"exitCode": 3})
    ecs.settle()
    task = _task(ecs, arn)
    assert (task["stopCode"], task["containers"][0]["exitCode"]) == ("EssentialContainerExited", 3)


def test_a_service_replaces_what_stops(ecs):
    """The service scheduler keeps the desired count: after StopTask and after a crash."""
    ecs.create(desired=2)
    ecs.settle()
    before = {task["taskArn"] for task in ecs.tasks()}
    ecs.client.stop_task(cluster="app", task=next(iter(before)))
    seen = ecs.watch(10, lambda: ecs.show()["runningCount"])
    assert (min(seen), seen[-1]) == (1, 2)
    ecs.aws.control("POST", "/ecs/services/app/api/crash", {"count": 2})
    seen = ecs.watch(10, lambda: ecs.show()["runningCount"])
    assert (min(seen), seen[-1]) == (0, 2)
    assert not before & {task["taskArn"] for task in ecs.tasks()}
    assert ecs.show()["deployments"][0]["rolloutState"] == "COMPLETED"


def test_describe_and_list_have_limits(ecs, refused):
    """DescribeTasks up to 100; ListTasks of a missing service is refused. Plain moto takes any number."""
    ids = [f"{index:032}" for index in range(101)]
    assert refused(ecs.client.describe_tasks, cluster="app", tasks=ids).code == "InvalidParameterException"
    assert refused(ecs.client.describe_tasks, cluster="app", tasks=[]).message == "Tasks cannot be empty."
    assert len(ecs.client.describe_tasks(cluster="app", tasks=ids[:100])["failures"]) == 100
    assert refused(ecs.client.list_tasks, cluster="app", serviceName="none").code == "ServiceNotFoundException"
    assert refused(ecs.client.stop_task, cluster="app", task=ids[0]).message == "The referenced task was not found."
    _run(ecs, count=10)
    _run(ecs, count=3)
    pages = list(ecs.client.get_paginator("list_tasks").paginate(cluster="app", PaginationConfig={"PageSize": 5}))
    assert [len(page["taskArns"]) for page in pages] == [5, 5, 3]


def test_protected_tasks_survive_a_scale_in(ecs):
    """Protected tasks are not stopped by scale-in or deployments until the protection ends. Plain moto answers 500."""
    ecs.create(desired=3)
    ecs.settle()
    arns = [task["taskArn"] for task in ecs.tasks()]
    answer = ecs.client.update_task_protection(cluster="app", tasks=arns[:2], protectionEnabled=True, expiresInMinutes=10)
    assert {item["taskArn"] for item in answer["protectedTasks"]} == set(arns[:2])
    assert all("expirationDate" in item for item in answer["protectedTasks"])
    ecs.update(desiredCount=0)
    ecs.settle(300)
    assert {task["taskArn"] for task in ecs.tasks()} == set(arns[:2])
    assert any("was unable to scale in due to (reason 2 tasks under protection)" in message for message in ecs.messages())
    ecs.settle(400)
    assert ecs.show()["runningCount"] == 0


def test_protection_is_for_tasks_of_services(ecs, refused):
    """UpdateTaskProtection: failures TASK_NOT_VALID and MISSING; 1 to 2880 minutes; 10 tasks."""
    arn = _run(ecs)[0]["taskArn"]
    answer = ecs.client.update_task_protection(cluster="app", tasks=[arn, "0" * 32], protectionEnabled=True)
    assert [item["reason"] for item in answer["failures"]] == ["TASK_NOT_VALID", "MISSING"]
    protect = ecs.client.update_task_protection
    assert refused(protect, cluster="app", tasks=[arn], protectionEnabled=True, expiresInMinutes=2881).code == "InvalidParameterException"
    assert refused(protect, cluster="app", tasks=["a"] * 11, protectionEnabled=True).code == "InvalidParameterException"


def test_execute_command_needs_to_be_enabled(ecs, refused):
    """ExecuteCommand: a session, or why there is none. Plain moto answers 500."""
    plain, able = _run(ecs)[0]["taskArn"], _run(ecs, enableExecuteCommand=True)[0]["taskArn"]
    execute = ecs.client.execute_command
    assert refused(execute, cluster="app", task=able, command="sh", interactive=True).code == "TargetNotConnectedException"
    ecs.settle()
    assert "execute command was not enabled" in refused(execute, cluster="app", task=plain, command="sh", interactive=True).message
    assert refused(execute, cluster="app", task=able, command="sh", interactive=False).code == "InvalidParameterException"
    answer = execute(cluster="app", task=able, command="sh", interactive=True)
    assert answer["session"]["streamUrl"].startswith("wss://ssmmessages.eu-central-1.amazonaws.com/")
    assert (answer["containerName"], answer["taskArn"]) == ("main", able)


def test_tags_of_a_service_reach_its_tasks(ecs):
    """propagateTags and enableECSManagedTags (CreateService)."""
    ecs.create(desired=1, tags=[{"key": "team", "value": "a"}], propagateTags="SERVICE", enableECSManagedTags=True)
    ecs.settle()
    arn = ecs.tasks()[0]["taskArn"]
    found = {tag["key"]: tag["value"] for tag in ecs.client.list_tags_for_resource(resourceArn=arn)["tags"]}
    assert found == {"team": "a", "aws:ecs:clusterName": "app", "aws:ecs:serviceName": "api"}


def test_no_capacity_is_an_event_not_an_error(ecs):
    """ "was unable to place a task because no container instance met all of its requirements" (service event messages)."""
    ecs.aws.control("PUT", "/ecs/capacity", {"ec2": False})
    ecs.create(desired=1)
    ecs.settle(60)
    assert "was unable to place a task" in ecs.messages()[0]
    assert len(ecs.messages()) == 1
    with pytest.raises(ClientError, match="No Container Instances were found in your cluster."):
        ecs.client.run_task(cluster="app", taskDefinition="web")
    ecs.aws.control("PUT", "/ecs/capacity", {"ec2": True})
    ecs.settle(60)
    assert ecs.show()["runningCount"] == 1


def test_tasks_can_be_started_on_instances(ecs, refused):
    """StartTask: one task on each container instance named, at most 10."""
    tasks = ecs.client.start_task(cluster="app", taskDefinition="web", containerInstances=["a", "b"], startedBy="me")["tasks"]
    assert [task["startedBy"] for task in tasks] == ["me", "me"]
    ecs.settle()
    assert _task(ecs, tasks[0]["taskArn"])["lastStatus"] == "RUNNING"
    wrong = {"cluster": "app", "taskDefinition": "web", "containerInstances": ["a"] * 11}
    assert refused(ecs.client.start_task, **wrong).code == "InvalidParameterException"


def test_protection_is_shown_until_it_ends(ecs):
    """GetTaskProtection: on for two hours unless said."""
    ecs.create(desired=1)
    ecs.settle()
    arn = ecs.tasks()[0]["taskArn"]
    ecs.client.update_task_protection(cluster="app", tasks=[arn], protectionEnabled=True)

    def protected():
        return ecs.client.get_task_protection(cluster="app", tasks=[arn])["protectedTasks"][0]["protectionEnabled"]

    ecs.settle(7190)
    assert protected()
    ecs.settle(20)
    assert not protected()
