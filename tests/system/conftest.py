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
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from runbook_sandbox.clocked.account import ACCOUNT, REGION, Account
from runbook_sandbox.clocked.installation import (
    IMAGE,
    condition,
    install,
    is_in_sync,
    until,
)
from runbook_sandbox.harness import Client, Options, Sandbox

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    """A sandbox whose node knows the operator's image."""
    program = os.environ.get("RUNBOOK_OPERATOR")
    if not program or not Path(program).is_file():
        pytest.fail("RUNBOOK_OPERATOR must name the operator's program: `make test-system` builds it and sets it")
    with Sandbox.start(options=Options(images={IMAGE: program}, crash_back_off=1, audit=True)) as running:
        yield running


@pytest.fixture(scope="session")
def account(sandbox: Sandbox) -> Account:
    """The AWS account."""
    return Account(sandbox.aws_endpoint)


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


class Place:
    """A namespace, an AwsAccount that grants it everything in a cluster of its own, and that cluster."""

    def __init__(self, client: Client, account: Account, name: str) -> None:
        self.client, self.account, self.name = client, account, name
        self.namespace = self.cluster = name

    def grant(self, **spec: Any) -> None:
        """Creates or changes the AwsAccount; `spec` replaces what a grant to the whole cluster would say."""
        default = {
            "accountId": ACCOUNT,
            "regions": [REGION],
            "mode": "Enforce",
            "grants": [
                {"namespaces": [self.namespace], "verbs": ["scale"], "resources": [f"arn:aws:ecs:*:*:service/{self.cluster}/*"]},
            ],
        }
        self.client.apply(
            {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "AwsAccount", "metadata": {"name": self.name}, "spec": default | spec}
        )

    def policy(self, name: str, service: str | None = None, **spec: Any) -> dict[str, Any]:
        """A ScalingPolicy of this place, not yet applied."""
        target = {"ecsService": {"cluster": self.cluster, "service": service or name}}
        return {
            "apiVersion": "ops.clocked.app/v1alpha1",
            "kind": "ScalingPolicy",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"accountRef": {"name": self.name}, "target": target} | spec,
        }

    def override(self, name: str, policy: str, seconds: float = 3600, **spec: Any) -> dict[str, Any]:
        """A ScalingOverride of a policy of this place that ends so many seconds from now, not yet applied."""
        ends = (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {
            "apiVersion": "ops.clocked.app/v1alpha1",
            "kind": "ScalingOverride",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {"policyRef": {"name": policy}, "expiresAt": ends, "reason": "a test"} | spec,
        }

    def overrides(self) -> list[dict[str, Any]]:
        """The ScalingOverrides of this place."""
        return self.client.get("scalingoverrides", f"--namespace={self.namespace}")["items"]

    def told(self, name: str, reason: str, seconds: float = 60) -> dict[str, Any]:
        """Waits until an override's Active condition has this reason, and returns the override."""
        return until(
            f"override {self.namespace}/{name} is {reason}",
            lambda: self.client.get("scalingoverride", name, f"--namespace={self.namespace}"),
            lambda found: condition(found, "Active").get("reason") == reason,
            seconds,
        )

    def delete_override(self, name: str) -> None:
        """`kubectl delete`."""
        self.client.kubectl("delete", "scalingoverride", name, f"--namespace={self.namespace}")

    def apply(self, *objects: dict[str, Any]) -> None:
        """`kubectl apply`."""
        self.client.apply(*objects)

    def get(self, name: str) -> dict[str, Any]:
        """A ScalingPolicy as it is."""
        return self.client.get("scalingpolicy", name, f"--namespace={self.namespace}")

    def wait(self, name: str, right: Callable[[dict[str, Any]], bool], what: str, seconds: float = 60) -> dict[str, Any]:
        """Waits until a ScalingPolicy is as told, and returns it."""
        return until(f"{self.namespace}/{name} {what}", lambda: self.get(name), right, seconds)

    def in_sync(self, *names: str, seconds: float = 60) -> None:
        """Waits until policies are in line with AWS."""
        for name in names:
            self.wait(name, is_in_sync, "is in sync", seconds)

    def stalled(self, name: str, reason: str) -> dict[str, Any]:
        """Waits until a policy is stalled for this reason, and returns the condition."""

        def right(policy: dict[str, Any]) -> bool:
            stalled = condition(policy, "Stalled")
            return stalled.get("status") == "True" and stalled.get("reason") == reason

        return condition(self.wait(name, right, f"is stalled with {reason}"), "Stalled")

    def desired(self, service: str) -> int:
        """desiredCount of a service of this place."""
        return self.account.service(service, self.cluster)["desiredCount"]

    def wait_desired(self, service: str, count: int, seconds: float = 60) -> None:
        """Waits until a service has this desiredCount."""
        until(f"desiredCount of {self.cluster}/{service} is {count}", lambda: self.desired(service), lambda n: n == count, seconds)

    def writes(self, service: str | None = None, operation: str = "UpdateService") -> list[dict[str, Any]]:
        """The operator's writes in this place that had an effect, oldest first."""
        wanted = f"{self.cluster}/{service}" if service else f"{self.cluster}/"
        calls = self.account.operator_calls(operation)
        return [call for call in calls if call["effect"] and any(wanted in resource for resource in _resources(call))]

    def reconciled_again(self, name: str, times: int = 2) -> None:
        """Waits until the operator has looked at a policy so many times more, by asking it to."""
        for _ in range(times):
            asked = f"{self.name}-{next(_numbers)}"
            self.client.kubectl(
                "annotate",
                "scalingpolicy",
                name,
                f"--namespace={self.namespace}",
                "--overwrite",
                f"ops.clocked.app/reconcile-requested-at={asked}",
            )
            self.wait(name, lambda p, asked=asked: p["status"].get("lastHandledReconcileAt") == asked, "was looked at again")


def _resources(call: dict[str, Any]) -> list[str]:
    params = call["params"]
    named = (
        f"service/{params['cluster']}/{params['service']}" if "service" in params and "cluster" in params else params.get("resourceId", "")
    )
    return [*call["resources"], named, params.get("ResourceId", "")]


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
    operator.kubectl("delete", "namespace", name, "--ignore-not-found", "--wait=false")
    operator.kubectl("delete", "awsaccount", name, "--ignore-not-found", "--wait=false")
