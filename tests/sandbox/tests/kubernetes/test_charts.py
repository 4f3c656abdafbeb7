"""helm installs a chart and waits for it, as a user would."""

from __future__ import annotations

import json
from pathlib import Path


def write_chart(folder: Path) -> Path:
    """A chart of one Deployment whose readiness depends on a file that its command makes."""
    (folder / "templates").mkdir(parents=True)
    (folder / "Chart.yaml").write_text(json.dumps({"apiVersion": "v2", "name": "tiny", "version": "0.1.0"}))
    container = {
        "name": "main",
        "image": "shell",
        "command": ["/bin/sh", "-c", "trap 'exit 0' TERM; {{ .Values.prepare }}; while :; do sleep 0.1; done"],
        "readinessProbe": {"exec": {"command": ["test", "-e", "/work/ready"]}, "periodSeconds": 1},
        "volumeMounts": [{"name": "work", "mountPath": "/work"}],
    }
    template = {"metadata": {"labels": {"app": "tiny"}}, "spec": {"containers": [container], "volumes": [{"name": "work", "emptyDir": {}}]}}
    spec = {"selector": {"matchLabels": {"app": "tiny"}}, "template": template}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "tiny"}, "spec": spec}
    (folder / "templates" / "deployment.yaml").write_text(json.dumps(deployment))
    return folder


def test_a_chart_installs_and_is_removed(cluster, tmp_path, until):
    chart = str(write_chart(tmp_path / "tiny"))
    namespace = f"--namespace={cluster.namespace}"
    cluster.client.helm("install", "tiny", chart, namespace, "--wait", "--timeout=60s", "--set=prepare=touch /work/ready")
    assert cluster.condition("Available", "deployment/tiny") == "True"
    cluster.client.helm("uninstall", "tiny", namespace, "--wait", "--timeout=60s")
    until(lambda: not cluster.get("pods")["items"], "the pods to go")
