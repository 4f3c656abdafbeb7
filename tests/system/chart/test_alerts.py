"""The alerts and the dashboard: expressions that Prometheus can read, of metrics and labels that the program has."""

from __future__ import annotations

import functools
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import requests
import yaml
from backups.database import AT_ONCE, Database, rfc3339
from runbook_sandbox.clocked.installation import NAMESPACE, REPOSITORY, until

HERE = Path(__file__).resolve().parent
# What Prometheus adds to every series and makes itself, and what Grafana puts in the place of its variables.
TARGET_LABELS = {"job", "namespace", "pod", "service", "instance", "endpoint"}
MADE_BY_PROMETHEUS = {"up"}
VARIABLES = {"$__rate_interval": "5m", "$namespace": ".+", "$job": ".+"}


def rules(chart) -> list[dict[str, Any]]:
    objects = chart.objects("--set=clusterId=test", "--set=prometheusRule.enabled=true")
    (rule,) = [thing for thing in objects if thing["kind"] == "PrometheusRule"]
    (group,) = rule["spec"]["groups"]
    return group["rules"]


def dashboard(chart) -> dict[str, Any]:
    objects = chart.objects("--set=clusterId=test", "--set=dashboard.enabled=true")
    (found,) = [json.loads(thing["data"]["runbook-operator.json"]) for thing in objects if thing["kind"] == "ConfigMap"]
    return found


def expressions(chart) -> dict[str, str]:
    """Every expression, by the name of its alert or panel."""
    found = {rule["alert"]: rule["expr"] for rule in rules(chart)}
    for panel in dashboard(chart)["panels"]:
        for target in panel["targets"]:
            expression = functools.reduce(lambda text, pair: text.replace(*pair), VARIABLES.items(), target["expr"])
            found[f"{panel['title']} {target['refId']}"] = expression
    return found


def nodes(expression: Any) -> Iterator[Any]:
    """The parts of a parsed expression."""
    yield expression
    for name in ("expr", "lhs", "rhs", "param", "vector_selector"):
        if (inner := getattr(expression, name, None)) is not None:
            yield from nodes(inner)
    for argument in getattr(expression, "args", None) or []:
        yield from nodes(argument)


def selectors(expression: str) -> list[Any]:
    parsed = promql_parser.parse(expression)
    return [node for node in nodes(parsed) if isinstance(node, promql_parser.VectorSelector)]


def grouped_by(expression: str) -> set[str]:
    modifiers = [node.modifier for node in nodes(promql_parser.parse(expression)) if isinstance(node, promql_parser.AggregateExpr)]
    return {label for modifier in modifiers if modifier for label in modifier.labels}


def test_every_expression_is_promql_and_selects_the_operator(chart):
    for name, expression in expressions(chart).items():
        found = selectors(expression)
        assert found, f"{name} selects nothing"
        for selector in found:
            labels = {matcher.name for matcher in selector.matchers.matchers}
            assert {"job", "namespace"} <= labels, f"{name}: {selector} may be another program's"


def test_every_alert_says_what_happened_and_what_to_do(chart):
    alerts = rules(chart)
    wanted = {"OperatorDown", "NoLeader", "ReconcilesFailing", "PoliciesStalled", "AwsThrottling", "BudgetWaits", "DriftNotCorrected"}
    wanted |= {"StatusWritesFailing", "WritesFailing", "EventsNotReceived", "BackupTooOld", "BackupNotRestorable"}
    wanted |= {"BackupNotVerified", "BackupVerificationFailed", "VerificationInstancesLeft", "ExportTooOld", "ExportFailed"}
    assert {alert["alert"] for alert in alerts} == {f"Runbook{name}" for name in wanted}
    for alert in alerts:
        said = alert["annotations"]
        assert len(said["summary"]) > 20 and len(said["description"]) > 80, alert["alert"]
        told = {label for text in said.values() for label in re.findall(r"\$labels\.(\w+)", text)}
        assert told <= grouped_by(alert["expr"]), f"{alert['alert']} tells of labels that its result has not"
        assert alert["labels"]["severity"] in {"critical", "warning"} and alert["for"]


def test_thresholds_durations_and_severities_are_values(chart):
    for rule in yaml.safe_load(chart.file("files/alerts.yaml")):
        name = rule["alert"]
        change = {"threshold": 1234, "for": "7h", "severity": "page"}
        said = f"--set-json=prometheusRule.alerts.{name}={json.dumps(change)}"
        objects = chart.objects("--set=clusterId=test", "--set=prometheusRule.enabled=true", said)
        (document,) = [thing for thing in objects if thing["kind"] == "PrometheusRule"]
        (changed,) = [found for found in document["spec"]["groups"][0]["rules"] if found["alert"] == f"Runbook{name}"]
        assert changed["expr"].endswith(" 1234") and changed["for"] == "7h" and changed["labels"]["severity"] == "page"


class Exposed:
    """What /metrics tells: the labels of each sample, by the sample's name."""

    def __init__(self, text: str) -> None:
        self.labels: dict[str, set[str]] = defaultdict(set)
        for name, labels in re.findall(r"^([a-z_]+)(?:\{(.*)\})? \S+$", text, re.MULTILINE):
            self.labels[name] |= set(re.findall(r'(\w+)="', labels))


@pytest.fixture
def exposed(place, operator) -> Exposed:
    """The metrics of an operator that has done everything once."""
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2))
    place.in_sync("web")
    place.account.set_desired("web", 1, place.cluster)
    place.wait_desired("web", 2)
    database = Database(place)
    services = {"namespaces": [place.namespace], "verbs": ["scale"], "resources": [f"arn:aws:ecs:*:*:service/{place.cluster}/*"]}
    resources = [database.arn, f"arn:aws:s3:::{EXPORT['s3']['bucket']}/database/*"]
    place.grant(grants=[services, {"namespaces": [place.namespace], "verbs": ["snapshot", "export"], "resources": resources}])
    database.allow()
    database.create()
    verification = {"schedule": AT_ONCE["schedule"], "checks": [{"name": "any", "sql": "SELECT 1", "expect": "value == 1"}]}
    database.apply(database.backup(snapshots=AT_ONCE, verification=verification, exports=[EXPORT]))
    tell_of_verification(database, database.wait_slot("Complete"))
    tell_of_export(database)
    database.in_sync("db")

    def read() -> str:
        leader = operator.get("lease", "runbook-operator", f"--namespace={NAMESPACE}")["spec"].get("holderIdentity", "")
        address = operator.get("pods", leader, f"--namespace={NAMESPACE}")["status"]["podIP"]
        return requests.get(f"http://{address}:8080/metrics", timeout=10).text

    corrected = re.compile(r'^runbook_drift_corrected_total\{kind="ScalingPolicy"\} [1-9]', re.MULTILINE)
    until("a correction is counted", read, corrected.search)
    proved = re.compile(r"^runbook_backup_time_to_restore_seconds\{.*\} 60$", re.MULTILINE)
    until("the age of a backup is told, and that it was proved", read, proved.search)
    failed = re.compile(r'^runbook_backup_export\{.*state="Failed"\} 1$', re.MULTILINE)
    return Exposed(until("that an export has failed is told", read, failed.search))


EXPORT = {
    "name": "user-data",
    "schedule": AT_ONCE["schedule"],
    "source": "Primary",
    "connection": {"secretRef": {"name": "connection"}},
    "serviceAccountName": "exporter",
    "s3": {"bucket": "clocked-backups", "prefix": "database/"},
}


def tell_of_export(database: Database) -> None:
    """Puts a DatabaseBackup there that says that an export of the policy has failed."""
    labels, slot = {"ops.clocked.app/made-by": "operator", "ops.clocked.app/policy": "db"}, "2026-03-01T01:30:00Z"
    metadata = {"name": "exported", "namespace": database.namespace, "labels": labels, "annotations": {"ops.clocked.app/slot": slot}}
    export = {name: value for name, value in EXPORT.items() if name != "schedule"} | {"slot": slot}
    spec = {"accountRef": {"name": database.name}, "source": {"rdsInstance": database.identifier}, "export": export}
    database.apply({"apiVersion": "ops.clocked.app/v1alpha1", "kind": "DatabaseBackup", "metadata": metadata, "spec": spec})
    failed = {"type": "Failed", "status": "True", "reason": "BucketRefused", "message": "", "lastTransitionTime": slot}
    told = {"conditions": [failed], "completionTime": rfc3339(datetime.now(UTC))}
    where = ("databasebackup", "exported", f"--namespace={database.namespace}", "--subresource=status")
    database.client.kubectl("patch", *where, "--type=merge", f"--patch={json.dumps({'status': told})}")


def tell_of_verification(database: Database, slot: dict[str, Any]) -> None:
    """Puts a DatabaseRestore there that says that it has verified the snapshot of a slot."""
    policy = "ops.clocked.app/policy"
    labels, annotations = {"ops.clocked.app/made-by": "operator", policy: "db"}, {"ops.clocked.app/slot": slot["time"]}
    metadata = {"name": "verified", "namespace": database.namespace, "labels": labels, "annotations": annotations}
    checks = [{"name": "any", "sql": "SELECT 1", "expect": "value == 1"}]
    spec = {
        "accountRef": {"name": database.name},
        "source": {"snapshotIdentifier": slot["snapshotIdentifier"]},
        "outcome": "Verify",
        "verification": {"checks": checks},
    }
    database.apply({"apiVersion": "ops.clocked.app/v1alpha1", "kind": "DatabaseRestore", "metadata": metadata, "spec": spec})
    begun, available = "2026-03-01T02:00:00Z", "2026-03-01T02:01:00Z"
    complete = {"type": "Complete", "status": "True", "reason": "Complete", "message": "", "lastTransitionTime": available}
    told = {
        "conditions": [complete],
        "startTime": begun,
        "availableTime": available,
        "completionTime": rfc3339(datetime.now(UTC)),
        "verification": {"result": "Passed", "time": rfc3339(datetime.now(UTC))},
    }
    where = ("databaserestore", "verified", f"--namespace={database.namespace}", "--subresource=status")
    database.client.kubectl("patch", *where, "--type=merge", f"--patch={json.dumps({'status': told})}")


def test_every_metric_and_label_is_the_programs(chart, exposed):
    for name, expression in expressions(chart).items():
        for selector in selectors(expression):
            if selector.name in MADE_BY_PROMETHEUS:
                continue
            assert selector.name in exposed.labels, f"{name}: the program has no {selector.name}"
        known = set.union(TARGET_LABELS, *(exposed.labels[selector.name] for selector in selectors(expression)))
        used = {matcher.name for selector in selectors(expression) for matcher in selector.matchers.matchers}
        assert used <= known, f"{name}: no label {used - known}"
        assert grouped_by(expression) <= known, f"{name}: no label {grouped_by(expression) - known}"


def test_the_dashboard_shows_every_metric(chart, exposed):
    shown = {selector.name for expression in expressions(chart).values() for selector in selectors(expression)}
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exposed.labels}
    assert {re.sub(r"_(bucket|count|sum)$", "", name) for name in shown} - MADE_BY_PROMETHEUS == families


def test_every_value_of_a_label_is_one_that_the_program_writes(chart):
    sources = "".join(path.read_text() for folder in ("crds", "operator") for path in (REPOSITORY / folder).rglob("src/**/*.rs"))
    used = {
        value
        for expression in expressions(chart).values()
        for selector in selectors(expression)
        for matcher in selector.matchers.matchers
        if matcher.name not in TARGET_LABELS
        for value in matcher.value.split("|")
    }
    assert {"Stalled", "Throttled", "Failed"} <= used
    assert [value for value in sorted(used) if f'"{value}"' not in sources] == []


def test_the_documented_metrics_are_the_programs(exposed):
    documented = set(re.findall(r"`(runbook_[a-z_]+)`", (REPOSITORY / "docs" / "operator.md").read_text()))
    families = {re.sub(r"_(bucket|count|sum)$", "", name) for name in exposed.labels}
    assert documented == families


def test_the_dashboard_is_whole(chart):
    board = dashboard(chart)
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert {variable["name"] for variable in board["templating"]["list"]} == {"datasource", "namespace", "job"}
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"]) for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & taken and place["x"] + place["w"] <= 24, f"{panel['title']} lies over another panel"
        taken |= cells
