"""Deleting instances."""

from __future__ import annotations

import pytest


def test_deletion_is_slow(aws, rds, instance, show, refused):
    """DeleteDBInstance: `deleting`, then DBInstanceNotFound. moto: gone at once."""
    instance()
    answer = rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)["DBInstance"]
    assert answer["DBInstanceStatus"] == show()["DBInstanceStatus"] == "deleting"
    with refused("InvalidDBInstanceState", "already being deleted"):
        rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)
    aws.clock.advance(10)
    with refused("DBInstanceNotFound"):
        show()


def test_the_final_snapshot_is_taken_first(aws, rds, instance, show, refused):
    instance(BackupRetentionPeriod=0)
    rds.delete_db_instance(DBInstanceIdentifier="app", FinalDBSnapshotIdentifier="last")
    assert rds.describe_db_snapshots(DBSnapshotIdentifier="last")["DBSnapshots"][0]["Status"] == "creating"
    aws.clock.advance(5)
    assert rds.describe_db_snapshots(DBSnapshotIdentifier="last")["DBSnapshots"][0]["Status"] == "available"
    assert show()["DBInstanceStatus"] == "deleting"
    aws.clock.advance(10)
    with refused("DBInstanceNotFound"):
        show()
    assert rds.describe_db_snapshots()["DBSnapshots"][0]["SnapshotType"] == "manual"


def test_rules_of_the_final_snapshot(aws, rds, instance, snapshot, refused):
    """DeleteDBInstance: one of the two, not both; the quota and the name may block it. moto: neither is needed."""
    instance()
    with refused("InvalidParameterCombination", "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified."):
        rds.delete_db_instance(DBInstanceIdentifier="app")
    with refused("InvalidParameterCombination"):
        rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True, FinalDBSnapshotIdentifier="last")
    with refused("InvalidParameterValue"):
        rds.delete_db_instance(DBInstanceIdentifier="app", FinalDBSnapshotIdentifier="last-")
    snapshot(identifier="taken")
    with refused("DBSnapshotAlreadyExists"):
        rds.delete_db_instance(DBInstanceIdentifier="app", FinalDBSnapshotIdentifier="taken")
    aws.control("PUT", "/rds/quotas", {"ManualSnapshots": 1})
    with refused("SnapshotQuotaExceeded"):
        rds.delete_db_instance(DBInstanceIdentifier="app", FinalDBSnapshotIdentifier="last")
    rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)


def test_a_protected_instance_is_not_deleted(rds, instance, refused):
    """Message as AWS's."""
    instance(DeletionProtection=True)
    with refused("InvalidParameterCombination", "Cannot delete protected DB Instance, please disable deletion protection and try again."):
        rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)
    rds.modify_db_instance(DBInstanceIdentifier="app", DeletionProtection=False)
    rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)


def test_a_restore_is_deleted_whatever_its_source_had(aws, rds, instance, snapshot, show, refused):
    """A restore is not protected unless that is said, and one that is being made is not deleted."""
    instance(DeletionProtection=True)
    snapshot()
    rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="back", DBSnapshotIdentifier="snap")
    with refused("InvalidDBInstanceState", "creating"):
        rds.delete_db_instance(DBInstanceIdentifier="back", SkipFinalSnapshot=True)
    aws.clock.advance(30)
    rds.delete_db_instance(DBInstanceIdentifier="back", SkipFinalSnapshot=True)
    aws.clock.advance(30)
    with refused("DBInstanceNotFound"):
        show("back")
    assert rds.describe_db_snapshots(DBInstanceIdentifier="back")["DBSnapshots"] == []
    assert [item["DBSnapshotIdentifier"] for item in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]] == ["snap"]
    assert show()["DBInstanceStatus"] == "available"


@pytest.mark.parametrize("status", ["creating", "backing-up", "modifying", "rebooting", "starting"])
def test_a_busy_instance_is_not_deleted(aws, rds, instance, refused, status):
    instance()
    aws.control("PUT", "/rds/instances/app/status", {"status": status})
    with refused("InvalidDBInstanceState", "app", status):
        rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)


def test_a_broken_instance_is_deleted_without_a_final_snapshot_only(aws, rds, instance, refused):
    """DeleteDBInstance: failed, incompatible-restore, incompatible-network need SkipFinalSnapshot."""
    instance()
    aws.control("PUT", "/rds/instances/app/status", {"status": "incompatible-network"})
    with refused("InvalidDBInstanceState", "SkipFinalSnapshot"):
        rds.delete_db_instance(DBInstanceIdentifier="app", FinalDBSnapshotIdentifier="last")
    rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)


def test_replicas_of_a_deleted_source_are_promoted(aws, rds, instance, show):
    """User Guide, "Working with DB instance read replicas": replicas of the same Region become instances of their own."""
    instance()
    rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="app")
    aws.clock.advance(30)
    rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)
    aws.clock.advance(30)
    assert "ReadReplicaSourceDBInstanceIdentifier" not in show("copy")


def test_manual_snapshots_survive(aws, rds, instance, snapshot):
    instance()
    snapshot()
    rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)
    aws.clock.advance(30)
    assert [item["DBSnapshotIdentifier"] for item in rds.describe_db_snapshots()["DBSnapshots"]] == ["snap"]
