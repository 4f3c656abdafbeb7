"""Copies across Regions and accounts, and sharing."""

from __future__ import annotations

import pytest

OTHER = "210987654321"


@pytest.fixture
def abroad(aws):
    """RDS of another Region."""
    return aws.client("rds", region="eu-west-1")


@pytest.fixture
def stranger(aws):
    """RDS of another account, same Region."""
    return aws.client("rds", aws_access_key_id=OTHER)


def _key(aws, region="eu-central-1"):
    return aws.client("kms", region=region).create_key()["KeyMetadata"]["Arn"]


def test_a_copy_takes_time_and_knows_its_source(aws, rds, instance, snapshot, abroad):
    """API Reference, CopyDBSnapshot. moto: `available` at once, no copy across Regions by ARN."""
    instance(Tags=[{"Key": "team", "Value": "data"}], CopyTagsToSnapshot=True)
    source = snapshot()
    copy = abroad.copy_db_snapshot(
        SourceDBSnapshotIdentifier=source["DBSnapshotArn"], TargetDBSnapshotIdentifier="copy", SourceRegion="eu-central-1"
    )["DBSnapshot"]
    assert (copy["Status"], copy["SourceRegion"]) == ("creating", "eu-central-1")
    assert copy["SourceDBSnapshotIdentifier"] == source["DBSnapshotArn"]
    assert copy["TagList"] == []
    aws.clock.advance(10)
    done = abroad.describe_db_snapshots(DBSnapshotIdentifier="copy")["DBSnapshots"][0]
    assert (done["Status"], done["SnapshotType"]) == ("available", "manual")
    assert done["OriginalSnapshotCreateTime"] == source["SnapshotCreateTime"] < done["SnapshotCreateTime"]


def test_tags_are_copied_on_demand(aws, rds, instance, snapshot):
    """CopyTags: "By default, tags aren't copied"."""
    instance()
    snapshot(Tags=[{"Key": "slot", "Value": "1"}])
    copy = rds.copy_db_snapshot(SourceDBSnapshotIdentifier="snap", TargetDBSnapshotIdentifier="with", CopyTags=True)["DBSnapshot"]
    assert copy["TagList"] == [{"Key": "slot", "Value": "1"}]


def test_an_automated_snapshot_is_copied_into_a_manual_one(aws, rds, instance):
    instance()
    automated = rds.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"][0]["DBSnapshotIdentifier"]
    copy = rds.copy_db_snapshot(SourceDBSnapshotIdentifier=automated, TargetDBSnapshotIdentifier="mine")["DBSnapshot"]
    assert copy["SnapshotType"] == "manual"


def test_what_a_copy_needs(aws, rds, instance, snapshot, abroad, refused):
    instance()
    with refused("DBSnapshotNotFound"):
        rds.copy_db_snapshot(SourceDBSnapshotIdentifier="ghost", TargetDBSnapshotIdentifier="copy")
    rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="snap")
    with refused("InvalidDBSnapshotState", "available"):
        rds.copy_db_snapshot(SourceDBSnapshotIdentifier="snap", TargetDBSnapshotIdentifier="copy")
    aws.clock.advance(10)
    with refused("InvalidParameterValue"):
        rds.copy_db_snapshot(SourceDBSnapshotIdentifier="snap", TargetDBSnapshotIdentifier="-copy")
    with refused("DBSnapshotAlreadyExists"):
        rds.copy_db_snapshot(SourceDBSnapshotIdentifier="snap", TargetDBSnapshotIdentifier="snap")
    aws.control("PUT", "/rds/quotas", {"ManualSnapshots": 1})
    with refused("SnapshotQuotaExceeded"):
        rds.copy_db_snapshot(SourceDBSnapshotIdentifier="snap", TargetDBSnapshotIdentifier="copy")
    # The name alone means this Region.
    with refused("DBSnapshotNotFound"):
        abroad.copy_db_snapshot(SourceDBSnapshotIdentifier="snap", TargetDBSnapshotIdentifier="copy")


def test_a_copy_fails_when_its_source_is_deleted_meanwhile(aws, rds, instance, snapshot, abroad):
    """User Guide, "Copying a DB snapshot": delete the source before the copy is available and the copy may fail."""
    instance()
    source = snapshot()["DBSnapshotArn"]
    abroad.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="copy")
    rds.delete_db_snapshot(DBSnapshotIdentifier="snap")
    aws.clock.advance(10)
    assert abroad.describe_db_snapshots(DBSnapshotIdentifier="copy")["DBSnapshots"][0]["Status"] == "failed"


def test_twenty_copies_in_progress_to_a_region(aws, rds, instance, snapshot, abroad, refused):
    """User Guide, "Quotas": 20 cross-Region snapshot copy requests in progress. moto: no limit."""
    instance()
    source = snapshot()["DBSnapshotArn"]
    for number in range(20):
        abroad.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier=f"copy{number}")
    with refused("SnapshotQuotaExceeded", "20"):
        abroad.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="one-more")
    aws.clock.advance(10)
    abroad.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="one-more")


def test_an_encrypted_snapshot_needs_a_key_of_the_other_region(aws, rds, instance, snapshot, abroad, refused):
    """CopyDBSnapshot, KmsKeyId: keys do not leave their Region. moto: keeps the key of the source Region."""
    instance(StorageEncrypted=True)
    source = snapshot()["DBSnapshotArn"]
    with refused("InvalidParameterCombination", "KmsKeyId"):
        abroad.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="copy")
    with refused("KMSKeyNotAccessibleFault"):
        abroad.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="copy", KmsKeyId=_key(aws))
    key = _key(aws, "eu-west-1")
    copy = abroad.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="copy", KmsKeyId=key)["DBSnapshot"]
    assert (copy["Encrypted"], copy["KmsKeyId"]) == (True, key)


def test_an_unencrypted_snapshot_is_encrypted_by_a_copy_with_a_key(aws, rds, instance, snapshot):
    instance()
    snapshot()
    key = _key(aws)
    copy = rds.copy_db_snapshot(SourceDBSnapshotIdentifier="snap", TargetDBSnapshotIdentifier="copy", KmsKeyId=key)["DBSnapshot"]
    assert (copy["Encrypted"], copy["KmsKeyId"]) == (True, key)


def test_sharing_with_another_account(aws, rds, instance, snapshot, stranger, refused):
    """User Guide, "Sharing a DB snapshot". moto: a shared snapshot is not seen by the other account."""
    instance()
    source = snapshot()["DBSnapshotArn"]
    with refused("DBSnapshotNotFound"):
        stranger.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="copy")
    rds.modify_db_snapshot_attribute(DBSnapshotIdentifier="snap", AttributeName="restore", ValuesToAdd=[OTHER])
    attributes = rds.describe_db_snapshot_attributes(DBSnapshotIdentifier="snap")["DBSnapshotAttributesResult"]
    assert attributes["DBSnapshotAttributes"] == [{"AttributeName": "restore", "AttributeValues": [OTHER]}]
    assert stranger.describe_db_snapshots()["DBSnapshots"] == []
    shared = stranger.describe_db_snapshots(SnapshotType="shared")["DBSnapshots"]
    assert [(item["DBSnapshotIdentifier"], item["SnapshotType"]) for item in shared] == [(source, "shared")]
    assert len(stranger.describe_db_snapshots(IncludeShared=True)["DBSnapshots"]) == 1
    stranger.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="copy")
    aws.clock.advance(10)
    assert stranger.describe_db_snapshots()["DBSnapshots"][0]["DBSnapshotIdentifier"] == "copy"
    rds.modify_db_snapshot_attribute(DBSnapshotIdentifier="snap", AttributeName="restore", ValuesToRemove=[OTHER])
    assert stranger.describe_db_snapshots(SnapshotType="shared")["DBSnapshots"] == []


def test_what_cannot_be_shared(aws, rds, instance, snapshot, refused):
    """Automated ones, those under the default key, encrypted ones in public, more than 20 accounts. moto: all can."""
    instance(StorageEncrypted=True)
    snapshot()

    def share(identifier, *accounts, attribute="restore"):
        rds.modify_db_snapshot_attribute(DBSnapshotIdentifier=identifier, AttributeName=attribute, ValuesToAdd=list(accounts))

    automated = rds.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"][0]["DBSnapshotIdentifier"]
    with refused("InvalidDBSnapshotState", "manual"):
        share(automated, OTHER)
    with refused("InvalidParameterCombination", "default service key"):
        share("snap", OTHER)
    with refused("InvalidParameterCombination", "publicly"):
        share("snap", "all")
    with refused("InvalidParameterValue", "Invalid AWS account ID"):
        share("snap", "bob")
    with refused("InvalidParameterValue"):
        share("snap", OTHER, attribute="read")
    rds.copy_db_snapshot(SourceDBSnapshotIdentifier="snap", TargetDBSnapshotIdentifier="mine", KmsKeyId=_key(aws))
    aws.clock.advance(10)
    share("mine", OTHER)
    with refused("SharedSnapshotQuotaExceeded"):
        share("mine", *(f"{number:012}" for number in range(20)))


def test_a_shared_encrypted_snapshot_is_copied_under_an_own_key(aws, rds, instance, snapshot, stranger, refused):
    """CopyDBSnapshot, KmsKeyId: demanded for a shared encrypted snapshot."""
    instance(KmsKeyId=_key(aws))
    source = snapshot()["DBSnapshotArn"]
    rds.modify_db_snapshot_attribute(DBSnapshotIdentifier="snap", AttributeName="restore", ValuesToAdd=[OTHER])
    with refused("InvalidParameterCombination", "KmsKeyId"):
        stranger.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="copy")
    key = aws.client("kms", aws_access_key_id=OTHER).create_key()["KeyMetadata"]["Arn"]
    copy = stranger.copy_db_snapshot(SourceDBSnapshotIdentifier=source, TargetDBSnapshotIdentifier="copy", KmsKeyId=key)["DBSnapshot"]
    assert copy["KmsKeyId"] == key
