"""Deployments: how one begins, converges, fails, is rolled back, and what is kept of it."""

from __future__ import annotations

import json

import pytest


def _deployments(ecs):
    return [(item["status"], item["runningCount"], item["rolloutState"]) for item in ecs.show()["deployments"]]


def _fail(ecs, reason="CannotPullContainerError: no such image", **more):
    ecs.aws.control("PUT", "/ecs/services/app/api/start-failure", {"reason": reason, **more})


def test_new_task_definition_is_rolled_out_beside_the_old(ecs):
    """A new PRIMARY starts, the old one stays ACTIVE until its tasks are replaced (rolling update).

    Plain moto: no deployment for a new task definition.
    """
    first = ecs.create(desired=2)["deployments"][0]["id"]
    ecs.settle()
    second = ecs.register("web")
    changed = ecs.update(taskDefinition="web")
    assert [item["status"] for item in changed["deployments"]] == ["PRIMARY", "ACTIVE"]
    assert changed["deployments"][0]["taskDefinition"] == changed["taskDefinition"] == second
    assert changed["deployments"][1]["id"] == first
    seen = ecs.watch(15, lambda: ecs.show()["runningCount"])
    assert (min(seen), max(seen), seen[-1]) == (2, 4, 2), "100 % to 200 %"
    assert _deployments(ecs) == [("PRIMARY", 2, "COMPLETED")]
    assert {task["taskDefinitionArn"] for task in ecs.tasks()} == {second}


@pytest.mark.parametrize(
    ("least", "most", "desired", "low", "high"), [(50, 100, 4, 2, 4), (100, 150, 4, 4, 6), (50, 200, 3, 2, 6), (0, 100, 1, 0, 1)]
)
def test_percentages_bound_a_deployment(ecs, least, most, desired, low, high):
    """minimumHealthyPercent is rounded up, maximumPercent down (DeploymentConfiguration). Plain moto knows neither."""
    ecs.create(desired=desired, deploymentConfiguration={"minimumHealthyPercent": least, "maximumPercent": most})
    ecs.settle()
    ecs.update(forceNewDeployment=True)

    def look():
        service = ecs.show()
        return service["runningCount"], service["runningCount"] + service["pendingCount"]

    seen = ecs.watch(60, look)
    assert min(running for running, _ in seen) >= low
    assert max(tasks for _, tasks in seen) == high
    assert _deployments(ecs) == [("PRIMARY", desired, "COMPLETED")]


def test_percentages_without_room_block_a_deployment(ecs):
    """One task, 50 % rounded up is 1, 150 % rounded down is 1: nothing can be started nor stopped, until there is room."""
    ecs.create(desired=1, deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 150})
    ecs.settle()
    ecs.update(forceNewDeployment=True)
    ecs.settle(3600)
    assert _deployments(ecs) == [("PRIMARY", 0, "IN_PROGRESS"), ("ACTIVE", 1, "COMPLETED")]
    ecs.update(desiredCount=2)
    ecs.settle()
    assert _deployments(ecs) == [("PRIMARY", 2, "COMPLETED")]


def test_same_task_definition_starts_nothing_force_does(ecs):
    """forceNewDeployment starts one "with no service definition changes" (UpdateService); without it nothing starts."""
    before = ecs.create(desired=1)["deployments"][0]["id"]
    ecs.settle()
    assert [item["id"] for item in ecs.update(taskDefinition="web")["deployments"]] == [before]
    assert [item["id"] for item in ecs.update(enableExecuteCommand=True)["deployments"]] == [before]
    assert [item["status"] for item in ecs.update(forceNewDeployment=True)["deployments"]] == ["PRIMARY", "ACTIVE"]


def test_a_newer_deployment_replaces_one_in_progress(ecs):
    """The deployment overtaken becomes ACTIVE and drains; one PRIMARY is left."""
    ecs.create(desired=2)
    ecs.settle()
    ecs.update(forceNewDeployment=True)
    ecs.settle(1.5)
    last = ecs.update(forceNewDeployment=True)["deployments"][0]["id"]
    assert [item["status"] for item in ecs.show()["deployments"]] == ["PRIMARY", "ACTIVE", "ACTIVE"]
    ecs.settle()
    assert [(item["id"], item["rolloutState"]) for item in ecs.show()["deployments"]] == [(last, "COMPLETED")]


def test_circuit_breaker_rolls_back(ecs):
    """Half the desired count, at least 3 failed tasks: FAILED, and the last completed deployment is PRIMARY again."""
    good = ecs.create(desired=2, deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    ecs.settle()
    bad = ecs.register("web")
    _fail(ecs, taskDefinition=bad.rpartition("/")[2])
    failing = ecs.update(taskDefinition="web")["deployments"][0]["id"]
    seen = ecs.watch(20, lambda: next((d["failedTasks"] for d in ecs.show()["deployments"] if d["id"] == failing), None))
    assert [count for count in seen if count][:2] == [1, 2] or 2 in seen
    assert ecs.show()["runningCount"] == 2, "the old tasks were never touched"
    deployment = ecs.show()["deployments"][0]
    assert (deployment["id"], deployment["status"], deployment["rolloutState"]) == (good["deployments"][0]["id"], "PRIMARY", "COMPLETED")
    assert ecs.show()["taskDefinition"] == good["taskDefinition"]
    assert any("(service api) rolling back to deployment ecs-svc/" in message for message in ecs.messages())
    newest = ecs.client.list_service_deployments(cluster="app", service="api")["serviceDeployments"][0]
    assert newest["status"] == "ROLLBACK_SUCCESSFUL"


def test_circuit_breaker_without_rollback_leaves_the_deployment_failed(ecs):
    """rolloutState FAILED, and no further task is started (deployment circuit breaker)."""
    ecs.create(desired=1, deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": False}})
    _fail(ecs)
    ecs.settle(120)
    deployment = ecs.show()["deployments"][0]
    assert (deployment["rolloutState"], deployment["failedTasks"]) == ("FAILED", 3)
    assert deployment["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    events = len(ecs.messages())
    ecs.settle(600)
    assert len(ecs.messages()) == events


def test_without_circuit_breaker_the_scheduler_tries_ever_more_slowly(ecs):
    """The service scheduler throttles restarts of tasks that fail to start, and says so; a fault that ends is got over."""
    ecs.create(desired=1)
    _fail(ecs)
    ecs.settle(60)
    assert ecs.show()["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    assert any("unable to consistently start tasks successfully" in message for message in ecs.messages())
    started = sum("has started" in message for message in ecs.messages())
    assert started < 15
    task = ecs.tasks(desiredStatus="STOPPED")[0]
    assert (task["stopCode"], task["stoppedReason"]) == ("TaskFailedToStart", "CannotPullContainerError: no such image")
    ecs.aws.control("DELETE", "/ecs/services/app/api/start-failure")
    ecs.settle(1000)
    assert _deployments(ecs) == [("PRIMARY", 1, "COMPLETED")]


def test_blue_green_keeps_the_old_tasks_while_the_new_ones_bake(ecs):
    """All new tasks run beside the old ones for bakeTimeInMinutes (Amazon ECS blue/green deployments)."""
    ecs.create(desired=2, deploymentConfiguration={"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5})
    ecs.settle()
    ecs.update(forceNewDeployment=True)
    ecs.settle(240)
    assert _deployments(ecs) == [("PRIMARY", 2, "IN_PROGRESS"), ("ACTIVE", 2, "COMPLETED")]
    arn = ecs.show()["currentServiceDeployment"]
    described = ecs.client.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
    assert (described["status"], described["lifecycleStage"]) == ("IN_PROGRESS", "BAKE_TIME")
    ecs.settle(120)
    assert _deployments(ecs) == [("PRIMARY", 2, "COMPLETED")]


def test_no_rollout_state_behind_a_classic_load_balancer(ecs):
    """ "rolloutState ... only returned for services that use the rolling update ... not behind a Classic Load Balancer"."""
    balancer = {"loadBalancerName": "old", "containerName": "main", "containerPort": 80}
    assert "rolloutState" not in ecs.create(loadBalancers=[balancer])["deployments"][0]


def test_records_of_deployments(ecs, refused):
    """ListServiceDeployments, DescribeServiceDeployments, DescribeServiceRevisions. Plain moto answers 500."""
    ecs.create(desired=1)
    ecs.settle()
    ecs.update(forceNewDeployment=True)
    newest, oldest = ecs.client.list_service_deployments(cluster="app", service="api")["serviceDeployments"]
    assert (newest["status"], oldest["status"]) == ("IN_PROGRESS", "SUCCESSFUL")
    done = ecs.client.list_service_deployments(cluster="app", service="api", status=["SUCCESSFUL"])["serviceDeployments"]
    assert [item["serviceDeploymentArn"] for item in done] == [oldest["serviceDeploymentArn"]]
    described = ecs.client.describe_service_deployments(serviceDeploymentArns=[newest["serviceDeploymentArn"]])["serviceDeployments"][0]
    assert described["sourceServiceRevisions"][0]["arn"] == oldest["targetServiceRevisionArn"]
    revision = ecs.client.describe_service_revisions(serviceRevisionArns=[newest["targetServiceRevisionArn"]])["serviceRevisions"][0]
    assert revision["taskDefinition"] == ecs.web
    assert refused(ecs.client.list_service_deployments, cluster="app", service="none").code == "ServiceNotFoundException"


def test_a_deployment_can_be_stopped(ecs, refused):
    """StopServiceDeployment rolls back to the last completed one; there must be something to stop."""
    first = ecs.create(desired=1)["deployments"][0]["id"]
    ecs.settle()
    done = ecs.show()["currentServiceDeployment"]
    assert refused(ecs.client.stop_service_deployment, serviceDeploymentArn=done).code == "ConflictException"
    ecs.update(forceNewDeployment=True)
    arn = ecs.show()["currentServiceDeployment"]
    ecs.client.stop_service_deployment(serviceDeploymentArn=arn, stopType="ROLLBACK")
    ecs.settle()
    assert ecs.show()["deployments"][0]["id"] == first
    described = ecs.client.describe_service_deployments(serviceDeploymentArns=[arn])["serviceDeployments"][0]
    assert described["status"] == "ROLLBACK_SUCCESSFUL"
    assert refused(ecs.client.stop_service_deployment, serviceDeploymentArn=arn[:-3] + "xyz").code == "ServiceDeploymentNotFoundException"


@pytest.fixture
def queue(aws):
    """The `aws.ecs` events of the account, oldest first, through a rule and a queue."""
    sqs, events = aws.client("sqs"), aws.client("events")
    url = sqs.create_queue(QueueName="ecs")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}],
    }
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    events.put_rule(Name="ecs", EventPattern=json.dumps({"source": ["aws.ecs"]}))
    events.put_targets(Rule="ecs", Targets=[{"Id": "queue", "Arn": arn}])

    def read():
        found = []
        while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                found.append(json.loads(message["Body"]))
        return found

    return read


def test_events_that_ecs_sends(ecs, queue):
    """Amazon ECS events: task state change, service action, deployment state change; none for a changed desiredCount.

    Plain moto sends nothing.
    """
    service = ecs.create(desired=1)
    ecs.settle()
    events = queue()
    ecs_events = [event for event in events if event["detail-type"] != "AWS API Call via CloudTrail"]
    assert {event["source"] for event in ecs_events} == {"aws.ecs"}
    states = [event["detail"]["lastStatus"] for event in ecs_events if event["detail-type"] == "ECS Task State Change"]
    assert sorted(states) == ["ACTIVATING", "PENDING", "PROVISIONING", "RUNNING"]
    versions = [event["detail"]["version"] for event in ecs_events if event["detail-type"] == "ECS Task State Change"]
    assert sorted(versions) == [1, 2, 3, 4]
    rollouts = [event for event in ecs_events if event["detail-type"] == "ECS Deployment State Change"]
    assert {event["detail"]["eventName"] for event in rollouts} == {"SERVICE_DEPLOYMENT_IN_PROGRESS", "SERVICE_DEPLOYMENT_COMPLETED"}
    assert {event["detail"]["deploymentId"] for event in rollouts} == {service["deployments"][0]["id"]}
    assert [event["detail"]["eventName"] for event in ecs_events if event["detail-type"] == "ECS Service Action"] == [
        "SERVICE_STEADY_STATE"
    ]
    assert all(event["resources"] == [service["serviceArn"]] for event in rollouts)
    ecs.update(desiredCount=0)
    kinds = {event["detail-type"] for event in queue()}
    assert kinds <= {"AWS API Call via CloudTrail"}, "nothing but CloudTrail tells of the new desired count"


def test_failed_deployment_is_an_error_event(ecs, queue):
    """SERVICE_DEPLOYMENT_FAILED has eventType ERROR."""
    ecs.create(desired=1, deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": False}})
    _fail(ecs)
    ecs.settle(120)
    failed = [event["detail"] for event in queue() if event["detail"].get("eventName") == "SERVICE_DEPLOYMENT_FAILED"]
    assert [(detail["eventType"], detail["reason"]) for detail in failed] == [
        ("ERROR", "ECS deployment circuit breaker: tasks failed to start.")
    ]


def test_service_events_are_the_newest_hundred(ecs):
    """ "The event stream for your service. A maximum of 100 of the latest events are displayed" (Service)."""
    ecs.create(desired=0)
    for count in range(60):
        ecs.update(desiredCount=count % 2 + 1)
        ecs.settle(10)
    events = ecs.show()["events"]
    assert len(events) == 100
    assert events == sorted(events, key=lambda event: event["createdAt"], reverse=True)
    assert len({event["id"] for event in events}) == 100
