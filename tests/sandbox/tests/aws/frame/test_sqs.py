"""SQS on the sandbox's clock."""

import threading

import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError


def _queue(aws, **attributes):
    return aws.client("sqs").create_queue(QueueName="q", Attributes=attributes)["QueueUrl"]


def _receive(aws, url, **params):
    return aws.client("sqs").receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"], **params).get("Messages", [])


def test_a_message_comes_back_when_its_visibility_timeout_is_over(aws):
    """ "Amazon SQS visibility timeout". Plain moto keeps the machine's time, and one moment too long."""
    url = _queue(aws, VisibilityTimeout="30")
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="hello")
    (first,) = _receive(aws, url)
    assert _receive(aws, url) == []
    aws.clock.advance(29)
    assert _receive(aws, url) == []
    aws.clock.advance(1)
    (again,) = _receive(aws, url)
    assert again["MessageId"] == first["MessageId"]
    assert again["Attributes"]["ApproximateReceiveCount"] == "2"
    assert again["ReceiptHandle"] != first["ReceiptHandle"]


def test_a_visibility_timeout_of_zero_hands_the_message_back_at_once(aws):
    url = _queue(aws)
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="hello")
    (message,) = _receive(aws, url)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    assert len(_receive(aws, url)) == 1


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(aws):
    """ "Using dead-letter queues": once ReceiveCount exceeds maxReceiveCount."""
    sqs = aws.client("sqs")
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    policy = '{"deadLetterTargetArn":"arn:aws:sqs:eu-central-1:123456789012:dead","maxReceiveCount":"2"}'
    url = _queue(aws, VisibilityTimeout="1", RedrivePolicy=policy)
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    for _ in range(2):
        assert len(_receive(aws, url)) == 1
        aws.clock.advance(1)
    assert _receive(aws, url) == []
    (message,) = _receive(aws, dead)
    assert message["Body"] == "poison"


def test_a_delayed_message_appears_by_the_clock(aws):
    url = _queue(aws)
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="later", DelaySeconds=60)
    assert _receive(aws, url) == []
    aws.clock.advance(60)
    assert len(_receive(aws, url)) == 1


def test_a_long_poll_waits_for_a_message_and_stops_nobody(aws):
    """A poll of twenty seconds that held the sandbox would hold this test, and end it with a timeout of its client."""
    url = _queue(aws)
    received = []
    poll = threading.Thread(target=lambda: received.extend(_receive(aws, url, WaitTimeSeconds=20)))
    aws.client("sqs")
    poll.start()
    session = requests.Session()
    session.trust_env = False
    assert session.get(aws.endpoint + "/_sandbox/health", timeout=10).ok
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="hello")
    poll.join(timeout=15)
    assert [message["Body"] for message in received] == ["hello"]


def test_a_long_poll_ends_empty(aws):
    url = _queue(aws)
    assert _receive(aws, url, WaitTimeSeconds=1) == []


@pytest.mark.parametrize(
    ("call", "params", "code", "text"),
    [
        ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue", "Value 11 for parameter MaxNumberOfMessages is invalid."),
        ("receive_message", {"MaxNumberOfMessages": 0}, "InvalidParameterValue", "Must be between 1 and 10"),
        ("receive_message", {"WaitTimeSeconds": 21}, "InvalidParameterValue", "Must be >= 0 and <= 20, if provided."),
        ("receive_message", {"VisibilityTimeout": 43_201}, "InvalidParameterValue", "VisibilityTimeout"),
        ("send_message", {"MessageBody": ""}, "MissingParameter", "MessageBody"),
        ("send_message", {"MessageBody": "x", "DelaySeconds": 901}, "InvalidParameterValue", "DelaySeconds"),
    ],
)
def test_parameters_out_of_bounds(aws, call, params, code, text):
    url = _queue(aws)
    with pytest.raises(ClientError) as caught:
        getattr(aws.client("sqs"), call)(QueueUrl=url, **params)
    assert caught.value.response["Error"]["Code"] == code
    assert text in caught.value.response["Error"]["Message"]


def test_expired_messages_are_gone_and_hide_none(aws):
    """API Reference, SetQueueAttributes, MessageRetentionPeriod. moto: an expired message hides those behind it."""
    url = _queue(aws, MessageRetentionPeriod="60")
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=url, MessageBody="old")
    aws.clock.advance(40)
    sqs.send_message(QueueUrl=url, MessageBody="new")
    aws.clock.advance(21)
    counted = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert counted["ApproximateNumberOfMessages"] == "1"
    assert [message["Body"] for message in _receive(aws, url)] == ["new"]


def test_a_long_queue_is_not_counted_for_each_message(aws, monkeypatch):
    """moto counts the whole queue ten times for ten messages, while every other request waits."""
    from moto.sqs.models import Queue

    url = _queue(aws)
    for _ in range(3):
        entries = [{"Id": str(number), "MessageBody": "x"} for number in range(10)]
        aws.client("sqs").send_message_batch(QueueUrl=url, Entries=entries)
    monkeypatch.setattr(Queue, "attributes", property(lambda queue: pytest.fail("the queue was counted")))
    assert len(_receive(aws, url, MaxNumberOfMessages=10)) == 10


def test_a_long_poll_that_is_not_allowed_does_not_wait(aws):
    """It would be refused after twenty seconds, when the client has given up."""
    url = _queue(aws)
    aws.control("PUT", "/iam", {"enforce": True})
    with pytest.raises(ClientError) as caught:
        aws.client("sqs", config=Config(read_timeout=10)).receive_message(QueueUrl=url, WaitTimeSeconds=20)
    assert caught.value.response["Error"]["Code"] == "InvalidClientTokenId"
