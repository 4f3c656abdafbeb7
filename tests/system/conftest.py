"""One sandbox with the operator installed for each worker; for each test a place of its own in it."""

from __future__ import annotations

import copy
import itertools
import json
import os
import pty
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from exports.exporter import EXPORTER
from exports.exporter import image as exporter
from places import Place
from runbook_sandbox.clocked.account import Account
from runbook_sandbox.clocked.installation import IMAGE, install
from runbook_sandbox.harness import Options, Sandbox

_numbers = itertools.count(1)
QUICK = {"ecs_task_start": 0.5, "ecs_task_stop": 0.2, "ecs_placement_interval": 0.2, "ecs_stabilize": 0.2, "cloudtrail_delay": 0.5}
QUICK |= {"rds_create": 0.5, "rds_modify": 1.0, "rds_snapshot": 1.0, "rds_delete": 0.5}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long tests come first, otherwise in the order in which they are written."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox whose node knows the images of operator and exporter."""
    program = os.environ.get("RUNBOOK_OPERATOR")
    if not program or not Path(program).is_file():
        pytest.fail("RUNBOOK_OPERATOR must name the operator's program: `make test-system` builds it and sets it")
    images = {IMAGE: program, EXPORTER: str(exporter(tmp_path_factory.mktemp("exporter")))}
    with Sandbox.start(options=Options(images=images, crash_back_off=1, audit=True)) as running:
        yield running


@pytest.fixture(scope="session")
def account(sandbox: Sandbox) -> Account:
    """The AWS account, in which nothing takes longer than it must to be seen under way."""
    made = Account(sandbox.aws_endpoint)
    made.control("PUT", "/pace", QUICK)
    return made


@pytest.fixture(scope="session")
def operator(sandbox: Sandbox, account: Account) -> Sandbox:
    """The sandbox with the operator installed from its chart, for the clusters of all places."""
    install(sandbox, account, cluster="*")
    return sandbox


@pytest.fixture
def loosen(operator: Sandbox) -> Iterator[Callable[[str], None]]:
    """Makes a CRD take anything as a spec, for as long as the test runs."""
    shipped: dict[str, dict[str, Any]] = {}

    def loose(name: str) -> None:
        crd = operator.get("crd", name)
        shipped[name] = copy.deepcopy(crd["spec"])
        for version in crd["spec"]["versions"]:
            # Rules beside the spec name fields of it.
            version["schema"]["openAPIV3Schema"].pop("x-kubernetes-validations", None)
            version["schema"]["openAPIV3Schema"]["properties"]["spec"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        operator.kubectl("replace", "--filename=-", stdin=json.dumps(crd))

    yield loose
    for name, spec in shipped.items():
        operator.kubectl("replace", "--filename=-", stdin=json.dumps(operator.get("crd", name) | {"spec": spec}))


@dataclass(frozen=True)
class Answer:
    """What a run of the CLI came to."""

    code: int
    out: str
    err: str


class Cli:
    """`kubectl runbook`, for one person: an IAM user, and the sandbox's kubeconfig."""

    def __init__(self, sandbox: Sandbox, program: str, user: str, key: tuple[str, str]) -> None:
        self.user, self._program = user, program
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        self._environment |= sandbox.environment() | {"AWS_ACCESS_KEY_ID": key[0], "AWS_SECRET_ACCESS_KEY": key[1]}

    def __call__(self, *arguments: str, stdin: str | None = None, **environment: str) -> Answer:
        """Runs it to its end."""
        environment = self._environment | environment
        command = [self._program, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=environment, timeout=120)
        return Answer(done.returncode, done.stdout, done.stderr)

    def on_terminal(self, *arguments: str, **environment: str) -> str:
        """Runs it to its end on a terminal, and returns what that shows: no more than a terminal holds."""
        terminal, end = pty.openpty()
        with os.fdopen(terminal, "rb", buffering=0) as shown, os.fdopen(end, "wb", buffering=0) as there:
            environment = self._environment | {"TERM": "xterm"} | environment
            command = [self._program, *arguments]
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=there, stderr=there, check=False, env=environment, timeout=120)
            return shown.read(65536).decode()

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Starts it."""
        pipe = subprocess.PIPE
        return subprocess.Popen([self._program, *arguments], stdout=pipe, stderr=pipe, text=True, env=self._environment)


@pytest.fixture
def cli(operator: Sandbox, account: Account) -> Cli:
    """The CLI, in the hands of somebody who may do everything in AWS: what it does not do it does not try."""
    program = os.environ.get("RUNBOOK_CLI")
    if not program or not Path(program).is_file():
        pytest.fail("RUNBOOK_CLI must name the CLI's program: `make test-system` builds it and sets it")
    user = f"person-{next(_numbers)}"
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    return Cli(operator, program, user, account.create_user(user, everything))


@pytest.fixture
def place(operator: Sandbox, account: Account) -> Iterator[Place]:
    """A place of this test's own, with an AwsAccount that grants it everything there."""
    name = f"place-{next(_numbers)}"
    operator.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    account.create_services(cluster=name)
    made = Place(operator, account, name)
    made.grant()
    yield made
    account.control("DELETE", "/faults")
    # The namespace itself goes with the sandbox: to end one takes the API server a hundred requests.
    operator.objects.delete_category("runbook", name)
    operator.objects.delete("awsaccount", name)
