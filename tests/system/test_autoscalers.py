"""A HorizontalPodAutoscaler drives a fixed size through the scale subresource: Kubernetes' own controller, with an external metric."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from runbook_sandbox.clocked.installation import condition, until
from runbook_sandbox.kubernetes.external_metrics import ExternalMetrics


@pytest.fixture
def metrics(place, operator, tmp_path) -> Iterator[ExternalMetrics]:
    """An API of external metrics behind the API server."""
    with ExternalMetrics.serve(operator, tmp_path, place.namespace) as serving:
        yield serving


def autoscaler(place, name: str, low: int, high: int) -> dict[str, Any]:
    """One task for each ten messages in the queue."""
    queue = {"metric": {"name": "queue-depth"}, "target": {"type": "AverageValue", "averageValue": "10"}}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name, "namespace": place.namespace},
        "spec": {
            "scaleTargetRef": {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "ScalingPolicy", "name": name},
            "minReplicas": low,
            "maxReplicas": high,
            "metrics": [{"type": "External", "external": queue}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 0}},
        },
    }


def test_a_horizontal_pod_autoscaler_drives_a_fixed_size(place, metrics):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2))
    place.in_sync("web")
    metrics.set(place.namespace, "queue-depth", 45)
    place.apply(autoscaler(place, "web", 1, 6))
    place.wait_desired("web", 5)
    metrics.set(place.namespace, "queue-depth", 500)
    place.wait_desired("web", 6)
    metrics.set(place.namespace, "queue-depth", 5)
    place.wait_desired("web", 1)
    place.in_sync("web")
    assert [call["params"]["desiredCount"] for call in place.writes("web")] == [2, 5, 6, 1]
    assert {entry["reason"] for entry in place.get("web")["status"]["history"]} == {"SpecChanged"}
    assert not place.overrides(), "what the autoscaler asks for is nobody's scale-out by hand"


def test_the_autoscaler_cannot_go_where_the_schema_does_not_let_it(place, metrics):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2))
    place.in_sync("web")
    metrics.set(place.namespace, "queue-depth", 100_000)
    reckless = autoscaler(place, "web", 1, 9000)
    reckless["spec"]["behavior"]["scaleUp"] = {"policies": [{"type": "Pods", "value": 9000, "periodSeconds": 1}]}
    place.apply(reckless)
    refused = until(
        "it is refused",
        lambda: condition(place.client.get("hpa", "web", f"--namespace={place.namespace}"), "AbleToScale"),
        lambda able: able.get("reason") == "FailedUpdateScale",
    )
    assert "5000" in refused["message"]
    place.reconciled_again("web")
    assert place.get("web")["spec"]["replicas"] == 2
    assert place.desired("web") == 2
