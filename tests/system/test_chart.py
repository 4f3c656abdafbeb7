"""The chart: what it renders is what the API server takes, and what it takes away is only its own."""

from __future__ import annotations

import pytest
from runbook_sandbox.clocked.installation import CHART
from runbook_sandbox.harness import CommandError

RENDERINGS = {
    "default": [],
    "everything": [
        "--set=replicas=0",
        "--set=operator.allowCustomEndpoints=true",
        '--set-json=serviceAccount.annotations={"eks.amazonaws.com/role-arn":"arn:aws:iam::123456789012:role/runbook-operator"}',
        '--set-json=tolerations=[{"operator":"Exists"}]',
        '--set-json=nodeSelector={"kubernetes.io/os":"linux"}',
        '--set-json=env=[{"name":"AWS_REGION","value":"eu-central-1"}]',
        '--set-json=podLabels={"team":"platform"}',
        '--set-json=podAnnotations={"note":"yes"}',
        "--set=priorityClassName=system-cluster-critical",
    ],
}


def render(client, *flags: str) -> str:
    return client.helm("template", "runbook-operator", str(CHART), "--namespace=default", "--set=clusterId=test", *flags)


@pytest.mark.parametrize("name", RENDERINGS)
def test_every_rendering_is_taken_by_the_api_server(sandbox, name):
    sandbox.kubectl("apply", "--dry-run=server", "--filename=-", stdin=render(sandbox, *RENDERINGS[name]))


def test_helm_lint_has_nothing_to_say(sandbox):
    assert "0 chart(s) failed" in sandbox.helm("lint", "--strict", str(CHART), "--set=clusterId=test")


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--set=clusterId=", "clusterId"),
        ("--set=clusterId=Upper_Case", "clusterId"),
        ("--set=replicas=two", "replicas"),
        ("--set=operator.resync=5", "resync"),
        ("--set=unknown=1", "unknown"),
    ],
)
def test_wrong_values_are_refused_by_name(sandbox, flag, said):
    with pytest.raises(CommandError, match=said):
        render(sandbox, flag)


def test_crds_are_kept_when_the_chart_goes(sandbox):
    rendered = render(sandbox)
    crds = [document for document in rendered.split("---\n") if "kind: CustomResourceDefinition" in document]
    assert len(crds) >= 2
    assert all("helm.sh/resource-policy: keep" in document for document in crds)
