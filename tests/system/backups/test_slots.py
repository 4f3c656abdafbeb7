"""A slot of the schedule is taken once, says whose it is, and what becomes of it is told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from runbook_sandbox.clocked.account import ACCOUNT, REGION
from runbook_sandbox.clocked.installation import condition, until

from backups.database import AT_ONCE, OWN_ARN, OWNER, SLOT, begun, cron, rfc3339, soon


@pytest.mark.long
def test_a_slot_is_taken_once_at_its_minute(database):
    due = soon()
    database.apply(database.backup(snapshots={"schedule": cron(due)}))
    database.wait("db", lambda policy: policy.get("status", {}).get("nextBackupTime") == rfc3339(due), "knows when it is due")
    assert database.snapshots() == {}, "none is taken because the policy is new"
    slot = database.wait_slot("Complete", seconds=150)
    identifier = f"{database.prefix}-{due:%Y%m%d-%H%M%S}"
    assert (slot["time"], slot["snapshotIdentifier"]) == (rfc3339(due), identifier)
    assert database.snapshots() == {
        identifier: {OWNER: f"sandbox/{database.namespace}/db", OWN_ARN: database.snapshot_arn(identifier), SLOT: rfc3339(due)}
    }
    database.in_sync("db")
    database.reconciled_again("db", 3)
    status = database.get("db")["status"]
    assert (status["lastBackup"]["snapshotIdentifier"], status["resourceArn"]) == (identifier, database.arn)
    assert status["nextBackupTime"] == rfc3339(due + timedelta(days=1))
    assert [call["operation"] for call in database.made()] == ["CreateDBSnapshot"], "once, and no tag is put on afterwards"
    assert [(entry["step"], entry["reason"]) for entry in status["history"]] == [("CreateSnapshot", "Schedule")]


def test_a_new_policy_takes_one_at_once_if_it_says_so_and_never_again(database):
    database.apply(database.backup(snapshots=AT_ONCE | {"namePrefix": database.prefix}))
    first = database.wait_slot("Complete")
    assert first["snapshotIdentifier"].startswith(f"{database.prefix}-")
    # Neither a change of the spec, nor suspending it for a while, makes it new.
    database.apply(database.backup(snapshots=AT_ONCE | {"namePrefix": database.prefix, "startingDeadline": "2h"}))
    database.in_sync("db")
    database.apply(database.backup(suspend=True, snapshots=AT_ONCE | {"namePrefix": database.prefix}))
    database.wait("db", lambda policy: condition(policy, "Synced").get("reason") == "Suspended", "is suspended")
    database.apply(database.backup(snapshots=AT_ONCE | {"namePrefix": database.prefix}))
    database.in_sync("db")
    database.reconciled_again("db")
    assert len(database.made("CreateDBSnapshot")) == 1
    assert [slot["time"] for slot in database.slots()] == [first["time"]]


@pytest.mark.long
def test_what_was_due_while_suspended_is_not_taken_afterwards(database):
    due = soon()
    database.apply(database.backup(suspend=True, snapshots={"schedule": cron(due)}))
    database.wait("db", lambda policy: condition(policy, "Synced").get("reason") == "Suspended", "is suspended")
    until("it was due", lambda: datetime.now(UTC), lambda now: now > due + timedelta(seconds=2), 150)
    database.apply(database.backup(snapshots={"schedule": cron(due)}))
    database.in_sync("db")
    database.reconciled_again("db")
    assert database.get("db")["status"]["nextBackupTime"] == rfc3339(due + timedelta(days=1))
    assert database.made() == []


def test_a_database_that_is_busy_is_waited_for(database):
    database.status("modifying")
    database.apply(database.backup(snapshots=AT_ONCE))
    slot = database.wait_slot("Waiting")
    assert "modifying" in database.synced("db", "DatabaseNotAvailable")["message"]
    assert database.made("CreateDBSnapshot") == []
    database.status("available")
    assert database.wait_slot("Complete")["time"] == slot["time"]
    assert len(database.made("CreateDBSnapshot")) == 1


def test_a_snapshot_that_takes_its_time_is_no_failure(database):
    database.account.control("PUT", f"/rds/instances/{database.identifier}/next-snapshot", {"seconds": 12})
    database.apply(database.backup(snapshots=AT_ONCE))
    slot = database.wait_slot("Creating")
    database.reconciled_again("db")
    policy = database.get("db")
    assert condition(policy, "Stalled")["status"] == "False"
    assert "lastBackup" not in policy["status"]
    assert database.wait_slot("Complete")["snapshotIdentifier"] == slot["snapshotIdentifier"]
    database.in_sync("db")
    assert len(database.made("CreateDBSnapshot")) == 1


@pytest.mark.long
def test_a_snapshot_that_fails_is_told_and_stops_no_later_one(database):
    database.account.control("PUT", f"/rds/instances/{database.identifier}/next-snapshot", {"fail": True})
    database.apply(database.backup(snapshots=AT_ONCE))
    failed = database.wait_slot("Failed")
    assert failed["snapshotIdentifier"] in failed["message"] or "failed" in failed["message"]
    due = soon()
    database.apply(database.backup(snapshots={"schedule": cron(due)}))
    slot = database.wait_slot("Complete", seconds=150)
    assert slot["time"] == rfc3339(due)
    assert [one["state"] for one in database.slots()] == ["Complete", "Failed"]
    assert database.get("db")["status"]["lastBackup"]["snapshotIdentifier"] == slot["snapshotIdentifier"]


def test_a_snapshot_that_somebody_deletes_is_missed(database):
    database.apply(database.backup(snapshots=AT_ONCE))
    slot = database.wait_slot("Complete")
    database.in_sync("db")
    database.rds.delete_db_snapshot(DBSnapshotIdentifier=slot["snapshotIdentifier"])
    # Without events it is noticed hours later, or where somebody asks for a look.
    database.reconciled_again("db")
    assert database.wait_slot("Lost")["time"] == slot["time"]
    assert len(database.made("CreateDBSnapshot")) == 1, "it is not taken again: it would be of another time"
    assert "lastBackup" not in database.get("db")["status"]


def test_a_full_quota_is_said_and_what_was_due_is_taken_when_there_is_room(database):
    database.account.control("PUT", "/rds/quotas", {"ManualSnapshots": 0})
    database.apply(database.backup(snapshots=AT_ONCE))
    slot = database.wait_slot("Waiting")
    assert " of 0 manual DB snapshots" in database.stalled("db", "SnapshotQuotaExceeded")["message"]
    assert database.made("CreateDBSnapshot") == []
    database.account.control("PUT", "/rds/quotas", {"ManualSnapshots": 100})
    assert database.wait_slot("Complete", seconds=120)["time"] == slot["time"]


def test_a_snapshot_of_that_name_that_is_not_ours_is_never_taken_for_it(database):
    due = begun()
    own, identifier = database.put_own(due - timedelta(days=1)), f"{database.prefix}-{due:%Y%m%d-%H%M%S}"
    database.put_snapshot(identifier, **{OWNER: "elsewhere/clocked/db"})
    database.apply(database.backup(snapshots={"schedule": cron(due)}))
    assert database.wait_slot("Waiting")["time"] == rfc3339(due)
    assert identifier in database.stalled("db", "NameTaken")["message"]
    assert database.get("db")["status"]["lastBackup"]["snapshotIdentifier"] == own
    assert database.made() == []
    found = database.snapshots()
    assert set(found) == {own, identifier} and found[identifier] == {OWNER: "elsewhere/clocked/db"}


def test_an_aurora_cluster_is_backed_up_as_a_cluster(place):
    rds, name = place.rds, place.identifier
    rds.create_db_cluster(DBClusterIdentifier=name, Engine="aurora-postgresql", MasterUsername="me", MasterUserPassword="secret-word")

    def cluster() -> dict[str, Any]:
        return rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]

    until(f"{name} is available", cluster, lambda found: found["Status"] == "available")
    source = {"rdsCluster": name}
    place.apply(place.backup(source=source, automated={"retentionDays": 9}, deletionProtection=True, snapshots=AT_ONCE))
    slot = place.wait_slot("Complete")
    place.in_sync("db")
    found = cluster()
    assert (found["BackupRetentionPeriod"], found["DeletionProtection"]) == (9, True)
    taken = rds.describe_db_cluster_snapshots(DBClusterIdentifier=name, SnapshotType="manual")["DBClusterSnapshots"]
    assert [item["DBClusterSnapshotIdentifier"] for item in taken] == [slot["snapshotIdentifier"]]
    tags = {tag["Key"]: tag["Value"] for tag in taken[0]["TagList"]}
    assert tags[OWN_ARN] == f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster-snapshot:{slot['snapshotIdentifier']}"
    assert sorted(call["operation"] for call in place.made()) == ["CreateDBClusterSnapshot", "ModifyDBCluster"]
