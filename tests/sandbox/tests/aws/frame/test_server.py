"""The server: one front for all services, its control API, its way of failing."""

import http.client
import json
import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
import requests
from botocore.exceptions import ClientError

from runbook_sandbox.aws import control, middleware
from runbook_sandbox.aws.http import close, listen


def _session():
    session = requests.Session()
    session.trust_env = False
    return session


def test_the_sandbox_tells_its_health(aws):
    health = aws.control("GET", "/health")
    assert health["status"] == "ok"
    assert health["clock"]["frozen"] is True
    assert health["internalErrors"] == 0


def test_moto_tells_the_sandboxs_time(aws):
    """Plain moto shows the machine's time, so nothing that is stamped agrees with a clock that a test moved."""
    aws.clock.advance(86_400)
    created = aws.client("iam").create_user(UserName="ann")["User"]["CreateDate"]
    assert abs((created - aws.clock.now()).total_seconds()) < 1.0


def test_an_operation_that_the_sandbox_lacks_is_named_in_the_services_protocol(aws):
    """Plain moto answers an HTML page with status 500, which no SDK can read."""
    with pytest.raises(ClientError) as caught:
        aws.unchecked("ecs").submit_task_state_change()
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert "ecs:SubmitTaskStateChange" in caught.value.response["Error"]["Message"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_a_service_that_the_sandbox_lacks_is_named_too(aws):
    """Plain moto: an HTML page with status 500."""
    with pytest.raises(ClientError) as caught:
        aws.client("pi").list_performance_analysis_reports(ServiceType="RDS", Identifier="db-AAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert caught.value.response["Error"]["Code"] == "NotImplemented"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


@pytest.mark.parametrize(
    ("headers", "data", "code"),
    [
        (
            {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.Nonsense", "Content-Type": "application/x-amz-json-1.1"},
            b"{}",
            "UnknownOperationException",
        ),
        # Another service's operation of the same name.
        ({"X-Amz-Target": "AWSEvents.ListClusters", "Content-Type": "application/x-amz-json-1.1"}, b"{}", "UnknownOperationException"),
        (
            {"Content-Type": "application/x-www-form-urlencoded"},
            b"Action=Nonsense&Version=2014-10-31",
            "<Code>InvalidAction</Code><Message>Could not find operation Nonsense for version 2014-10-31</Message>",
        ),
        ({"Content-Type": "application/x-www-form-urlencoded"}, b"Version=2014-10-31", "<Code>MissingAction</Code>"),
    ],
)
def test_an_operation_that_no_service_has_is_refused(aws, headers, data, code):
    """awsJson answers UnknownOperationException, awsQuery InvalidAction, MissingAction for none ("Common Errors" of each service)."""
    service = "ecs" if "X-Amz-Target" in headers else "rds"
    signed = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential=AKIATESTTESTTESTTEST/20260101/eu-central-1/{service}/aws4_request, Signature=x"
    }
    answer = _session().post(aws.endpoint, headers=headers | signed, data=data, timeout=10)
    assert answer.status_code == 400
    assert code in answer.text


def test_a_failure_of_the_sandbox_is_an_internal_error_of_the_service_and_counted(aws, monkeypatch):
    from moto.secretsmanager.responses import SecretsManagerResponse

    def trip(_):
        raise ZeroDivisionError("tripped")

    monkeypatch.setattr(SecretsManagerResponse, "list_secrets", trip)
    aws.internal_errors_expected = True
    with pytest.raises(ClientError) as caught:
        aws.client("secretsmanager").list_secrets()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert caught.value.response["Error"]["Code"] == "InternalServiceError"
    failures = aws.control("GET", "/internal-errors")
    assert failures["count"] == 1
    assert "tripped" in failures["errors"][0]["traceback"]


def test_an_appointment_that_fails_stops_neither_requests_nor_later_appointments(aws):
    aws.internal_errors_expected = True
    kept = []
    aws.clock.call_later(1, lambda: 1 / 0, "broken")
    aws.clock.call_later(2, lambda: kept.append(True), "sound")
    aws.clock.advance(3)
    assert kept == [True]
    assert [one["operation"] for one in middleware.internal_errors] == ["broken"]


def test_every_answer_has_a_request_id_of_its_own(aws):
    """moto says `request-id` in every XML answer."""
    rds, ecs = aws.client("rds"), aws.client("ecs")
    ids = {
        rds.describe_db_instances()["ResponseMetadata"]["RequestId"],
        rds.describe_db_instances()["ResponseMetadata"]["RequestId"],
        ecs.list_clusters()["ResponseMetadata"]["RequestId"],
    }
    assert len(ids) == 3
    recorded = {call["request_id"] for call in aws.control("GET", "/calls")["calls"]}
    assert ids == recorded


def test_a_request_without_a_signature_is_refused(aws):
    """Common Errors: MissingAuthenticationToken. moto lets it through to S3."""
    answer = _session().post(
        aws.endpoint,
        headers={"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters", "Content-Type": "application/x-amz-json-1.1"},
        data=b"{}",
        timeout=10,
    )
    assert answer.status_code == 400
    assert answer.json()["__type"] == "MissingAuthenticationTokenException"


@pytest.mark.parametrize("authorization", ["garbage", "Bearer abc", "AWS4-HMAC-SHA256 Credential=x, Signature=y"])
def test_an_authorization_that_is_no_signature_is_refused(aws, authorization):
    """Common Errors: IncompleteSignature. Plain moto takes it for a request to S3."""
    target = {"X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters", "Content-Type": "application/x-amz-json-1.1"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for headers, code in ((target, "IncompleteSignatureException"), (form, "<Code>IncompleteSignature</Code>")):
        answer = _session().post(aws.endpoint, headers=headers | {"Authorization": authorization}, data=b"Action=X", timeout=10)
        assert answer.status_code == 400
        assert code in answer.text
        assert f"Authorization={authorization}" in answer.text


def test_a_body_of_s3_that_is_no_xml_is_refused(aws):
    """MalformedXML, 400 ("Error responses", Amazon S3 API Reference). Plain moto fails on it."""
    answer = _session().put(aws.endpoint + "/bucket", data=b"plain", timeout=10)
    assert answer.status_code == 400
    assert "<Code>MalformedXML</Code>" in answer.text


def test_connections_are_kept_alive(aws):
    """werkzeug's own handler closes after every answer, which AWS does not."""
    connection = http.client.HTTPConnection(aws.endpoint.removeprefix("http://"), timeout=10)
    connection.request("GET", "/_sandbox/health")
    connection.getresponse().read()
    used = connection.sock
    connection.request("GET", "/_sandbox/clock")
    assert connection.getresponse().status == 200
    assert used is not None
    assert connection.sock is used
    connection.close()


def test_a_head_request_tells_the_length_it_does_not_send(aws):
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="exports", CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    s3.put_object(Bucket="exports", Key="a/b c", Body=b"x" * 1000)
    assert s3.head_object(Bucket="exports", Key="a/b c")["ContentLength"] == 1000
    assert s3.get_object(Bucket="exports", Key="a/b c")["Body"].read() == b"x" * 1000


def test_accounts_are_separate_and_chosen_by_a_key_of_twelve_digits(aws):
    other = aws.client("sqs", aws_access_key_id="210987654321")
    other.create_queue(QueueName="theirs")
    assert aws.client("sts", aws_access_key_id="210987654321").get_caller_identity()["Account"] == "210987654321"
    assert "QueueUrls" not in aws.client("sqs").list_queues()
    assert len(other.list_queues()["QueueUrls"]) == 1


def test_the_control_api_says_what_it_would_have_taken(aws):
    session = _session()
    unknown = session.get(aws.endpoint + "/_sandbox/nothing", timeout=10)
    assert unknown.status_code == 404
    assert "/_sandbox/clock" in unknown.json()["error"]
    assert session.delete(aws.endpoint + "/_sandbox/health", timeout=10).status_code == 405
    assert session.post(aws.endpoint + "/_sandbox/clock", json={"to": "2001-01-01T00:00:00Z"}, timeout=10).status_code == 400
    bad = session.post(aws.endpoint + "/_sandbox/clock", json={"advance": "soon"}, timeout=10)
    assert bad.status_code == 400
    assert "1h30m" in bad.json()["error"]
    assert session.put(aws.endpoint + "/_sandbox/pace", json={"ecs_task_strat": 1}, timeout=10).status_code == 400
    assert session.post(aws.endpoint + "/_sandbox/clock", data="{", timeout=10).status_code == 400


def test_the_clock_and_the_pace_are_set_through_the_control_api(aws):
    before = aws.clock.now()
    state = aws.control("POST", "/clock", {"advance": "1h30m"})
    assert (aws.clock.now() - before).total_seconds() == 5400
    assert state["frozen"] is True
    aws.control("POST", "/clock", {"to": "2030-01-01T02:00:00Z"})
    assert aws.clock.now() == datetime(2030, 1, 1, 2, tzinfo=UTC)
    assert aws.control("POST", "/clock", {"resume": True})["frozen"] is False
    assert aws.control("POST", "/clock", {"freeze": True})["frozen"] is True
    assert aws.control("PUT", "/pace", {"rds_create": 60})["rds_create"] == 60
    aws.reset()
    assert aws.control("GET", "/pace")["rds_create"] == 6


def test_a_service_package_adds_routes_of_its_own(aws):
    @control.route("/frame-test/{name}", ["PUT"])
    def _put(params, body, name):
        return {"name": name, "params": params, "body": body}

    assert aws.control("PUT", "/frame-test/a", {"x": 1}, q="z") == {"name": "a", "params": {"q": "z"}, "body": {"x": 1}}


def test_a_reset_empties_everything(aws):
    aws.client("sqs").create_queue(QueueName="q")
    aws.control("POST", "/faults", {"service": "sns", "kind": "error500"})
    aws.control("PUT", "/iam", {"enforce": True})
    aws.clock.call_later(1, lambda: 1 / 0, "never")
    aws.control("POST", "/reset")
    aws.clock.advance(2)
    assert aws.control("GET", "/iam")["enforce"] is False
    assert aws.control("GET", "/faults")["faults"] == []
    assert "QueueUrls" not in aws.client("sqs").list_queues()


def test_it_runs_as_a_process_of_its_own(tmp_path):
    """With throttling on and the clock running, and it says when it listens."""
    ready = tmp_path / "ready"
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    process = subprocess.Popen(
        [sys.executable, "-m", "runbook_sandbox.aws.server", "--port", "0", "--ready-file", str(ready)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        deadline = time.monotonic() + 60
        while not ready.exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        endpoint = ready.read_text().strip()
        session = _session()
        assert session.get(endpoint + "/_sandbox/throttling", timeout=10).json()["enabled"] is True
        assert session.get(endpoint + "/_sandbox/clock", timeout=10).json()["frozen"] is False
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
        assert "AWS sandbox on http://127.0.0.1:" in process.stdout.read()


def test_json_answers_are_json_even_for_malformed_bodies(aws):
    """awsJson: SerializationException for a body that is no JSON object."""
    headers = {
        "X-Amz-Target": "AmazonEC2ContainerServiceV20141113.ListClusters",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIATESTTESTTESTTEST/20260101/eu-central-1/ecs/aws4_request, Signature=x",
    }
    for body in (b"{", b"[]", b'"x"'):
        answer = _session().post(aws.endpoint, headers=headers, data=body, timeout=10)
        assert answer.status_code == 400
        assert json.loads(answer.text)["__type"] == "SerializationException"


def test_calls_made_at_once_never_fail_in_the_sandbox(aws):
    """Plain moto sometimes answers 500 to parallel calls: dictionary changed size during iteration."""
    sqs, sns = aws.client("sqs"), aws.client("sns")

    def work(number):
        sqs.create_queue(QueueName=f"q{number}")
        sqs.list_queues()
        sns.create_topic(Name=f"t{number}")
        sns.list_topics()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(40)))
    assert len(sqs.list_queues()["QueueUrls"]) == 40
    assert aws.control("GET", "/calls/counts")["outcomes"] == {"ok": 161}


def test_motos_reset_resets_the_sandbox_too(aws):
    aws.control("PUT", "/pace", {"rds_create": 60})
    aws.client("sqs").create_queue(QueueName="q")
    assert _session().post(aws.endpoint + "/moto-api/reset", timeout=10).ok
    assert aws.control("GET", "/pace")["rds_create"] == 6
    assert "QueueUrls" not in aws.client("sqs").list_queues()


def test_a_server_that_stops_ends_the_connections_it_kept(aws):
    server = listen(0, lambda environ, start_response: start_response("200 OK", [("Content-Length", "0")]) and [])
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    serving.start()
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    connection.request("GET", "/")
    assert connection.getresponse().read() == b""
    close(server)
    serving.join(timeout=10)
    assert connection.sock.recv(1) == b""
