"""The record of calls."""

import pytest
import requests
from botocore.exceptions import ClientError

from runbook_sandbox.aws.calls import MASK, Record, summary


def test_every_call_is_recorded_with_caller_parameters_and_outcome(aws):
    aws.client("sqs", region="eu-west-1").create_queue(QueueName="q")
    with pytest.raises(ClientError):
        aws.client("sqs").get_queue_url(QueueName="missing")
    first, second = aws.control("GET", "/calls")["calls"]
    assert (first["service"], first["operation"], first["region"]) == ("sqs", "CreateQueue", "eu-west-1")
    assert first["caller"] == "arn:aws:iam::123456789012:user/administrator"
    assert first["params"] == {"QueueName": "q"}
    assert (first["outcome"], first["status"], first["effect"]) == ("ok", 200, True)
    assert (second["outcome"], second["effect"]) == ("error", False)
    assert second["error_code"] == "QueueDoesNotExist"
    assert first["sandbox_time"] == aws.clock.now().isoformat()


def test_calls_are_found_by_service_operation_and_sequence(aws):
    sqs, sns = aws.client("sqs"), aws.client("sns")
    sqs.create_queue(QueueName="q")
    mark = aws.control("GET", "/calls")["sequence"]
    sqs.list_queues()
    sqs.list_queues()
    sns.list_topics()
    later = aws.control("GET", "/calls", since=mark)["calls"]
    assert [call["operation"] for call in later] == ["ListQueues", "ListQueues", "ListTopics"]
    assert aws.control("GET", "/calls/counts")["operations"] == {"sqs:CreateQueue": 1, "sqs:ListQueues": 2, "sns:ListTopics": 1}
    assert aws.control("GET", "/calls/counts", service="sqs", operation="List*")["total"] == 2
    assert aws.control("GET", "/calls/counts", since=mark)["total"] == 3
    aws.clock.advance(60)
    moment = aws.clock.now().isoformat()
    sns.list_topics()
    assert aws.control("GET", "/calls/counts", since=moment)["total"] == 1
    aws.control("DELETE", "/calls")
    assert aws.control("GET", "/calls/counts")["total"] == 0
    assert aws.control("GET", "/calls")["sequence"] >= mark + 3


def test_an_unknown_filter_is_refused(aws):
    session = requests.Session()
    session.trust_env = False
    answer = session.get(aws.endpoint + "/_sandbox/calls?servce=ecs", timeout=10)
    assert answer.status_code == 400
    assert "servce" in answer.json()["error"]


def test_secrets_are_masked(aws):
    aws.client("secretsmanager").create_secret(Name="s", SecretString="hunter2")
    assert "hunter2" not in str(aws.control("GET", "/calls"))
    assert summary({"MasterUserPassword": "x", "clientToken": "t", "nested": [{"SecretString": "y"}]}) == {
        "MasterUserPassword": MASK,
        "clientToken": "t",
        "nested": [{"SecretString": MASK}],
    }


def test_the_record_is_bounded_but_counts_all(aws):
    record = Record(capacity=3)
    for number in range(5):
        call = record.add("ecs", "ListTasks", "1", "r", {"n": number}, "id", aws.clock.now(), aws.clock.now())
        record.finish(call, "ok", 200, None)
    from runbook_sandbox.aws.calls import Filter

    assert [call["params"]["n"] for call in record.find(Filter())] == [2, 3, 4]
    assert record.counts(Filter())["total"] == 5
