"""Signature Version 4: the secret of a key that the sandbox issued signs, no other does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

CALLS = [
    ("ecs", "list_clusters", {}, 400, "InvalidSignatureException"),
    ("rds", "describe_db_instances", {}, 403, "SignatureDoesNotMatch"),
    ("sts", "get_caller_identity", {}, 403, "SignatureDoesNotMatch"),
    ("cloudwatch", "describe_alarms", {}, 403, "SignatureDoesNotMatch"),
    ("ec2", "describe_vpcs", {}, 401, "AuthFailure"),
]


def _keys(aws: Any) -> dict[str, Any]:
    iam = aws.client("iam")
    iam.create_user(UserName="ann")
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.put_user_policy(UserName="ann", PolicyName="all", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
    return iam.create_access_key(UserName="ann")["AccessKey"]


def _session(aws: Any) -> dict[str, Any]:
    trust = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam").create_role(RoleName="operator", AssumeRolePolicyDocument=policy)["Role"]
    return aws.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]


@pytest.mark.parametrize("issue", [_keys, _session])
@pytest.mark.parametrize(("service", "operation", "parameters", "status", "code"), CALLS)
def test_only_the_right_secret_signs(aws, issue, service, operation, parameters, status, code):
    """ "Troubleshoot Signature Version 4 signing for AWS API requests". Plain moto takes any secret."""
    credentials = issue(aws)
    getattr(aws.client_of(service, credentials), operation)(**parameters)
    with pytest.raises(ClientError) as caught:
        getattr(aws.client_of(service, credentials | {"SecretAccessKey": "wrong"}), operation)(**parameters)
    error = caught.value.response["Error"]
    assert (caught.value.response["ResponseMetadata"]["HTTPStatusCode"], error["Code"]) == (status, code)
    if service != "ec2":
        assert error["Message"].startswith("The request signature we calculated does not match the signature you provided.")


def test_a_compressed_body_is_signed_as_it_was_sent(aws):
    credentials = _keys(aws)
    data = [{"MetricName": f"m{index}", "Value": 1.0} for index in range(500)]
    aws.client_of("cloudwatch", credentials).put_metric_data(Namespace="App", MetricData=data)
    assert len(aws.client("cloudwatch").list_metrics(Namespace="App")["Metrics"]) == 500


@pytest.mark.parametrize("path", ["/app/a b", "/app/ü", "/app/a+b=c", "/app/x:y@z"])
def test_what_a_path_holds_is_encoded_twice(aws, path):
    """ "Create a canonical request": each path segment URI-encoded twice, for all services but S3."""
    credentials = _keys(aws)
    backups = aws.client_of("lambda", credentials)
    with pytest.raises(ClientError) as caught:
        backups.list_tags(Resource=f"arn:aws:lambda:eu-central-1:123456789012:function:{path}")
    assert caught.value.response["Error"]["Code"] not in ("InvalidSignatureException", "SignatureDoesNotMatch")


def test_a_key_that_the_sandbox_did_not_issue_has_no_secret_to_be_wrong(aws):
    aws.client("ecs", aws_access_key_id="AKIAANYBODYANYBODYAN", aws_secret_access_key="anything").list_clusters()


def test_a_session_that_is_over_is_over_whoever_signs(aws):
    """The token holds what the signature is checked with, so its end is told first."""
    credentials = _session(aws)
    aws.clock.advance(3600)
    with pytest.raises(ClientError) as caught:
        aws.client_of("ecs", credentials | {"SecretAccessKey": "wrong"}).list_clusters()
    assert caught.value.response["Error"]["Code"] == "ExpiredTokenException"
