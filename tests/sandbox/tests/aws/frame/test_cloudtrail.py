"""`AWS API Call via CloudTrail`. moto sends none."""

import json

import pytest
from botocore.exceptions import ClientError

from runbook_sandbox.aws.events import cloudtrail

from .test_events import _messages, _queue, _rule
from .test_iam import TRUST_ACCOUNT


@pytest.fixture
def queue(aws):
    url = _queue(aws)
    _rule(aws, {"detail-type": ["AWS API Call via CloudTrail"]})
    return url


def _arrived(aws, queue):
    aws.clock.advance(2)
    return _messages(aws, queue)


def test_a_change_is_told_after_a_while_with_who_made_it_and_how(aws, queue):
    """ "CloudTrail record contents"; EventBridge has it from seconds to minutes later."""
    answer = aws.client("ecs").create_cluster(clusterName="app")
    aws.clock.advance(1)
    assert _messages(aws, queue) == []
    (event,) = _arrived(aws, queue)
    detail = event["detail"]
    assert event["source"] == "aws.ecs"
    assert (detail["eventSource"], detail["eventName"], detail["eventType"]) == ("ecs.amazonaws.com", "CreateCluster", "AwsApiCall")
    assert detail["requestParameters"] == {"clusterName": "app"}
    assert detail["responseElements"]["cluster"]["clusterArn"] == "arn:aws:ecs:eu-central-1:123456789012:cluster/app"
    assert detail["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert detail["userIdentity"]["type"] == "IAMUser"
    assert detail["userIdentity"]["arn"] == "arn:aws:iam::123456789012:user/administrator"
    assert detail["awsRegion"] == "eu-central-1"
    assert detail["sourceIPAddress"] == "127.0.0.1"
    assert "Boto3" in detail["userAgent"]
    assert detail["readOnly"] is False
    assert "errorCode" not in detail


def test_reads_are_not_told(aws, queue):
    aws.client("ecs").list_clusters()
    aws.client("rds").describe_db_instances()
    assert _arrived(aws, queue) == []


def test_refused_changes_are_told_with_their_error(aws, queue):
    with pytest.raises(ClientError):
        aws.client("ecs").update_service(cluster="missing", service="web", desiredCount=2)
    (event,) = _arrived(aws, queue)
    assert event["detail"]["errorCode"] == "ClusterNotFoundException"
    assert event["detail"]["responseElements"] is None


def test_a_role_s_session_is_told_with_its_issuer(aws, queue):
    aws.client("iam").create_role(RoleName="operator", AssumeRolePolicyDocument=json.dumps(TRUST_ACCOUNT))
    credentials = aws.client("sts").assume_role(RoleArn="arn:aws:iam::123456789012:role/operator", RoleSessionName="default-web")[
        "Credentials"
    ]
    aws.client_of("ecs", credentials).create_cluster(clusterName="app")
    (event,) = _arrived(aws, queue)
    identity = event["detail"]["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"].endswith(":assumed-role/operator/default-web")
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == "arn:aws:iam::123456789012:role/operator"


def test_application_auto_scaling_records_as_autoscaling(aws, queue):
    """ "Log Application Auto Scaling API calls using AWS CloudTrail"."""
    with pytest.raises(ClientError):
        aws.client("application-autoscaling").delete_scaling_policy(
            PolicyName="p", ServiceNamespace="ecs", ResourceId="service/a/b", ScalableDimension="ecs:service:DesiredCount"
        )
    (event,) = _arrived(aws, queue)
    assert event["detail"]["eventSource"] == "autoscaling.amazonaws.com"
    assert event["detail"]["additionalEventData"] == {"service": "application-autoscaling"}
    assert event["detail"]["requestParameters"]["resourceId"] == "service/a/b"


def test_passwords_are_hidden(aws, queue):
    aws.client("rds").create_db_instance(
        DBInstanceIdentifier="db",
        Engine="postgres",
        DBInstanceClass="db.t3.micro",
        MasterUsername="u",
        MasterUserPassword="hunter22",
        AllocatedStorage=20,
    )
    (event,) = [one for one in _arrived(aws, queue) if one["detail"]["eventName"] == "CreateDBInstance"]
    assert "hunter22" not in json.dumps(event)
    assert event["detail"]["requestParameters"]["masterUserPassword"] == cloudtrail.HIDDEN
    assert event["detail"]["requestParameters"]["dBInstanceIdentifier"] == "db"


def test_a_service_that_calls_another_is_told_as_its_linked_role(aws, queue):
    cloudtrail.record_service_call(
        "123456789012",
        "eu-central-1",
        "ecs",
        "UpdateService",
        {"cluster": "app", "service": "web", "desiredCount": 3},
        {},
        "ecs.application-autoscaling.amazonaws.com",
        "AWSServiceRoleForApplicationAutoScaling_ECSService",
    )
    (event,) = _arrived(aws, queue)
    assert event["detail"]["userIdentity"]["invokedBy"] == "ecs.application-autoscaling.amazonaws.com"
    assert event["detail"]["requestParameters"]["desiredCount"] == 3


def test_the_delay_is_the_pace_s(aws, queue):
    aws.control("PUT", "/pace", {"cloudtrail_delay": 300})
    aws.client("ecs").create_cluster(clusterName="app")
    aws.clock.advance(299)
    assert _messages(aws, queue) == []
    aws.clock.advance(1)
    assert len(_messages(aws, queue)) == 1
