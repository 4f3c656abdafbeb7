"""The kinds as the server has them: installed whole, and explained."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from runbook_sandbox.harness import CommandError
from runbook_sandbox.processes import wait_until

PLURALS = {
    "AwsAccount": "awsaccounts",
    "BackupPolicy": "backuppolicies",
    "DatabaseBackup": "databasebackups",
    "DatabaseRestore": "databaserestores",
    "ScalingOverride": "scalingoverrides",
    "ScalingPolicy": "scalingpolicies",
}
OPENAPI = "/openapi/v3/apis/ops.clocked.app/v1alpha1"


@pytest.mark.parametrize("kind", PLURALS)
def test_a_kind_is_installed_without_reservations(server, kind: str) -> None:
    # The server refuses a CRD whose rules might cost too much, and notes one that is not structural.
    crd = server.get("crd", f"{PLURALS[kind]}.ops.clocked.app")
    conditions = {condition["type"]: condition["status"] for condition in crd["status"]["conditions"]}
    assert conditions["Established"] == conditions["NamesAccepted"] == "True"
    assert conditions.get("NonStructuralSchema", "False") == "False"
    assert conditions.get("KubernetesAPIApprovalPolicyConformant", "True") == "True"


def test_applied_again_the_kinds_are_the_same(server) -> None:
    # What a GitOps tool compares: the files as they are against what the server made of them.
    for file in server.crds:
        assert server.kubectl("diff", "--server-side", f"--filename={file}") == ""


def fields(schema: dict[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Every field below a schema with its path, through lists and maps."""
    for name, field in schema.get("properties", {}).items():
        here = (*path, name)
        yield here, field
        yield from fields(field, here)
        for inner in ("items", "additionalProperties"):
            if isinstance(field.get(inner), dict):
                yield from fields(field[inner], here)


@pytest.mark.parametrize("kind", PLURALS)
def test_every_field_is_explained(server, kind: str) -> None:
    def published() -> dict[str, Any] | None:
        schemas = server.request("GET", OPENAPI)["components"]["schemas"]
        return next((schema for name, schema in schemas.items() if name.endswith(f".{kind}")), None)

    wait_until(lambda: published() is not None, 60, f"the schema of {kind} to be published")
    schema = published()
    assert schema is not None
    silent = [".".join(path) for path, field in fields(schema) if not explained(field)]
    assert not silent
    paths = {".".join(path) for path, _ in fields(schema)}
    assert {"status.observedGeneration", "status.conditions.reason"} <= paths


def explained(field: dict[str, Any]) -> bool:
    # A reference to a type of Kubernetes (metadata) says so beside it.
    return bool(field.get("description")) or any(part.get("$ref") for part in field.get("allOf", []))


def test_kubectl_explain_shows_a_deep_field(server) -> None:
    path = "scalingpolicy.spec.autoscaling.targetTracking.targetValue"

    def told() -> bool:
        try:
            return "The value to keep the metric near" in server.kubectl("explain", path)
        except CommandError:
            return False

    wait_until(told, 60, f"kubectl explain {path}")
