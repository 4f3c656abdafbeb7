"""CloudWatch for its tests: a client, short ways to publish and to be refused, and a client for each wire protocol."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import requests
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from botocore.loaders import create_loader
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

DIMENSIONS = [{"Name": "Service", "Value": "api"}]


@pytest.fixture
def cloudwatch(aws) -> Any:
    """The CloudWatch client of the home region."""
    return aws.client("cloudwatch")


@pytest.fixture
def refused() -> Callable[..., Any]:
    """`with refused("Code", "words of the message"):` the call inside fails so, and not otherwise."""

    @contextmanager
    def expect(code: str, *words: str) -> Iterator[None]:
        with pytest.raises(ClientError) as raised:
            yield
        error = raised.value.response["Error"]
        assert error["Code"] == code, error
        for word in words:
            assert word in error["Message"], error

    return expect


@pytest.fixture
def put(aws, cloudwatch) -> Callable[..., None]:
    """Publish values of `App/latency`, each in a minute of its own, and move the clock along."""

    def publish(*values: float | None, name: str = "latency", dimensions: Any = DIMENSIONS, step: float = 60, **more: Any) -> None:
        for value in values:
            if value is not None:
                datum = {"MetricName": name, "Dimensions": dimensions, "Timestamp": aws.clock.now(), "Value": value}
                cloudwatch.put_metric_data(Namespace="App", MetricData=[datum | more])
            aws.clock.advance(step)

    return publish


@pytest.fixture
def whole_minute(aws) -> None:
    """Begin at a full hour, so that periods of any length begin now."""
    now = aws.clock.now()
    aws.clock.advance(3600 - (now.timestamp() % 3600))


class WireClient:
    """Calls CloudWatch in one protocol, as the SDKs of that protocol do."""

    def __init__(self, endpoint: str, protocol: str) -> None:
        self._endpoint = endpoint
        self._model = ServiceModel(create_loader().load_service_model("cloudwatch", "service-2"), "cloudwatch")
        self._serializer, self._parser = create_serializer(protocol), create_parser(protocol)
        self._query_mode = protocol != "query"
        self._session = requests.Session()
        self._session.trust_env = False

    def call(self, operation: str, **params: Any) -> tuple[int, dict[str, Any], Any]:
        """Status, parsed answer, headers."""
        model = self._model.operation_model(operation)
        request = self._serializer.serialize_to_request(params, model)
        headers = dict(request["headers"]) | ({"x-amzn-query-mode": "true"} if self._query_mode else {})
        body = request["body"]
        signed = AWSRequest(request["method"], self._endpoint + request["url_path"], data=body, headers=headers)
        SigV4Auth(Credentials("AKIATESTTESTTESTTEST", "test"), "monitoring", "eu-central-1").add_auth(signed)
        prepared = signed.prepare()
        answer = self._session.post(prepared.url, data=prepared.body, headers=dict(prepared.headers), timeout=20)
        response = {"status_code": answer.status_code, "headers": answer.headers, "body": answer.content, "context": {}}
        return answer.status_code, self._parser.parse(response, model.output_shape), answer.headers


@pytest.fixture(params=["smithy-rpc-v2-cbor", "json", "query"])
def wire(aws, request) -> WireClient:
    """The same test in each of the protocols that CloudWatch speaks."""
    return WireClient(aws.endpoint, request.param)


@pytest.fixture
def cbor(aws) -> WireClient:
    return WireClient(aws.endpoint, "smithy-rpc-v2-cbor")
