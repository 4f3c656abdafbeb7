"""BackupPolicies that are wrong, and what the server says."""

from __future__ import annotations

import pytest

BACKUP = "BackupPolicy"


def snapshots(**changes: object) -> dict:
    """A schedule of snapshots; None takes a field out."""
    fields = {"schedule": "0 2 * * *"} | changes
    return {"spec.snapshots": {name: value for name, value in fields.items() if value is not None}}


def automated(**fields: object) -> dict:
    return {"spec.automated": fields}


def kept(**rules: object) -> dict:
    return snapshots(retention=rules)


CHECK = {"name": "users", "sql": "SELECT count(*) FROM users", "expect": "value > 0"}


def verified(**changes: object) -> dict:
    """A schedule of verifications; None takes a field out."""
    fields = {"schedule": "0 5 * * 0", "checks": [CHECK]} | changes
    return {"spec.verification": {name: value for name, value in fields.items() if value is not None}}


def exported(*others: dict, **changes: object) -> dict:
    """An export on a schedule; None takes a field out."""
    fields = {
        "name": "user-data",
        "schedule": "30 2 * * *",
        "source": "Primary",
        "connection": {"secretRef": {"name": "clocked-db-export"}},
        "serviceAccountName": "exporter",
        "s3": {"bucket": "clocked-backups", "prefix": "database/"},
    } | changes
    one = {name: value for name, value in fields.items() if value is not None}
    return {"spec.exports": [one, *others]}


BAD = {
    "backup-no-source": (BACKUP, {"spec.source": None}, ["spec.source", "Required value"]),
    "backup-source-empty": (BACKUP, {"spec.source": {}}, ["name the database, and one only: source.rdsInstance with the identifier"]),
    "backup-source-twice": (
        BACKUP,
        {"spec.source": {"rdsInstance": "clocked-db", "rdsCluster": "clocked"}},
        ["name the database, and one only", "source.rdsCluster with that of an Aurora DB cluster"],
    ),
    "backup-source-arn": (
        BACKUP,
        {"spec.source": {"rdsInstance": "arn:aws:rds:eu-central-1:123456789012:db:clocked-db"}},
        ["rdsInstance must be the identifier of the DB instance, not its ARN"],
    ),
    "backup-source-upper-case": (
        BACKUP,
        {"spec.source": {"rdsInstance": "Clocked-DB"}},
        ["a lower-case letter, then lower-case letters, digits and single hyphens"],
    ),
    "backup-cluster-arn": (
        BACKUP,
        {"spec.source": {"rdsCluster": "arn:aws:rds:eu-central-1:123456789012:cluster:clocked"}},
        ["rdsCluster must be the identifier of the DB cluster, not its ARN"],
    ),
    "backup-source-long": (BACKUP, {"spec.source": {"rdsInstance": "d" * 64}}, ["spec.source.rdsInstance", "Too long"]),
    "backup-of-nothing": (
        BACKUP,
        {"spec.snapshots": None},
        ["say how the database is backed up: set automated, snapshots, deletionProtection, verification, exports, or several of them"],
    ),
    "backup-name-long": (BACKUP, {"metadata.name": "n" * 41}, ["metadata.name must have at most 40 characters"]),
    "backup-region-zone": (BACKUP, {"spec.region": "eu-central-1a"}, ["region must be an AWS region code such as eu-central-1"]),
    "backup-mode-unknown": (BACKUP, {"spec.mode": "DryRun"}, ["spec.mode", 'supported values: "Enforce", "Observe"']),
    "backup-copies": (BACKUP, {"spec.copies": []}, ['unknown field "spec.copies"']),
    "retention-of-an-outage": (
        BACKUP,
        automated(retentionDays=0),
        ["retentionDays: 0 deletes every automated backup of the instance", "set allowOutage: true if that is meant"],
    ),
    "retention-of-a-cluster-zero": (
        BACKUP,
        automated(retentionDays=0) | {"spec.source": {"rdsCluster": "clocked"}, "spec.allowOutage": True},
        ["the automated backups of an Aurora cluster cannot be turned off: write retentionDays from 1 to 35"],
    ),
    "retention-of-36-days": (BACKUP, automated(retentionDays=36), ["spec.automated.retentionDays", "less than or equal to 35"]),
    "retention-negative": (BACKUP, automated(retentionDays=-1), ["spec.automated.retentionDays", "greater than or equal to 0"]),
    "retention-in-words": (BACKUP, automated(retentionDays="7d"), ["spec.automated.retentionDays", "must be of type integer"]),
    "backup-window-of-a-day": (BACKUP, automated(window="mon:03:00-mon:04:00"), ["spec.automated.window"]),
    "backup-window-odd": (BACKUP, automated(window="3:00-4:00"), ["window must be two times of the day in UTC, for example 03:00-04:00"]),
    "backup-window-late": (BACKUP, automated(window="23:00-24:00"), ["window must be two times of the day in UTC"]),
    "snapshots-no-schedule": (BACKUP, snapshots(schedule=None), ["spec.snapshots.schedule", "Required value"]),
    "schedule-of-aws": (BACKUP, snapshots(schedule="cron(0 2 * * ? *)"), ["schedule must have five fields", "for example 0 2 * * *"]),
    "schedule-of-a-word": (BACKUP, snapshots(schedule="@midnight"), ["schedule must have five fields: minutes hours day-of-month"]),
    "schedule-of-four-fields": (BACKUP, snapshots(schedule="10 2 * * "), ["schedule must have five fields"]),
    "schedule-zone-odd": (BACKUP, snapshots(timeZone="+01:00"), ["timeZone must be an IANA name such as Europe/Berlin"]),
    "jitter-of-two-days": (BACKUP, snapshots(jitter="48h"), ["jitter must be 24h or less"]),
    "jitter-bare": (BACKUP, snapshots(jitter="600"), ["a duration is whole numbers with units s, m or h"]),
    "deadline-of-seconds": (BACKUP, snapshots(startingDeadline="30s"), ["startingDeadline must be from 1m to 168h"]),
    "deadline-of-weeks": (BACKUP, snapshots(startingDeadline="169h"), ["startingDeadline must be from 1m to 168h"]),
    "catch-up-odd": (BACKUP, snapshots(catchUpWindow="at night"), ["catchUpWindow must be two times of the day, for example 22:00-06:00"]),
    "prefix-of-rds": (BACKUP, snapshots(namePrefix="rds-clocked"), ["not rds-, which is RDS's own, nor rbv-"]),
    "prefix-of-verifications": (BACKUP, snapshots(namePrefix="rbv-clocked"), ["nor rbv-, which is kept for verifications"]),
    "prefix-ends-in-hyphen": (BACKUP, snapshots(namePrefix="clocked-"), ["namePrefix must be a lower-case letter"]),
    "prefix-of-digits": (BACKUP, snapshots(namePrefix="1clocked"), ["namePrefix must be a lower-case letter"]),
    "prefix-long": (BACKUP, snapshots(namePrefix="p" * 121), ["spec.snapshots.namePrefix", "Too long"]),
    "kept-by-no-rule": (BACKUP, kept(), ["say which snapshots are kept: set keepLast, daily, weekly, monthly or maxAgeDays"]),
    "kept-none": (BACKUP, kept(keepLast=0), ["spec.snapshots.retention.keepLast", "greater than or equal to 1"]),
    "kept-more-than-the-quota": (BACKUP, kept(keepLast=101), ["spec.snapshots.retention.keepLast", "less than or equal to 100"]),
    "kept-for-no-day": (BACKUP, kept(maxAgeDays=0), ["spec.snapshots.retention.maxAgeDays", "greater than or equal to 1"]),
    "kept-verified-by-nobody": (BACKUP, kept(keepLast=1, minVerified=1), ["none is verified by this policy: set verification, or leave"]),
    "verified-cluster": (
        BACKUP,
        verified() | {"spec.source": {"rdsCluster": "clocked"}},
        ["verification needs source.rdsInstance: only backups of DB instances are restored"],
    ),
    "verified-nothing": (
        BACKUP,
        verified() | {"spec.snapshots": None},
        ["there is nothing to verify: set snapshots, or verification.includeAutomated: true"],
    ),
    "exported-cluster": (
        BACKUP,
        exported() | {"spec.source": {"rdsCluster": "clocked"}},
        ["exports need source.rdsInstance: only DB instances are exported"],
    ),
    "exported-never": (BACKUP, exported(schedule="every night"), ["schedule must have five fields"]),
    "exported-late": (BACKUP, exported(startingDeadline="30s"), ["startingDeadline must be from 1m to 168h"]),
    "exported-from-nothing": (BACKUP, exported(source=None), ["spec.exports[0].source", "Required value"]),
    "exported-from-no-replica": (BACKUP, exported(source="Replica"), ["say which read replica is exported in replica"]),
    "exported-from-both": (BACKUP, exported(replica="clocked-db-read"), ["and none with another source"]),
    "exported-twice-by-a-name": (BACKUP, exported(exported()["spec.exports"][0]), ["spec.exports", "Duplicate value"]),
    "exported-under-a-path": (BACKUP, exported(name="user/data"), ["name must be lower-case letters, digits and hyphens"]),
    "exported-into-an-arn": (BACKUP, exported(s3={"bucket": "arn:aws:s3:::clocked"}), ["the name of a bucket, not its ARN"]),
    "exported-by-a-slot": (BACKUP, exported(slot="2026-03-01T01:30:00Z"), ['unknown field "spec.exports[0].slot"']),
    "verified-into-a-name": (
        BACKUP,
        verified(restore={"rdsInstance": "scratch"}),
        ["leave rdsInstance out: the instance is deleted again"],
    ),
    "verified-by-nothing": (BACKUP, verified(checks=[]), ["spec.verification.checks", "at least 1 items"]),
    "verified-by-no-check": (BACKUP, verified(checks=None), ["spec.verification.checks", "Required value"]),
    "verified-twice-by-a-name": (BACKUP, verified(checks=[CHECK, CHECK]), ["spec.verification.checks", "Duplicate value"]),
    "verified-never": (BACKUP, verified(schedule="every sunday"), ["schedule must have five fields"]),
    "verified-for-days": (BACKUP, verified(timeout="96h"), ["timeout must be from 10m to 72h"]),
    "verified-late": (BACKUP, verified(startingDeadline="30s"), ["startingDeadline must be from 1m to 168h"]),
    "kept-by-a-misspelt-rule": (BACKUP, kept(keepLast=1, yearly=3), ['unknown field "spec.snapshots.retention.yearly"']),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_policy_is_refused_with_a_message_that_helps(server, case: str) -> None:
    kind, changes, fragments = BAD[case]
    with pytest.raises(server.Refused) as refused:
        server.judge(server.example(kind, changes))
    said = str(refused.value)
    missing = [fragment for fragment in fragments if fragment not in said]
    assert not missing, said
    assert "no such key" not in said and "evaluation error" not in said and "rule compile" not in said, said


@pytest.mark.parametrize(
    ("before", "change", "fragment"),
    [
        ({}, {"spec.source": {"rdsInstance": "other"}}, "source cannot be changed: delete this policy, which deletes no snapshot"),
        ({}, {"spec.source": {"rdsCluster": "clocked-db"}}, "source cannot be changed: .* create one for the other database"),
        ({}, {"spec.accountRef": {"name": "another"}}, "accountRef cannot be changed: delete this policy and create one"),
        ({"spec.region": "eu-west-1"}, {"spec.region": None}, "region cannot be changed: delete this policy and create one"),
    ],
)
def test_what_names_a_database_cannot_be_changed(server, before: dict, change: dict, fragment: str) -> None:
    created = server.create(server.example(BACKUP, before))
    changed = server.example(BACKUP, before | change | {"metadata": created["metadata"]})
    with pytest.raises(server.Refused, match=fragment):
        server.replace(changed)
    server.replace(server.example(BACKUP, before | {"metadata": created["metadata"], "spec.mode": "Observe"}))
