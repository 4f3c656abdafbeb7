"""What ECS fills in where a request left something out."""

from __future__ import annotations

from collections import Counter

import pytest

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}


def test_a_service_shows_the_defaults_of_its_network(ecs):
    """Service, AwsVpcConfiguration: empty securityGroups, assignPublicIp DISABLED, and the role that makes network interfaces."""
    ecs.register_fargate()
    made = ecs.create(taskDefinition="fargate", launchType="FARGATE", networkConfiguration=NETWORK)
    whole = {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": [], "assignPublicIp": "DISABLED"}}
    assert made["networkConfiguration"] == made["deployments"][0]["networkConfiguration"] == whole
    assert made["roleArn"] == "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
    assert ecs.update(networkConfiguration=NETWORK)["deployments"][0]["id"] == made["deployments"][0]["id"], "nothing changed"
    assert "roleArn" not in ecs.create("bridge", 0)


def test_a_strategy_shows_base_and_weight(ecs):
    """CapacityProviderStrategyItem: "default value for a base is 0", of a weight too. Plain moto repeats the request."""
    strategy = [{"capacityProvider": "FARGATE", "weight": 1}, {"capacityProvider": "FARGATE_SPOT"}]
    whole = [{"capacityProvider": "FARGATE", "weight": 1, "base": 0}, {"capacityProvider": "FARGATE_SPOT", "weight": 0, "base": 0}]
    made = ecs.client.put_cluster_capacity_providers(
        cluster="app", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=strategy
    )
    assert made["cluster"]["defaultCapacityProviderStrategy"] == whole
    ecs.register_fargate()
    service = ecs.create(taskDefinition="fargate", networkConfiguration=NETWORK)
    assert service["capacityProviderStrategy"] == service["deployments"][0]["capacityProviderStrategy"] == whole
    assert len(ecs.update(capacityProviderStrategy=whole)["deployments"]) == 1, "what was shown is no change"


def test_overrides_name_every_container(ecs):
    """TaskOverride: containers that were not overridden are named too. Plain moto shows the request's."""
    two = [{"name": name, "image": "nginx", "memory": 64} for name in ("main", "helper")]
    ecs.client.register_task_definition(family="two", containerDefinitions=two)
    run = {"cluster": "app", "taskDefinition": "two"}
    plain = ecs.client.run_task(**run)["tasks"][0]["overrides"]
    assert plain == {"containerOverrides": [{"name": "main"}, {"name": "helper"}], "inferenceAcceleratorOverrides": []}
    given = {"containerOverrides": [{"name": "helper", "command": ["wait"]}], "cpu": "512"}
    changed = ecs.client.run_task(**run, overrides=given)["tasks"][0]["overrides"]
    assert changed["containerOverrides"] == [{"name": "main"}, {"name": "helper", "command": ["wait"]}]
    assert changed["cpu"] == "512"


@pytest.mark.parametrize("operation", ["create_cluster", "update_cluster", "update_cluster_settings"])
def test_container_insights_has_three_values(ecs, refused, operation):
    """ClusterSetting: enhanced, enabled or disabled. Plain moto takes any."""
    where = {"clusterName": "other"} if operation == "create_cluster" else {"cluster": "app"}
    call = getattr(ecs.client, operation)
    wrong = [{"name": "containerInsights", "value": "sometimes"}]
    assert refused(call, **where, settings=wrong).code == "InvalidParameterException"
    right = [{"name": "containerInsights", "value": "enhanced"}]
    assert call(**where, settings=right)["cluster"]["settings"] == right


def test_started_by_is_a_filter_of_its_own(ecs, refused):
    """ "When you specify startedBy as the filter, it must be the only filter that you use" (ListTasks)."""
    ecs.client.run_task(cluster="app", taskDefinition="web", startedBy="me")
    assert len(ecs.client.list_tasks(cluster="app", startedBy="me", desiredStatus="RUNNING")["taskArns"]) == 1
    ecs.create()
    for other in ({"family": "web"}, {"serviceName": "api"}, {"containerInstance": "i"}):
        assert refused(ecs.client.list_tasks, cluster="app", startedBy="me", **other).code == "InvalidParameterException"


def test_a_namespace_must_be_known(ecs, refused):
    """ListServicesByNamespace: NamespaceNotFoundException; one that Cloud Map has is empty."""
    assert refused(ecs.client.list_services_by_namespace, namespace="mesh").code == "NamespaceNotFoundException"
    ecs.aws.client("servicediscovery").create_http_namespace(Name="mesh")
    assert ecs.client.list_services_by_namespace(namespace="mesh")["serviceArns"] == []


def test_scaling_updates_the_deployment(ecs):
    """Deployment.updatedAt moves with desiredCount, although no deployment starts."""
    made = ecs.create()["deployments"][0]
    ecs.settle()
    before = ecs.show()["deployments"][0]["updatedAt"]
    ecs.settle()
    after = ecs.update(desiredCount=3)["deployments"][0]
    assert after["id"] == made["id"]
    assert (after["updatedAt"] - before).total_seconds() >= 60


def test_providers_of_fargate_are_reserved(ecs, refused):
    """ "The FARGATE and FARGATE_SPOT capacity providers are reserved and can't be deleted" (DeleteCapacityProvider)."""
    answer = refused(ecs.client.delete_capacity_provider, capacityProvider="FARGATE")
    assert (answer.code, "reserved" in answer.message) == ("InvalidParameterException", True)
    assert refused(ecs.client.delete_capacity_provider, capacityProvider="none").code == "ClientException"


def test_tasks_are_shared_among_providers(ecs):
    """CapacityProviderStrategyItem: the base first, then by weight. Plain moto's tasks have no provider."""
    client = ecs.client
    client.put_cluster_capacity_providers(cluster="app", capacityProviders=["FARGATE", "FARGATE_SPOT"], defaultCapacityProviderStrategy=[])
    ecs.register_fargate()
    strategy = [{"capacityProvider": "FARGATE", "base": 2, "weight": 1}, {"capacityProvider": "FARGATE_SPOT", "weight": 3}]
    how = {"taskDefinition": "fargate", "networkConfiguration": NETWORK, "capacityProviderStrategy": strategy}

    def shares(tasks):
        return Counter(task["capacityProviderName"] for task in tasks)

    assert shares(client.run_task(cluster="app", count=10, **how)["tasks"]) == {"FARGATE": 4, "FARGATE_SPOT": 6}
    ecs.create(desired=2, **how)
    ecs.settle()
    assert shares(ecs.tasks()) == {"FARGATE": 2}
    ecs.update(desiredCount=14)
    ecs.settle()
    assert shares(ecs.tasks()) == {"FARGATE": 5, "FARGATE_SPOT": 9}
    assert len(client.list_tasks(cluster="app", serviceName="api", launchType="FARGATE")["taskArns"]) == 14
