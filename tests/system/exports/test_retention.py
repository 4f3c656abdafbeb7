"""Older exports go when they are due, unless the bucket keeps them locked or they are another's."""

from __future__ import annotations

import pytest
from runbook_sandbox.clocked.account import Account

from exports.exporter import NAME, Bucket, Exporter

SLOTS = [f"2026-03-0{day}T01:30:00Z" for day in range(1, 5)]
KEYS = [f"database/{NAME}-2026030{day}-013000.dump.zst" for day in range(1, 5)]


def dumps(bucket: Bucket) -> list[str]:
    return sorted(key for key in bucket.listed() if not key.endswith(".manifest.json"))


def test_the_newest_are_kept(exporter: Exporter):
    for slot in SLOTS[:3]:
        exporter.run(slot=slot)
    told = exporter.run(slot=SLOTS[3], retention={"keepLast": 2})
    assert (told["result"], told["deleted"], told["retained"]) == ("Complete", 2, 0)
    assert dumps(exporter.bucket) == KEYS[2:]
    assert sorted(exporter.bucket.listed()) == sorted([*KEYS[2:], *(f"{key}.manifest.json" for key in KEYS[2:])])


def test_what_is_of_another_stays(exporter: Exporter):
    exporter.run(slot=SLOTS[0], owner="other/clocked/databasebackups/export")
    exporter.run(slot=SLOTS[1], name=f"{NAME}-eu")
    exporter.run(slot=SLOTS[2])
    told = exporter.run(slot=SLOTS[3], retention={"keepLast": 1})
    assert told["deleted"] == 1
    assert dumps(exporter.bucket) == [KEYS[0], KEYS[3], f"database/{NAME}-eu-20260302-013000.dump.zst"]


def test_a_right_that_lacks_costs_no_export(exporter: Exporter):
    exporter.run(slot=SLOTS[0])
    exporter.bucket.forbid("s3:DeleteObject")
    told = exporter.run(slot=SLOTS[1], retention={"keepLast": 1})
    assert (told["result"], told["exitCode"], told["deleted"]) == ("Complete", 0, 0)
    assert "s3:DeleteObject" in told["retentionRefused"]
    assert dumps(exporter.bucket) == KEYS[:2]


@pytest.fixture
def locked(aws: Account) -> Bucket:
    """A bucket that keeps everything for a day."""
    bucket = Bucket(aws, "clocked-locked", ObjectLockEnabledForBucket=True)
    rule = {"ObjectLockEnabled": "Enabled", "Rule": {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}}
    bucket.s3.put_object_lock_configuration(Bucket=bucket.name, ObjectLockConfiguration=rule)
    return bucket


def test_what_is_locked_is_retained(exporter: Exporter, locked: Bucket):
    exporter.bucket = locked
    exporter.run(slot=SLOTS[0])
    told = exporter.run(slot=SLOTS[1], retention={"keepLast": 1})
    assert (told["result"], told["deleted"], told["retained"]) == ("Complete", 0, 1)
    assert "retentionRefused" not in told
    # Neither is it told of locks: then it tries, and S3 says so.
    locked.forbid("s3:GetObjectRetention")
    told = exporter.run(slot=SLOTS[2], retention={"keepLast": 1})
    assert (told["result"], told["deleted"], told["retained"]) == ("Complete", 0, 2)
    assert dumps(locked) == KEYS[:3]
    assert not locked.s3.list_object_versions(Bucket=locked.name).get("DeleteMarkers")
    # When the lock is over they go, for good.
    locked.account.control("POST", "/clock", {"advance": 2 * 86_400})
    told = exporter.run(slot=SLOTS[3], retention={"keepLast": 1})
    assert (told["deleted"], told["retained"]) == (3, 0)
    assert {version["Key"] for version in locked.s3.list_object_versions(Bucket=locked.name)["Versions"]} == {
        KEYS[3],
        f"{KEYS[3]}.manifest.json",
    }
    assert not locked.s3.list_object_versions(Bucket=locked.name).get("DeleteMarkers")
