"""AWS's request rates; moto has none.

"Request throttling for the Amazon ECS API", "Amazon CloudWatch endpoints and quotas", "IAM and AWS STS quotas".
"""

import pytest
import requests
from botocore.exceptions import ClientError
from moto.core.utils import get_service_model

from runbook_sandbox.aws import rates
from runbook_sandbox.aws.rates import rate_of
from runbook_sandbox.aws.throttling import Throttling


def _taken(throttling, service, operation, times, account="1", region="r"):
    return sum(throttling.take(account, region, service, operation) for _ in range(times))


@pytest.mark.parametrize(
    ("service", "operation", "burst", "sustained"),
    [
        ("ecs", "UpdateService", 50, 5),
        ("ecs", "DescribeServices", 100, 20),
        ("ecs", "DescribeClusters", 50, 20),
        ("ecs", "CreateCluster", 20, 1),
        ("ecs", "RunTask", 100, 40),
        ("ecs", "DescribeTasks", 100, 20),
        ("ecs", "RegisterTaskDefinition", 20, 1),
        ("ecs", "TagResource", 20, 10),
        ("ecs", "DescribeServiceDeployments", 50, 20),
        ("ecs", "UpdateTaskProtection", 200, 80),
        ("cloudwatch", "GetMetricData", 500, 500),
        ("cloudwatch", "ListMetrics", 25, 25),
        ("cloudwatch", "DescribeAlarms", 9, 9),
        ("cloudwatch", "PutMetricAlarm", 3, 3),
        ("sts", "AssumeRole", 600, 600),
        ("logs", "FilterLogEvents", 5, 5),
    ],
)
def test_documented_rates(service, operation, burst, sustained):
    rate = rate_of(service, operation)
    assert (rate.burst, rate.sustained) == (burst, sustained)


def test_the_burst_is_spent_and_refills_at_the_sustained_rate(aws):
    throttling = Throttling()
    assert _taken(throttling, "ecs", "UpdateService", 60) == 50
    aws.clock.advance(2)
    assert _taken(throttling, "ecs", "UpdateService", 60) == 10
    aws.clock.advance(3600)
    assert _taken(throttling, "ecs", "UpdateService", 60) == 50


def test_operations_of_a_group_share_a_bucket_and_accounts_and_regions_do_not(aws):
    throttling = Throttling()
    assert _taken(throttling, "ecs", "CreateService", 30) == 30
    assert _taken(throttling, "ecs", "UpdateService", 30) == 20
    assert _taken(throttling, "ecs", "UpdateService", 60, account="2") == 50
    assert _taken(throttling, "ecs", "UpdateService", 60, region="s") == 50
    assert _taken(throttling, "ecs", "DescribeServices", 60) == 60


@pytest.mark.parametrize(
    ("service", "call", "code"),
    [
        ("ecs", "list_clusters", "ThrottlingException"),
        ("rds", "describe_db_instances", "Throttling"),
        ("cloudwatch", "describe_alarms", "Throttling"),
        ("sts", "get_caller_identity", "Throttling"),
    ],
)
def test_a_throttled_call_is_refused_in_the_services_own_words(aws, service, call, code):
    rate = rate_of(
        service, {"list_clusters": "ListClusters"}.get(call, "".join(part.title() for part in call.split("_")).replace("Db", "DB"))
    )
    aws.control("PUT", "/throttling", {"enabled": True, "scale": 1 / rate.burst})
    method = getattr(aws.client(service), call)
    method()
    with pytest.raises(ClientError) as caught:
        method()
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["Error"]["Message"] == "Rate exceeded"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert [one["outcome"] for one in aws.control("GET", "/calls", service=service)["calls"]] == ["ok", "throttled"]


def test_however_slow_one_request_at_a_time_goes_through(aws):
    throttling = Throttling()
    throttling.update({"scale": 0.001})
    assert _taken(throttling, "cloudwatch", "DescribeAlarms", 5) == 1
    aws.clock.advance(3600)
    assert _taken(throttling, "cloudwatch", "DescribeAlarms", 5) == 1


def test_throttling_is_switched_and_scaled(aws):
    assert aws.control("GET", "/throttling")["enabled"] is False
    for bad in ({"enabled": "yes"}, {"scale": 0}, {"scal": 1}, []):
        session = requests.Session()
        session.trust_env = False
        assert session.put(aws.endpoint + "/_sandbox/throttling", json=bad, timeout=10).status_code == 400
    throttling = Throttling()
    throttling.update({"scale": 2})
    assert _taken(throttling, "ecs", "UpdateService", 200) == 100
    throttling.update({"enabled": False})
    assert _taken(throttling, "ecs", "UpdateService", 200) == 200


def test_every_limited_operation_is_one_of_the_model():
    """A misspelt name would limit nothing."""
    for service, operation in rates._RATES:
        assert operation in get_service_model(service).operation_names, (service, operation)
