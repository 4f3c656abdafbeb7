"""What the chart renders: the same as was reviewed, and what the API server takes."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from runbook_sandbox.clocked.installation import CHART, NAMESPACE, RELEASE, until
from runbook_sandbox.harness import CommandError

HERE = Path(__file__).resolve().parent
VALUES = sorted(path.stem for path in (HERE / "values").glob("*.yaml"))


def values(name: str) -> str:
    return f"--values={HERE / 'values' / name}.yaml"


def reviewed(rendered: str) -> str:
    """A rendering without what is reviewed elsewhere: CustomResourceDefinitions and the dashboard are files of their own."""
    documents = [document for document in re.split(r"^---\n", rendered, flags=re.MULTILINE) if document.strip()]
    kept = [document for document in documents if "\nkind: CustomResourceDefinition\n" not in document]
    return "---\n".join(re.sub(r"(runbook-operator\.json: \|\n)(    .*\n|\n)+", r"\1", document) for document in kept)


@pytest.mark.parametrize("name", VALUES)
def test_it_renders_what_was_reviewed(chart, same_as_file, name):
    same_as_file(HERE / "golden" / f"{name}.yaml", reviewed(chart.render(values(name))))


def test_every_golden_rendering_has_its_values():
    assert sorted(path.stem for path in (HERE / "golden").glob("*.yaml")) == VALUES


def test_every_template_is_rendered_by_some_values(chart):
    rendered = "".join(chart.render(values(name)) for name in VALUES)
    templates = {path.name for path in (CHART / "templates").glob("*.yaml")}
    assert templates == set(re.findall(r"^# Source: runbook-operator/templates/(\S+)$", rendered, re.MULTILINE))


def test_helm_lint_has_nothing_to_say(chart):
    for name in VALUES:
        assert "0 chart(s) failed" in chart.helm("lint", "--strict", str(CHART), values(name))


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--set=replicas=2", "kubectl rollout status deployment/runbook-operator -n runbook-system"),
        ("--set=replicas=2", "EKS Pod Identity"),
        ("--set=replicas=2", "--clusterrole=runbook-operator-editor"),
        ("--set=replicas=1", "Set replicas to 2"),
        ("--set=replicas=0", "nothing is compared"),
        ("--set=operator.allowCustomEndpoints=true", "WARNING"),
        ("--set=crds.install=false", "apply the CustomResourceDefinitions"),
    ],
)
def test_the_notes_say_what_to_do_next(chart, flag, said):
    shown = chart.helm("install", RELEASE, str(CHART), f"--namespace={NAMESPACE}", "--dry-run=client", "--set=clusterId=test", flag)
    assert said in shown.partition("\nNOTES:\n")[2]


@pytest.fixture(scope="module")
def server(sandbox):
    """An API server that knows the kinds of the Prometheus operator."""
    sandbox.kubectl("apply", f"--filename={HERE / 'monitoring-crds.yaml'}")
    sandbox.kubectl("wait", "--for=condition=Established", f"--filename={HERE / 'monitoring-crds.yaml'}", "--timeout=60s")
    sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    return sandbox


@pytest.mark.parametrize("name", VALUES)
def test_every_rendering_is_taken_by_the_api_server(server, chart, name):
    server.kubectl(
        "apply",
        "--dry-run=server",
        "--server-side",
        "--force-conflicts",
        "--validate=strict",
        "--filename=-",
        # Under a name of its own: where the operator is installed, the server would merge the two.
        stdin=chart.render(values(name), release="rendering"),
    )


@pytest.mark.parametrize("name", VALUES)
def test_the_pods_keep_to_the_restricted_standard(server, chart, name):
    """Kubernetes documentation, "Pod Security Standards"."""
    namespace = {"name": "restricted", "labels": {"pod-security.kubernetes.io/enforce": "restricted"}}
    server.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": namespace})
    (deployment,) = [thing for thing in chart.objects(values(name)) if thing["kind"] == "Deployment"]
    spec = deployment["spec"]["template"]["spec"] | {"serviceAccountName": "default"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "operator", "namespace": "restricted"}, "spec": spec}

    def create() -> str:
        return server.kubectl("create", "--dry-run=server", "--filename=-", stdin=json.dumps(pod))

    assert "created" in retried(create)
    del spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"]
    with pytest.raises(CommandError, match="allowPrivilegeEscalation"):
        create()


def retried(create):
    """Again, while the namespace has not got its ServiceAccount yet."""
    def attempt() -> str:
        try:
            return create()
        except CommandError as error:
            if "serviceaccount" not in str(error):
                raise
            return ""

    return until("a pod may be created", attempt, bool)


@pytest.mark.parametrize(
    ("flag", "said"),
    [
        ("--set=clusterId=", "clusterId"),
        ("--set=clusterId=Upper_Case", "clusterId"),
        ("--set=replicas=two", "replicas"),
        ("--set=operator.resync=5", "resync"),
        ("--set=unknown=1", "unknown"),
        ("--set=serviceAccount.create=false", "serviceAccount"),
        ("--set=networkPolicy.awsCidrs[0]=10.0.0.1", "awsCidrs"),
        ("--set=networkPolicy.enabled=true,networkPolicy.awsCidrs[0]=10.0.0.0/8", "set networkPolicy.apiServerCidrs too"),
        ("--set=podLabels.number=1", "podLabels"),
        ("--set=prometheusRule.alerts.PoliciesStalled.limit=1", "limit"),
        ("--set=prometheusRule.enabled=true,prometheusRule.alerts.Unheard.threshold=1", "no alert Unheard; there are OperatorDown"),
    ],
)
def test_wrong_values_are_refused_by_name(chart, flag, said):
    with pytest.raises(CommandError, match=said):
        chart.render("--set=clusterId=test", flag)


def test_crds_are_those_of_the_types_and_kept_when_the_chart_goes(chart):
    files = [yaml.safe_load(path.read_text()) for path in (CHART / "files" / "crds").glob("*.yaml")]
    shipped = {crd["metadata"]["name"]: crd for crd in files}
    rendered = {
        thing["metadata"]["name"]: thing for thing in chart.objects(values("default")) if thing["kind"] == "CustomResourceDefinition"
    }
    assert len(shipped) >= 2 and rendered.keys() == shipped.keys()
    for name, crd in rendered.items():
        assert crd["spec"] == shipped[name]["spec"]
        assert crd["metadata"]["annotations"]["helm.sh/resource-policy"] == "keep"


def test_crds_are_kept_whatever_annotations_are_asked_for(chart):
    objects = chart.objects("--set=clusterId=test", "--set-json", 'crds.annotations={"helm.sh/resource-policy":"delete","a":"b"}')
    crds = [thing for thing in objects if thing["kind"] == "CustomResourceDefinition"]
    assert crds and all(crd["metadata"]["annotations"] == {"helm.sh/resource-policy": "keep", "a": "b"} for crd in crds)


def test_a_budget_never_stops_the_drain_of_a_single_replica(chart):
    def budgets(replicas: int) -> list:
        objects = chart.objects("--set=clusterId=test", f"--set=replicas={replicas}")
        return [thing for thing in objects if thing["kind"] == "PodDisruptionBudget"]

    assert [len(budgets(replicas)) for replicas in (0, 1, 2, 5)] == [0, 0, 1, 1]
