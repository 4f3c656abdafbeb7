"""Faults at the wire."""

import pytest
import requests
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, HTTPClientError

from runbook_sandbox.aws.faults import Faults

LOST = (ConnectionClosedError, HTTPClientError, EndpointConnectionError)


def _code(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"]


def _queues(aws):
    return aws.client("sqs").list_queues().get("QueueUrls", [])


@pytest.mark.parametrize(
    ("kind", "service", "call", "code", "status"),
    [
        ("throttle", "ecs", "list_clusters", "ThrottlingException", 400),
        ("throttle", "rds", "describe_db_instances", "Throttling", 400),
        ("throttle", "ec2", "describe_vpcs", "RequestLimitExceeded", 503),
        ("error500", "ecs", "list_clusters", "ServerException", 500),
        ("error500", "rds", "describe_db_instances", "InternalFailure", 500),
        ("error503", "rds", "describe_db_instances", "ServiceUnavailable", 503),
        ("access_denied", "ecs", "list_clusters", "AccessDeniedException", 400),
        ("access_denied", "rds", "describe_db_instances", "AccessDenied", 403),
        ("expired_token", "sts", "get_caller_identity", "ExpiredToken", 403),
    ],
)
def test_each_kind_is_said_in_the_services_own_words(aws, kind, service, call, code, status):
    aws.control("POST", "/faults", {"service": service, "kind": kind, "count": 1})
    with pytest.raises(ClientError) as caught:
        getattr(aws.client(service), call)()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    getattr(aws.client(service), call)()


def test_a_fault_before_leaves_nothing_behind(aws):
    aws.control("POST", "/faults", {"service": "sqs", "operation": "CreateQueue", "kind": "error500", "count": 1})
    with pytest.raises(ClientError):
        aws.client("sqs").create_queue(QueueName="q")
    assert _queues(aws) == []
    (call,) = aws.control("GET", "/calls", operation="CreateQueue")["calls"]
    assert (call["outcome"], call["fault"], call["effect"]) == ("fault", "error500@before", False)


def test_a_fault_after_loses_the_answer_but_not_the_effect(aws):
    aws.control("POST", "/faults", {"service": "sqs", "operation": "Create*", "kind": "reset", "when": "after", "count": 1})
    with pytest.raises(LOST):
        aws.client("sqs").create_queue(QueueName="q")
    assert len(_queues(aws)) == 1
    (call,) = aws.control("GET", "/calls", operation="CreateQueue")["calls"]
    assert (call["outcome"], call["fault"], call["effect"]) == ("fault", "reset@after", True)


def test_a_timeout_holds_the_line_and_then_cuts_it(aws):
    aws.control("POST", "/faults", {"service": "sns", "kind": "timeout", "delay": 0.01, "count": 1})
    with pytest.raises(LOST):
        aws.client("sns").list_topics()
    aws.client("sns").list_topics()


def test_a_slow_answer_comes_and_other_calls_do_not_wait_for_it(aws):
    aws.control("POST", "/faults", {"service": "sns", "kind": "slow", "delay": 0.01, "count": 1})
    assert aws.client("sns").list_topics()["Topics"] == []
    (call,) = aws.control("GET", "/calls", service="sns")["calls"]
    assert (call["outcome"], call["fault"]) == ("ok", "slow@before")


def test_a_custom_fault_says_what_it_is_told(aws):
    aws.control("POST", "/faults", {"service": "rds", "kind": "custom", "code": "SnapshotQuotaExceeded", "message": "full", "status": 400})
    assert _code(aws.client("rds").describe_db_instances) == "SnapshotQuotaExceeded"


def test_faults_are_limited_by_count_and_skip_and_removed_by_id(aws):
    rule = aws.control("POST", "/faults", {"service": "sns", "kind": "error503", "skip": 1, "count": 1})["faults"][0]
    sns = aws.client("sns")
    sns.list_topics()
    assert _code(sns.list_topics) == "ServiceUnavailable"
    sns.list_topics()
    aws.control("DELETE", f"/faults/{rule['id']}")
    assert aws.control("GET", "/faults")["faults"] == []


def test_the_same_seed_gives_the_same_faults_and_another_gives_others():
    def drawn(seed):
        faults = Faults()
        faults.add({"seed": seed, "rate": 0.3, "kinds": ["throttle", "reset@after", "error500"]})
        return [fault and fault.name for fault in (faults.decide("ecs", "X", [], "1", "r") for _ in range(200))]

    first = drawn(42)
    assert first == drawn(42)
    assert first != drawn(43)
    made = [name for name in first if name]
    assert 30 < len(made) < 90
    assert set(made) == {"throttle@before", "reset@after", "error500@before"}


def test_a_rule_is_for_the_resources_it_names():
    faults = Faults()
    faults.add({"resource": "*:service/app/a", "kind": "throttle"})
    assert faults.decide("ecs", "UpdateService", ["arn:aws:ecs:r:1:service/app/b"], "1", "r") is None
    assert faults.decide("ecs", "UpdateService", ["arn:aws:ecs:r:1:service/app/a"], "1", "r").kind == "throttle"


@pytest.mark.parametrize(
    "rule",
    [
        {"kind": "nonsense"},
        {"kind": "throttle", "when": "during"},
        {"kind": "custom"},
        {"kind": "throttle", "probability": 2},
        {"kind": "throttle", "servise": "ecs"},
        {"kind": "throttle", "count": 0},
        {},
    ],
)
def test_a_rule_that_means_nothing_is_refused(aws, rule):
    session = requests.Session()
    session.trust_env = False
    answer = session.post(aws.endpoint + "/_sandbox/faults", json=rule, timeout=10)
    assert answer.status_code == 400
    assert aws.control("GET", "/faults")["faults"] == []


def test_an_answer_that_is_lost_is_counted_once(aws):
    aws.control("POST", "/faults", {"service": "sns", "kind": "error500", "when": "after", "count": 1})
    with pytest.raises(ClientError):
        aws.client("sns").create_topic(Name="t")
    counts = aws.control("GET", "/calls/counts")
    assert (counts["total"], counts["outcomes"]) == (1, {"fault": 1})
