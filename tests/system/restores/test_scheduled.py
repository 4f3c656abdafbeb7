"""Backups that are verified on a schedule: each slot once, told on the policy, and no instance left."""

from __future__ import annotations

import re
from typing import Any

import pytest
from runbook_sandbox.clocked.installation import condition, until

from restores.workshop import BACKUP, OWN_ARN, OWNER, RDS, RESTORE, RUN, USERS, VERIFIED

POLICY = "backuppolicy"
EACH_MINUTE = "* * * * *"
NEVER = "0 0 29 2 *"
INSTANCE = {"Engine": "postgres", "DBInstanceClass": "db.t4g.micro", "AllocatedStorage": 20, "MasterUsername": "clocked"}


def policy(shop, *checks: dict[str, str], **verification: Any) -> dict[str, Any]:
    """A policy that takes one snapshot at once and verifies each minute, not yet applied."""
    spec = {
        "accountRef": {"name": shop.name},
        "source": {"rdsInstance": shop.source},
        "snapshots": {"schedule": NEVER, "runOnCreate": True, "namePrefix": shop.named("nightly")},
        "verification": {"schedule": EACH_MINUTE, "checks": list(checks or (USERS,))} | verification,
    }
    metadata = {"name": "db", "namespace": shop.namespace}
    return {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "BackupPolicy", "metadata": metadata, "spec": spec}


def status(shop) -> dict[str, Any]:
    return shop.show("db", POLICY).get("status", {})


def verified(shop, state: str, seconds: float = 180) -> dict[str, Any]:
    """Waits until a verification has ended so, and returns its slot."""

    def newest() -> dict[str, Any]:
        slots = status(shop).get("verifications", [])
        return next((slot for slot in slots if slot["state"] == state), {})

    return until(f"a verification is {state}", newest, bool, seconds)


@pytest.fixture
def shop(shop):
    yield shop
    shop.client.kubectl("delete", POLICY, "--all", f"--namespace={shop.namespace}", "--timeout=60s")


@pytest.mark.long
def test_a_backup_is_proved_when_it_is_due(shop):
    shop.apply(policy(shop))
    slot = verified(shop, "Passed")
    snapshot = slot["snapshotIdentifier"]
    assert snapshot.startswith(f"{shop.named('nightly')}-")
    assert re.fullmatch("([0-9]+h)?([0-9]+m)?([0-9]+s)?", slot["timeToRestore"])
    found = shop.show("db", POLICY)
    proved = found["status"]["lastVerified"]
    assert proved["snapshotIdentifier"] == snapshot
    assert shop.snapshots()[snapshot][VERIFIED] <= proved["verifiedTime"]
    told = condition(found, "Verified")
    assert (told["status"], told["reason"]) == ("True", "Passed") and snapshot in told["message"]
    entry = next(entry for entry in found["status"]["history"] if entry["step"] == "VerifyBackup")
    assert (entry["reason"], entry["outcome"]) == ("Schedule", "Succeeded")
    made = shop.show(slot["restore"])
    assert made["metadata"]["labels"] == {"ops.clocked.app/made-by": "operator", "ops.clocked.app/policy": "db"}
    assert made["metadata"]["annotations"]["ops.clocked.app/slot"] == slot["time"]
    assert made["spec"]["source"] == {"snapshotIdentifier": snapshot}
    assert shop.instances(made["status"]["rdsInstance"]) == {}
    assert len(shop.restores(made["status"]["rdsInstance"])) == 1


@pytest.mark.long
def test_a_backup_that_is_not_as_expected_is_told_of(shop):
    shop.apply(policy(shop, USERS | {"expect": "value > 100"}))
    slot = verified(shop, "Failed")
    assert "users" in slot["message"] and "40" in slot["message"]
    found = shop.show("db", POLICY)
    assert condition(found, "Verified")["status"] == "False"
    assert condition(found, "Ready")["status"] == "True", "backups are taken all the same"
    assert "was restored and is not as expected: users: " in condition(found, "Synced")["message"]
    assert "lastVerified" not in found["status"]


@pytest.mark.long
def test_an_operator_that_is_killed_verifies_each_slot_once(shop):
    shop.apply(policy(shop))
    until("a verification is begun", lambda: status(shop).get("verifications"), lambda found: found and "restore" in found[0], 150)
    shop.kill()
    slot = verified(shop, "Passed", 240)
    restores = shop.client.get(RESTORE, f"--namespace={shop.namespace}")["items"]
    slots = [restore["metadata"]["annotations"]["ops.clocked.app/slot"] for restore in restores]
    assert len(set(slots)) == len(slots)
    instance = shop.show(slot["restore"])["status"]["rdsInstance"]
    assert len([call for call in shop.restores(instance) if call["effect"]]) == 1
    assert shop.instances(instance) == {}


def test_what_a_lost_cluster_has_left_is_deleted_and_nothing_else(shop):
    def leave(identifier: str, owner: str, arn: str | None = None) -> str:
        tags = {OWNER: owner, OWN_ARN: arn or f"{RDS}:db:{identifier}", RUN: "0b5c0f6e-0000-4000-8000-000000000000"}
        given = [{"Key": key, "Value": value} for key, value in tags.items()]
        shop.rds.create_db_instance(DBInstanceIdentifier=identifier, MasterUserPassword="secret-word", Tags=given, **INSTANCE)
        there = lambda: shop.instances(identifier)[identifier]["DBInstanceStatus"]  # noqa: E731
        until(f"{identifier} is available", there, lambda found: found == "available")
        shop.account.control("PUT", f"/rds/instances/{identifier}/created", {"seconds": 3600})
        return identifier

    own = f"sandbox/{shop.namespace}/databaserestores"
    shop.apply(shop.verify({"snapshotIdentifier": "there-is-none"}, name="there"))
    left = leave(f"rbv-{shop.name}-gone", f"{own}/gone")
    kept = [
        leave(f"rbv-{shop.name}-there", f"{own}/there"),
        leave(f"rbv-{shop.name}-copied", f"{own}/gone", f"{RDS}:db:rbv-another"),
        leave(f"rbv-{shop.name}-elsewhere", "sandbox/elsewhere/databaserestores/gone"),
    ]
    shop.apply(policy(shop, schedule=NEVER))
    until(f"{left} is deleted", lambda: shop.instances(left), lambda found: found == {}, 90)
    assert [shop.writes(one) for one in (left, *kept)] == [["DeleteDBInstance"], [], [], []]
    entry = next(entry for entry in status(shop)["history"] if entry["step"] == "DeleteInstance")
    assert left in entry["description"]
    for identifier in kept:
        shop.rds.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True)


def test_a_missing_grant_keeps_no_snapshot_from_being_taken(shop):
    shop.grant_it("snapshot", "deleteSnapshot", resources=[f"{RDS}:db:{shop.source}"])
    shop.apply(policy(shop))
    until("it is taken", lambda: status(shop).get("slots"), lambda found: found and found[0]["state"] == "Complete", 90)
    assert shop.client.get(RESTORE, f"--namespace={shop.namespace}")["items"] == []
    assert shop.client.get(BACKUP, f"--namespace={shop.namespace}")["items"] == []
