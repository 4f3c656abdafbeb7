"""The AWS sandbox for tests: in-process, on a port of its own, its clock frozen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config

from runbook_sandbox.aws import middleware
from runbook_sandbox.aws.clock import Clock, clock
from runbook_sandbox.aws.server import Sandbox


class Aws:
    """The running sandbox as a test sees it."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._clients: dict[Any, Any] = {}
        #: Set by a test that makes the sandbox itself fail.
        self.internal_errors_expected = False

    @property
    def endpoint(self) -> str:
        return self._sandbox.endpoint

    @property
    def clock(self) -> Clock:
        return clock

    def client(self, service: str, region: str = "eu-central-1", **kw: Any) -> Any:
        """A boto3 client that does not retry, so that a test sees the first answer."""
        key = (service, region, tuple(sorted(kw.items()))) if all(isinstance(value, (str, bool, int)) for value in kw.values()) else None
        if key in self._clients:
            return self._clients[key]
        kw.setdefault("aws_access_key_id", "AKIATESTTESTTESTTEST")
        kw.setdefault("aws_secret_access_key", "test")
        config = Config(retries={"total_max_attempts": 1}, read_timeout=20, proxies={}).merge(kw.pop("config", None) or Config())
        client = boto3.Session().client(service, region_name=region, endpoint_url=self.endpoint, config=config, **kw)
        if key is not None:
            self._clients[key] = client
        return client

    def client_of(self, service: str, credentials: dict[str, Any], region: str = "eu-central-1") -> Any:
        """A client with the credentials that STS or CreateAccessKey answered."""
        return self.client(
            service,
            region,
            aws_access_key_id=credentials["AccessKeyId"],
            aws_secret_access_key=credentials["SecretAccessKey"],
            **({"aws_session_token": credentials["SessionToken"]} if "SessionToken" in credentials else {}),
        )

    def unchecked(self, service: str, region: str = "eu-central-1") -> Any:
        """A client that sends what it is given, as an SDK without botocore's checks would."""
        return self.client(service, region, config=Config(parameter_validation=False))

    def control(self, method: str, path: str, body: Any = None, **params: Any) -> Any:
        """Ask the control API: `aws.control("POST", "/clock", {"advance": 60})`."""
        session = requests.Session()
        session.trust_env = False
        answer = session.request(method, f"{self.endpoint}/_sandbox{path}", json=body, params=params, timeout=20)
        assert answer.ok, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json()

    def reset(self) -> None:
        self._sandbox.reset()


@pytest.fixture(scope="session")
def _aws_server() -> Iterator[Aws]:
    clock.freeze()
    sandbox = Sandbox()
    sandbox.start()
    yield Aws(sandbox)
    sandbox.stop()


@pytest.fixture
def aws(_aws_server: Aws) -> Iterator[Aws]:
    """An empty AWS with a frozen clock and no throttling; the test fails when the sandbox itself failed in it."""
    clock.freeze()
    _aws_server.reset()
    _aws_server.internal_errors_expected = False
    yield _aws_server
    failures = [f"{one.get('operation')}: {one['error']}" for one in middleware.internal_errors]
    assert not failures or _aws_server.internal_errors_expected, failures
