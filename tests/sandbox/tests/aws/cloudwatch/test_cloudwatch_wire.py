"""One CloudWatch behind three protocols: RPC v2 CBOR (current SDKs), JSON 1.0 and query."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
import requests
from botocore.loaders import create_loader
from botocore.model import ServiceModel

from runbook_sandbox.aws import rpc_cbor

METRIC = {"Namespace": "App", "MetricName": "latency", "Dimensions": [{"Name": "Service", "Value": "api"}]}


def test_each_protocol_writes_and_reads(aws, wire):
    """Service model, `protocols`. moto answers CBOR with 404 and mistakes JSON time stamps."""
    now = aws.clock.now()
    datum = {"MetricName": "latency", "Dimensions": METRIC["Dimensions"], "Value": 1.5, "Unit": "Seconds", "Timestamp": now}
    status, _, _ = wire.call("PutMetricData", Namespace="App", MetricData=[datum])
    assert status == 200
    span = {"StartTime": now - timedelta(minutes=5), "EndTime": now + timedelta(minutes=5)}
    _, answer, _ = wire.call("GetMetricStatistics", **METRIC, **span, Period=60, Statistics=["Average", "SampleCount"])
    (point,) = answer["Datapoints"]
    assert (point["Average"], point["SampleCount"], point["Unit"]) == (1.5, 1.0, "Seconds")
    assert point["Timestamp"].timestamp() == now.timestamp() // 60 * 60
    query = {"Id": "m1", "MetricStat": {"Metric": METRIC, "Period": 60, "Stat": "Maximum"}}
    _, answer, _ = wire.call("GetMetricData", **span, MetricDataQueries=[query])
    assert answer["MetricDataResults"][0]["Values"] == [1.5]
    assert answer["MetricDataResults"][0]["StatusCode"] == "Complete"


def test_each_protocol_tells_the_error_code(wire):
    """Query-compatible services put the query code into x-amzn-query-error; CBOR and JSON carry the shape in `__type`."""
    status, answer, _ = wire.call("SetAlarmState", AlarmName="ghost", StateValue="OK", StateReason="because")
    assert status == 404
    assert answer["Error"]["Code"] == "ResourceNotFound"
    assert "ghost" in answer["Error"]["Message"]
    status, answer, _ = wire.call("GetMetricStatistics", **METRIC, StartTime=100, EndTime=1000, Period=61, Statistics=["Average"])
    assert (status, answer["Error"]["Code"]) == (400, "InvalidParameterValue")


def test_alarms_come_back_as_they_were_put(wire):
    wire.call(
        "PutMetricAlarm",
        AlarmName="slow",
        **METRIC,
        Statistic="Average",
        Period=60,
        EvaluationPeriods=3,
        Threshold=2.5,
        ComparisonOperator="GreaterThanThreshold",
        AlarmActions=["arn:aws:sns:eu-central-1:123456789012:pager"],
    )
    _, answer, _ = wire.call("DescribeAlarms", AlarmNames=["slow"])
    (alarm,) = answer["MetricAlarms"]
    assert (alarm["Threshold"], alarm["EvaluationPeriods"], alarm["StateValue"]) == (2.5, 3, "INSUFFICIENT_DATA")
    assert alarm["AlarmActions"] == ["arn:aws:sns:eu-central-1:123456789012:pager"]
    assert alarm["OKActions"] == []
    assert alarm["Dimensions"] == METRIC["Dimensions"]


def test_cbor_answers_as_the_protocol_says(cbor):
    """Smithy RPC v2 CBOR: the header smithy-protocol, application/cbor, epoch seconds as tag 1."""
    _, _, headers = cbor.call("ListMetrics")
    assert headers["smithy-protocol"] == "rpc-v2-cbor"
    assert headers["Content-Type"] == "application/cbor"


def test_whole_seconds_are_floats_in_cbor():
    """aws-smithy-cbor (Rust) decodes the content of tag 1 as a float only."""
    shape = ServiceModel(create_loader().load_service_model("cloudwatch", "service-2")).operation_model("GetMetricData").output_shape
    result = {"MetricDataResults": [{"Id": "m", "Timestamps": [datetime(2026, 1, 1, tzinfo=UTC)], "Values": [1.0]}]}
    assert b"\xc1\xfb" in rpc_cbor.serialize(result, shape)


def test_a_body_that_is_not_cbor_is_refused(aws):
    session = requests.Session()
    session.trust_env = False
    credential = (
        "AWS4-HMAC-SHA256 Credential=AKIATESTTESTTESTTEST/20260101/eu-central-1/monitoring/aws4_request, SignedHeaders=host, Signature=0"
    )
    answer = session.post(
        f"{aws.endpoint}/service/GraniteServiceVersion20100801/operation/ListMetrics",
        data=b"\xff\xff",
        headers={"smithy-protocol": "rpc-v2-cbor", "Content-Type": "application/cbor", "Authorization": credential},
        timeout=20,
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("size", [10, 900])
def test_large_requests_are_compressed_by_sdks(aws, cloudwatch, size):
    """SDKs gzip PutMetricData above 10 KiB."""
    data = [{"MetricName": f"metric-{number}", "Value": 1.0} for number in range(size)]
    cloudwatch.put_metric_data(Namespace="App", MetricData=data)
    names = {item["MetricName"] for page in cloudwatch.get_paginator("list_metrics").paginate() for item in page["Metrics"]}
    assert len(names) == size
