"""Who owns which field when Git, people and the operator write one object, on the real API server, with the operator at work."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from runbook_sandbox.clocked.installation import condition
from runbook_sandbox.harness import CommandError

BAND = {"minCapacity": 2, "maxCapacity": 6}
CONFIG_MAP = Path(__file__).resolve().parents[3] / "examples" / "argocd" / "argocd-cm.yaml"


def flux(place, *objects: dict[str, Any]) -> None:
    """Applies as Flux's kustomize-controller does: server-side, by its own name, and by force."""
    _apply(place, *objects, flags=("--server-side", "--force-conflicts", "--field-manager=kustomize-controller"))


def argo_cd(place, *objects: dict[str, Any]) -> None:
    """Applies as Argo CD does by itself: as `kubectl apply`, on the client's side."""
    _apply(place, *objects, flags=("--field-manager=argocd-controller",))


def _apply(place, *objects: dict[str, Any], flags: tuple[str, ...]) -> None:
    items = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    place.client.kubectl("apply", *flags, "--filename=-", stdin=json.dumps(items))


def scale(place, name: str, replicas: int) -> None:
    place.client.kubectl("scale", f"scalingpolicy/{name}", f"--namespace={place.namespace}", f"--replicas={replicas}")


def owners(thing: dict[str, Any], *path: str) -> set[str]:
    """The managers of a field."""
    found = set()
    for entry in thing["metadata"]["managedFields"]:
        fields = entry["fieldsV1"]
        for step in path:
            fields = fields.get(f"f:{step}") if fields is not None else None
        found |= {entry["manager"]} if fields is not None else set()
    return found


def managed(place, name: str) -> dict[str, Any]:
    return place.client.get("scalingpolicy", name, f"--namespace={place.namespace}", "--show-managed-fields")


def test_the_operator_owns_nothing_of_a_spec_and_git_nothing_of_a_status(place):
    place.account.create_services("web", cluster=place.cluster)
    flux(place, place.policy("web", replicas=2))
    place.in_sync("web")
    policy = managed(place, "web")
    assert owners(policy, "spec") == {"kustomize-controller"}
    assert len(owners(policy, "status")) == 1
    assert "kustomize-controller" not in owners(policy, "status")


def test_what_was_applied_shows_no_difference(place):
    place.account.create_services("web", cluster=place.cluster)
    tracking = {"name": "cpu", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": "60.5", "scaleInCooldown": "300s"}
    policy = place.policy("web", autoscaling=BAND | {"targetTracking": [tracking]})
    argo_cd(place, policy)
    place.in_sync("web")
    # `kubectl diff` fails where there is a difference: what the operator reports and what the server filled in are none.
    place.client.kubectl("diff", "--filename=-", stdin=json.dumps(policy))
    flags = ("--server-side", "--force-conflicts", "--field-manager=kustomize-controller")
    place.client.kubectl("diff", *flags, "--filename=-", stdin=json.dumps(policy))


def test_git_takes_back_what_kubectl_scale_took(place):
    place.account.create_services("web", cluster=place.cluster)
    policy = place.policy("web", replicas=2)
    flux(place, policy)
    place.in_sync("web")
    scale(place, "web", 4)
    place.wait_desired("web", 4)
    assert owners(managed(place, "web"), "spec", "replicas") == {"kubectl"}
    with pytest.raises(CommandError, match=r'conflict with "kubectl" with subresource "scale".*\n?.*\.spec\.replicas'):
        _apply(place, policy, flags=("--server-side", "--field-manager=argocd-controller"))
    flux(place, policy)
    place.wait_desired("web", 2)
    assert owners(managed(place, "web"), "spec", "replicas") == {"kustomize-controller"}


def test_a_size_that_git_leaves_out_is_left_to_who_took_it(place):
    place.account.create_services("web", cluster=place.cluster)
    flux(place, place.policy("web", replicas=2))
    place.in_sync("web")
    # Nobody else has it: to leave it out is to take it away, which the server refuses, and nothing is changed.
    with pytest.raises(CommandError, match="say how the service scales"):
        flux(place, place.policy("web"))
    scale(place, "web", 4)
    flux(place, place.policy("web"))
    flux(place, place.policy("web"))
    assert place.get("web")["spec"]["replicas"] == 4
    place.wait_desired("web", 4)


def test_a_size_is_handed_over_before_an_autoscaler_changes_it(place):
    place.account.create_services("web", cluster=place.cluster)
    flux(place, place.policy("web", replicas=2))
    own = place.policy("web")
    handed = {key: own[key] for key in ("apiVersion", "kind", "metadata")} | {"spec": {"replicas": 2}}
    # What is applied is a part of an object, which kubectl takes for a wrong one; the server judges the whole.
    _apply(place, handed, flags=("--server-side", "--field-manager=hand-over", "--validate=false"))
    flux(place, place.policy("web"))
    assert place.get("web")["spec"]["replicas"] == 2
    assert owners(managed(place, "web"), "spec", "replicas") == {"hand-over"}


@pytest.mark.parametrize(("git", "leftover"), [(flux, 4), (argo_cd, None)], ids=["flux", "argo-cd"])
def test_git_switches_between_a_size_and_a_band_after_kubectl_scale(place, git, leftover):
    place.account.create_services("web", cluster=place.cluster)
    git(place, place.policy("web", replicas=2))
    place.in_sync("web")
    scale(place, "web", 4)
    place.in_sync("web")

    git(place, place.policy("web", autoscaling=BAND))
    place.in_sync("web")
    target = place.account.scalable_target("web", place.cluster)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 6)
    assert place.desired("web") == 4, "the size inside the band is the autoscaler's"
    policy = place.get("web")
    # What kubectl scale took is not Flux's to take away: it stays, does nothing, and is said.
    assert policy["spec"].get("replicas") == leftover
    said = "replicas: 4 is ignored because autoscaling is set" in condition(policy, "Ready")["message"]
    assert said == (leftover is not None)

    git(place, place.policy("web", replicas=3))
    assert "deregister-scalable-target" in place.stalled("web", "AutoscalerPresent")["message"]
    place.account.autoscaling.deregister_scalable_target(
        ServiceNamespace="ecs", ResourceId=f"service/{place.cluster}/web", ScalableDimension="ecs:service:DesiredCount"
    )
    place.reconciled_again("web", 1)
    place.wait_desired("web", 3)
    place.in_sync("web")
    assert "autoscaling" not in place.get("web")["spec"]


def test_the_health_scripts_are_merged_into_argo_cds_config_map(place, scripts):
    namespace = f"--namespace={place.namespace}"
    place.client.kubectl("create", "configmap", "argocd-cm", namespace, "--from-literal=url=https://argocd.example.org")
    # The file is for the namespace argocd; here it stands in for it.
    patch = CONFIG_MAP.read_text().replace("namespace: argocd", f"namespace: {place.namespace}")
    place.client.kubectl("patch", "configmap", "argocd-cm", namespace, f"--patch={patch}")
    data = place.client.get("configmap", "argocd-cm", namespace)["data"]
    assert data.pop("url") == "https://argocd.example.org"
    assert {key.rpartition("_")[2]: script for key, script in data.items()} == scripts


def test_tools_read_what_the_operator_says(place, argo, kstatus):
    place.account.create_services("web", "seen", "held", cluster=place.cluster)
    policies = {
        "web": place.policy("web", replicas=2),
        "seen": place.policy("seen", replicas=3, mode="Observe"),
        "held": place.policy("held", replicas=3, suspend=True),
        "lost": place.policy("lost", replicas=1),
    }
    flux(place, *policies.values())
    place.in_sync("web")
    place.wait("seen", lambda p: "plan" in p["status"], "has a plan")
    place.wait("held", lambda p: condition(p, "Ready").get("reason") == "Suspended", "is suspended")
    place.stalled("lost", "TargetNotFound")
    read = {name: place.get(name) for name in policies}
    for name, thing in read.items():
        expected = ("Failed", "Degraded") if name == "lost" else ("Current", "Healthy")
        assert (kstatus(thing), argo(thing)[0]) == expected, name
    health = {name: argo(thing) for name, thing in read.items()}
    assert health["seen"][1].startswith("Observe: ")
    assert "has no service lost" in health["lost"][1]
    account = place.client.get("awsaccount", place.name)
    assert (kstatus(account), argo(account)[0]) == ("Current", "Healthy")
