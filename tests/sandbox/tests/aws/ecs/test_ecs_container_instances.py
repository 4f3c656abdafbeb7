"""Container instances and their attributes."""

from __future__ import annotations

import json


def _register(ecs, number=1, **more):
    document = json.dumps({"instanceId": f"i-{number:017x}"})
    return ecs.client.register_container_instance(cluster="app", instanceIdentityDocument=document, **more)["containerInstance"]


def test_a_container_instance_comes_and_goes(ecs, refused):
    """From RegisterContainerInstance to DeregisterContainerInstance, after which it cannot be described."""
    client = ecs.client
    made = _register(ecs, tags=[{"key": "team", "value": "a"}])
    arn = made["containerInstanceArn"]
    assert (made["status"], made["agentConnected"], made["ec2InstanceId"]) == ("ACTIVE", True, "i-00000000000000001")
    assert client.list_container_instances(cluster="app")["containerInstanceArns"] == [arn]
    assert client.describe_clusters(clusters=["app"])["clusters"][0]["registeredContainerInstancesCount"] == 1
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "team", "value": "a"}]
    drained = client.update_container_instances_state(cluster="app", containerInstances=[arn, "none"], status="DRAINING")
    assert [item["status"] for item in drained["containerInstances"]] == ["DRAINING"]
    assert [item["reason"] for item in drained["failures"]] == ["MISSING"]
    assert client.list_container_instances(cluster="app", status="ACTIVE")["containerInstanceArns"] == []
    assert refused(client.delete_cluster, cluster="app").code == "ClusterContainsContainerInstancesException"
    gone = client.deregister_container_instance(cluster="app", containerInstance=arn)["containerInstance"]
    assert (gone["status"], gone["agentConnected"]) == ("INACTIVE", False)
    assert client.describe_container_instances(cluster="app", containerInstances=[arn])["failures"][0]["reason"] == "MISSING"
    assert refused(client.deregister_container_instance, cluster="app", containerInstance=arn).code == "InvalidParameterException"
    client.delete_cluster(cluster="app")


def test_a_daemon_follows_the_instances(ecs):
    """ "exactly one task on each active container instance" (CreateService, DAEMON)."""
    first = _register(ecs)["containerInstanceArn"]
    ecs.create(desired=None, schedulingStrategy="DAEMON")
    ecs.settle()
    assert ecs.show()["runningCount"] == 1
    _register(ecs, 2)
    _register(ecs, 3)
    ecs.settle()
    assert ecs.show()["runningCount"] == 3
    ecs.client.update_container_instances_state(cluster="app", containerInstances=[first], status="DRAINING")
    ecs.settle()
    assert ecs.show()["runningCount"] == 2
    ecs.client.deregister_container_instance(cluster="app", containerInstance=first)
    ecs.settle()
    assert ecs.show()["runningCount"] == 2


def test_attributes_of_instances(ecs, refused):
    """PutAttributes, ListAttributes, DeleteAttributes: ten custom ones each, TargetNotFoundException, AttributeLimitExceededException."""
    client = ecs.client
    arn = _register(ecs, attributes=[{"name": "ecs.os-type", "value": "linux"}])["containerInstanceArn"]
    put = client.put_attributes(cluster="app", attributes=[{"name": "stack", "value": "prod", "targetId": arn}])["attributes"]
    assert put == [{"name": "stack", "value": "prod", "targetType": "container-instance", "targetId": arn}]
    listed = client.list_attributes(cluster="app", targetType="container-instance", attributeName="stack", attributeValue="prod")
    assert listed["attributes"] == put
    assert len(client.list_attributes(cluster="app", targetType="container-instance")["attributes"]) == 2
    many = [{"name": f"a{index}", "targetId": arn} for index in range(10)]
    assert refused(client.put_attributes, cluster="app", attributes=many).code == "AttributeLimitExceededException"
    nobody = [{"name": "stack", "targetId": "none"}]
    assert refused(client.put_attributes, cluster="app", attributes=nobody).code == "TargetNotFoundException"
    assert refused(client.delete_attributes, cluster="app", attributes=nobody).code == "TargetNotFoundException"
    gone = client.delete_attributes(cluster="app", attributes=[{"name": "stack", "targetId": arn}, {"name": "b", "targetId": arn}])
    assert [item["name"] for item in gone["attributes"]] == ["stack"]
    assert client.list_attributes(cluster="app", targetType="container-instance", attributeName="stack")["attributes"] == []
