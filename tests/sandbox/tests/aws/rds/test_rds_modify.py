"""ModifyDBInstance: what is pending, what is applied when, what is refused."""

from __future__ import annotations

from datetime import timedelta

import pytest

from .conftest import INSTANCE


def test_a_change_waits_for_the_maintenance_window(aws, rds, instance, show):
    """ModifyDBInstance: without ApplyImmediately it is in PendingModifiedValues until the window. moto: applied at once."""
    instance()
    answer = rds.modify_db_instance(DBInstanceIdentifier="app", DBInstanceClass="db.t4g.small")["DBInstance"]
    assert answer["DBInstanceClass"] == "db.t4g.micro"
    assert answer["PendingModifiedValues"] == {"DBInstanceClass": "db.t4g.small"}
    aws.clock.advance(60)
    assert show()["DBInstanceStatus"] == "available"
    assert show()["DBInstanceClass"] == "db.t4g.micro"
    aws.clock.advance(timedelta(days=8).total_seconds())
    assert show()["DBInstanceClass"] == "db.t4g.small"
    assert show()["PendingModifiedValues"] == {}


def test_apply_immediately_passes_through_modifying(aws, rds, instance, show):
    """User Guide, "DB instance status": modifying. The answer itself still says available, so a waiter may be too quick."""
    instance()
    answer = rds.modify_db_instance(DBInstanceIdentifier="app", DBInstanceClass="db.t4g.small", ApplyImmediately=True)["DBInstance"]
    assert answer["DBInstanceStatus"] == "available"
    assert answer["PendingModifiedValues"] == {"DBInstanceClass": "db.t4g.small"}
    assert show()["DBInstanceStatus"] == "modifying"
    assert show()["DBInstanceClass"] == "db.t4g.micro"
    aws.clock.advance(10)
    assert show()["DBInstanceStatus"] == "available"
    assert show()["DBInstanceClass"] == "db.t4g.small"


def test_apply_immediately_applies_everything_that_is_pending(aws, rds, instance, show):
    """User Guide, "Schedule modifications setting": all pending ones, not only those of the request."""
    instance()
    rds.modify_db_instance(DBInstanceIdentifier="app", DBInstanceClass="db.t4g.small")
    rds.modify_db_instance(DBInstanceIdentifier="app", MultiAZ=True)
    assert show()["PendingModifiedValues"] == {"DBInstanceClass": "db.t4g.small", "MultiAZ": True}
    rds.modify_db_instance(DBInstanceIdentifier="app", ApplyImmediately=True)
    aws.clock.advance(10)
    assert (show()["DBInstanceClass"], show()["MultiAZ"]) == ("db.t4g.small", True)


def test_setting_a_value_back_takes_the_pending_change_away(rds, instance):
    instance()
    rds.modify_db_instance(DBInstanceIdentifier="app", DBInstanceClass="db.t4g.small")
    answer = rds.modify_db_instance(DBInstanceIdentifier="app", DBInstanceClass="db.t4g.micro")["DBInstance"]
    assert answer["PendingModifiedValues"] == {}


def test_backup_retention_between_two_numbers_needs_no_window(aws, rds, instance, show):
    """ModifyDBInstance, BackupRetentionPeriod: non-zero to non-zero is applied as soon as possible, without an outage."""
    instance()
    answer = rds.modify_db_instance(DBInstanceIdentifier="app", BackupRetentionPeriod=7)["DBInstance"]
    assert answer["PendingModifiedValues"] == {"BackupRetentionPeriod": 7}
    for _ in range(10):
        assert show()["DBInstanceStatus"] == "available"
        aws.clock.advance(1)
    assert show()["BackupRetentionPeriod"] == 7
    assert show()["PendingModifiedValues"] == {}


def test_what_is_pending_stays_when_the_retention_is_changed(aws, rds, instance, show):
    """The retention is applied as soon as possible; a class that waits for the window goes on waiting for it."""
    instance()
    rds.modify_db_instance(DBInstanceIdentifier="app", DBInstanceClass="db.t4g.small")
    rds.modify_db_instance(DBInstanceIdentifier="app", BackupRetentionPeriod=7, PreferredBackupWindow="03:00-04:00")
    assert show()["PreferredBackupWindow"] == "03:00-04:00"
    aws.clock.advance(10)
    found = show()
    assert (found["BackupRetentionPeriod"], found["DBInstanceClass"]) == (7, "db.t4g.micro")
    assert found["PendingModifiedValues"] == {"DBInstanceClass": "db.t4g.small"}


def test_switching_backups_off_waits_and_then_deletes_them(aws, rds, instance, show):
    """User Guide, "Disabling automated backups": to 0 they are deleted; without ApplyImmediately in the window only."""
    instance(BackupRetentionPeriod=3)
    automated = {"DBInstanceIdentifier": "app", "SnapshotType": "automated"}
    assert len(rds.describe_db_snapshots(**automated)["DBSnapshots"]) == 1
    rds.modify_db_instance(DBInstanceIdentifier="app", BackupRetentionPeriod=0)
    aws.clock.advance(60)
    assert show()["BackupRetentionPeriod"] == 3
    rds.modify_db_instance(DBInstanceIdentifier="app", ApplyImmediately=True)
    assert show()["DBInstanceStatus"] == "modifying"
    aws.clock.advance(10)
    assert show()["BackupRetentionPeriod"] == 0
    assert rds.describe_db_snapshots(**automated)["DBSnapshots"] == []
    rds.modify_db_instance(DBInstanceIdentifier="app", BackupRetentionPeriod=5, ApplyImmediately=True)
    seen = []
    for _ in range(40):
        seen.append(show()["DBInstanceStatus"])
        aws.clock.advance(0.5)
    assert [status for number, status in enumerate(seen) if number == 0 or seen[number - 1] != status] == [
        "modifying",
        "backing-up",
        "available",
    ]


def test_switches_apply_at_once(rds, instance):
    """Settings table: deletion protection, tags to snapshots, windows need neither window nor restart."""
    instance()
    answer = rds.modify_db_instance(
        DBInstanceIdentifier="app",
        DeletionProtection=True,
        CopyTagsToSnapshot=True,
        PubliclyAccessible=False,
        PreferredBackupWindow="03:00-04:00",
        PreferredMaintenanceWindow="Sun:05:00-Sun:06:00",
    )["DBInstance"]
    assert answer["PendingModifiedValues"] == {}
    assert answer["DeletionProtection"] is answer["CopyTagsToSnapshot"] is True
    assert answer["PubliclyAccessible"] is False
    assert answer["PreferredBackupWindow"] == "03:00-04:00"
    assert answer["PreferredMaintenanceWindow"] == "sun:05:00-sun:06:00"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"BackupRetentionPeriod": 36}, "InvalidParameterValue"),
        ({"BackupRetentionPeriod": -1}, "InvalidParameterValue"),
        ({"PreferredBackupWindow": "25:00-26:00"}, "InvalidParameterValue"),
        ({"PreferredBackupWindow": "05:10-05:20"}, "InvalidParameterValue"),
        ({"PreferredBackupWindow": "05:30-06:30"}, "InvalidParameterValue"),
        ({"PreferredMaintenanceWindow": "mon:03:15-mon:04:15"}, "InvalidParameterValue"),
        ({"DBInstanceClass": "db.nothing.large"}, "InvalidParameterValue"),
        ({"EngineVersion": "1.0"}, "InvalidParameterCombination"),
        ({"EngineVersion": "17"}, "InvalidParameterCombination"),
        ({"AllocatedStorage": 10}, "InvalidParameterCombination"),
        ({"MaxAllocatedStorage": 19}, "InvalidParameterCombination"),
        ({"MasterUserPassword": "short"}, "InvalidParameterValue"),
        ({"NewDBInstanceIdentifier": "-bad"}, "InvalidParameterValue"),
        ({"NewDBInstanceIdentifier": "other"}, "DBInstanceAlreadyExists"),
        ({"DBPortNumber": 22}, "InvalidParameterValue"),
    ],
)
def test_bad_changes_are_refused_whole(aws, rds, instance, show, refused, changed, code):
    """Everything is checked before anything changes: a good setting beside a bad one is not applied. moto: half-applied."""
    instance(EngineVersion="16", PreferredBackupWindow="03:00-04:00", PreferredMaintenanceWindow="sun:05:00-sun:06:00")
    instance("other")
    with refused(code):
        rds.modify_db_instance(DBInstanceIdentifier="app", DeletionProtection=True, ApplyImmediately=True, **changed)
    aws.clock.advance(10)
    assert show()["DeletionProtection"] is False
    assert show()["PendingModifiedValues"] == {}


@pytest.mark.parametrize("status", ["creating", "backing-up", "modifying", "stopped", "rebooting"])
def test_only_an_available_instance_is_modified(aws, rds, instance, refused, status):
    """Message as AWS's: "Database instance is not in available state." moto: any state."""
    instance()
    aws.control("PUT", "/rds/instances/app/status", {"status": status})
    with refused("InvalidDBInstanceState", "not in available state"):
        rds.modify_db_instance(DBInstanceIdentifier="app", BackupRetentionPeriod=3)


def test_storage_grows_by_ten_percent_and_then_rests(aws, rds, instance, show, refused):
    """ModifyDBInstance, AllocatedStorage: smaller steps are rounded up; afterwards `storage-optimization` and six hours."""
    instance(AllocatedStorage=100)
    answer = rds.modify_db_instance(DBInstanceIdentifier="app", AllocatedStorage=101, ApplyImmediately=True)["DBInstance"]
    assert answer["PendingModifiedValues"]["AllocatedStorage"] == 110
    aws.clock.advance(5)
    assert show()["DBInstanceStatus"] == "storage-optimization"
    with refused("InvalidParameterCombination", "six hours"):
        rds.modify_db_instance(DBInstanceIdentifier="app", AllocatedStorage=200, ApplyImmediately=True)
    aws.clock.advance(60)
    assert show()["DBInstanceStatus"] == "available"
    with refused("InvalidParameterCombination", "six hours"):
        rds.modify_db_instance(DBInstanceIdentifier="app", AllocatedStorage=200, ApplyImmediately=True)
    aws.clock.advance(6 * 3600)
    rds.modify_db_instance(DBInstanceIdentifier="app", AllocatedStorage=200, ApplyImmediately=True)
    aws.clock.advance(60)
    assert show()["AllocatedStorage"] == 200


def test_a_snapshot_is_possible_while_storage_is_optimized(aws, rds, instance, show):
    """CreateDBSnapshot: the instance must be `available` or `storage-optimization`, and returns to what it was."""
    instance()
    aws.control("PUT", "/rds/instances/app/status", {"status": "storage-optimization"})
    rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="s")
    assert show()["DBInstanceStatus"] == "backing-up"
    aws.clock.advance(10)
    assert show()["DBInstanceStatus"] == "storage-optimization"


def test_renaming_gives_a_new_arn_and_address(aws, rds, instance, show, refused):
    """User Guide, "Renaming a DB instance": endpoint changes, DbiResourceId stays, status `renaming`."""
    before = instance()
    rds.modify_db_instance(DBInstanceIdentifier="app", NewDBInstanceIdentifier="Newer", ApplyImmediately=True)
    assert show()["DBInstanceStatus"] == "renaming"
    aws.clock.advance(10)
    after = show("newer")
    assert after["DBInstanceArn"].endswith(":db:newer")
    assert after["Endpoint"]["Address"].startswith("newer.")
    assert after["DbiResourceId"] == before["DbiResourceId"]
    with refused("DBInstanceNotFound"):
        show()


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"MasterUserPassword": "another-good-one"}, "resetting-master-credentials"),
        ({"MonitoringInterval": 60, "MonitoringRoleArn": "arn:aws:iam::123456789012:role/m"}, "configuring-enhanced-monitoring"),
        ({"EnableIAMDatabaseAuthentication": True}, "configuring-iam-database-auth"),
        ({"CloudwatchLogsExportConfiguration": {"EnableLogTypes": ["postgresql"]}}, "configuring-log-exports"),
    ],
)
def test_some_changes_have_statuses_of_their_own(aws, rds, instance, show, changed, status):
    """User Guide, "Viewing DB instance status"."""
    instance()
    rds.modify_db_instance(DBInstanceIdentifier="app", **changed)
    assert show()["DBInstanceStatus"] == status
    aws.clock.advance(10)
    assert show()["DBInstanceStatus"] == "available"


def test_a_major_upgrade_has_to_be_allowed(aws, rds, instance, show):
    instance(EngineVersion="16")
    rds.modify_db_instance(DBInstanceIdentifier="app", EngineVersion="17", AllowMajorVersionUpgrade=True, ApplyImmediately=True)
    assert show()["DBInstanceStatus"] == "upgrading"
    aws.clock.advance(10)
    assert show()["EngineVersion"].startswith("17.")
    assert show()["DBParameterGroups"][0]["DBParameterGroupName"] == "default.postgres17"


def test_a_password_on_its_way_is_pending_and_masked(aws, rds, show):
    """API Reference, examples of CreateDBInstance and ModifyDBInstance. moto: never pending."""
    masked = {"MasterUserPassword": "****"}
    assert rds.create_db_instance(**INSTANCE)["DBInstance"]["PendingModifiedValues"] == masked
    aws.clock.advance(30)
    assert show()["PendingModifiedValues"] == {}
    answer = rds.modify_db_instance(DBInstanceIdentifier="app", MasterUserPassword="another-good-one", DBInstanceClass="db.t4g.small")
    assert answer["DBInstance"]["PendingModifiedValues"] == masked | {"DBInstanceClass": "db.t4g.small"}
    aws.clock.advance(30)
    assert show()["PendingModifiedValues"] == {"DBInstanceClass": "db.t4g.small"}


def test_the_password_never_shows(aws, rds, instance):
    instance()
    answer = rds.modify_db_instance(DBInstanceIdentifier="app", MasterUserPassword="another-good-one")
    assert "another-good-one" not in str(answer)
    assert INSTANCE["MasterUserPassword"] not in str(aws.control("GET", "/calls"))


def test_gp3_has_a_higher_baseline_from_400_gib_on(aws, rds, instance, show):
    """User Guide, "gp3 storage": 3,000 IOPS and 125 MiB/s below 400 GiB, 12,000 and 500 from there. moto: neither."""
    small = instance(AllocatedStorage=300)
    assert (small["Iops"], small["StorageThroughput"]) == (3000, 125)
    large = instance("large", AllocatedStorage=400)
    assert (large["Iops"], large["StorageThroughput"]) == (12000, 500)
    rds.modify_db_instance(DBInstanceIdentifier="app", AllocatedStorage=400, ApplyImmediately=True)
    aws.clock.advance(60)
    assert (show()["Iops"], show()["StorageThroughput"]) == (12000, 500)


def test_what_others_manage_is_shown(aws, rds, instance):
    """DBInstance: AwsBackupRecoveryPointArn while AWS Backup keeps the backups, and the tags of CloudFormation, which no caller sets."""
    instance()

    def shown():
        return rds.describe_db_instances(DBInstanceIdentifier="app")["DBInstances"][0]

    assert "AwsBackupRecoveryPointArn" not in shown()
    arn = aws.control("PUT", "/rds/instances/app/continuous-backup", {"enabled": True})["arn"]
    assert shown()["AwsBackupRecoveryPointArn"] == arn
    assert arn.startswith("arn:aws:backup:eu-central-1:123456789012:recovery-point:continuous:db-")
    aws.control("PUT", "/rds/instances/app/continuous-backup", {"enabled": False})
    assert "AwsBackupRecoveryPointArn" not in shown()
    aws.control("PUT", "/rds/instances/app/tags", {"aws:cloudformation:stack-name": "prod"})
    assert shown()["TagList"] == [{"Key": "aws:cloudformation:stack-name", "Value": "prod"}]
