"""What SQS refuses of queues, and of messages that are nobody's any more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError


def _refused(call: Any, **parameters: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("attributes", "code", "message"),
    [
        ({"VisibilityTimeout": "43201"}, "InvalidAttributeValue", "Invalid value for the parameter VisibilityTimeout."),
        ({"VisibilityTimeout": "soon"}, "InvalidAttributeValue", "Invalid value for the parameter VisibilityTimeout."),
        ({"DelaySeconds": "901"}, "InvalidAttributeValue", "Invalid value for the parameter DelaySeconds."),
        ({"MessageRetentionPeriod": "59"}, "InvalidAttributeValue", "Invalid value for the parameter MessageRetentionPeriod."),
        (
            {"ReceiveMessageWaitTimeSeconds": "21"},
            "InvalidAttributeValue",
            "Invalid value for the parameter ReceiveMessageWaitTimeSeconds.",
        ),
        ({"MaximumMessageSize": "1023"}, "InvalidAttributeValue", "Invalid value for the parameter MaximumMessageSize."),
        ({"Colour": "blue"}, "InvalidAttributeName", "Unknown Attribute Colour."),
        ({"QueueArn": "x"}, "InvalidAttributeName", "Unknown Attribute QueueArn."),
    ],
)
def test_attributes_have_names_and_bounds(aws, attributes, code, message):
    """CreateQueue and SetQueueAttributes, API Reference. Plain moto takes any number, and any attribute."""
    sqs = aws.client("sqs")
    assert _refused(sqs.create_queue, QueueName="jobs", Attributes=attributes) == (400, code, message)
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    assert _refused(sqs.set_queue_attributes, QueueUrl=url, Attributes=attributes) == (400, code, message)


def test_setting_one_attribute_leaves_the_policy(aws):
    """SetQueueAttributes changes what it names. Plain moto drops the queue's policy."""
    sqs = aws.client("sqs")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url = sqs.create_queue(QueueName="jobs", Attributes={"Policy": policy})["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "60"})
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert (json.loads(found["Policy"]), found["VisibilityTimeout"]) == (json.loads(policy), "60")


def test_times_are_whole_seconds(aws):
    """GetQueueAttributes: CreatedTimestamp in seconds of epoch time. Plain moto has fractions, which no number parser of an SDK takes."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["CreatedTimestamp"].isdigit()
    assert found["LastModifiedTimestamp"].isdigit()


def test_a_name_rests_for_a_minute_after_its_queue_is_deleted(aws):
    """DeleteQueue: "you must wait at least 60 seconds before creating a queue with the same name". Plain moto: at once."""
    sqs = aws.client("sqs")
    sqs.delete_queue(QueueUrl=sqs.create_queue(QueueName="jobs")["QueueUrl"])
    status, code, _ = _refused(sqs.create_queue, QueueName="jobs")
    assert (status, code) == (400, "AWS.SimpleQueueService.QueueDeletedRecently")
    aws.clock.advance(60)
    assert sqs.create_queue(QueueName="jobs")["QueueUrl"].endswith("/jobs")


def test_only_a_fifo_queue_is_named_so(aws):
    """CreateQueue: alphanumeric characters, hyphens, underscores; the suffix .fifo is a FIFO queue's. Plain moto takes it for any."""
    sqs = aws.client("sqs")
    assert _refused(sqs.create_queue, QueueName="jobs.fifo")[:2] == (400, "InvalidParameterValue")
    assert sqs.create_queue(QueueName="jobs.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"].endswith("/jobs.fifo")


def test_a_message_that_is_visible_again_is_not_extended(aws):
    """ChangeMessageVisibility: MessageNotInflight. Plain moto hides it again, from whoever would receive it next."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="jobs", Attributes={"VisibilityTimeout": "10"})["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="x")
    handle = sqs.receive_message(QueueUrl=url)["Messages"][0]["ReceiptHandle"]
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=20)
    aws.clock.advance(20)
    late = {"QueueUrl": url, "ReceiptHandle": handle, "VisibilityTimeout": 60}
    assert _refused(sqs.change_message_visibility, **late)[:2] == (400, "AWS.SimpleQueueService.MessageNotInflight")
    entry = {"Id": "a", "ReceiptHandle": handle, "VisibilityTimeout": 60}
    batch = sqs.change_message_visibility_batch(QueueUrl=url, Entries=[entry])
    assert [(item["Id"], item["Code"]) for item in batch["Failed"]] == [("a", "MessageNotInflight")]
    assert len(sqs.receive_message(QueueUrl=url)["Messages"]) == 1


def test_a_message_holds_what_xml_holds(aws):
    """SendMessage: tab, line ends and #x20 on, else InvalidMessageContents. Plain moto takes any character."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName="jobs")["QueueUrl"]
    status, code, message = _refused(sqs.send_message, QueueUrl=url, MessageBody="a\x01b")
    assert (status, code) == (400, "InvalidMessageContents")
    assert message.startswith("Invalid binary character '#x1' was found in the message body")
    text = 'a "line"\n\twith ünï¢ödé 🙂'
    sqs.send_message(QueueUrl=url, MessageBody=text)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == text
