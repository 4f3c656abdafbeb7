"""Manual snapshots: taking, listing, quota, deleting."""

from __future__ import annotations

import pytest


def test_a_snapshot_is_creating_with_progress_and_its_instance_backs_up(aws, rds, instance, show):
    """API Reference, DBSnapshot: Status, PercentProgress. moto: `available` and 100 at once."""
    instance()
    taken = rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="Nightly")["DBSnapshot"]
    assert (taken["DBSnapshotIdentifier"], taken["Status"], taken["PercentProgress"]) == ("nightly", "creating", 0)
    assert "SnapshotCreateTime" not in taken
    assert show()["DBInstanceStatus"] == "backing-up"
    aws.clock.advance(2.5)
    half = rds.describe_db_snapshots(DBSnapshotIdentifier="nightly")["DBSnapshots"][0]
    assert half["Status"] == "creating"
    assert 0 < half["PercentProgress"] < 100
    aws.clock.advance(2.5)
    done = rds.describe_db_snapshots(DBSnapshotIdentifier="nightly")["DBSnapshots"][0]
    assert (done["Status"], done["PercentProgress"], done["SnapshotType"]) == ("available", 100, "manual")
    assert done["SnapshotCreateTime"] <= aws.clock.now()
    assert done["DbiResourceId"] == show()["DbiResourceId"]
    assert show()["DBInstanceStatus"] == "available"


@pytest.mark.parametrize("status", ["creating", "backing-up", "modifying", "stopped", "deleting", "incompatible-network"])
def test_a_snapshot_needs_an_available_instance(aws, rds, instance, refused, status):
    """Message as AWS's. moto: any state."""
    instance()
    aws.control("PUT", "/rds/instances/app/status", {"status": status})
    with refused(
        "InvalidDBInstanceState", "Cannot create a snapshot because the database instance app is not currently in the available state"
    ):
        rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="s")


@pytest.mark.parametrize("identifier", ["1st", "-a", "a-", "a--b", "a_b", "rds:a", "a" * 256])
def test_snapshot_identifiers(rds, instance, refused, identifier):
    """CreateDBSnapshot: 1-255 letters, digits, hyphens; a letter first; no hyphen last, no two together."""
    instance()
    with refused("InvalidParameterValue"):
        rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier=identifier)


def test_a_name_of_255_characters_is_allowed_and_none_twice(rds, instance, snapshot, refused):
    instance()
    snapshot(identifier="a" * 255)
    with refused("DBSnapshotAlreadyExists", "already exists"):
        rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="A" * 255)


def test_the_quota_of_manual_snapshots(aws, rds, instance, snapshot, refused):
    """User Guide, "Quotas": 100 manual snapshots; automated ones and AWS Backup's do not count. moto: all count."""
    aws.control("PUT", "/rds/quotas", {"ManualSnapshots": 2})
    instance(BackupRetentionPeriod=1)
    aws.control("POST", "/rds/instances/app/aws-backup", {"name": "job-1"})
    snapshot(identifier="one")
    snapshot(identifier="two")
    with refused("SnapshotQuotaExceeded", "2"):
        rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="three")
    quotas = {item["AccountQuotaName"]: (item["Used"], item["Max"]) for item in rds.describe_account_attributes()["AccountQuotas"]}
    assert quotas["ManualSnapshots"] == (2, 2)
    rds.delete_db_snapshot(DBSnapshotIdentifier="one")
    snapshot(identifier="three")


def test_the_default_quota_is_one_hundred(rds):
    quotas = {item["AccountQuotaName"]: item["Max"] for item in rds.describe_account_attributes()["AccountQuotas"]}
    assert (quotas["ManualSnapshots"], quotas["ManualClusterSnapshots"], quotas["DBInstances"]) == (100, 100, 40)


def test_deleting_needs_an_available_manual_snapshot(aws, rds, instance, refused):
    """DeleteDBSnapshot: InvalidDBSnapshotState. moto deletes automated ones and those that are creating."""
    instance()
    automated = rds.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"][0]["DBSnapshotIdentifier"]
    assert automated.startswith("rds:app-")
    with refused("InvalidDBSnapshotState", "automated"):
        rds.delete_db_snapshot(DBSnapshotIdentifier=automated)
    rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="s")
    with refused("InvalidDBSnapshotState", "available"):
        rds.delete_db_snapshot(DBSnapshotIdentifier="s")
    aws.clock.advance(10)
    assert rds.delete_db_snapshot(DBSnapshotIdentifier="s")["DBSnapshot"]["Status"] == "deleted"
    with refused("DBSnapshotNotFound"):
        rds.delete_db_snapshot(DBSnapshotIdentifier="s")


def test_pages_of_twenty_to_a_hundred(aws, rds, instance, snapshot, refused):
    """DescribeDBSnapshots, MaxRecords: "Minimum 20, maximum 100". moto ignores both parameters."""
    instance(BackupRetentionPeriod=0)
    for number in range(23):
        snapshot(identifier=f"s{number:02}")
    first = rds.describe_db_snapshots(MaxRecords=20)
    assert [item["DBSnapshotIdentifier"] for item in first["DBSnapshots"]] == [f"s{number:02}" for number in range(20)]
    rds.delete_db_snapshot(DBSnapshotIdentifier="s05")
    second = rds.describe_db_snapshots(MaxRecords=20, Marker=first["Marker"])
    assert [item["DBSnapshotIdentifier"] for item in second["DBSnapshots"]] == ["s20", "s21", "s22"]
    assert "Marker" not in second
    for size in (19, 101, 0):
        with refused("InvalidParameterValue", str(size)):
            rds.describe_db_snapshots(MaxRecords=size)
    with refused("InvalidParameterValue"):
        rds.describe_db_snapshots(Marker="*no marker*")


def test_types_and_filters(aws, rds, instance, snapshot, refused):
    """DescribeDBSnapshots, SnapshotType: unset is automated *and* manual; AWS Backup's only when asked for."""
    instance()
    instance("other", BackupRetentionPeriod=0)
    snapshot()
    snapshot("other", "second")
    aws.control("POST", "/rds/instances/app/aws-backup", {"name": "job-1"})

    def names(**params):
        return sorted(item["DBSnapshotIdentifier"].split(":")[0] for item in rds.describe_db_snapshots(**params)["DBSnapshots"])

    assert names() == ["rds", "second", "snap"]
    assert names(SnapshotType="manual") == ["second", "snap"]
    assert names(SnapshotType="automated") == ["rds"]
    assert names(SnapshotType="awsbackup") == ["awsbackup"]
    assert names(SnapshotType="shared") == []
    assert names(DBInstanceIdentifier="other") == ["second"]
    assert names(DBInstanceIdentifier="never-was") == []
    assert names(Filters=[{"Name": "db-instance-id", "Values": ["other"]}]) == ["second"]
    assert names(Filters=[{"Name": "snapshot-type", "Values": ["manual"]}, {"Name": "engine", "Values": ["postgres"]}]) == [
        "second",
        "snap",
    ]
    resource = rds.describe_db_instances(DBInstanceIdentifier="app")["DBInstances"][0]["DbiResourceId"]
    assert names(DbiResourceId=resource, SnapshotType="manual") == ["snap"]
    with refused("InvalidParameterValue", "Unrecognized filter name: colour"):
        rds.describe_db_snapshots(Filters=[{"Name": "colour", "Values": ["blue"]}])
    with refused("InvalidParameterValue"):
        rds.describe_db_snapshots(SnapshotType="secret")
    with refused("DBSnapshotNotFound", "ghost"):
        rds.describe_db_snapshots(DBSnapshotIdentifier="ghost")


def test_tags_are_the_instances_only_when_it_says_so(rds, instance, snapshot):
    """CreateDBInstance, CopyTagsToSnapshot: "By default, tags are not copied"."""
    instance("plain", Tags=[{"Key": "team", "Value": "data"}])
    instance("copies", Tags=[{"Key": "team", "Value": "data"}], CopyTagsToSnapshot=True)
    assert snapshot("plain", "one")["TagList"] == []
    tagged = snapshot("copies", "two", Tags=[{"Key": "slot", "Value": "1"}])
    assert {tag["Key"]: tag["Value"] for tag in tagged["TagList"]} == {"team": "data", "slot": "1"}


def test_snapshots_of_what_was_renamed_or_made_anew_are_told_apart_by_resource_id(aws, rds, instance, snapshot):
    """User Guide, "Renaming a DB instance": "DB snapshots are retained"; API Reference, DBSnapshot: DbiResourceId of the source."""
    old = instance()["DbiResourceId"]
    snapshot(identifier="before")
    rds.modify_db_instance(DBInstanceIdentifier="app", NewDBInstanceIdentifier="archive", ApplyImmediately=True)
    aws.clock.advance(10)
    new = instance()["DbiResourceId"]
    snapshot(identifier="after")

    def manual(**params):
        found = rds.describe_db_snapshots(SnapshotType="manual", **params)["DBSnapshots"]
        return {item["DBSnapshotIdentifier"]: (item["DBInstanceIdentifier"], item["DbiResourceId"]) for item in found}

    assert manual(DBInstanceIdentifier="app") == {"before": ("app", old), "after": ("app", new)}
    assert manual(DbiResourceId=old) == {"before": ("app", old)}
    assert new != old
    for gone in ("archive", "app"):
        rds.delete_db_instance(DBInstanceIdentifier=gone, SkipFinalSnapshot=True)
    aws.clock.advance(30)
    assert set(manual(DBInstanceIdentifier="app")) == {"before", "after"}


def test_a_snapshot_that_was_asked_for_twice_exists_whatever_the_instance_does(rds, instance, refused):
    """CreateDBSnapshot has no token: whoever lost the answer meets DBSnapshotAlreadyExists, also while the first is being taken."""
    instance()
    rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="slot")
    with refused("DBSnapshotAlreadyExists", "slot"):
        rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="slot")


def test_a_copied_tag_still_names_what_it_was_copied_from(aws, rds, instance, snapshot):
    """User Guide, "Tagging": CopyTags, and CopyTagsToSnapshot of what was restored, carry tags on to what they do not speak of."""
    instance()
    own = {"Key": "resource-arn", "Value": "arn:aws:rds:eu-central-1:123456789012:snapshot:first"}
    snapshot(identifier="first", Tags=[own])
    rds.add_tags_to_resource(ResourceName="arn:aws:rds:eu-central-1:123456789012:db:app", Tags=[own])
    rds.modify_db_instance(DBInstanceIdentifier="app", CopyTagsToSnapshot=True)
    inherited = snapshot(identifier="second")
    copy = rds.copy_db_snapshot(SourceDBSnapshotIdentifier="first", TargetDBSnapshotIdentifier="third", CopyTags=True)["DBSnapshot"]
    assert inherited["TagList"] == copy["TagList"] == [own]
    assert own["Value"] not in (inherited["DBSnapshotArn"], copy["DBSnapshotArn"])


def test_a_failing_and_a_slow_snapshot_on_demand(aws, rds, instance, show):
    """The sandbox's own switch: what an operator meets when a snapshot ends as `failed` or takes hours."""
    instance()
    aws.control("PUT", "/rds/instances/app/next-snapshot", {"fail": True, "seconds": 3600})
    rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="s")
    aws.clock.advance(3000)
    assert rds.describe_db_snapshots(DBSnapshotIdentifier="s")["DBSnapshots"][0]["Status"] == "creating"
    aws.clock.advance(700)
    assert rds.describe_db_snapshots(DBSnapshotIdentifier="s")["DBSnapshots"][0]["Status"] == "failed"
    assert show()["DBInstanceStatus"] == "available"
    rds.delete_db_snapshot(DBSnapshotIdentifier="s")


def test_the_engine_of_a_snapshot_is_upgraded(aws, rds, instance, snapshot, refused):
    """API Reference, ModifyDBSnapshot. moto: nothing changes."""
    instance(EngineVersion="15.4")
    snapshot()
    with refused("InvalidParameterCombination", "Cannot find upgrade target from 15.4 with requested version 15.99"):
        rds.modify_db_snapshot(DBSnapshotIdentifier="snap", EngineVersion="15.99")
    assert rds.modify_db_snapshot(DBSnapshotIdentifier="snap", EngineVersion="16.4")["DBSnapshot"]["Status"] == "upgrading"
    with refused("InvalidDBSnapshotState"):
        rds.delete_db_snapshot(DBSnapshotIdentifier="snap")
    aws.clock.advance(30)
    found = rds.describe_db_snapshots(DBSnapshotIdentifier="snap")["DBSnapshots"][0]
    assert (found["Status"], found["EngineVersion"]) == ("available", "16.4")
