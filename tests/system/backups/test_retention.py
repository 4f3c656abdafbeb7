"""Snapshots are kept as long as the policy says, and those of others for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from runbook_sandbox.clocked.installation import condition, until

from backups.database import NEVER, OWN_ARN, OWNER, SLOT, begun, cron, rfc3339

KEEP_ONE = {"schedule": NEVER, "retention": {"keepLast": 1}}


def earlier(hours: int) -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)


def test_only_own_ones_that_no_rule_keeps_are_deleted(database):
    old, older = database.put_own(earlier(24)), database.put_own(earlier(23))
    owner = f"sandbox/{database.namespace}/db"
    database.put_snapshot("by-hand-" + database.name)
    # Under the operator's own prefix, and with its tags, but copied from another snapshot, or of another owner.
    inherited, foreign = f"{database.prefix}-20200101-000000", f"{database.prefix}-20200102-000000"
    database.put_snapshot(inherited, **{OWNER: owner, OWN_ARN: database.snapshot_arn(old), SLOT: rfc3339(earlier(24))})
    arn = database.snapshot_arn(foreign)
    database.put_snapshot(foreign, **{OWNER: f"other/{database.namespace}/db", OWN_ARN: arn, SLOT: rfc3339(earlier(22))})
    automated = database.automated()
    database.apply(database.backup(snapshots=KEEP_ONE))
    until("the oldest is deleted", database.snapshots, lambda found: old not in found)
    database.in_sync("db")
    database.reconciled_again("db")
    assert set(database.snapshots()) == {older, "by-hand-" + database.name, inherited, foreign}
    assert database.automated() == automated
    assert [call["params"]["DBSnapshotIdentifier"] for call in database.made()] == [old]
    states = {slot.get("snapshotIdentifier"): slot["state"] for slot in database.slots()}
    assert states[older] == "Complete" and states.get(old, "Deleted") == "Deleted"
    status = database.get("db")["status"]
    assert status["retention"]["snapshots"] == 1
    assert [(entry["step"], entry["reason"]) for entry in status["history"]] == [("DeleteSnapshot", "Retention")]


def test_a_new_snapshot_makes_the_oldest_go(database):
    old, due = database.put_own(earlier(24)), begun()
    database.apply(database.backup(snapshots=KEEP_ONE | {"schedule": cron(due)}))
    new = f"{database.prefix}-{due:%Y%m%d-%H%M%S}"
    until("the old one is replaced", database.snapshots, lambda found: set(found) == {new})
    database.in_sync("db")
    assert {slot.get("snapshotIdentifier"): slot["state"] for slot in database.slots()}.get(old, "Deleted") == "Deleted"
    assert [call["operation"] for call in database.made()] == ["CreateDBSnapshot", "DeleteDBSnapshot"], "the new one first"


def test_without_rules_nothing_is_deleted(database):
    old = database.put_own(earlier(24))
    database.apply(database.backup(snapshots={"schedule": NEVER}))
    database.in_sync("db")
    assert set(database.snapshots()) == {old}
    database.apply(database.backup(snapshots=None, deletionProtection=True))
    database.in_sync("db")
    database.delete()
    assert set(database.snapshots()) == {old}
    assert [call["operation"] for call in database.made()] == ["ModifyDBInstance"]


def test_what_is_going_to_be_deleted_is_said_first(database):
    old = [database.put_own(earlier(hours)) for hours in (24, 23, 22)]
    database.apply(database.backup(mode="Observe", snapshots=KEEP_ONE))
    status = database.wait("db", lambda policy: "retention" in policy.get("status", {}), "says what it keeps")["status"]
    assert status["retention"]["snapshots"] == 3
    assert [one["snapshotIdentifier"] for one in status["retention"]["nextDeletions"]] == old[:2]
    assert {step["step"] for step in status["plan"]["steps"]} == {"DeleteSnapshot"}
    database.reconciled_again("db")
    assert set(database.snapshots()) == set(old)


def test_no_more_are_deleted_in_a_day_than_the_account_lets(database):
    database.grant_it("snapshot", "deleteSnapshot", safety={"maxDeletesPerDay": 1})
    old = [database.put_own(earlier(hours)) for hours in (24, 23, 22)]
    database.apply(database.backup(snapshots=KEEP_ONE))
    until("one is deleted", database.snapshots, lambda found: set(found) == set(old[1:]))
    database.reconciled_again("db", 3)
    assert set(database.snapshots()) == set(old[1:])
    waiting = database.get("db")["status"]["retention"]["nextDeletions"]
    assert [one["snapshotIdentifier"] for one in waiting] == [old[1]]


def test_in_a_freeze_snapshots_are_taken_and_nothing_else_is_done(database):
    freeze = [{"from": "1960-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "reason": "nobody is there"}]
    database.grant_it("snapshot", "deleteSnapshot", freeze=freeze)
    old, due = database.put_own(earlier(24)), begun()
    database.apply(database.backup(automated={"retentionDays": 7}, snapshots=KEEP_ONE | {"schedule": cron(due)}))
    new = f"{database.prefix}-{due:%Y%m%d-%H%M%S}"
    until("the new one is taken", database.snapshots, lambda found: new in found)
    database.synced("db", "Frozen")
    database.reconciled_again("db")
    assert set(database.snapshots()) == {old, new}
    assert [call["operation"] for call in database.made()] == ["CreateDBSnapshot"]
    database.grant_it("snapshot", "deleteSnapshot", freeze=[])
    until("the old one goes when it has ended", database.snapshots, lambda found: set(found) == {new})
    until("and the setting is put right", lambda: database.show()["BackupRetentionPeriod"], lambda days: days == 7)


def test_who_may_take_snapshots_may_not_for_that_delete_them(database):
    database.grant_it("snapshot")
    old = [database.put_own(earlier(hours)) for hours in (24, 23)]
    database.apply(database.backup(snapshots=KEEP_ONE))
    assert "deleteSnapshot" in database.stalled("db", "NotGranted")["message"]
    assert set(database.snapshots()) == set(old)


def test_a_list_that_cannot_be_read_deletes_nothing(database):
    old = [database.put_own(earlier(hours)) for hours in (24, 23)]
    fault = {"service": "rds", "operation": "DescribeDBSnapshots", "kind": "error500", "when": "before"}
    database.account.control("POST", "/faults", fault)
    try:
        database.apply(database.backup(snapshots=KEEP_ONE))
        database.wait("db", lambda policy: condition(policy, "Synced").get("status") == "Unknown", "says that AWS cannot be read")
        database.reconciled_again("db")
        assert database.made() == []
    finally:
        database.account.control("DELETE", "/faults")
    until("the oldest is deleted", database.snapshots, lambda found: set(found) == {old[1]}, 120)
