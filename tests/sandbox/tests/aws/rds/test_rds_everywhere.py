"""Tags, pages, events, permissions: what every kind of resource has."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from .conftest import INSTANCE


def test_tags_by_arn(aws, rds, instance, snapshot, refused):
    """AddTagsToResource, ListTagsForResource, RemoveTagsFromResource; what is gone answers its own not-found code."""
    arn = instance()["DBInstanceArn"]
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "3"}])
    assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]
    assert rds.describe_db_instances()["DBInstances"][0]["TagList"] == [{"Key": "a", "Value": "3"}, {"Key": "b", "Value": "2"}]
    rds.remove_tags_from_resource(ResourceName=arn, TagKeys=["a", "never-there"])
    assert rds.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "b", "Value": "2"}]
    with refused("InvalidParameterValue"):
        rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": f"k{number}", "Value": ""} for number in range(50)])
    assert len(rds.list_tags_for_resource(ResourceName=arn)["TagList"]) == 1
    for kind, code in (
        ("db", "DBInstanceNotFound"),
        ("snapshot", "DBSnapshotNotFound"),
        ("cluster", "DBClusterNotFoundFault"),
        ("cluster-snapshot", "DBClusterSnapshotNotFoundFault"),
        ("subgrp", "DBSubnetGroupNotFoundFault"),
    ):
        with refused(code):
            rds.add_tags_to_resource(ResourceName=arn.replace(":db:app", f":{kind}:ghost"), Tags=[{"Key": "a", "Value": "1"}])
    with refused("InvalidParameterValue"):
        rds.list_tags_for_resource(ResourceName="app")


def test_pages_of_instances(aws, rds, refused):
    """DescribeDBInstances: MaxRecords 20 to 100, default 100; a marker continues. moto: pages of any size."""
    aws.control("PUT", "/rds/quotas", {"DBInstances": 200})
    for number in range(105):
        rds.create_db_instance(**(INSTANCE | {"DBInstanceIdentifier": f"db{number:03}"}))
    first = rds.describe_db_instances()
    assert len(first["DBInstances"]) == 100
    assert len(rds.describe_db_instances(Marker=first["Marker"])["DBInstances"]) == 5
    everything = [item for page in rds.get_paginator("describe_db_instances").paginate(MaxRecords=20) for item in page["DBInstances"]]
    assert len({item["DBInstanceIdentifier"] for item in everything}) == 105
    for size in (19, 101):
        with refused("InvalidParameterValue"):
            rds.describe_db_instances(MaxRecords=size)


@pytest.mark.parametrize("elsewhere", [("eu-central-1", "us-east-1"), ("123456789012", "999999999999")])
def test_tags_of_what_is_elsewhere(rds, instance, elsewhere):
    """ListTagsForResource and its kin, in these words, for another Region's and another account's. moto: not found."""
    arn = instance()["DBInstanceArn"].replace(*elsewhere)
    for call, more in (
        (rds.list_tags_for_resource, {}),
        (rds.add_tags_to_resource, {"Tags": [{"Key": "a", "Value": "b"}]}),
        (rds.remove_tags_from_resource, {"TagKeys": ["a"]}),
    ):
        with pytest.raises(ClientError) as caught:
            call(ResourceName=arn, **more)
        error = caught.value.response["Error"]
        assert error["Code"] == "InvalidParameterValue"
        assert error["Message"] == "The specified resource name does not match an RDS resource in this region."


def test_filters_of_instances(rds, instance, refused):
    arn = instance()["DBInstanceArn"]
    instance("maria", Engine="mariadb")

    def names(name, *values):
        found = rds.describe_db_instances(Filters=[{"Name": name, "Values": list(values)}])
        return [item["DBInstanceIdentifier"] for item in found["DBInstances"]]

    assert names("engine", "mariadb") == ["maria"]
    assert names("db-instance-id", "APP", "nobody") == ["app"]
    assert names("db-instance-id", arn) == ["app"]
    assert rds.describe_db_instances(DBInstanceIdentifier=arn)["DBInstances"][0]["DBInstanceIdentifier"] == "app"
    with refused("InvalidParameterValue", "Unrecognized filter name: tag:a"):
        names("tag:a", "b")


def test_events_are_told_and_sent(aws, rds, instance, snapshot):
    """User Guide, "Creating a rule that triggers on an Amazon RDS event". moto: no events."""
    sqs, bus = aws.client("sqs"), aws.client("events")
    queue = sqs.create_queue(QueueName="rds")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
    bus.put_rule(Name="rds", EventPattern=json.dumps({"source": ["aws.rds"], "detail-type": ["RDS DB Snapshot Event"]}))
    bus.put_targets(Rule="rds", Targets=[{"Id": "q", "Arn": arn}])
    instance(BackupRetentionPeriod=0)
    snapshot()
    bodies = []
    while messages := sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages"):
        bodies += [json.loads(message["Body"]) for message in messages]
        for message in messages:
            sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert [body["detail"]["EventID"] for body in bodies] == ["RDS-EVENT-0040", "RDS-EVENT-0042"]
    detail = bodies[1]["detail"]
    assert bodies[1]["resources"] == [detail["SourceArn"]] == ["arn:aws:rds:eu-central-1:123456789012:snapshot:snap"]
    assert (detail["SourceType"], detail["SourceIdentifier"], detail["EventCategories"]) == ("SNAPSHOT", "snap", ["creation"])
    listed = rds.describe_events(SourceType="db-instance", SourceIdentifier="app")["Events"]
    assert listed[0]["Message"] == "DB instance created"
    aws.clock.advance(2 * 3600)
    assert rds.describe_events()["Events"] == []
    assert rds.describe_events(Duration=180)["Events"]


@pytest.fixture
def allowed(aws):
    """RDS as a user with one policy, IAM enforced."""

    def login(*statements):
        iam = aws.client("iam")
        iam.create_user(UserName="ann")
        policy = {"Version": "2012-10-17", "Statement": list(statements)}
        iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName="ann")["AccessKey"]
        aws.control("PUT", "/iam", {"enforce": True})
        return aws.client_of("rds", key)

    return login


def test_a_snapshot_needs_both_the_instance_and_the_snapshot(aws, rds, instance, allowed, refused):
    """Service Authorization Reference: CreateDBSnapshot is evaluated against db and snapshot. moto: against `*`."""
    instance()
    arn = "arn:aws:rds:eu-central-1:123456789012"
    user = allowed({"Effect": "Allow", "Action": "rds:CreateDBSnapshot", "Resource": [f"{arn}:db:app", f"{arn}:snapshot:app-*"]})
    with refused("AccessDenied", "rds:CreateDBSnapshot", "snapshot:other"):
        user.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="other")
    user.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="app-1")


def test_tags_decide(aws, rds, instance, snapshot, allowed, refused):
    """aws:ResourceTag and rds:snapshot-tag on DeleteDBSnapshot."""
    instance()
    snapshot(identifier="mine", Tags=[{"Key": "owner", "Value": "operator"}])
    snapshot(identifier="theirs")
    condition = {"StringEquals": {"aws:ResourceTag/owner": "operator", "rds:snapshot-tag/owner": "operator"}}
    user = allowed({"Effect": "Allow", "Action": "rds:DeleteDBSnapshot", "Resource": "*", "Condition": condition})
    with refused("AccessDenied"):
        user.delete_db_snapshot(DBSnapshotIdentifier="theirs")
    user.delete_db_snapshot(DBSnapshotIdentifier="mine")


def test_the_tags_of_an_instance_are_not_those_of_its_snapshot(aws, rds, instance, allowed, refused):
    """IAM User Guide, "aws:ResourceTag": "the tag attached to the resource", and each resource of a request is judged by itself."""
    instance(Tags=[{"Key": "team", "Value": "data"}])
    condition = {"StringEquals": {"aws:ResourceTag/team": "data"}}
    user = allowed({"Effect": "Allow", "Action": ["rds:CreateDBSnapshot", "rds:ModifyDBInstance"], "Resource": "*", "Condition": condition})
    user.modify_db_instance(DBInstanceIdentifier="app", CopyTagsToSnapshot=True)
    with refused("AccessDenied", "rds:CreateDBSnapshot", "snapshot:new"):
        user.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="new")


def test_an_operation_that_the_sandbox_lacks_says_so(aws, rds, refused):
    """moto: an HTML page with 500."""
    aws.internal_errors_expected = True
    from botocore.exceptions import ClientError

    with pytest.raises(ClientError) as raised:
        rds.create_global_cluster(GlobalClusterIdentifier="world")
    assert "CreateGlobalCluster" in str(raised.value)


def test_events_of_a_source_type_that_there_is_not_are_refused(rds, refused):
    """API Reference, DescribeEvents, SourceType: "Valid Values". moto: no events."""
    with refused("InvalidParameterValue", "db-instance"):
        rds.describe_events(SourceType="db-instances")


def test_tags_at_creation_need_a_permission_of_their_own(aws, rds, instance, allowed, refused):
    """User Guide, "Grant permission to tag Amazon RDS resources during creation": rds:AddTagsToResource. moto: not asked."""
    instance()
    user = allowed({"Effect": "Allow", "Action": "rds:CreateDBSnapshot", "Resource": "*"})
    with refused("AccessDenied", "rds:AddTagsToResource", "snapshot:tagged"):
        user.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="tagged", Tags=[{"Key": "a", "Value": "b"}])
    user.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="plain")
