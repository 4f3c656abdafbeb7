"""A restore that is verified: asked by SQL, and deleted whatever it answers."""

from __future__ import annotations

import re

import psycopg
import pytest
from runbook_sandbox.clocked.database import Database
from runbook_sandbox.clocked.installation import NAMESPACE, condition, until

from restores.source import GOOD, SOURCE
from restores.workshop import RESTORE, USERS, VERIFIED

MEMBERS = {
    "name": "members",
    "sql": "SELECT count(*) AS n, max(user_id) AS last FROM group_members",
    "expect": "row.n == 30",
}
SCRATCH = ["RestoreDBInstanceFromDBSnapshot", "ModifyDBInstance", "DeleteDBInstance"]


def test_a_backup_that_is_good_is_told_on_its_snapshot(shop):
    shop.apply(shop.backup(), shop.verify({"backupRef": {"name": "db"}}, USERS, MEMBERS))
    found = shop.complete("good")
    status = found["status"]
    assert status["phase"] == "Complete"
    assert status["verification"]["result"] == "Passed"
    assert status["verification"]["checks"] == [{"name": "users", "passed": True}, {"name": "members", "passed": True}]
    assert re.fullmatch("rbv-good-[0-9a-f]{16}", status["rdsInstance"])
    assert status["startTime"] <= status["availableTime"] <= status["verification"]["time"] <= status["completionTime"]
    assert shop.snapshots()[shop.named("db")][VERIFIED] == status["verification"]["time"]
    assert shop.instances(status["rdsInstance"]) == {}
    assert shop.writes(status["rdsInstance"]) == SCRATCH
    steps = [entry["step"] for entry in reversed(status["history"])]
    assert steps == ["RestoreInstance", "SetMasterPassword", "DeleteInstance", "TagVerified"]
    assert "plan" not in status


def test_one_of_a_point_in_time_is_verified_too(shop):
    shop.apply(shop.verify({"pointInTime": {"rdsInstance": SOURCE}}))
    status = shop.complete("good")["status"]
    assert status["verification"]["result"] == "Passed"
    assert shop.instances(status["rdsInstance"]) == {}
    assert shop.writes(status["rdsInstance"]) == ["RestoreDBInstanceToPointInTime", *SCRATCH[1:]]


def test_a_backup_that_is_not_as_expected_fails_and_leaves_nothing(shop):
    shop.apply(shop.backup())
    checks = [
        USERS,
        {"name": "more", "sql": "SELECT count(*) FROM users", "expect": "value > 100"},
        {"name": "invoices", "sql": "SELECT count(*) FROM invoices", "expect": "value > 0"},
        {"name": "quiet", "sql": "DELETE FROM sessions RETURNING id", "expect": "value > 0"},
        {"name": "after", "sql": "SELECT count(*) FROM sessions", "expect": "value == 120"},
    ]
    shop.apply(shop.verify({"backupRef": {"name": "db"}}, *checks))
    found = shop.failed("good", "ChecksFailed")
    verification = found["status"]["verification"]
    told = {check["name"]: check for check in verification["checks"]}
    assert verification["result"] == "Failed"
    assert {name: check["passed"] for name, check in told.items()} == {
        "users": True,
        "more": False,
        "invoices": False,
        "quiet": False,
        "after": True,
    }
    assert "40" in told["more"]["message"]
    assert "42P01" in told["invoices"]["message"] and "invoices" in told["invoices"]["message"]
    assert "25006" in told["quiet"]["message"]
    message = condition(found, "Failed")["message"]
    assert "more: " in message and "invoices: " in message and "users: " not in message
    assert found["status"]["phase"] == "Failed"
    assert shop.instances(found["status"]["rdsInstance"]) == {}
    assert VERIFIED not in shop.snapshots()[shop.named("db")]


def test_an_expression_that_cannot_be_read_restores_nothing(shop):
    shop.apply(shop.verify({"snapshotIdentifier": GOOD}, USERS | {"expect": "value >"}))
    assert "users" in shop.stalled("good", "InvalidExpression")["message"]
    assert shop.instances("rbv-good-") == {}
    assert shop.writes(f"{shop.namespace}/databaserestores") == []


def test_a_database_that_cannot_be_trusted_is_not_asked_and_nobody_learns_its_password(stranger, shop):
    shop.apply(shop.verify({"snapshotIdentifier": GOOD}))
    found = shop.synced("good", "DatabaseNotAnswering")
    told = condition(found, "Synced")["message"]
    assert "Tls" in told and "certificate" in told
    assert found["status"]["verification"]["result"] == "Unknown"
    instance = found["status"]["rdsInstance"]
    endpoint = shop.account.database(instance)["Endpoint"]
    # Each word that anybody can read is tried as the password, and so is the one that the backup holds.
    said = "\n".join(
        [
            shop.client.kubectl("get", RESTORE, "--all-namespaces", "--output=yaml", "--show-managed-fields"),
            shop.client.kubectl("get", "events,configmaps,leases", "--all-namespaces", "--output=yaml"),
            shop.client.kubectl("logs", f"--namespace={NAMESPACE}", "--selector=app.kubernetes.io/name=runbook-operator", "--tail=-1"),
            str(shop.account.operator_calls()),
        ]
    )
    words = {word for word in re.findall(r"[0-9A-Za-z]{20,128}", said) if not word.isdigit()}
    assert words
    known = Database(shop.account, instance)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        known.connect_to(endpoint)
    for word in words:
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            known.connect_to(endpoint, password=word)
    # Who gives up is not left with a database.
    shop.delete("good")
    until("the instance is gone", lambda: shop.instances(instance), lambda found: found == {})


def test_an_object_that_goes_while_rds_restores_takes_the_instance_along(shop):
    shop.account.control("PUT", "/pace", {"rds_restore": 4.0})
    shop.apply(shop.verify({"snapshotIdentifier": GOOD}))
    until("RDS restores it", lambda: shop.instances("rbv-good-"), bool)
    [instance] = shop.instances("rbv-good-")
    shop.delete("good")
    assert shop.instances(instance) == {}
    assert [call["effect"] for call in shop.restores(instance)] == [True]
    assert shop.writes(instance)[-1] == "DeleteDBInstance"
