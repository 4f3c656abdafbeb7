"""RDS's own backup settings are kept as declared: put right once, never by an outage that nobody has allowed."""

from __future__ import annotations

from typing import Any

from runbook_sandbox.clocked.installation import condition, until

DECLARED = {"retentionDays": 7, "window": "03:00-04:00", "copyTagsToSnapshot": True}


def settings(database) -> tuple[Any, ...]:
    found = database.show()
    names = ("BackupRetentionPeriod", "PreferredBackupWindow", "CopyTagsToSnapshot", "DeletionProtection")
    return tuple(found[name] for name in names)


def changes(database) -> list[dict[str, Any]]:
    """What the operator has sent to ModifyDBInstance, oldest first."""
    sent = [call["params"] for call in database.made("ModifyDBInstance")]
    return [{name: value for name, value in params.items() if name != "DBInstanceIdentifier"} for params in sent]


def test_settings_are_put_right_at_once_and_no_more_than_once(database):
    database.apply(database.backup(automated=DECLARED, deletionProtection=True))
    until("the settings are as declared", lambda: settings(database), lambda found: found == (7, "03:00-04:00", True, True))
    database.in_sync("db")
    database.reconciled_again("db")
    assert len(changes(database)) == 1
    (sent,) = changes(database)
    assert not sent.pop("ApplyImmediately", False), "nothing of it needs an outage"
    assert sent == {
        "BackupRetentionPeriod": 7,
        "PreferredBackupWindow": "03:00-04:00",
        "CopyTagsToSnapshot": True,
        "DeletionProtection": True,
    }


def test_drift_is_put_back_and_what_is_not_declared_is_left_alone(database):
    database.apply(database.backup(automated={"retentionDays": 7}, deletionProtection=True))
    database.in_sync("db")
    database.available()
    database.rds.modify_db_instance(
        DBInstanceIdentifier=database.identifier, DeletionProtection=False, PreferredBackupWindow="05:00-06:00", CopyTagsToSnapshot=True
    )
    until("protection is on again", lambda: settings(database), lambda found: found == (7, "05:00-06:00", True, True))
    database.in_sync("db")
    assert [sent.get("DeletionProtection") for sent in changes(database)] == [True, True]
    entry = database.get("db")["status"]["history"][0]
    assert (entry["step"], entry["reason"]) == ("ModifyBackupSettings", "Drift")
    # What is declared no longer stays as it is.
    database.apply(database.backup(automated={"retentionDays": 7}, deletionProtection=False))
    database.in_sync("db")
    assert settings(database)[3] is True


def test_what_somebody_keeps_undoing_is_put_right_later_each_time(database):
    database.apply(database.backup(automated={"retentionDays": 7}))
    database.in_sync("db")

    def undone() -> None:
        until("it is as declared", lambda: settings(database)[0], lambda days: days == 7)
        database.available()
        database.rds.modify_db_instance(DBInstanceIdentifier=database.identifier, BackupRetentionPeriod=2)

    for times in (2, 3, 4):
        undone()
        until("it is put right", lambda: len(changes(database)), lambda count, times=times: count == times)
    undone()
    assert "put right 3 times" in database.synced("db", "Contested")["message"]
    database.reconciled_again("db")
    assert settings(database)[0] == 2
    assert len(changes(database)) == 4


def test_what_rds_has_not_done_yet_is_not_asked_for_again(database):
    database.account.control("PUT", "/pace", {"rds_modify": 60.0})
    database.apply(database.backup(automated={"retentionDays": 7}))
    until("it is pending", lambda: database.show()["PendingModifiedValues"], lambda found: found == {"BackupRetentionPeriod": 7})
    database.reconciled_again("db", 3)
    assert database.show()["PendingModifiedValues"] == {"BackupRetentionPeriod": 7}
    assert "as soon as it can" in database.synced("db", "ChangePending")["message"]
    assert condition(database.get("db"), "Stalled")["status"] == "False"
    until("it is done", lambda: settings(database)[0], lambda days: days == 7)
    database.in_sync("db")
    assert len(changes(database)) == 1


def test_what_others_have_pending_goes_on_waiting(database):
    database.rds.modify_db_instance(DBInstanceIdentifier=database.identifier, DBInstanceClass="db.t4g.small")
    database.apply(database.backup(automated=DECLARED, deletionProtection=True))
    until("the settings are as declared", lambda: settings(database), lambda found: found == (7, "03:00-04:00", True, True))
    database.in_sync("db")
    found = database.show()
    assert (found["DBInstanceClass"], found["PendingModifiedValues"]) == ("db.t4g.micro", {"DBInstanceClass": "db.t4g.small"})


def test_an_outage_that_nobody_has_allowed_is_refused(place):
    place.create(BackupRetentionPeriod=0)
    place.apply(place.backup(automated={"retentionDays": 7}))
    assert "allowOutage: true" in place.stalled("db", "OutageRefused")["message"]
    assert condition(place.get("db"), "Ready")["status"] == "False"
    assert changes(place) == []
    place.apply(place.backup(automated={"retentionDays": 7}, allowOutage=True))
    until("automated backups are on", lambda: settings(place)[0], lambda days: days == 7)
    place.in_sync("db")
    assert [(sent["BackupRetentionPeriod"], sent.get("ApplyImmediately")) for sent in changes(place)] == [(7, True)]
    until("RDS has backed it up", place.automated, lambda found: len(found) == 1)


def test_automated_backups_are_turned_off_only_by_who_says_so_twice(database):
    assert len(database.automated()) == 1
    database.apply(database.backup(automated={"retentionDays": 0}, allowOutage=True))
    until("automated backups are off", lambda: settings(database)[0], lambda days: days == 0)
    database.in_sync("db")
    assert database.automated() == []
    assert len(changes(database)) == 1


def test_an_outage_never_brings_on_what_somebody_else_has_put_off(place):
    place.create(BackupRetentionPeriod=0)
    place.rds.modify_db_instance(DBInstanceIdentifier=place.identifier, DBInstanceClass="db.t4g.small")
    place.apply(place.backup(automated={"retentionDays": 7}, allowOutage=True))
    assert "sun:20:00-sun:21:00" in place.synced("db", "MaintenanceAwaited")["message"], "both wait for the maintenance window"
    place.reconciled_again("db")
    (sent,) = changes(place)
    assert not sent.get("ApplyImmediately"), "it would apply the class as well"
    found = place.show()
    assert (found["DBInstanceClass"], found["BackupRetentionPeriod"]) == ("db.t4g.micro", 0)
    assert found["PendingModifiedValues"] == {"DBInstanceClass": "db.t4g.small", "BackupRetentionPeriod": 7}


def test_a_window_within_the_maintenance_window_is_refused(database):
    database.rds.modify_db_instance(DBInstanceIdentifier=database.identifier, PreferredMaintenanceWindow="mon:03:30-mon:04:30")
    database.apply(database.backup(automated=DECLARED))
    assert "mon:03:30-mon:04:30" in database.stalled("db", "WindowConflict")["message"]
    assert settings(database)[1] == "10:00-11:00"
