"""Automated backups on the clock."""

from __future__ import annotations

from datetime import timedelta

DAY = 86400


def _automated(rds, of="app"):
    found = rds.describe_db_snapshots(DBInstanceIdentifier=of, SnapshotType="automated")["DBSnapshots"]
    return [item["DBSnapshotIdentifier"] for item in found]


def test_one_a_day_in_the_window_named_by_time(aws, rds, instance):
    """User Guide, "Backup window": daily; identifiers are rds:<instance>-YYYY-MM-DD-HH-MM. moto: one, at creation."""
    instance(BackupRetentionPeriod=35, PreferredBackupWindow="03:00-03:30", PreferredMaintenanceWindow="sun:10:00-sun:11:00")
    aws.clock.advance(3 * DAY)
    names = _automated(rds)
    assert len(names) == 4
    assert all(name.startswith("rds:app-") for name in names)
    daily = [name for name in names if name.endswith("-03-00")]
    assert len(daily) >= 3
    aws.clock.advance(DAY)
    assert len(_automated(rds)) == 5


def test_they_expire_after_the_retention(aws, rds, instance):
    """BackupRetentionPeriod: days that automated backups are kept."""
    instance(BackupRetentionPeriod=2, PreferredBackupWindow="03:00-03:30", PreferredMaintenanceWindow="sun:10:00-sun:11:00")
    aws.clock.advance(10 * DAY)
    found = rds.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"]
    assert 2 <= len(found) <= 3
    assert all(aws.clock.now() - item["SnapshotCreateTime"] <= timedelta(days=2, minutes=1) for item in found)


def test_a_stopped_instance_is_not_backed_up(aws, rds, instance):
    """User Guide, "Working with backups": only while the instance is `available`."""
    instance(BackupRetentionPeriod=7, PreferredBackupWindow="03:00-03:30", PreferredMaintenanceWindow="sun:10:00-sun:11:00")
    before = _automated(rds)
    rds.stop_db_instance(DBInstanceIdentifier="app")
    aws.clock.advance(3 * DAY)
    assert _automated(rds) == before


def test_a_shorter_retention_deletes_what_is_too_old(aws, rds, instance):
    instance(BackupRetentionPeriod=7, PreferredBackupWindow="03:00-03:30", PreferredMaintenanceWindow="sun:10:00-sun:11:00")
    aws.clock.advance(6 * DAY)
    assert len(_automated(rds)) == 7
    rds.modify_db_instance(DBInstanceIdentifier="app", BackupRetentionPeriod=2, ApplyImmediately=True)
    aws.clock.advance(60)
    assert len(_automated(rds)) <= 3


def test_automated_backups_have_a_restore_window(aws, rds, instance):
    instance(BackupRetentionPeriod=7)
    aws.clock.advance(DAY)
    found = rds.describe_db_instance_automated_backups(DBInstanceIdentifier="app")["DBInstanceAutomatedBackups"]
    assert [backup["Status"] for backup in found] == ["active"]
    window = found[0]["RestoreWindow"]
    assert window["EarliestTime"] < window["LatestTime"] <= aws.clock.now()


def test_as_many_are_retained_as_there_may_be_instances(aws, rds, instance, refused):
    """DeleteDBInstance, DBInstanceAutomatedBackupQuotaExceeded: the quota "is the same as your DB instance quota"."""
    instance("first")
    instance("second")
    aws.control("PUT", "/rds/quotas", {"DBInstances": 1})
    rds.delete_db_instance(DBInstanceIdentifier="first", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    aws.clock.advance(30)
    with refused("DBInstanceAutomatedBackupQuotaExceeded"):
        rds.delete_db_instance(DBInstanceIdentifier="second", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    rds.delete_db_instance(DBInstanceIdentifier="second", SkipFinalSnapshot=True)


def test_deletion_takes_them_along_unless_told_otherwise(aws, rds, instance):
    """DeleteDBInstance, DeleteAutomatedBackups: by default they are removed; else they are retained until they expire."""
    instance("gone", BackupRetentionPeriod=3)
    instance("kept", BackupRetentionPeriod=3)
    rds.delete_db_instance(DBInstanceIdentifier="gone", SkipFinalSnapshot=True)
    rds.delete_db_instance(DBInstanceIdentifier="kept", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    aws.clock.advance(30)
    assert _automated(rds, "gone") == []
    assert len(_automated(rds, "kept")) == 1
    retained = rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"]
    assert [(backup["DBInstanceIdentifier"], backup["Status"]) for backup in retained] == [("kept", "retained")]
    aws.clock.advance(4 * DAY)
    assert _automated(rds, "kept") == []
    assert rds.describe_db_instance_automated_backups()["DBInstanceAutomatedBackups"] == []
