"""A restore that is kept: a new database, set up like the one it was, which nobody here touches again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from runbook_sandbox.clocked.database import Database
from runbook_sandbox.clocked.installation import condition
from runbook_sandbox.harness import CommandError

from restores.source import GOOD, PARAMETERS, SOURCE, USERS
from restores.workshop import BACKUP, OWN_ARN, OWNER, RDS, RUN


def users(shop, identifier: str) -> int:
    """How many users a database has."""
    [(count,)] = Database(shop.account, identifier).query("SELECT count(*) FROM users")
    return count


def is_set_up_like_its_source(shop, identifier: str) -> None:
    """Nothing of it is RDS's default: nobody from outside reaches it, and who reached the one it is of does."""
    found, like = shop.account.database(identifier), shop.account.database(SOURCE)
    assert found["PubliclyAccessible"] is False
    assert found["DBSubnetGroup"]["DBSubnetGroupName"] == like["DBSubnetGroup"]["DBSubnetGroupName"]
    assert [one["VpcSecurityGroupId"] for one in found["VpcSecurityGroups"]] == [
        one["VpcSecurityGroupId"] for one in like["VpcSecurityGroups"]
    ]
    assert [one["DBParameterGroupName"] for one in found["DBParameterGroups"]] == [PARAMETERS]
    assert (found["DBInstanceClass"], found["StorageType"]) == (like["DBInstanceClass"], like["StorageType"])
    assert (found["DeletionProtection"], found["MultiAZ"], found["AutoMinorVersionUpgrade"]) == (False, False, False)


def test_a_backup_is_restored_into_a_new_database(shop):
    shop.apply(shop.backup(), shop.keep({"backupRef": {"name": "db"}}))
    found, name = shop.complete("again"), shop.named("again")
    status = found["status"]
    assert (status["phase"], status["rdsInstance"], status["resourceArn"]) == ("Complete", name, f"{RDS}:db:{name}")
    assert status["snapshotIdentifier"] == shop.show("db", BACKUP)["status"]["snapshotIdentifier"]
    shown = shop.account.database(name)
    assert status["endpoint"] == {"address": shown["Endpoint"]["Address"], "port": shown["Endpoint"]["Port"]}
    assert status["startTime"] <= status["availableTime"] <= status["completionTime"]
    is_set_up_like_its_source(shop, name)
    # Its own tags, and none of those that the source and its snapshot have.
    assert {tag["Key"]: tag["Value"] for tag in shown["TagList"]} == {
        OWNER: f"sandbox/{shop.namespace}/databaserestores/again",
        OWN_ARN: f"{RDS}:db:{name}",
        RUN: found["metadata"]["uid"],
    }
    assert users(shop, name) == USERS
    assert shop.writes(name) == ["RestoreDBInstanceFromDBSnapshot"]
    # The object goes, the database stays.
    shop.delete("again")
    assert shop.account.database(name)["DBInstanceStatus"] == "available"
    assert shop.writes(name) == ["RestoreDBInstanceFromDBSnapshot"]


def test_a_snapshot_that_no_object_knows_is_restored(shop):
    shop.apply(shop.keep({"snapshotIdentifier": GOOD}, instanceClass="db.t4g.medium", multiAZ=True))
    shop.complete("again")
    shown = shop.account.database(shop.named("again"))
    assert (shown["DBInstanceClass"], shown["MultiAZ"], shown["PubliclyAccessible"]) == ("db.t4g.medium", True, False)
    assert users(shop, shop.named("again")) == USERS


def test_a_database_is_restored_to_a_point_in_time(shop):
    shop.apply(shop.keep({"pointInTime": {"rdsInstance": SOURCE}}))
    shop.complete("again")
    is_set_up_like_its_source(shop, shop.named("again"))
    assert users(shop, shop.named("again")) == USERS
    assert shop.writes(shop.named("again")) == ["RestoreDBInstanceToPointInTime"]


def test_a_time_that_is_yet_to_come_is_said(shop):
    later = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    shop.apply(shop.keep({"pointInTime": {"rdsInstance": SOURCE, "time": later}}))
    assert later in shop.stalled("again", "TimeNotRestorable")["message"]
    assert shop.writes(shop.named("again")) == []


def test_nothing_is_ever_restored_over_a_database(shop):
    name = shop.named("again")
    shop.account.create_database(name)
    shop.apply(shop.keep({"snapshotIdentifier": GOOD}))
    told = condition(shop.failed("again", "TargetExists"), "Failed")["message"]
    assert name in told and "nothing is ever restored over a database" in told
    shop.apply(shop.keep({"snapshotIdentifier": GOOD}, "source", SOURCE))
    shop.failed("source", "TargetExists")
    assert shop.restores(name) == shop.restores(SOURCE) == []
    shop.delete("again")
    assert shop.account.database(name)["DBInstanceStatus"] in ("creating", "backing-up", "available")


@pytest.mark.parametrize(
    ("granted", "missing"),
    [([f"{SOURCE}-*", "rbv-*"], SOURCE), ([SOURCE], "")],
    ids=["the source is not", "the new database is not"],
)
@pytest.mark.parametrize("otherwise", [None, "observe"])
def test_both_must_be_granted(shop, granted, missing, otherwise):
    """Whoever may restore into any database may not thereby copy any other."""
    grants = [{"namespaces": [shop.namespace], "verbs": ["restore"], "resources": [f"{RDS}:db:{name}" for name in granted]}]
    if otherwise:
        grants.append({"namespaces": [shop.namespace], "verbs": [otherwise], "resources": [f"{RDS}:db:*"]})
    shop.grant(grants=grants)
    shop.apply(shop.keep({"snapshotIdentifier": GOOD}), shop.verify({"snapshotIdentifier": GOOD}))
    for name in ("again", "good"):
        message = shop.stalled(name, "NotGranted")["message"]
        new = shop.named("again") if name == "again" else "rbv-good-"
        assert f"the verb {'restore' if otherwise else 'observe'} on {RDS}:db:{missing or new}" in message
    assert shop.restores(shop.named("again")) == []
    assert shop.instances("rbv-good-") == shop.instances(shop.named("")) == {}


def test_taking_snapshots_is_no_leave_to_restore_them(shop):
    shop.grant_it("snapshot", "deleteSnapshot", "observe")
    shop.apply(shop.keep({"snapshotIdentifier": GOOD}))
    assert "restore" in shop.stalled("again", "NotGranted")["message"]
    assert shop.writes(shop.named("again")) == []


def test_what_is_to_be_restored_must_be_there(shop):
    shop.apply(shop.keep({"backupRef": {"name": "never"}}, "early"), shop.keep({"snapshotIdentifier": shop.named("never")}, "lost"))
    assert "never" in shop.stalled("early", "BackupNotFound")["message"]
    assert shop.named("never") in shop.stalled("lost", "SnapshotNotFound")["message"]
    # Whoever comes later is waited for.
    shop.apply(shop.backup("never"))
    shop.complete("early")
    shop.complete("lost")


def test_observe_says_everything_and_does_nothing(shop):
    shop.grant_it("restore", mode="Observe")
    shop.apply(shop.keep({"snapshotIdentifier": GOOD}), shop.verify({"pointInTime": {"rdsInstance": SOURCE}}))
    [kept], [scratch] = (shop.planned(name)["steps"] for name in ("again", "good"))
    assert (kept["step"], scratch["step"]) == ("RestoreInstance", "RestoreInstance")
    assert GOOD in kept["description"] and shop.named("again") in kept["description"] and PARAMETERS in kept["description"]
    assert "rbv-good-" in scratch["description"]
    shop.reconciled_again("again")
    assert shop.writes(shop.named("again")) == []
    assert "startTime" not in shop.show("again")["status"], "nothing is counted before it is begun"


def test_what_it_says_cannot_be_changed(shop):
    shop.grant_it("observe")
    shop.apply(shop.keep({"snapshotIdentifier": GOOD}))
    with pytest.raises(CommandError, match="spec cannot be changed: a restore runs once; create another DatabaseRestore"):
        shop.apply(shop.keep({"snapshotIdentifier": GOOD}, multiAZ=True))
