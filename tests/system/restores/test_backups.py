"""A snapshot by hand: taken once, told from others by its tags, and deleted with its object where that is said."""

from __future__ import annotations

import pytest
from runbook_sandbox.clocked.installation import condition
from runbook_sandbox.harness import CommandError

from restores.source import take
from restores.workshop import BACKUP, OWN_ARN, OWNER, RDS, RUN


def test_a_snapshot_is_taken_once_and_says_whose_it_is(shop):
    shop.apply(shop.backup())
    found, name = shop.complete("db", BACKUP), shop.named("db")
    status = found["status"]
    assert (status["snapshotIdentifier"], status["snapshotArn"]) == (name, f"{RDS}:snapshot:{name}")
    assert status["percentProgress"] == 100
    assert status["startTime"] <= status["completionTime"]
    assert shop.snapshots()[name] == {
        "team": "clocked",  # the instance's own: CopyTagsToSnapshot
        OWNER: f"sandbox/{shop.namespace}/databasebackups/db",
        OWN_ARN: f"{RDS}:snapshot:{name}",
        RUN: found["metadata"]["uid"],
    }
    # What has ended is not looked at again, by whatever it is woken.
    shop.kill()
    shop.rds.add_tags_to_resource(ResourceName=f"{RDS}:snapshot:{name}", Tags=[{"Key": OWNER, "Value": "somebody"}])
    shop.apply(shop.backup("other"))
    shop.complete("other", BACKUP)
    assert shop.show("db", BACKUP)["status"] == status
    assert shop.writes(name) == ["CreateDBSnapshot"]


def test_without_a_name_it_is_named_after_its_database_and_time(shop):
    shop.apply(shop.backup(snapshotIdentifier=None))
    status = shop.complete("db", BACKUP)["status"]
    created = shop.show("db", BACKUP)["metadata"]["creationTimestamp"]
    stamp = created.rstrip("Z").replace("-", "").replace(":", "").replace("T", "-")
    assert status["snapshotIdentifier"] == f"{shop.source}-manual-{stamp}"
    shop.rds.delete_db_snapshot(DBSnapshotIdentifier=status["snapshotIdentifier"])


@pytest.mark.parametrize(("policy", "left"), [("Delete", False), ("Retain", True)])
def test_its_object_takes_it_along_where_that_is_said(shop, policy, left):
    shop.apply(shop.backup(deletionPolicy=policy))
    shop.complete("db", BACKUP)
    shop.delete("db", BACKUP)
    assert (shop.named("db") in shop.snapshots()) == left


def test_a_name_that_is_taken_is_somebody_elses(shop):
    name = shop.named("db")
    take(shop.account, name, by="hand")
    shop.apply(shop.backup(deletionPolicy="Delete"))
    found = shop.failed("db", "NameTaken", BACKUP)
    assert name in condition(found, "Failed")["message"]
    shop.delete("db", BACKUP)
    assert shop.snapshots()[name] == {"by": "hand", "team": "clocked"}
    assert shop.writes(name) == []


def test_what_it_says_cannot_be_changed(shop):
    shop.grant_it("observe")
    shop.apply(shop.backup())
    for changed in ({"source": {"rdsInstance": "another"}}, {"snapshotIdentifier": "another"}, {"accountRef": {"name": "another"}}):
        with pytest.raises(CommandError, match="a backup is taken once; create another DatabaseBackup"):
            shop.apply(shop.backup(**changed))
    shop.apply(shop.backup(deletionPolicy="Delete"))


def test_observe_says_what_it_would_take(shop):
    shop.grant_it("snapshot", mode="Observe")
    shop.apply(shop.backup())
    plan = shop.planned("db", BACKUP)
    assert [step["description"] for step in plan["steps"]] == [f"take snapshot {shop.named('db')} of DB instance {shop.source}"]
    assert shop.writes(shop.named("db")) == []
    shop.grant_it("snapshot")
    shop.complete("db", BACKUP)


def test_a_snapshot_that_is_not_granted_is_not_taken(shop):
    shop.grant_it("observe")
    shop.apply(shop.backup())
    found = shop.synced("db", "NotGranted", BACKUP)
    assert "snapshot" in condition(found, "Stalled")["message"]
    assert shop.writes(shop.named("db")) == []
