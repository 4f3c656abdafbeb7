"""Refusals in every protocol: the form is the protocol's (Smithy's specifications), the code the service's."""

import gzip
import re

import cbor2
import pytest
import requests

AUTHORIZATION = "AWS4-HMAC-SHA256 Credential={key}/20260101/eu-central-1/{service}/aws4_request, SignedHeaders=host, Signature=x"


def _post(aws, service, path="/", body=b"", key="AKIATESTTESTTESTTEST", **headers):
    session = requests.Session()
    session.trust_env = False
    signed = {"Authorization": AUTHORIZATION.format(key=key, service=service)}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return session.post(aws.endpoint + path, data=body, headers=signed | named, timeout=10)


def _cloudwatch(aws, operation="DescribeAlarms", params=None, **more):
    path = f"/service/GraniteServiceVersion20100801/operation/{operation}"
    headers = {"Content_Type": "application/cbor", "smithy_protocol": "rpc-v2-cbor", "Accept": "application/cbor"}
    return _post(aws, "monitoring", path, cbor2.dumps(params or {}), **headers | more)


def test_cbor_calls_are_identified_and_recorded(aws):
    """The current CloudWatch SDKs speak Smithy RPC v2 CBOR, which plain moto answers with 404."""
    answer = _cloudwatch(aws, params={"MaxRecords": 5})
    assert answer.status_code == 200
    assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert "MetricAlarms" in cbor2.loads(answer.content)
    (call,) = aws.control("GET", "/calls")["calls"]
    assert (call["service"], call["operation"], call["params"]) == ("cloudwatch", "DescribeAlarms", {"MaxRecords": 5})
    assert answer.headers["x-amzn-RequestId"] == call["request_id"]


@pytest.mark.parametrize(
    ("arrange", "params", "status", "kind", "query_error"),
    [
        (("POST", "/faults", {"kind": "throttle"}), {}, 400, "ThrottlingException", "Throttling;Sender"),
        (("POST", "/faults", {"kind": "error500"}), {}, 500, "InternalServiceFault", "InternalFailure;Receiver"),
        (("POST", "/faults", {"kind": "access_denied"}), {}, 403, "AccessDeniedException", "AccessDenied;Sender"),
        (("PUT", "/iam", {"enforce": True}), {}, 403, "UnrecognizedClientException", "InvalidClientTokenId;Sender"),
        (None, {"MaxRecords": 0}, 400, "ValidationError", "ValidationError;Sender"),
    ],
)
def test_refusals_in_cbor(aws, arrange, params, status, kind, query_error):
    if arrange:
        aws.control(*arrange)
    answer = _cloudwatch(aws, params=params)
    assert answer.status_code == status
    assert answer.headers["smithy-protocol"] == "rpc-v2-cbor"
    assert answer.headers["Content-Type"] == "application/cbor"
    body = cbor2.loads(answer.content)
    assert body["__type"] == kind
    assert body["message"]
    assert answer.headers["x-amzn-query-error"] == query_error


def test_a_body_that_is_no_cbor(aws):
    answer = _post(
        aws, "monitoring", "/service/GraniteServiceVersion20100801/operation/DescribeAlarms", b"\xff\xff", Content_Type="application/cbor"
    )
    assert answer.status_code == 400
    assert cbor2.loads(answer.content)["__type"] == "SerializationException"


def test_a_compressed_body(aws):
    """SDKs compress PutMetricData from 10 KiB on ("Request compression")."""
    plain = cbor2.dumps({"MaxRecords": 7})
    path = "/service/GraniteServiceVersion20100801/operation/DescribeAlarms"
    answer = _post(aws, "monitoring", path, gzip.compress(plain), Content_Type="application/cbor", Content_Encoding="gzip")
    assert answer.status_code == 200
    (call,) = aws.control("GET", "/calls")["calls"]
    assert call["params"] == {"MaxRecords": 7}


def test_refusals_in_query_xml(aws):
    aws.control("POST", "/faults", {"kind": "throttle"})
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    answer = _post(aws, "rds", body=b"Action=DescribeDBInstances&Version=2014-10-31", **form)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"] == "text/xml"
    assert re.search(r'<ErrorResponse xmlns="http://rds.amazonaws.com/doc/2014-10-31/">', answer.text)
    assert "<Error><Type>Sender</Type><Code>Throttling</Code><Message>Rate exceeded</Message></Error>" in answer.text
    assert f"<RequestId>{answer.headers['x-amzn-RequestId']}</RequestId>" in answer.text


def test_refusals_in_ec2_xml(aws):
    aws.control("POST", "/faults", {"kind": "throttle"})
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    answer = _post(aws, "ec2", body=b"Action=DescribeVpcs&Version=2016-11-15", **form)
    assert answer.status_code == 503
    assert "<Response><Errors><Error><Code>RequestLimitExceeded</Code>" in answer.text


def test_refusals_in_json(aws):
    aws.control("POST", "/faults", {"kind": "throttle"})
    headers = {"X_Amz_Target": "AmazonEC2ContainerServiceV20141113.ListClusters", "Content_Type": "application/x-amz-json-1.1"}
    answer = _post(aws, "ecs", body=b"{}", **headers)
    assert answer.status_code == 400
    assert answer.json() == {"__type": "ThrottlingException", "message": "Rate exceeded"}
    assert answer.headers["Content-Type"] == "application/x-amz-json-1.1"
    assert "x-amzn-query-error" not in answer.headers


def test_what_is_special_in_xml_is_escaped(aws):
    aws.control("POST", "/faults", {"kind": "custom", "code": "Odd", "message": "a < b & c"})
    answer = _post(aws, "rds", body=b"Action=DescribeDBInstances&Version=2014-10-31", Content_Type="application/x-www-form-urlencoded")
    assert "<Message>a &lt; b &amp; c</Message>" in answer.text


def test_a_query_number_that_is_none(aws):
    form = {"Content_Type": "application/x-www-form-urlencoded"}
    answer = _post(aws, "rds", body=b"Action=DescribeDBInstances&Version=2014-10-31&MaxRecords=many", **form)
    assert answer.status_code == 400
    assert "<Code>MalformedInput</Code>" in answer.text


def test_a_body_that_is_not_compressed_as_it_says(aws):
    path = "/service/GraniteServiceVersion20100801/operation/DescribeAlarms"
    answer = _post(aws, "monitoring", path, b"plain", Content_Type="application/cbor", Content_Encoding="gzip")
    assert answer.status_code == 400
    assert cbor2.loads(answer.content)["__type"] == "SerializationException"


def test_an_unsigned_call_of_any_service_is_refused_in_its_protocol(aws):
    session = requests.Session()
    session.trust_env = False
    headers = {"X-Amz-Target": "AWSEvents.ListRules", "Content-Type": "application/x-amz-json-1.1"}
    answer = session.post(aws.endpoint, data=b"{}", headers=headers, timeout=10)
    assert answer.json()["__type"] == "MissingAuthenticationTokenException"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = session.post(aws.endpoint, data=b"Action=DescribeDBInstances&Version=2014-10-31", headers=headers, timeout=10)
    assert answer.status_code == 403
    assert "<Code>MissingAuthenticationToken</Code>" in answer.text
