"""Scalable targets: register, clamp, describe, deregister, tag."""

from __future__ import annotations

import json

import pytest

TARGET = {"ServiceNamespace": "ecs", "ResourceId": "service/app/api", "ScalableDimension": "ecs:service:DesiredCount"}


def test_a_registered_target(scaling):
    """ScalableTarget: SuspendedState is always there, the role is the service-linked one."""
    arn = scaling.register(1, 10)
    found = scaling.client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]
    assert arn.startswith("arn:aws:application-autoscaling:eu-central-1:123456789012:scalable-target/")
    assert found["ScalableTargetARN"] == arn
    assert found["SuspendedState"] == {
        "DynamicScalingInSuspended": False,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": False,
    }
    assert found["RoleARN"].endswith(
        ":role/aws-service-role/ecs.application-autoscaling.amazonaws.com/AWSServiceRoleForApplicationAutoScaling_ECSService"
    )
    assert "PredictedCapacity" not in found
    assert found["CreationTime"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"MinCapacity": 5, "MaxCapacity": 4}, "Maximum capacity cannot be less than minimum capacity"),
        ({"MinCapacity": -1}, "Minimum capacity cannot be negative"),
        ({"MinCapacity": None}, "must be provided"),
        ({"MaxCapacity": None}, "must be provided"),
        ({"ResourceId": "service/app/none"}, "ECS service doesn't exist: service/app/none"),
        ({"ResourceId": "service/none/api"}, "ECS service doesn't exist: service/none/api"),
        ({"ResourceId": "app/api"}, "Unsupported service namespace, resource type or scalable dimension"),
        ({"ResourceId": "service/api"}, "Unsupported service namespace, resource type or scalable dimension"),
        ({"ServiceNamespace": "rds"}, "Unsupported service namespace, resource type or scalable dimension"),
        ({"ScalableDimension": "rds:cluster:ReadReplicaCount"}, "Unsupported service namespace, resource type or scalable dimension"),
    ],
)
def test_wrong_targets_are_refused(scaling, refused, changes, message):
    """RegisterScalableTarget answers ValidationException. Plain moto takes min > max and unknown services."""
    wanted = {**TARGET, "MinCapacity": 1, "MaxCapacity": 2, **changes}
    refusal = refused(scaling.client.register_scalable_target, **{name: value for name, value in wanted.items() if value is not None})
    assert refusal.code == "ValidationException"
    assert message in refusal.message
    assert scaling.client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []


@pytest.mark.parametrize(
    ("least", "most", "expected", "cause"), [(4, 10, 4, "minimum"), (0, 1, 1, "maximum"), (1, 10, 2, None), (0, 0, 0, "maximum")]
)
def test_registering_brings_the_service_into_the_band(scaling, least, most, expected, cause):
    """ "If current capacity is outside ... Application Auto Scaling scales" to it. Plain moto never moves it."""
    scaling.register(least, most)
    assert scaling.desired() == expected
    activities = scaling.activities()
    if cause is None:
        assert activities == []
    else:
        assert activities[0]["Description"] == f"Setting desired count to {expected}."
        assert activities[0]["Cause"] == f"{cause} capacity was set to {expected}"


def test_registering_again_changes_what_is_said_and_clamps(scaling):
    """An update may give only what changes; the current capacity is clamped even when nothing changes."""
    arn = scaling.register(1, 10)
    created = scaling.client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]["CreationTime"]
    scaling.aws.clock.advance(60)
    assert scaling.register(None, 6) == arn
    assert scaling.band() == (1, 6)
    scaling.register(None, None, SuspendedState={"DynamicScalingInSuspended": True})
    scaling.register(None, None, SuspendedState={"ScheduledScalingSuspended": True})
    found = scaling.client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"][0]
    assert found["SuspendedState"] == {
        "DynamicScalingInSuspended": True,
        "DynamicScalingOutSuspended": False,
        "ScheduledScalingSuspended": True,
    }
    assert found["CreationTime"] == created
    scaling.set_desired(9)
    assert scaling.desired() == 9, "UpdateService is not held to the band"
    scaling.register(None, None)
    assert scaling.desired() == 6


def test_half_an_update_is_checked_against_the_other_half(scaling, refused):
    """min > max is refused also when one of them is already there."""
    scaling.register(1, 10)
    assert refused(scaling.register, 11, None).message == "Maximum capacity cannot be less than minimum capacity"
    assert scaling.band() == (1, 10)


def test_daemons_do_not_scale(scaling, refused):
    """A DAEMON has no desired count that could be scaled (service auto scaling considerations)."""
    scaling.ecs.create_service(cluster="app", serviceName="agent", taskDefinition="web", schedulingStrategy="DAEMON")
    assert "DAEMON" in refused(scaling.register, ResourceId="service/app/agent").message


def test_a_deleted_service_is_none(scaling, refused):
    """Only an ACTIVE service can be registered."""
    scaling.ecs.delete_service(cluster="app", service="api", force=True)
    assert refused(scaling.register).message == "ECS service doesn't exist: service/app/api"


@pytest.mark.parametrize(
    ("namespace", "resource_id", "dimension"),
    [
        ("dynamodb", "table/t", "dynamodb:table:ReadCapacityUnits"),
        ("dynamodb", "table/t/index/i", "dynamodb:index:WriteCapacityUnits"),
        ("lambda", "function:f:prod", "lambda:function:ProvisionedConcurrency"),
        ("sagemaker", "endpoint/e/variant/v", "sagemaker:variant:DesiredInstanceCount"),
        ("elasticache", "replication-group/r", "elasticache:replication-group:Replicas"),
        ("appstream", "fleet/f", "appstream:fleet:DesiredCapacity"),
        ("cassandra", "keyspace/k/table/t", "cassandra:table:ReadCapacityUnits"),
    ],
)
def test_other_namespaces(scaling, refused, namespace, resource_id, dimension):
    """ResourceId by namespace (RegisterScalableTarget)."""
    wanted = {"ServiceNamespace": namespace, "ScalableDimension": dimension, "MinCapacity": 1, "MaxCapacity": 2}
    scaling.client.register_scalable_target(ResourceId=resource_id, **wanted)
    assert refused(scaling.client.register_scalable_target, ResourceId="wrong", **wanted).code == "ValidationException"
    assert len(scaling.client.describe_scalable_targets(ServiceNamespace=namespace)["ScalableTargets"]) == 1
    assert scaling.client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"] == []


AURORA = {"ServiceNamespace": "rds", "ResourceId": "cluster:db", "ScalableDimension": "rds:cluster:ReadReplicaCount"}


def test_aurora_replicas_follow_their_target(scaling, refused):
    """rds:cluster:ReadReplicaCount: replicas are made and only those removed again. Plain moto never moves them."""
    register = scaling.client.register_scalable_target
    assert "doesn't exist" in refused(register, **AURORA, MinCapacity=0, MaxCapacity=2).message
    rds = scaling.aws.client("rds")
    rds.create_db_cluster(DBClusterIdentifier="db", Engine="aurora-postgresql", MasterUsername="me", MasterUserPassword="secret-word")
    scaling.aws.clock.advance(60)
    for name in ("writer", "reader"):
        rds.create_db_instance(
            DBInstanceIdentifier=name, DBClusterIdentifier="db", Engine="aurora-postgresql", DBInstanceClass="db.r6g.large"
        )
        scaling.aws.clock.advance(60)

    def members():
        return {item["DBInstanceIdentifier"][:24] for item in rds.describe_db_instances()["DBInstances"]}

    assert "15" in refused(register, **AURORA, MinCapacity=0, MaxCapacity=16).message
    register(**AURORA, MinCapacity=2, MaxCapacity=3)
    assert members() == {"writer", "reader", "application-autoscaling-"}
    activity = scaling.client.describe_scaling_activities(ServiceNamespace="rds")["ScalingActivities"][0]
    assert (activity["Description"], activity["StatusCode"]) == ("Setting replica count to 2.", "InProgress")
    scaling.aws.clock.advance(60)
    activity = scaling.client.describe_scaling_activities(ServiceNamespace="rds")["ScalingActivities"][0]
    assert activity["StatusCode"] == "Successful"
    register(**AURORA, MinCapacity=0, MaxCapacity=0)
    scaling.aws.clock.advance(60)
    assert members() == {"writer", "reader"}


def test_aurora_replicas_need_a_writer(scaling):
    """A cluster without instances has no class that a replica could get: the activity fails, and is no error of the request."""
    rds = scaling.aws.client("rds")
    rds.create_db_cluster(DBClusterIdentifier="db", Engine="aurora-postgresql", MasterUsername="me", MasterUserPassword="secret-word")
    scaling.aws.clock.advance(60)
    scaling.client.register_scalable_target(**AURORA, MinCapacity=1, MaxCapacity=2)
    activity = scaling.client.describe_scaling_activities(ServiceNamespace="rds")["ScalingActivities"][0]
    assert activity["StatusCode"] == "Failed"
    assert "no writer" in activity["StatusMessage"]
    assert rds.describe_db_instances()["DBInstances"] == []


def test_aurora_replicas_come_and_go_with_metrics_and_schedules(scaling):
    """What moves an ECS service moves replicas, each named and tagged as Application Auto Scaling's, and none of others goes."""
    rds = scaling.aws.client("rds")
    rds.create_db_cluster(DBClusterIdentifier="db", Engine="aurora-mysql", MasterUsername="me", MasterUserPassword="secret-word")
    scaling.aws.clock.advance(60)
    for name in ("writer", "reader"):
        rds.create_db_instance(DBInstanceIdentifier=name, DBClusterIdentifier="db", Engine="aurora-mysql", DBInstanceClass="db.r6g.large")
        scaling.aws.clock.advance(60)

    def readers():
        members = rds.describe_db_clusters(DBClusterIdentifier="db")["DBClusters"][0]["DBClusterMembers"]
        return sorted(item["DBInstanceIdentifier"][:24] for item in members if not item["IsClusterWriter"])

    scaling.client.register_scalable_target(**AURORA, MinCapacity=1, MaxCapacity=3)
    assert readers() == ["reader"]
    scaling.client.put_scheduled_action(
        **AURORA, ScheduledActionName="busy", Schedule="rate(5 minutes)", ScalableTargetAction={"MinCapacity": 2}
    )
    scaling.aws.clock.advance(600)
    assert readers() == ["application-autoscaling-", "reader"]
    made = next(item for item in rds.describe_db_instances()["DBInstances"] if item["DBInstanceIdentifier"].startswith("application-"))
    assert made["TagList"] == [{"Key": "application-autoscaling:resourceId", "Value": "cluster:db"}]
    scaling.client.delete_scheduled_action(**AURORA, ScheduledActionName="busy")
    scaling.client.register_scalable_target(**AURORA, MinCapacity=0, MaxCapacity=0)
    scaling.aws.clock.advance(600)
    assert readers() == ["reader"]


def test_pages_and_filters(scaling, refused):
    """DescribeScalableTargets: 50 ids, 50 a page. Plain moto's second page repeats the first's items."""
    for index in range(7):
        scaling.service(f"s{index}", 0)
        scaling.register(0, 1, ResourceId=f"service/app/s{index}")
    describe = scaling.client.describe_scalable_targets
    first = describe(ServiceNamespace="ecs", MaxResults=3)
    assert len(first["ScalableTargets"]) == 3
    pages = scaling.client.get_paginator("describe_scalable_targets").paginate(ServiceNamespace="ecs", PaginationConfig={"PageSize": 3})
    assert [len(page["ScalableTargets"]) for page in pages] == [3, 3, 1]
    some = describe(ServiceNamespace="ecs", ResourceIds=["service/app/s1", "service/app/s5", "service/app/none"])["ScalableTargets"]
    assert [item["ResourceId"] for item in some] == ["service/app/s1", "service/app/s5"]
    dimension = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    assert describe(**dimension, ResourceIds=["service/app/s1"])["ScalableTargets"]
    # "If you specify a scalable dimension, you must also specify a resource ID" (of all four Describe operations).
    client = scaling.client
    for operation in (describe, client.describe_scaling_policies, client.describe_scheduled_actions, client.describe_scaling_activities):
        assert refused(operation, **dimension).code == "ValidationException"
    assert (
        refused(describe, ServiceNamespace="ecs", ResourceIds=[f"service/app/x{index}" for index in range(51)]).code
        == "ValidationException"
    )
    for size in (0, 51):
        assert refused(describe, ServiceNamespace="ecs", MaxResults=size).code == "ValidationException"
    assert refused(describe, ServiceNamespace="ecs", NextToken="made-up").code == "InvalidNextTokenException"
    assert refused(describe, ServiceNamespace="dynamodb", NextToken=first["NextToken"]).code == "InvalidNextTokenException"


def test_deregister_takes_everything_along(scaling, refused):
    """Deregistering deletes the target's policies, their alarms and its scheduled actions. Plain moto leaves policies."""
    missing = refused(scaling.client.deregister_scalable_target, **TARGET)
    assert missing.code == "ObjectNotFoundException"
    assert missing.message.startswith("No scalable target found for service namespace: ecs, resource ID: service/app/api, ")
    scaling.register(1, 10)
    scaling.policy()
    scaling.action("rate(1 minute)")
    scaling.client.deregister_scalable_target(**TARGET)
    assert scaling.client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    assert scaling.client.describe_scheduled_actions(ServiceNamespace="ecs")["ScheduledActions"] == []
    assert scaling.aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    scaling.aws.clock.advance(600)
    assert scaling.desired() == 2, "a scheduled action of a target that is gone does not fire"
    assert refused(scaling.client.deregister_scalable_target, **TARGET).code == "ObjectNotFoundException"


def test_tags(scaling, refused):
    """Tags of a target: on creation and by ARN. Plain moto answers 500."""
    client = scaling.client
    arn = scaling.register(Tags={"team": "a"})
    client.tag_resource(ResourceARN=arn, Tags={"more": "b"})
    client.untag_resource(ResourceARN=arn, TagKeys=["team"])
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == {"more": "b"}
    assert "you tried to tag already exists" in refused(scaling.register, Tags={"x": "y"}).message
    assert refused(client.tag_resource, ResourceARN=arn, Tags={f"k{index}": "" for index in range(50)}).code == "TooManyTagsException"
    assert refused(client.list_tags_for_resource, ResourceARN=arn[:-4] + "beef").code == "ResourceNotFoundException"


def test_activities(scaling):
    """ScalingActivity: in progress until the service is there, newest first, in pages."""
    scaling.register(4, 10)
    activity = scaling.activities()[0]
    assert activity["StatusCode"] == "InProgress"
    assert "EndTime" not in activity
    assert activity["StatusMessage"] == "Successfully set desired count to 4. Waiting for change to be fulfilled by ecs."
    scaling.aws.clock.advance(60)
    activity = scaling.activities()[0]
    assert activity["StatusCode"] == "Successful"
    assert activity["StatusMessage"] == "Successfully set desired count to 4. Change successfully fulfilled by ecs."
    scaling.register(6, 10)
    scaling.register(8, 10)
    assert [item["StatusCode"] for item in scaling.activities()] == ["InProgress", "Overridden", "Successful"]
    pages = scaling.client.get_paginator("describe_scaling_activities").paginate(ServiceNamespace="ecs", PaginationConfig={"PageSize": 2})
    assert [item["Description"][-2] for page in pages for item in page["ScalingActivities"]] == ["8", "6", "4"]
    scaling.aws.clock.advance(43 * 86400)
    assert scaling.activities() == [], "kept for six weeks"


def test_scaling_calls_update_service_like_anybody(scaling):
    """CloudTrail shows UpdateService, invoked by ecs.application-autoscaling.amazonaws.com."""
    sqs, events = scaling.aws.client("sqs"), scaling.aws.client("events")
    url = sqs.create_queue(QueueName="trail")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
    pattern = {"source": ["aws.ecs"], "detail": {"eventName": ["UpdateService"]}}
    events.put_rule(Name="trail", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="trail", Targets=[{"Id": "queue", "Arn": arn}])
    scaling.register(5, 10)
    scaling.aws.clock.advance(60)
    detail = json.loads(sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"])["detail"]
    assert detail["userIdentity"]["invokedBy"] == "ecs.application-autoscaling.amazonaws.com"
    assert detail["requestParameters"] == {"cluster": "app", "service": "api", "desiredCount": 5}


def test_the_autoscaler_by_hand(scaling):
    """The control API moves a target as a policy would: within the band, unless suspended, not in during a deployment."""
    scaling.register(1, 4)

    def move(count):
        answer = scaling.aws.control("POST", "/autoscaling/scale", {"resourceId": "service/app/api", "desired": count})
        return answer["outcome"], answer["desired"]

    assert move(3) == ("scaled", 3)
    assert move(9) == ("scaled", 4)
    assert move(9) == ("at-maximum", 4)
    scaling.aws.clock.advance(60)
    scaling.ecs.update_service(cluster="app", service="api", forceNewDeployment=True)
    assert move(2) == ("deploying", 4)
    scaling.aws.clock.advance(60)
    assert move(2) == ("scaled", 2)
    scaling.register(None, None, SuspendedState={"DynamicScalingInSuspended": True, "DynamicScalingOutSuspended": True})
    assert move(1) == move(3) == ("suspended", 2)
    shown = [item["Description"] for item in scaling.activities()]
    hidden = scaling.activities(IncludeNotScaledActivities=True)
    codes = [item["NotScaledReasons"][0]["Code"] for item in hidden if "NotScaledReasons" in item]
    assert len(shown) == 3
    assert codes == ["TargetServicePutResourceAsUnscalable", "AlreadyAtMaxCapacity"]


def test_concurrent_updates_on_demand(scaling, refused):
    """ConcurrentUpdateException: "another update is in progress"; nothing was done, and the next try succeeds."""
    fault = {"service": "application-autoscaling", "kind": "custom", "code": "ConcurrentUpdateException", "count": 1}
    scaling.aws.control("POST", "/faults", fault | {"message": "You already have a pending update to an Auto Scaling resource."})
    assert refused(scaling.register).code == "ConcurrentUpdateException"
    scaling.register()
    assert scaling.band() == (1, 10)


def test_a_deleted_service_takes_its_target_along(scaling):
    """DeleteService deregisters the target of the service (reported by users of Terraform and hako). Plain moto keeps it."""
    scaling.register(2, 10)
    scaling.policy()
    scaling.action("rate(1 minute)")
    scaling.service("other", 1)
    scaling.register(1, 3, ResourceId="service/app/other")
    scaling.ecs.delete_service(cluster="app", service="api", force=True)
    left = scaling.client.describe_scalable_targets(ServiceNamespace="ecs")["ScalableTargets"]
    assert [target["ResourceId"] for target in left] == ["service/app/other"]
    assert scaling.client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []
    assert scaling.aws.client("cloudwatch").describe_alarms()["MetricAlarms"] == []
    scaling.aws.clock.advance(600)
    scaling.service("api", 1)
    scaling.aws.clock.advance(600)
    assert scaling.desired() == 1, "a new service of the name has no target yet"
