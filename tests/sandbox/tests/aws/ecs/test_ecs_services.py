"""Creating, changing, deleting and finding services."""

from __future__ import annotations

import pytest

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


def test_new_service_begins_with_nothing_and_converges_step_by_step(ecs):
    """A new service has runningCount 0 and an IN_PROGRESS deployment; tasks appear over time (ECS task lifecycle).

    Plain moto: runningCount stays 0 and the rollout IN_PROGRESS for ever.
    """
    service = ecs.create(desired=3)
    assert (service["runningCount"], service["desiredCount"], service["events"]) == (0, 3, [])
    assert service["deployments"][0]["rolloutState"] == "IN_PROGRESS"
    seen = ecs.watch(10, lambda: (ecs.show()["pendingCount"], ecs.show()["runningCount"]))
    assert seen == [(0, 0), (3, 0), (1, 2), (0, 3)]
    after = ecs.show()
    assert [item["rolloutState"] for item in after["deployments"]] == ["COMPLETED"]
    assert after["deployments"][0]["rolloutStateReason"] == f"ECS deployment {after['deployments'][0]['id']} completed."
    assert after["events"][0]["message"] == "(service api) has reached a steady state."
    assert any("has started 3 tasks: (task " in message for message in ecs.messages())


def test_defaults_of_a_new_service(ecs):
    """CreateService, API Reference: 200/100, REPLICA, ECS, NONE, ENABLED rebalancing. Plain moto shows few of them."""
    service = ecs.create()
    configuration = service["deploymentConfiguration"]
    assert (configuration["maximumPercent"], configuration["minimumHealthyPercent"]) == (200, 100)
    assert service["schedulingStrategy"] == "REPLICA"
    assert service["deploymentController"] == {"type": "ECS"}
    assert service["propagateTags"] == "NONE"
    assert service["enableExecuteCommand"] is False
    assert service["availabilityZoneRebalancing"] == "ENABLED"
    assert service["resourceManagementType"] == "CUSTOMER"
    assert service["launchType"] == "EC2"


@pytest.mark.parametrize(
    ("changes", "code", "part"),
    [
        ({"cluster": "none"}, "ClusterNotFoundException", "Cluster not found."),
        ({"taskDefinition": "none"}, "ClientException", "TaskDefinition not found."),
        ({"desiredCount": -1}, "InvalidParameterException", "desiredCount"),
        ({"desiredCount": 5001}, "InvalidParameterException", "5000"),
        ({"serviceName": "no spaces"}, "InvalidParameterException", "Invalid service name"),
        ({"serviceName": "x" * 256}, "InvalidParameterException", "Invalid service name"),
        ({"clientToken": "x" * 37}, "InvalidParameterException", "clientToken"),
        ({"schedulingStrategy": "DAEMON"}, "InvalidParameterException", "does not support a desired count"),
        (
            {"launchType": "EC2", "capacityProviderStrategy": [{"capacityProvider": "FARGATE"}]},
            "InvalidParameterException",
            "Specifying both a launch type and capacity provider strategy is not supported",
        ),
        ({"launchType": "FARGATE"}, "InvalidParameterException", "does not support launch_type FARGATE"),
        ({"networkConfiguration": NETWORK}, "InvalidParameterException", "not valid for the given networkMode"),
        ({"healthCheckGracePeriodSeconds": 5}, "InvalidParameterException", "only valid for services configured to use load balancers"),
        (
            {"deploymentConfiguration": {"minimumHealthyPercent": 100, "maximumPercent": 100}},
            "InvalidParameterException",
            "Both maximumPercent and minimumHealthyPercent cannot be 100",
        ),
        ({"tags": [{"key": "aws:x", "value": "y"}]}, "InvalidParameterException", "aws:"),
        ({"tags": [{"key": f"k{i}", "value": ""} for i in range(51)]}, "InvalidParameterException", "50"),
    ],
)
def test_wrong_services_are_refused(ecs, refused, changes, code, part):
    """CreateService, API Reference. Plain moto takes all of these but the first two."""
    wanted = {"cluster": "app", "serviceName": "api", "taskDefinition": "web", "desiredCount": 1, **changes}
    refusal = refused(ecs.client.create_service, **wanted)
    assert refusal.code == code
    assert part in refusal.message
    assert ecs.client.list_services(cluster="app")["serviceArns"] == []


def test_desired_count_is_required_of_replicas(ecs, refused):
    """ "This is required if schedulingStrategy is REPLICA or isn't specified" (CreateService). Plain moto takes 0."""
    assert refused(ecs.create, desired=None).code == "InvalidParameterException"


def test_duplicate_is_refused_and_repetition_with_token_is_not(ecs, refused):
    """A name in use: "Creation of service was not idempotent."; a clientToken makes a repetition safe.

    Plain moto replaces the service.
    """
    first = ecs.create(clientToken="once")
    assert refused(ecs.create).message == "Creation of service was not idempotent."
    assert ecs.create(clientToken="once")["deployments"][0]["id"] == first["deployments"][0]["id"]
    assert refused(ecs.create, desired=3, clientToken="once").message == "Creation of service was not idempotent."


def test_awsvpc_needs_a_network_but_no_security_group(ecs, refused):
    """Without securityGroups the VPC's default group is used (AwsVpcConfiguration). Plain moto answers 500."""
    ecs.register_fargate()
    refusal = refused(ecs.create, taskDefinition="fargate", launchType="FARGATE")
    assert refusal.message == "Network Configuration must be provided when networkMode 'awsvpc' is specified."
    service = ecs.create(taskDefinition="fargate", launchType="FARGATE", networkConfiguration=NETWORK)
    assert service["platformVersion"] == "LATEST"
    assert service["deployments"][0]["platformVersion"] == "1.4.0"
    ecs.settle()
    task = ecs.tasks()[0]
    assert task["attachments"][0]["status"] == "ATTACHED"
    assert task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"].startswith("10.")


def test_daemon_has_no_desired_count_to_set(ecs, refused):
    """ "The daemon scheduling strategy does not support a desired count for services." Plain moto sets it."""
    ecs.create(desired=None, schedulingStrategy="DAEMON")
    ecs.settle()
    assert (ecs.show()["desiredCount"], ecs.show()["runningCount"]) == (1, 1)
    assert "does not support a desired count" in refused(ecs.update, desiredCount=2).message
    ecs.client.delete_service(cluster="app", service="api")


def test_desired_count_alone_starts_no_deployment(ecs):
    """Only changes of what tasks are made of start a deployment (UpdateService). Plain moto sets runningCount at once."""
    ecs.create(desired=2)
    ecs.settle()
    before = ecs.show()
    changed = ecs.update(desiredCount=4)
    assert (changed["desiredCount"], changed["runningCount"]) == (4, 2)
    assert [item["id"] for item in changed["deployments"]] == [before["deployments"][0]["id"]]
    assert changed["deployments"][0]["rolloutState"] == "COMPLETED"
    assert changed["deployments"][0]["desiredCount"] == 4
    assert ecs.watch(10, lambda: ecs.show()["runningCount"]) == [2, 3, 4]
    ecs.update(desiredCount=1)
    assert ecs.watch(10, lambda: ecs.show()["runningCount"])[-1] == 1
    assert any("has stopped 3 running tasks: (task " in message for message in ecs.messages())
    assert ecs.messages()[0] == "(service api) has reached a steady state."


def test_update_of_what_is_not_there(ecs, refused):
    """UpdateService: ServiceNotFoundException, ServiceNotActiveException, ClusterNotFoundException."""
    assert refused(ecs.update, desiredCount=1).code == "ServiceNotFoundException"
    assert refused(ecs.client.update_service, cluster="none", service="api").code == "ClusterNotFoundException"
    ecs.create(desired=0)
    ecs.client.delete_service(cluster="app", service="api")
    refusal = refused(ecs.update, desiredCount=1)
    assert (refusal.code, refusal.message) == ("ServiceNotActiveException", "Service was not ACTIVE.")


@pytest.mark.parametrize("controller", ["CODE_DEPLOY", "EXTERNAL"])
def test_what_others_deploy_cannot_be_deployed_here(ecs, refused, controller):
    """For CODE_DEPLOY and EXTERNAL the desired count can be updated, a deployment not forced (UpdateService).

    Plain moto forces it.
    """
    definition = {} if controller == "EXTERNAL" else {"taskDefinition": "web"}
    ecs.client.create_service(cluster="app", serviceName="api", desiredCount=1, deploymentController={"type": controller}, **definition)
    assert "Cannot force a new deployment" in refused(ecs.update, forceNewDeployment=True).message
    assert "Unable to update task definition" in refused(ecs.update, taskDefinition="web").message
    assert ecs.update(desiredCount=3)["desiredCount"] == 3
    assert ecs.show()["deployments"] == []


def test_task_sets_of_an_external_service(ecs):
    """CreateTaskSet: each set has its percentage of the desired count, rounded up. Plain moto starts no tasks for it."""
    ecs.client.create_service(cluster="app", serviceName="api", desiredCount=5, deploymentController={"type": "EXTERNAL"})
    created = ecs.client.create_task_set(cluster="app", service="api", taskDefinition="web", scale={"value": 50, "unit": "PERCENT"})[
        "taskSet"
    ]
    assert (created["computedDesiredCount"], created["runningCount"], created["stabilityStatus"]) == (3, 0, "STABILIZING")
    ecs.settle()
    ecs.client.update_service_primary_task_set(cluster="app", service="api", primaryTaskSet=created["taskSetArn"])
    found = ecs.client.describe_task_sets(cluster="app", service="api")["taskSets"][0]
    assert (found["runningCount"], found["status"], found["stabilityStatus"]) == (3, "PRIMARY", "STEADY_STATE")


def test_delete_needs_force_and_takes_time(ecs, refused):
    """DeleteService: refused above 0 without force; DRAINING, then INACTIVE, in which it is still described.

    Plain moto deletes at once and leaves nothing.
    """
    ecs.create(desired=2)
    ecs.settle()
    refusal = refused(ecs.client.delete_service, cluster="app", service="api")
    assert refusal.message == "The service cannot be stopped while it is scaled above 0."
    gone = ecs.client.delete_service(cluster="app", service="api", force=True)["service"]
    assert (gone["status"], gone["desiredCount"], gone["runningCount"]) == ("DRAINING", 0, 2)
    assert ecs.client.list_services(cluster="app")["serviceArns"] == []
    assert refused(ecs.create).message == "Unable to Start a service that is still Draining."
    assert ecs.watch(10, lambda: (ecs.show()["status"], ecs.show()["runningCount"]))[-1] == ("INACTIVE", 0)
    assert ecs.create(desired=1)["status"] == "ACTIVE"


def test_describe_takes_ten_and_tells_what_is_missing(ecs, refused):
    """DescribeServices takes up to 10; a missing one is a failure with its ARN. Plain moto takes any number."""
    ecs.create("one", 0)
    answer = ecs.client.describe_services(cluster="app", services=["one", "two"])
    assert [item["serviceName"] for item in answer["services"]] == ["one"]
    assert answer["failures"] == [{"arn": "arn:aws:ecs:eu-central-1:123456789012:service/app/two", "reason": "MISSING"}]
    too_many = refused(ecs.client.describe_services, cluster="app", services=[f"s{i}" for i in range(11)])
    assert too_many.code == "InvalidParameterException"
    assert refused(ecs.client.describe_services, cluster="app", services=[]).code == "InvalidParameterException"
    assert refused(ecs.client.describe_services, cluster="none", services=["one"]).code == "ClusterNotFoundException"


def test_services_are_found_by_name_and_both_arn_formats(ecs, refused):
    """ARNs of the old format have no cluster; one of another cluster is refused. Plain moto looks for the last part only."""
    arn = ecs.create(desired=0)["serviceArn"]
    assert arn == "arn:aws:ecs:eu-central-1:123456789012:service/app/api"
    for identifier in ("api", arn, arn.replace("service/app/", "service/")):
        assert ecs.client.describe_services(cluster="app", services=[identifier])["services"][0]["serviceArn"] == arn
    ecs.client.create_cluster(clusterName="other")
    refusal = refused(ecs.client.describe_services, cluster="other", services=[arn])
    assert refusal.message == "Invalid identifier: Identifier is for cluster app. Your cluster is other"


def test_tags_only_when_asked_for(ecs):
    """`include=[TAGS]` (DescribeServices)."""
    ecs.create(desired=0, tags=[{"key": "team", "value": "a"}])
    assert "tags" not in ecs.show()
    assert ecs.show(include=["TAGS"])["tags"] == [{"key": "team", "value": "a"}]


def test_list_is_of_one_cluster_in_pages(ecs, refused):
    """ListServices: 10 a page unless said, at most 100, of exactly this cluster.

    Plain moto does not page, and lists `my-app`'s services with `app`'s.
    """
    ecs.client.create_cluster(clusterName="my-app")
    ecs.client.create_service(cluster="my-app", serviceName="other", taskDefinition="web", desiredCount=0)
    for index in range(23):
        ecs.create(f"s{index:02}", 0)
    first = ecs.client.list_services(cluster="app")
    assert len(first["serviceArns"]) == 10
    ecs.client.delete_service(cluster="app", service="s00")
    pages = ecs.client.get_paginator("list_services").paginate(cluster="app")
    names = [arn.rsplit("/", 1)[1] for page in pages for arn in page["serviceArns"]]
    assert names == [f"s{index:02}" for index in range(1, 23)]
    rest = ecs.client.list_services(cluster="app", nextToken=first["nextToken"], maxResults=100)
    assert len(rest["serviceArns"]) == 13, "a deletion between two pages loses nothing"
    assert refused(ecs.client.list_services, cluster="app", maxResults=101).code == "InvalidParameterException"
    assert refused(ecs.client.list_services, cluster="app", nextToken="made-up").code == "InvalidParameterException"
    assert refused(ecs.client.list_services, cluster="none").code == "ClusterNotFoundException"


def test_list_filters(ecs):
    """launchType and schedulingStrategy (ListServices)."""
    ecs.register_fargate()
    ecs.create("f", 0, taskDefinition="fargate", launchType="FARGATE", networkConfiguration=NETWORK)
    ecs.create("d", None, schedulingStrategy="DAEMON")
    assert [arn[-2:] for arn in ecs.client.list_services(cluster="app", launchType="FARGATE")["serviceArns"]] == ["/f"]
    assert [arn[-2:] for arn in ecs.client.list_services(cluster="app", schedulingStrategy="DAEMON")["serviceArns"]] == ["/d"]
    assert ecs.client.list_services(cluster="app", resourceManagementType="ECS")["serviceArns"] == []


def test_capacity_provider_strategy_changes_need_force(ecs, refused):
    """ "... you must force a new deployment" (UpdateService). Plain moto ignores the strategy."""
    ecs.client.put_cluster_capacity_providers(
        cluster="app", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[{"capacityProvider": "FARGATE"}]
    )
    ecs.register_fargate()
    service = ecs.create(taskDefinition="fargate", networkConfiguration=NETWORK)
    assert service["capacityProviderStrategy"][0]["capacityProvider"] == "FARGATE"
    strategy = [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]
    assert "you must force a new deployment" in refused(ecs.update, capacityProviderStrategy=strategy).message
    assert ecs.update(capacityProviderStrategy=strategy, forceNewDeployment=True)["capacityProviderStrategy"] == [
        {"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}
    ]
    unknown = [{"capacityProvider": "gone"}]
    assert "not associated with the cluster" in refused(ecs.update, capacityProviderStrategy=unknown, forceNewDeployment=True).message


def test_a_code_deploy_service_has_a_task_set_and_no_deployments(ecs):
    """Under CODE_DEPLOY a service shows `taskSets`; service deployments are the ECS controller's. Plain moto shows deployments."""
    service = ecs.create(desired=2, deploymentController={"type": "CODE_DEPLOY"})
    assert service["deployments"] == []
    assert [item["status"] for item in service["taskSets"]] == ["PRIMARY"]
    assert "currentServiceDeployment" not in service
    ecs.settle()
    assert ecs.show()["runningCount"] == 2
    assert ecs.show()["taskSets"][0]["stabilityStatus"] == "STEADY_STATE"
    assert ecs.client.list_service_deployments(cluster="app", service="api")["serviceDeployments"] == []


def test_code_deploy_services_can_be_taken_over_by_ecs(ecs, refused):
    """deploymentController of UpdateService: from CODE_DEPLOY to ECS, after which ECS deploys. Plain moto ignores it."""
    ecs.create(desired=1, deploymentController={"type": "CODE_DEPLOY"})
    ecs.settle()
    service = ecs.update(deploymentController={"type": "ECS"}, forceNewDeployment=True)
    assert [item["status"] for item in service["deployments"]] == ["PRIMARY", "ACTIVE"]
    ecs.settle()
    assert [item["rolloutState"] for item in ecs.show()["deployments"]] == ["COMPLETED"]
    assert refused(ecs.update, deploymentController={"type": "EXTERNAL"}).code == "InvalidParameterException"


def test_services_that_ecs_manages(ecs):
    """resourceManagementType of Express Mode services, and the filter of ListServices."""
    ecs.create(desired=0)
    ecs.aws.control("PUT", "/ecs/services/app/api/managed", {"by": "ECS"})
    assert ecs.show()["resourceManagementType"] == "ECS"
    assert len(ecs.client.list_services(cluster="app", resourceManagementType="ECS")["serviceArns"]) == 1
    assert ecs.client.list_services(cluster="app", resourceManagementType="CUSTOMER")["serviceArns"] == []


def test_tags_that_only_aws_sets(ecs, refused):
    """Tag restrictions: no caller sets `aws:` tags; CloudFormation's are there nevertheless. The switch sets them as it does."""
    ecs.create(desired=0)
    tag = {"key": "aws:cloudformation:stack-name", "value": "prod"}
    assert "reserved prefix" in refused(ecs.client.tag_resource, resourceArn=ecs.show()["serviceArn"], tags=[tag]).message
    ecs.aws.control("PUT", "/ecs/services/app/api/tags", {tag["key"]: tag["value"], "team": "shop"})

    def tags():
        return ecs.client.describe_services(cluster="app", services=["api"], include=["TAGS"])["services"][0].get("tags", [])

    assert tags() == [tag, {"key": "team", "value": "shop"}]
    ecs.aws.control("PUT", "/ecs/services/app/api/tags", {tag["key"]: None})
    assert tags() == [{"key": "team", "value": "shop"}]


def _put_behind_a_load_balancer(ecs, group):
    elb = ecs.aws.client("elbv2")
    subnets = [item["SubnetId"] for item in ecs.aws.client("ec2").describe_subnets()["Subnets"][:2]]
    made = elb.create_load_balancer(Name="web", Subnets=subnets)["LoadBalancers"][0]["LoadBalancerArn"]
    forward = [{"Type": "forward", "TargetGroupArn": group}]
    elb.create_listener(LoadBalancerArn=made, Port=80, Protocol="HTTP", DefaultActions=forward)


def test_tasks_become_targets_and_stop_being_targets(ecs, refused):
    """A running task is registered in the service's target group, a stopping one deregistered. Plain moto registers none."""
    ec2, elb = ecs.aws.client("ec2"), ecs.aws.client("elbv2")
    vpc = ec2.describe_vpcs()["Vpcs"][0]["VpcId"]
    made = elb.create_target_group(Name="web", Protocol="HTTP", Port=80, VpcId=vpc, TargetType="ip")["TargetGroups"][0]
    wrong = elb.create_target_group(Name="wrong", Protocol="HTTP", Port=80, VpcId=vpc)["TargetGroups"][0]
    ecs.register_fargate()
    how = {"taskDefinition": "fargate", "launchType": "FARGATE", "networkConfiguration": NETWORK}

    def balancer(group, container="main", port=80):
        return [{"targetGroupArn": group["TargetGroupArn"], "containerName": container, "containerPort": port}]

    assert "incompatible with the awsvpc network mode" in refused(ecs.create, loadBalancers=balancer(wrong), **how).message
    assert "does not have an associated load balancer" in refused(ecs.create, loadBalancers=balancer(made), **how).message
    _put_behind_a_load_balancer(ecs, made["TargetGroupArn"])
    assert "does not exist in the task definition" in refused(ecs.create, loadBalancers=balancer(made, "other"), **how).message
    assert "did not have a container port 81" in refused(ecs.create, loadBalancers=balancer(made, port=81), **how).message
    ecs.create(desired=2, loadBalancers=balancer(made), **how)
    ecs.settle()

    def targets():
        found = elb.describe_target_health(TargetGroupArn=made["TargetGroupArn"])["TargetHealthDescriptions"]
        return {item["Target"]["Id"] for item in found}

    assert targets() == {task["containers"][0]["networkInterfaces"][0]["privateIpv4Address"] for task in ecs.tasks()}
    assert sum("registered 1 targets in (target-group arn:" in message for message in ecs.messages()) == 2
    ecs.update(desiredCount=1)
    ecs.settle(400)  # the deregistration delay is 300 seconds
    assert len(targets()) == 1
    assert any("has begun draining connections on 1 tasks." in message for message in ecs.messages())


def test_task_sets_are_scaled_and_deleted(ecs, refused):
    """UpdateTaskSet, DeleteTaskSet: refused above 0 without force; its tasks stop."""
    client = ecs.client
    client.create_service(cluster="app", serviceName="api", desiredCount=4, deploymentController={"type": "EXTERNAL"})
    made = client.create_task_set(cluster="app", service="api", taskDefinition="web", externalId="green", tags=[{"key": "a", "value": "b"}])
    arn = made["taskSet"]["taskSetArn"]
    assert (made["taskSet"]["computedDesiredCount"], made["taskSet"]["externalId"]) == (4, "green")
    ecs.settle()
    where = {"cluster": "app", "service": "api"}
    client.update_task_set(**where, taskSet=arn, scale={"value": 25, "unit": "PERCENT"})
    ecs.settle()
    assert ecs.show()["runningCount"] == 1
    assert client.describe_task_sets(**where, include=["TAGS"])["taskSets"][0]["tags"] == [{"key": "a", "value": "b"}]
    assert refused(client.delete_task_set, **where, taskSet=arn).code == "InvalidParameterException"
    assert client.delete_task_set(**where, taskSet=arn, force=True)["taskSet"]["status"] == "DRAINING"
    ecs.settle()
    assert (ecs.show()["runningCount"], ecs.show()["taskSets"]) == (0, [])
    assert refused(client.delete_task_set, **where, taskSet=arn).code == "TaskSetNotFoundException"
    ecs.create("own", 0)
    own = {"cluster": "app", "service": "own", "taskDefinition": "web"}
    assert refused(client.create_task_set, **own).code == "InvalidParameterException"


def test_services_of_a_namespace(ecs):
    """ListServicesByNamespace: those with Service Connect in it."""
    ecs.create("in", 0, serviceConnectConfiguration={"enabled": True, "namespace": "mesh"})
    ecs.create("out", 0)
    found = ecs.client.list_services_by_namespace(namespace="mesh")["serviceArns"]
    assert [arn.rsplit("/", 1)[1] for arn in found] == ["in"]


def test_a_cluster_is_full_at_its_quota(ecs, refused):
    """ "Services per cluster" (Amazon ECS service quotas); inactive ones do not count."""
    ecs.aws.control("PUT", "/ecs/quotas", {"servicesPerCluster": 1})
    ecs.create("one", 0)
    assert "maximum number of services per cluster (1)" in refused(ecs.create, name="two", desired=0).message
    ecs.client.delete_service(cluster="app", service="one")
    ecs.create("two", 0)
