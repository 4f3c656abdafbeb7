"""What SNS refuses of a message."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError


@pytest.mark.parametrize(
    ("message", "subject", "said"),
    [
        ("", "s", "Invalid parameter: Empty message"),
        ("x" * (256 * 1024 + 1), "s", "Invalid parameter: Message too long"),
        ("ü" * (128 * 1024 + 1), "s", "Invalid parameter: Message too long"),
        ("x", "s" * 101, "Invalid parameter: Subject"),
        ("x", "two\nlines", "Invalid parameter: Subject"),
        ("x", "", "Invalid parameter: Subject"),
    ],
)
def test_a_message_has_a_size_and_a_subject_one_short_line(aws, message, subject, said):
    """Publish, API Reference: at most 256 KB; subjects "with no line breaks or control characters, and less than 100
    characters long". Plain moto takes an empty message and a subject of two lines."""
    sns = aws.unchecked("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    with pytest.raises(ClientError) as caught:
        sns.publish(TopicArn=topic, Message=message, Subject=subject)
    error = caught.value.response["Error"]
    assert (caught.value.response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]) == (400, "InvalidParameter", said)
    assert sns.publish(TopicArn=topic, Message="x" * (256 * 1024), Subject="s" * 100)["MessageId"]


@pytest.mark.parametrize(
    ("arn", "status", "code", "said"),
    [
        ("arn:aws:sns:eu-central-1:123456789012:none", 404, "NotFound", "Topic does not exist"),
        ("arn:aws:sns:us-east-1:123456789012:alerts", 400, "InvalidParameter", "Invalid parameter: TopicArn"),
    ],
)
def test_a_topic_that_is_not_here(aws, arn, status, code, said):
    """NotFound; and a topic of another Region is an invalid parameter (boto/boto3#646). Plain moto: "Endpoint does not exist"."""
    sns = aws.client("sns")
    sns.create_topic(Name="alerts")
    with pytest.raises(ClientError) as caught:
        sns.publish(TopicArn=arn, Message="x")
    error = caught.value.response["Error"]
    assert (caught.value.response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]) == (status, code, said)


def test_who_may_not_publish_is_told_in_the_words_of_sns(aws):
    """Publish, "Errors": AuthorizationError, 403; SNS writes its prefix in capitals. Other services say AccessDenied."""
    iam = aws.client("iam")
    iam.create_user(UserName="ann")
    nothing = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecs:*", "Resource": "*"}]}
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps(nothing))
    keys = iam.create_access_key(UserName="ann")["AccessKey"]
    topic = aws.client("sns").create_topic(Name="alerts")["TopicArn"]
    aws.control("PUT", "/iam", {"enforce": True})
    with pytest.raises(ClientError) as caught:
        aws.client_of("sns", keys).publish(TopicArn=topic, Message="x")
    error = caught.value.response["Error"]
    assert (caught.value.response["ResponseMetadata"]["HTTPStatusCode"], error["Code"]) == (403, "AuthorizationError")
    assert error["Message"] == (
        f"User: arn:aws:iam::123456789012:user/ann is not authorized to perform: SNS:Publish on resource: {topic} "
        "because no identity-based policy allows the SNS:Publish action"
    )
