"""Backups and restores that are wrong, and what the server says: of what is done once, and in AWS, no mistake should get further."""

from __future__ import annotations

import pytest

BACKUP, RESTORE = "DatabaseBackup", "DatabaseRestore"
USERS = {"name": "users", "sql": "SELECT count(*) FROM users", "expect": "value > 0"}


def source(**fields: object) -> dict:
    return {"spec.source": fields}


def export(**fields: object) -> dict:
    """An export that is good but for these; what is None is left out."""
    good = {
        "source": "Primary",
        "connection": {"secretRef": {"name": "clocked-db-export"}},
        "serviceAccountName": "exporter",
        "s3": {"bucket": "clocked-backups", "prefix": "database/"},
    }
    return {"spec.export": {name: value for name, value in (good | fields).items() if value is not None}}


def target(**fields: object) -> dict:
    return {"spec.target": {"rdsInstance": "clocked-db-restored"} | fields}


def verify(*checks: dict, **fields: object) -> dict:
    """A restore that is verified."""
    verification = {"checks": list(checks or (USERS,))} | fields
    return {"spec.target": None, "spec.outcome": "Verify", "spec.verification": verification}


ONE_SOURCE = "say what is restored, and one thing only: source.backupRef, source.snapshotIdentifier or source.pointInTime"

BAD = {
    # A snapshot
    "run-backup-no-source": (BACKUP, {"spec.source": None}, ["spec.source", "Required value"]),
    "run-backup-of-nothing": (BACKUP, source(), ["name the database, and one only"]),
    "run-backup-of-two": (BACKUP, source(rdsInstance="a", rdsCluster="b"), ["name the database, and one only"]),
    "run-backup-of-an-arn": (BACKUP, source(rdsInstance="arn:aws:rds:eu-central-1:1:db:a"), ["not its ARN"]),
    "run-backup-of-rds": (BACKUP, {"spec.snapshotIdentifier": "rds-clocked"}, ["not rds-, which is RDS's own, nor rbv-"]),
    "run-backup-of-verifications": (BACKUP, {"spec.snapshotIdentifier": "rbv-clocked"}, ["nor rbv-, which is kept for verifications"]),
    "run-backup-in-capitals": (BACKUP, {"spec.snapshotIdentifier": "Clocked"}, ["snapshotIdentifier must be a lower-case letter"]),
    "run-backup-long": (BACKUP, {"spec.snapshotIdentifier": "s" * 256}, ["spec.snapshotIdentifier", "Too long"]),
    "run-backup-deleted-always": (BACKUP, {"spec.deletionPolicy": "Always"}, ["spec.deletionPolicy", '"Retain", "Delete"']),
    "run-backup-on-a-schedule": (BACKUP, {"spec.schedule": "0 2 * * *"}, ['unknown field "spec.schedule"']),
    # An export
    "export-of-no-source": (BACKUP, export(source=None), ["spec.export.source", "Required value"]),
    "export-of-another-source": (BACKUP, export(source="Standby"), ['supported values: "Primary", "Replica"']),
    "export-of-no-replica": (BACKUP, export(source="Replica"), ["say which read replica is exported in export.replica"]),
    "export-of-the-primary-and-a-replica": (BACKUP, export(replica="clocked-db-read"), ["and none with source: Primary"]),
    "export-of-a-cluster": (BACKUP, export() | source(rdsCluster="clocked"), ["an export is of source.rdsInstance"]),
    "export-and-snapshot": (BACKUP, export() | {"spec.snapshotIdentifier": "a"}, ["has no snapshotIdentifier"]),
    "export-that-goes": (BACKUP, export() | {"spec.deletionPolicy": "Delete"}, ["stays when this object is deleted"]),
    "export-of-a-pattern": (BACKUP, export(tables=["user*"]), ["a table must be table or schema.table"]),
    "export-of-the-same-twice": (BACKUP, export(tables=["users", "users"]), ["Duplicate value"]),
    "export-by-a-password": (BACKUP, export(connection={"password": "secret-word"}), ['unknown field "spec.export.connection.password"']),
    "export-as-nobody": (BACKUP, export(serviceAccountName=None), ["spec.export.serviceAccountName", "Required value"]),
    "export-to-a-url": (BACKUP, export(s3={"bucket": "s3://clocked-backups"}), ["bucket must be the name of a bucket"]),
    "export-to-a-root": (BACKUP, export(s3={"bucket": "clocked-backups", "prefix": "/database"}), ["not beginning with /"]),
    "export-to-somebody": (BACKUP, export(s3={"bucket": "clocked-backups", "bucketOwner": "us"}), ["the 12 digits of an AWS account"]),
    "export-kept-by-nothing": (BACKUP, export(retention={}), ["retention needs keepLast, maxAgeDays or both"]),
    "export-that-keeps-none": (BACKUP, export(retention={"keepLast": 0}), ["spec.export.retention.keepLast", "greater than or equal to 1"]),
    "export-in-capitals": (BACKUP, export(name="User"), ["name must be lower-case letters, digits and hyphens"]),
    # What is restored
    "restore-of-nothing": (RESTORE, source(), [ONE_SOURCE]),
    "restore-of-two": (RESTORE, source(snapshotIdentifier="a", pointInTime={"rdsInstance": "b"}), [ONE_SOURCE]),
    "restore-of-a-nameless-backup": (RESTORE, source(backupRef={}), ["spec.source.backupRef.name", "Required value"]),
    "restore-of-an-arn": (RESTORE, source(snapshotIdentifier="arn:aws:rds:eu-central-1:1:snapshot:a"), ["not its ARN"]),
    "restore-of-a-time-of-nothing": (RESTORE, source(pointInTime={}), ["spec.source.pointInTime.rdsInstance", "Required value"]),
    "restore-of-yesterday": (
        RESTORE,
        source(pointInTime={"rdsInstance": "clocked-db", "time": "yesterday"}),
        ["spec.source.pointInTime.time", "date-time"],
    ),
    # What it is restored into
    "restore-of-no-outcome": (RESTORE, {"spec.outcome": None}, ["spec.outcome", "Required value"]),
    "restore-of-another-outcome": (RESTORE, {"spec.outcome": "Replace"}, ["spec.outcome", 'supported values: "Keep", "Verify"']),
    "restore-into-nothing": (RESTORE, {"spec.target": None}, ["outcome: Keep needs target.rdsInstance"]),
    "restore-into-a-verification": (RESTORE, target(rdsInstance="rbv-clocked"), ["not rbv-, which is kept for verifications"]),
    "restore-into-an-odd-name": (RESTORE, target(rdsInstance="clocked--db"), ["rdsInstance must be a lower-case letter"]),
    "restore-into-a-long-name": (RESTORE, target(rdsInstance="d" * 64), ["spec.target.rdsInstance", "Too long"]),
    "restore-of-an-odd-class": (RESTORE, target(instanceClass="t4g.medium"), ["a DB instance class such as db.t4g.medium"]),
    "restore-for-everybody": (RESTORE, target(publiclyAccessible=True), ['unknown field "spec.target.publiclyAccessible"']),
    "restore-without-groups": (RESTORE, target(securityGroups=[]), ["spec.target.securityGroups", "should have at least 1 items"]),
    "restore-name-long": (RESTORE, {"metadata.name": "n" * 41}, ["metadata.name must have at most 40 characters"]),
    # How it is verified
    "kept-and-verified": (RESTORE, {"spec.verification": {"checks": [USERS]}}, ["with outcome: Keep leave verification out"]),
    "verified-by-nothing": (
        RESTORE,
        verify() | {"spec.verification": None},
        ["outcome: Verify needs verification.checks, the SQL that proves the backup"],
    ),
    "verified-under-a-name": (RESTORE, verify() | target(), ["with outcome: Verify leave it out", "rbv-"]),
    "verified-without-checks": (RESTORE, verify() | {"spec.verification": {"checks": []}}, ["should have at least 1 items"]),
    "verified-by-the-same-name-twice": (RESTORE, verify(USERS, USERS), ["Duplicate value"]),
    "check-in-capitals": (RESTORE, verify(USERS | {"name": "Users"}), ["name must be lower-case letters, digits and hyphens"]),
    "check-that-asks-nothing": (RESTORE, verify(USERS | {"sql": ""}), ["sql", "should be at least 1 chars long"]),
    "check-that-expects-nothing": (RESTORE, verify({"name": "a", "sql": "SELECT 1"}), ["expect", "Required value"]),
    "checks-of-a-day": (RESTORE, verify(checksTimeout="24h"), ["checksTimeout must be from 1s to 1h"]),
    "verified-in-a-minute": (RESTORE, verify(timeout="1m"), ["timeout must be from 10m to 72h"]),
    "verified-as-somebody": (RESTORE, verify(password="secret-word"), ['unknown field "spec.verification.password"']),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_run_is_refused_with_a_message_that_helps(server, case: str) -> None:
    kind, changes, fragments = BAD[case]
    with pytest.raises(server.Refused) as refused:
        server.judge(server.example(kind, changes))
    said = str(refused.value)
    missing = [fragment for fragment in fragments if fragment not in said]
    assert not missing, said
    assert "no such key" not in said and "evaluation error" not in said and "rule compile" not in said, said


@pytest.mark.parametrize(
    ("kind", "change", "fragment"),
    [
        (BACKUP, source(rdsInstance="other"), "source cannot be changed: a backup is taken once"),
        (BACKUP, {"spec.accountRef": {"name": "another"}}, "accountRef cannot be changed: a backup is taken once"),
        (BACKUP, {"spec.snapshotIdentifier": "other"}, "region and snapshotIdentifier cannot be changed"),
        (BACKUP, {"spec.region": "eu-west-1"}, "region and snapshotIdentifier cannot be changed"),
        (RESTORE, source(snapshotIdentifier="other"), "spec cannot be changed: a restore runs once"),
        (RESTORE, target(multiAZ=True), "spec cannot be changed: a restore runs once"),
        (RESTORE, verify(), "spec cannot be changed: a restore runs once"),
    ],
)
def test_what_is_done_once_is_not_changed(server, kind: str, change: dict, fragment: str) -> None:
    created = server.create(server.example(kind))
    with pytest.raises(server.Refused, match=fragment):
        server.replace(server.example(kind, change | {"metadata": created["metadata"]}))


GOOD = {
    "backup": (BACKUP, {}),
    "backup-of-a-cluster": (BACKUP, source(rdsCluster="clocked")),
    "backup-that-goes": (BACKUP, {"spec.snapshotIdentifier": "before-1-2", "spec.deletionPolicy": "Delete", "spec.region": "eu-west-1"}),
    "restore": (RESTORE, {}),
    "restore-of-a-backup": (RESTORE, source(backupRef={"name": "before"})),
    "restore-of-rds-own": (RESTORE, source(snapshotIdentifier="rds:clocked-db-2026-03-01-03-05")),
    "restore-of-now": (RESTORE, source(pointInTime={"rdsInstance": "clocked-db"})),
    "restore-of-then": (RESTORE, source(pointInTime={"rdsInstance": "clocked-db", "time": "2026-03-01T02:00:00Z"})),
    "restore-elsewhere": (RESTORE, target(instanceClass="db.t4g.medium", subnetGroup="other", securityGroups=["sg-1"], parameterGroup="p")),
    "verification": (RESTORE, verify(database="clocked", checksTimeout="1m", timeout="72h")),
    "verification-on-a-smaller-one": (RESTORE, verify() | {"spec.target": {"instanceClass": "db.t4g.micro"}}),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_good_run_is_taken(server, case: str) -> None:
    kind, changes = GOOD[case]
    assert server.judge(server.example(kind, changes))["kind"] == kind


def test_what_a_run_does_not_say_is_filled_in(server) -> None:
    backup = server.judge(server.example(BACKUP))["spec"]
    assert (backup["accountRef"], backup["deletionPolicy"]) == ({"name": "default"}, "Retain")
    restore = server.judge(server.example(RESTORE, verify()))["spec"]
    assert (restore["accountRef"], restore["target"]["multiAZ"]) == ({"name": "default"}, False)
    assert (restore["verification"]["checksTimeout"], restore["verification"]["timeout"]) == ("10m", "6h")


@pytest.mark.parametrize("kind", [BACKUP, RESTORE])
def test_a_new_run_is_not_taken_for_one_that_has_ended(server, kind: str) -> None:
    done = {"type": "Complete", "status": "True", "reason": "Complete", "message": "", "lastTransitionTime": "2026-03-01T00:00:00Z"}
    made = server.create(server.example(kind, {"status": {"observedGeneration": 1, "conditions": [done]}}))
    assert server.read(kind, made["metadata"]["name"])["status"] == {"observedGeneration": -1}


@pytest.mark.parametrize(("kind", "short"), [(BACKUP, "dbbackup"), (RESTORE, "dbrestore")])
def test_a_run_has_a_short_name(server, kind: str, short: str) -> None:
    name = server.create(server.example(kind))["metadata"]["name"]
    assert name in server.kubectl("get", short, "--output=name")
