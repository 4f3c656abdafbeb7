"""Crashes, lost answers and a lost cluster: a slot has one snapshot, and the ledger is what AWS has."""

from __future__ import annotations

import pytest
from runbook_sandbox.clocked.installation import NAMESPACE, until

from backups.database import AT_ONCE, cron, rfc3339, soon


def kill(database) -> None:
    """`kill -9` of the operator."""
    database.client.kubectl("delete", "pods", "--all", f"--namespace={NAMESPACE}", "--force", "--grace-period=0")


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_operator_that_is_killed_around_the_snapshot_leaves_one(database, when):
    # The answer to the request is lost, and so is who waited for it.
    fault = {"service": "rds", "operation": "CreateDBSnapshot", "kind": "reset", "when": when, "count": 1}
    database.account.control("POST", "/faults", fault)
    database.apply(database.backup(snapshots=AT_ONCE))
    tried = lambda: database.account.operator_calls("CreateDBSnapshot")  # noqa: E731
    until("it is asked for", lambda: [call for call in tried() if database.identifier in str(call["params"])], bool)
    kill(database)
    slot = database.wait_slot("Complete", seconds=180)
    database.in_sync("db", seconds=120)
    assert list(database.snapshots()) == [slot["snapshotIdentifier"]]
    assert len(database.made("CreateDBSnapshot")) == 1
    assert len(database.slots()) == 1


@pytest.mark.long
def test_a_cluster_that_is_lost_loses_no_snapshot_and_takes_none_twice(database):
    due = soon()
    policy = database.backup(snapshots={"schedule": cron(due), "retention": {"keepLast": 5}})
    database.apply(policy)
    slot = database.wait_slot("Complete", seconds=150)
    database.in_sync("db")
    # What etcd held is gone, and Git is applied again.
    database.delete()
    database.apply(policy)
    database.in_sync("db")
    database.reconciled_again("db")
    status = database.get("db")["status"]
    assert status["lastBackup"]["snapshotIdentifier"] == slot["snapshotIdentifier"]
    rebuilt = {one["time"]: (one["state"], one["snapshotIdentifier"]) for one in status["slots"]}
    assert rebuilt == {rfc3339(due): ("Complete", slot["snapshotIdentifier"])}
    assert status["retention"]["snapshots"] == 1
    assert len(database.made("CreateDBSnapshot")) == 1


def test_a_policy_that_goes_leaves_its_snapshots_and_settings(database):
    database.apply(database.backup(automated={"retentionDays": 7}, snapshots=AT_ONCE))
    slot = database.wait_slot("Complete")
    database.in_sync("db")
    assert not database.get("db")["metadata"].get("finalizers")
    database.delete()
    assert list(database.snapshots()) == [slot["snapshotIdentifier"]]
    assert database.show()["BackupRetentionPeriod"] == 7
    assert sorted(call["operation"] for call in database.made()) == ["CreateDBSnapshot", "ModifyDBInstance"]
