"""Clusters, task definitions, tags."""

from __future__ import annotations

import pytest

CONTAINER = {"name": "main", "image": "nginx", "memory": 128}


def test_a_cluster_is_made_once_and_deleted_to_inactive(ecs, refused):
    """CreateCluster of an existing name answers that cluster; a deleted one is INACTIVE and takes no services."""
    client = ecs.client
    made = client.create_cluster(clusterName="new", tags=[{"key": "a", "value": "b"}])["cluster"]
    assert (made["status"], made["tags"]) == ("ACTIVE", [{"key": "a", "value": "b"}])
    assert client.create_cluster(clusterName="new")["cluster"]["tags"] == made["tags"]
    assert client.delete_cluster(cluster="new")["cluster"]["status"] == "INACTIVE"
    assert client.describe_clusters(clusters=["new"])["clusters"][0]["status"] == "INACTIVE"
    assert made["clusterArn"] not in client.list_clusters()["clusterArns"]
    refusal = refused(client.create_service, cluster="new", serviceName="s", taskDefinition="web", desiredCount=1)
    assert (refusal.code, refusal.message) == ("ClusterNotFoundException", "The referenced cluster was inactive.")


def test_a_cluster_in_use_cannot_be_deleted(ecs, refused):
    """ClusterContainsServicesException, ClusterContainsTasksException. Plain moto deletes it."""
    ecs.create(desired=1)
    assert refused(ecs.client.delete_cluster, cluster="app").code == "ClusterContainsServicesException"
    ecs.client.delete_service(cluster="app", service="api", force=True)
    ecs.settle()
    task = ecs.client.run_task(cluster="app", taskDefinition="web")["tasks"][0]["taskArn"]
    assert refused(ecs.client.delete_cluster, cluster="app").code == "ClusterContainsTasksException"
    ecs.client.stop_task(cluster="app", task=task)
    ecs.settle()
    assert ecs.client.delete_cluster(cluster="app")["cluster"]["status"] == "INACTIVE"


def test_a_cluster_counts(ecs):
    """DescribeClusters: counts of services and tasks, statistics only when asked for. Plain moto counts nothing."""
    ecs.create(desired=2)
    ecs.settle()
    plain = ecs.client.describe_clusters(clusters=["app"])["clusters"][0]
    assert (plain["activeServicesCount"], plain["runningTasksCount"], plain["pendingTasksCount"]) == (1, 2, 0)
    assert plain["statistics"] == plain["tags"] == []
    more = ecs.client.describe_clusters(clusters=["app", "none"], include=["STATISTICS"])
    statistics = {item["name"]: item["value"] for item in more["clusters"][0]["statistics"]}
    assert (statistics["runningEC2TasksCount"], statistics["activeEC2ServiceCount"], statistics["runningFargateTasksCount"]) == (
        "2",
        "1",
        "0",
    )
    assert more["failures"] == [{"arn": "arn:aws:ecs:eu-central-1:123456789012:cluster/none", "reason": "MISSING"}]


def test_revisions_of_a_task_definition(ecs, refused):
    """A family's latest ACTIVE revision is meant by its name; inactive ones stay described and take no new services."""
    client = ecs.client
    assert ecs.register("web").endswith(":2")
    assert client.describe_task_definition(taskDefinition="web")["taskDefinition"]["revision"] == 2
    gone = client.deregister_task_definition(taskDefinition="web:2")["taskDefinition"]
    assert gone["status"] == "INACTIVE"
    assert client.describe_task_definition(taskDefinition="web")["taskDefinition"]["revision"] == 1
    assert client.describe_task_definition(taskDefinition="web:2")["taskDefinition"]["status"] == "INACTIVE"
    assert refused(ecs.create, taskDefinition="web:2").message == "TaskDefinition is inactive"
    assert ecs.register("web").endswith(":3")
    assert client.list_task_definitions(familyPrefix="web")["taskDefinitionArns"] == [ecs.web, ecs.web[:-1] + "3"]
    assert refused(client.describe_task_definition, taskDefinition="none").message == "Unable to describe task definition."
    assert refused(client.deregister_task_definition, taskDefinition="web").message == "Revision is missing."


@pytest.mark.parametrize(
    "wrong",
    [
        {"containerDefinitions": []},
        {"containerDefinitions": [{"name": "main", "memory": 1}]},
        {"containerDefinitions": [{"name": "main", "image": "nginx"}]},
        {"containerDefinitions": [CONTAINER, CONTAINER]},
        {"requiresCompatibilities": ["FARGATE"], "cpu": "256"},
        {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "4096"},
        {"requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512", "networkMode": "bridge"},
        {"family": "not ok"},
    ],
)
def test_wrong_task_definitions_are_refused(ecs, refused, wrong):
    """RegisterTaskDefinition answers ClientException. Plain moto takes duplicate containers and any Fargate size."""
    assert (
        refused(ecs.client.register_task_definition, **{"family": "x", "containerDefinitions": [CONTAINER], **wrong}).code
        == "ClientException"
    )


def test_tags_have_limits(ecs, refused):
    """50 tags, keys of 128 and values of 256 characters, no aws: prefix (tag restrictions). Plain moto has none."""
    arn = ecs.create(desired=0, tags=[{"key": f"k{index}", "value": ""} for index in range(49)])["serviceArn"]
    client = ecs.client
    client.tag_resource(resourceArn=arn, tags=[{"key": "last", "value": "1"}])
    client.tag_resource(resourceArn=arn, tags=[{"key": "last", "value": "2"}])
    tags = {tag["key"]: tag["value"] for tag in client.list_tags_for_resource(resourceArn=arn)["tags"]}
    assert (len(tags), tags["last"]) == (50, "2")
    for tag in (
        {"key": "more", "value": ""},
        {"key": "aws:x", "value": ""},
        {"key": "k" * 129, "value": ""},
        {"key": "last", "value": "v" * 257},
    ):
        assert refused(client.tag_resource, resourceArn=arn, tags=[tag]).code == "InvalidParameterException"
    client.untag_resource(resourceArn=arn, tagKeys=["last", "never-there"])
    assert len(client.list_tags_for_resource(resourceArn=arn)["tags"]) == 49
    short = arn.replace("service/app/", "service/")
    assert refused(client.tag_resource, resourceArn=short, tags=[]).message == "Long arn format must be used for tagging operations"
    assert refused(client.tag_resource, resourceArn=arn + "x", tags=[]).code == "ResourceNotFoundException"


def test_clusters_of_accounts_and_regions_are_apart(ecs, aws):
    """Nothing of one region is seen in another."""
    assert aws.client("ecs", region="eu-west-1").list_clusters()["clusterArns"] == []
    assert len(ecs.client.list_clusters()["clusterArns"]) == 1


def test_capacity_providers(ecs, refused):
    """FARGATE and FARGATE_SPOT are there in every account. Plain moto does not know them and fails without names."""
    client = ecs.client
    names = [item["name"] for item in client.describe_capacity_providers()["capacityProviders"]]
    assert names == ["FARGATE", "FARGATE_SPOT"]
    group = {"autoScalingGroupArn": "arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:x:autoScalingGroupName/y"}
    made = client.create_capacity_provider(name="mine", autoScalingGroupProvider=group)["capacityProvider"]
    assert made["autoScalingGroupProvider"]["managedScaling"]["status"] == "DISABLED"
    assert refused(client.create_capacity_provider, name="mine", autoScalingGroupProvider=group).code == "ClientException"
    assert refused(client.create_capacity_provider, name="fargate-x", autoScalingGroupProvider=group).code == "ClientException"
    unknown = {"capacityProviders": ["none"], "defaultCapacityProviderStrategy": []}
    assert "was not found" in refused(client.put_cluster_capacity_providers, cluster="app", **unknown).message
    client.put_cluster_capacity_providers(cluster="app", capacityProviders=["mine"], defaultCapacityProviderStrategy=[])
    assert refused(client.delete_capacity_provider, capacityProvider="mine").code == "ResourceInUseException"


def test_container_instances_of_a_cluster(ecs, refused):
    """Of a missing cluster: ClusterNotFoundException; a missing one is a failure. Plain moto: an empty list, and a 500."""
    client = ecs.client
    assert refused(client.list_container_instances, cluster="none").code == "ClusterNotFoundException"
    assert client.list_container_instances(cluster="app")["containerInstanceArns"] == []
    answer = client.describe_container_instances(cluster="app", containerInstances=["x"])
    assert answer["failures"][0]["reason"] == "MISSING"


def test_account_settings(ecs, refused):
    """Effective settings include the defaults; unknown ones and the way back to short ARNs are refused."""
    client = ecs.client
    assert client.list_account_settings()["settings"] == []
    client.put_account_setting_default(name="containerInsights", value="enabled")
    pages = client.get_paginator("list_account_settings").paginate(effectiveSettings=True)
    effective = {item["name"]: item["value"] for page in pages for item in page["settings"]}
    assert (effective["containerInsights"], effective["serviceLongArnFormat"]) == ("enabled", "enabled")
    assert refused(client.put_account_setting, name="serviceLongArnFormat", value="disabled").code == "InvalidParameterException"


def test_families_and_deleted_task_definitions(ecs, refused):
    """ListTaskDefinitionFamilies by prefix and status; DeleteTaskDefinitions takes inactive ones only, 10 at a time."""
    client = ecs.client
    ecs.register("worker")
    ecs.register("web-admin")
    assert client.list_task_definition_families()["families"] == ["web", "web-admin", "worker"]
    assert client.list_task_definition_families(familyPrefix="web")["families"] == ["web", "web-admin"]
    client.deregister_task_definition(taskDefinition="worker:1")
    assert client.list_task_definition_families(status="INACTIVE")["families"] == ["worker"]
    answer = client.delete_task_definitions(taskDefinitions=["worker:1", "web:1", "none:1"])
    assert [item["status"] for item in answer["taskDefinitions"]] == ["DELETE_IN_PROGRESS"]
    assert [item["arn"] for item in answer["failures"]] == ["web:1", "none:1"]
    assert refused(client.delete_task_definitions, taskDefinitions=["web:1"] * 11).code == "InvalidParameterException"
    newest_first = client.list_task_definitions(sort="DESC", status="ACTIVE")["taskDefinitionArns"]
    assert [arn.rsplit("/", 1)[1] for arn in newest_first] == ["web-admin:1", "web:1"]


def test_a_cluster_can_be_changed(ecs):
    """UpdateCluster and UpdateClusterSettings; settings only when asked for."""
    client = ecs.client
    client.update_cluster_settings(cluster="app", settings=[{"name": "containerInsights", "value": "enabled"}])
    client.update_cluster(cluster="app", serviceConnectDefaults={"namespace": "mesh"})
    found = client.describe_clusters(clusters=["app"], include=["SETTINGS"])["clusters"][0]
    assert found["settings"] == [{"name": "containerInsights", "value": "enabled"}]
    assert found["serviceConnectDefaults"] == {"namespace": "mesh"}
    assert client.describe_clusters(clusters=["app"])["clusters"][0]["settings"] == []


def test_account_settings_can_be_taken_back(ecs):
    """DeleteAccountSetting."""
    client = ecs.client
    client.put_account_setting(name="containerInsights", value="enabled")
    assert client.list_account_settings(name="containerInsights")["settings"][0]["value"] == "enabled"
    client.delete_account_setting(name="containerInsights")
    assert client.list_account_settings(name="containerInsights")["settings"] == []


def test_tags_are_found_by_the_tagging_api(ecs):
    """Resource Groups Tagging API: GetResources by tag and resource type."""
    arn = ecs.create(desired=0, tags=[{"key": "team", "value": "a"}])["serviceArn"]
    ecs.create("other", 0)
    tagging = ecs.aws.client("resourcegroupstaggingapi")
    found = tagging.get_resources(TagFilters=[{"Key": "team", "Values": ["a"]}], ResourceTypeFilters=["ecs:service"])
    assert [item["ResourceARN"] for item in found["ResourceTagMappingList"]] == [arn]
