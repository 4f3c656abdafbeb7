"""Somebody who wants data that is another's, or a database deleted, by way of restores."""

from __future__ import annotations

from typing import Any

from backups.database import OWN_ARN, OWNER, Database
from runbook_sandbox.clocked.installation import condition, until

from attacks.databases import database
from attacks.table import Scene, attack

RUN = "ops.clocked.app/run"


def restore(made: Database, source: dict[str, Any], target: str) -> dict[str, Any]:
    """A DatabaseRestore that keeps what it restores, not yet applied."""
    spec = {"accountRef": {"name": made.name}, "source": source, "target": {"rdsInstance": target}, "outcome": "Keep"}
    metadata = {"name": "restore", "namespace": made.namespace}
    return {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "DatabaseRestore", "metadata": metadata, "spec": spec}


def stalled(scene: Scene, made: Database) -> None:
    """Waits until the restore is stalled for the row's reason."""

    def reason() -> str:
        found = condition(made.client.get("databaserestore", "restore", f"--namespace={made.namespace}"), "Stalled")
        return found.get("reason", "") if found.get("status") == "True" else ""

    until(f"the restore is stalled with {scene.reason}", reason, lambda found: found == scene.reason)


@attack("restores another team's database under a name that he is granted", "`NotGranted`", "only read")
def _(scene: Scene) -> None:
    made = database(scene)
    own = f"own-{made.name}"
    made.put_snapshot(f"{made.prefix}-kept")
    granted = {"namespaces": [made.namespace], "verbs": ["restore"], "resources": [made.arn.replace(made.identifier, f"{own}*")]}
    made.grant(grants=[granted])
    made.apply(restore(made, {"snapshotIdentifier": f"{made.prefix}-kept"}, own))
    stalled(scene, made)


@attack("restores over a database that exists", "`TargetExists`", "only read")
def _(scene: Scene) -> None:
    made = database(scene, "restore")
    made.apply(restore(made, {"pointInTime": {"rdsInstance": made.identifier}}, made.identifier))
    stalled(scene, made)


@attack("restores into a name that is kept for verifications, to have it deleted or spared", "refused", "not asked")
def _(scene: Scene) -> None:
    made = Database(scene.place)
    scene.refused(restore(made, {"snapshotIdentifier": "any"}, f"rbv-{made.name}"))


@attack("tags a database of others as if a verification had left it behind", "harmless", "only read")
def _(scene: Scene) -> None:
    made = database(scene, "snapshot", "restore")
    tags = {OWNER: f"sandbox/{made.namespace}/databaserestores/gone", OWN_ARN: made.arn, RUN: "a-uid"}
    made.rds.add_tags_to_resource(ResourceName=made.arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items()])
    made.account.control("PUT", f"/rds/instances/{made.identifier}/created", {"seconds": 3600})
    checks = [{"name": "any", "sql": "SELECT 1", "expect": "value == 1"}]
    rbv = made.arn.replace(made.identifier, "rbv-*")
    verbs = {"namespaces": [made.namespace], "verbs": ["snapshot", "restore"], "resources": [made.arn, rbv]}
    made.grant(grants=[verbs])
    made.apply(made.backup(verification={"schedule": "0 0 29 2 *", "includeAutomated": True, "checks": checks}))
    made.in_sync("db")
    made.reconciled_again("db")
    assert made.show()["DBInstanceStatus"] == "available"
