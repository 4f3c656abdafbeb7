"""FIFO queues."""

from __future__ import annotations

from typing import Any


def _queue(aws: Any, **attributes: str) -> Any:
    sqs = aws.client("sqs")
    return sqs, sqs.create_queue(QueueName="jobs.fifo", Attributes={"FifoQueue": "true", **attributes})["QueueUrl"]


def _bodies(sqs: Any, url: str) -> list[str]:
    """What can be received now, taken out."""
    found = []
    while messages := sqs.receive_message(QueueUrl=url).get("Messages", []):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(message["Body"])
    return found


def test_a_duplicate_is_accepted_as_the_first_one_and_not_delivered(aws):
    """ "Using the message deduplication ID": for five minutes, also when the first was received and deleted.

    moto: a new id for each, and delivered again once the first is deleted.
    """
    sqs, url = _queue(aws)
    one = {"QueueUrl": url, "MessageGroupId": "g", "MessageDeduplicationId": "d"}
    first = sqs.send_message(MessageBody="first", **one)
    assert _bodies(sqs, url) == ["first"]
    again = sqs.send_message(MessageBody="again", **one)
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    assert _bodies(sqs, url) == []
    aws.clock.advance(300)
    assert sqs.send_message(MessageBody="later", **one)["MessageId"] != first["MessageId"]
    assert _bodies(sqs, url) == ["later"]


def test_sequence_numbers_increase(aws):
    """ "Sequence number": large and non-consecutive, increasing for a group. moto: at random, and none by content."""
    sqs, url = _queue(aws, ContentBasedDeduplication="true")
    numbers = [sqs.send_message(QueueUrl=url, MessageBody=str(body), MessageGroupId="g")["SequenceNumber"] for body in range(20)]
    assert {len(number) for number in numbers} == {20}
    assert numbers == sorted(set(numbers))


def test_the_group_is_the_scope_of_deduplication_when_the_queue_says_so(aws):
    """DeduplicationScope: messageGroup or queue. moto: the queue."""
    scope = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    sqs, url = _queue(aws, **scope)
    for group in ("a", "b", "a"):
        sqs.send_message(QueueUrl=url, MessageBody=group, MessageGroupId=group, MessageDeduplicationId="d")
    assert sorted(_bodies(sqs, url)) == ["a", "b"]
