"""Install, upgrade, roll back, uninstall, install again: policies and what runs in AWS outlive all of it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from runbook_sandbox.clocked.account import ACCOUNT, APP, CLUSTER, REGION, Account
from runbook_sandbox.clocked.installation import CHART, IMAGE, NAMESPACE, RELEASE, helm, install, is_in_sync, until
from runbook_sandbox.harness import CommandError, Options, Sandbox

CRDS = ("awsaccounts.ops.clocked.app", "scalingpolicies.ops.clocked.app")


@pytest.fixture
def earlier(tmp_path: Path) -> Path:
    """The chart as an earlier version may have been: without a field, a role, a Service."""
    chart = tmp_path / "runbook-operator"
    shutil.copytree(CHART, chart)
    about = yaml.safe_load((chart / "Chart.yaml").read_text())
    (chart / "Chart.yaml").write_text(yaml.safe_dump(about | {"version": "0.0.9", "appVersion": "0.0.9"}))
    path = chart / "files" / "crds" / f"{CRDS[1].partition('.')[0]}.ops.clocked.app.yaml"
    crd = yaml.safe_load(path.read_text())
    del spec_schema(crd)["suspend"]
    path.write_text(yaml.safe_dump(crd))
    for template in ("user-roles.yaml", "metrics.yaml"):
        (chart / "templates" / template).unlink()
    return chart


def spec_schema(crd: dict[str, Any]) -> dict[str, Any]:
    return crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]


@pytest.fixture
def own() -> Iterator[tuple[Sandbox, Account]]:
    """A sandbox of this test's own: CustomResourceDefinitions belong to one release of a cluster."""
    images = {IMAGE: os.environ["RUNBOOK_OPERATOR"]}
    with Sandbox.start(options=Options(images=images, crash_back_off=1)) as sandbox:
        account = Account(sandbox.aws_endpoint)
        account.create_services(APP, desired=2)
        yield sandbox, account


class Story:
    """One cluster with one policy, and what is asked about them again and again."""

    def __init__(self, sandbox: Sandbox, account: Account) -> None:
        self.sandbox, self.account = sandbox, account

    def declare(self) -> None:
        """An AwsAccount and a ScalingPolicy that holds a service at three tasks."""
        version = "ops.clocked.app/v1alpha1"
        grant = {"namespaces": ["default"], "verbs": ["scale"], "resources": [f"arn:aws:ecs:*:*:service/{CLUSTER}/*"]}
        self.sandbox.apply(
            {
                "apiVersion": version,
                "kind": "AwsAccount",
                "metadata": {"name": "default"},
                "spec": {"accountId": ACCOUNT, "regions": [REGION], "mode": "Enforce", "grants": [grant]},
            },
            {
                "apiVersion": version,
                "kind": "ScalingPolicy",
                "metadata": {"name": "web", "namespace": "default"},
                "spec": {"target": {"ecsService": {"cluster": CLUSTER, "service": APP}}, "replicas": 3},
            },
        )

    def policy(self) -> dict[str, Any]:
        return self.sandbox.get("scalingpolicy", "web", "--namespace=default")

    def suspend(self, suspend: bool) -> None:
        patch = json.dumps({"spec": {"suspend": suspend}})
        self.sandbox.kubectl("patch", "scalingpolicy", "web", "--namespace=default", "--type=merge", f"--patch={patch}")

    def crd(self, name: str = CRDS[1]) -> dict[str, Any]:
        return self.sandbox.get("crd", name)

    def identities(self) -> dict[str, str]:
        """The uid of everything that must not be made anew."""
        things = [*(self.crd(name) for name in CRDS), self.policy(), self.sandbox.get("awsaccount", "default")]
        return {thing["metadata"]["name"]: thing["metadata"]["uid"] for thing in things}

    def desired(self) -> int:
        return self.account.service(APP)["desiredCount"]

    def works(self) -> None:
        """The operator puts right what somebody changes."""
        self.account.set_desired(APP, 1)
        until("drift is corrected", self.desired, lambda count: count == 3, 90)
        until("the policy is in sync", self.policy, is_in_sync)

    def writes(self) -> int:
        return sum(call["effect"] for call in self.account.operator_calls("UpdateService"))

    def has(self, kind: str, name: str) -> bool:
        return bool(self.sandbox.kubectl("get", kind, name, "--ignore-not-found", "--output=name", f"--namespace={NAMESPACE}").strip())


@pytest.mark.long
def test_policies_outlive_upgrade_rollback_and_uninstall(own, earlier):
    sandbox, account = own
    story = Story(sandbox, account)

    install(sandbox, account, "--set=replicas=1", chart=earlier)
    story.declare()
    until("the policy is in sync", story.policy, is_in_sync)
    identities, spec = story.identities(), story.policy()["spec"]
    assert "suspend" not in spec_schema(story.crd())
    assert not story.has("clusterrole", f"{RELEASE}-editor")

    # Upgrade: the schema is the new one, nothing is made anew, nothing is written to AWS.
    writes = story.writes()
    helm(sandbox, "upgrade", "--set=replicas=1")
    assert "suspend" in spec_schema(story.crd()) and story.has("clusterrole", f"{RELEASE}-editor")
    assert story.crd()["metadata"]["labels"]["helm.sh/chart"] == f"runbook-operator-{version()}"
    assert story.identities() == identities
    assert story.writes() == writes
    story.works()

    # A field that only the new schema has.
    story.suspend(True)
    assert story.policy()["spec"]["suspend"] is True
    story.suspend(False)

    # Rollback: the old schema again, the same objects.
    sandbox.helm("rollback", RELEASE, "1", f"--namespace={NAMESPACE}", "--wait", "--timeout=3m")
    assert "suspend" not in spec_schema(story.crd()) and not story.has("clusterrole", f"{RELEASE}-editor")
    assert story.identities() == identities
    # What the old schema does not know is dropped when the object is next written.
    assert story.policy()["spec"] | {"suspend": False} == spec | {"suspend": False}
    story.works()

    # Uninstall: the operator and its rights are gone; kinds, objects and AWS stay as they are.
    writes = story.writes()
    sandbox.helm("uninstall", RELEASE, f"--namespace={NAMESPACE}", "--wait", "--timeout=3m")
    for kind, name in (("deployment", RELEASE), ("clusterrole", RELEASE), ("clusterrolebinding", RELEASE), ("serviceaccount", RELEASE)):
        assert not story.has(kind, name), f"{kind} {name} is left over"
    assert story.identities() == identities and story.desired() == 3 and story.writes() == writes

    # Install again: the kinds are the release's again, and what changed meanwhile is put right.
    account.set_desired(APP, 2)
    helm(sandbox, "install", "--set=replicas=1")
    assert story.identities() == identities and "suspend" in spec_schema(story.crd())
    until("drift is corrected", story.desired, lambda count: count == 3, 90)
    story.works()

    # Under another name the kinds are taken over only by who says so.
    sandbox.helm("uninstall", RELEASE, f"--namespace={NAMESPACE}", "--wait", "--timeout=3m")
    other = ["another", str(CHART), f"--namespace={NAMESPACE}", "--set=clusterId=sandbox", "--set=replicas=0"]
    with pytest.raises(CommandError, match="meta.helm.sh/release-name"):
        sandbox.helm("install", *other)
    sandbox.helm("install", *other, "--take-ownership")
    assert story.crd()["metadata"]["annotations"]["meta.helm.sh/release-name"] == "another"
    assert story.identities() == identities


def version() -> str:
    return yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
