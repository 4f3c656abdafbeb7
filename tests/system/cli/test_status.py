"""`kubectl runbook status` and `crds`."""

from __future__ import annotations

import json

import yaml
from runbook_sandbox.clocked.installation import condition


def test_status_shows_what_needs_attention_first(place, cli):
    place.account.create_services("web", "watched", cluster=place.cluster)
    place.apply(place.policy("web", replicas=1), place.policy("gone", replicas=2), place.policy("watched", replicas=3, mode="Observe"))
    place.in_sync("web")
    place.stalled("gone", "TargetNotFound")
    place.wait("watched", lambda p: condition(p, "Synced").get("reason") == "Observe", "is observed")
    shown = cli("status", "-n", place.namespace)
    assert shown.code == 0, shown
    lines = shown.out.splitlines()
    stalled = next(number for number, line in enumerate(lines) if f"ScalingPolicy {place.namespace}/gone" in line)
    held = next(number for number, line in enumerate(lines) if f"ScalingPolicy {place.namespace}/watched" in line)
    assert lines[stalled].startswith("Stalled") and "TargetNotFound" in lines[stalled] and "has no service gone" in lines[stalled + 1]
    assert stalled < held and lines[held].startswith("Held")
    assert "ScalingPolicy: 3 (1 Held, 1 InSync, 1 Stalled)" in shown.out
    assert f"{place.namespace}/web" not in shown.out
    report = json.loads(cli("status", "-A", "-o", "json").out)
    assert {"kind": "ScalingPolicy", "namespace": place.namespace, "name": "gone"}.items() <= next(
        thing for thing in report["attention"] if thing["name"] == "gone"
    ).items()


def test_the_crds_are_those_that_are_installed(cli, operator):
    printed = list(yaml.safe_load_all(cli("crds").out))
    assert len(printed) >= 2
    for crd in printed:
        installed = operator.get("crd", crd["metadata"]["name"])
        assert installed["spec"]["versions"][0]["schema"] == crd["spec"]["versions"][0]["schema"]
