"""Settings that CloudFormation or AWS Backup manages are left to them; snapshots are nobody's settings."""

from __future__ import annotations

from runbook_sandbox.clocked.installation import until

from backups.database import AT_ONCE

STACK = {"aws:cloudformation:stack-name": "clocked-prod"}


def test_settings_of_a_stack_are_left_to_it_and_snapshots_are_taken(database):
    database.account.control("PUT", f"/rds/instances/{database.identifier}/tags", STACK)
    declared = {"automated": {"retentionDays": 7}, "deletionProtection": True, "snapshots": AT_ONCE}
    database.apply(database.backup(**declared))
    database.wait_slot("Complete")
    told = database.stalled("db", "ManagedElsewhere")["message"]
    assert "stack clocked-prod" in told and "BackupRetentionPeriod 1 to 7, DeletionProtection false to true" in told
    database.reconciled_again("db")
    assert [call["operation"] for call in database.made()] == ["CreateDBSnapshot"]
    database.apply(database.backup(takeOwnership=True, **declared))
    database.in_sync("db")
    assert (database.show()["BackupRetentionPeriod"], database.show()["DeletionProtection"]) == (7, True)
    assert len(database.made("ModifyDBInstance")) == 1


def test_what_aws_backup_keeps_is_left_to_it_and_the_rest_is_not(database):
    recovery_point = database.account.control("PUT", f"/rds/instances/{database.identifier}/continuous-backup", {"enabled": True})["arn"]
    database.apply(database.backup(automated={"retentionDays": 7, "window": "03:00-04:00"}, deletionProtection=True))
    until("it is protected", database.show, lambda found: found["DeletionProtection"])
    assert recovery_point in database.stalled("db", "ManagedElsewhere")["message"]
    assert (database.show()["BackupRetentionPeriod"], database.show()["PreferredBackupWindow"]) == (1, "10:00-11:00")
    # Once the backup plan has it no longer, it goes on by itself.
    database.account.control("PUT", f"/rds/instances/{database.identifier}/continuous-backup", {"enabled": False})
    database.in_sync("db")
    assert (database.show()["BackupRetentionPeriod"], database.show()["PreferredBackupWindow"]) == (7, "03:00-04:00")
