"""What RDS refuses to create."""

from __future__ import annotations

import pytest

from .conftest import INSTANCE


@pytest.mark.parametrize("identifier", ["1app", "-app", "app-", "my--app", "my_app", "a" * 64])
def test_instance_identifiers(rds, refused, identifier):
    """CreateDBInstance: 1-63 letters, digits, hyphens; a letter first; no hyphen last, no two together."""
    with refused("InvalidParameterValue"):
        rds.create_db_instance(**(INSTANCE | {"DBInstanceIdentifier": identifier}))


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"Engine": "foxpro"}, "InvalidParameterValue"),
        ({"EngineVersion": "3.1"}, "InvalidParameterCombination"),
        ({"DBInstanceClass": "db.huge"}, "InvalidParameterValue"),
        ({"DBInstanceClass": "db.x9.large"}, "InvalidParameterValue"),
        ({"DBInstanceClass": "db.t2.micro"}, "InvalidParameterCombination"),
        ({"AllocatedStorage": 4}, "InvalidParameterCombination"),
        ({"AllocatedStorage": 70000}, "InvalidParameterCombination"),
        ({"StorageType": "floppy"}, "InvalidParameterValue"),
        ({"StorageType": "io1", "AllocatedStorage": 100}, "InvalidParameterCombination"),
        ({"MaxAllocatedStorage": 20}, "InvalidParameterCombination"),
        ({"BackupRetentionPeriod": 36}, "InvalidParameterValue"),
        ({"BackupRetentionPeriod": -1}, "InvalidParameterValue"),
        ({"PreferredBackupWindow": "3-4"}, "InvalidParameterValue"),
        ({"PreferredBackupWindow": "03:00-03:10"}, "InvalidParameterValue"),
        ({"PreferredMaintenanceWindow": "03:00-04:00"}, "InvalidParameterValue"),
        ({"PreferredMaintenanceWindow": "sun:03:00-sun:03:20"}, "InvalidParameterValue"),
        ({"PreferredBackupWindow": "03:00-04:00", "PreferredMaintenanceWindow": "sun:03:30-sun:04:30"}, "InvalidParameterValue"),
        ({"MasterUserPassword": "short"}, "InvalidParameterValue"),
        ({"MasterUserPassword": "has/a/slash"}, "InvalidParameterValue"),
        ({"MasterUsername": "admin"}, "InvalidParameterValue"),
        ({"MasterUsername": "9lives"}, "InvalidParameterValue"),
        ({"DBName": "clocked-db"}, "InvalidParameterValue"),
        ({"DBName": "x" * 64}, "InvalidParameterValue"),
        ({"Port": 80}, "InvalidParameterValue"),
        ({"AvailabilityZone": "us-east-1a"}, "InvalidParameterValue"),
        ({"AvailabilityZone": "eu-central-1a", "MultiAZ": True}, "InvalidParameterCombination"),
        ({"MonitoringInterval": 7}, "InvalidParameterValue"),
        ({"MonitoringInterval": 60}, "InvalidParameterCombination"),
        ({"DBSubnetGroupName": "nowhere"}, "DBSubnetGroupNotFoundFault"),
        ({"DBParameterGroupName": "nothing"}, "DBParameterGroupNotFound"),
        ({"OptionGroupName": "nothing"}, "OptionGroupNotFoundFault"),
        ({"VpcSecurityGroupIds": ["sg-0123"]}, "InvalidParameterValue"),
        ({"KmsKeyId": "1234abcd-12ab-34cd-56ef-1234567890ab"}, "KMSKeyNotAccessibleFault"),
        ({"Engine": "aurora-postgresql"}, "InvalidParameterCombination"),
        ({"Tags": [{"Key": "aws:mine", "Value": "x"}]}, "InvalidParameterValue"),
        ({"Tags": [{"Key": f"k{number}", "Value": "x"} for number in range(51)]}, "InvalidParameterValue"),
    ],
)
def test_bad_settings_are_refused_and_nothing_is_created(rds, refused, changed, code):
    """API Reference, CreateDBInstance. moto accepts nearly all of these."""
    with refused(code):
        rds.create_db_instance(**(INSTANCE | changed))
    assert rds.describe_db_instances()["DBInstances"] == []


def test_messages_name_what_is_wrong(rds, refused):
    with refused("InvalidParameterValue", "Invalid DB engine: foxpro"):
        rds.create_db_instance(**(INSTANCE | {"Engine": "foxpro"}))
    with refused("InvalidParameterCombination", "Cannot find version 3.1 for postgres"):
        rds.create_db_instance(**(INSTANCE | {"EngineVersion": "3.1"}))
    with refused("InvalidParameterValue", "The backup window and maintenance window must not overlap."):
        rds.create_db_instance(**INSTANCE, PreferredBackupWindow="23:45-00:30", PreferredMaintenanceWindow="mon:00:00-mon:01:00")
    with refused("InvalidParameterValue", "shorter than 8"):
        rds.create_db_instance(**(INSTANCE | {"MasterUserPassword": "geheim"}))


def test_a_default_window_never_overlaps_the_given_one(rds, instance):
    """CreateDBInstance: the default is chosen so that it does not conflict."""
    found = instance(PreferredBackupWindow="20:00-04:00")
    day_time = found["PreferredMaintenanceWindow"].split("-")[0].split(":", 1)[1]
    assert "04:00" <= day_time < "20:00"


def test_a_second_of_the_same_name_is_refused(rds, instance, refused):
    instance()
    with refused("DBInstanceAlreadyExists"):
        rds.create_db_instance(**(INSTANCE | {"DBInstanceIdentifier": "APP"}))


def test_a_major_version_stands_for_its_newest_minor(instance):
    assert instance(EngineVersion="16")["EngineVersion"].startswith("16.")


def test_a_disabled_key_is_not_accessible(aws, rds, instance, refused):
    """API Reference: KMSKeyNotAccessibleFault. moto checks that the key exists, not that it is enabled."""
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]
    assert instance(KmsKeyId=key["KeyId"])["KmsKeyId"] == key["Arn"]
    kms.disable_key(KeyId=key["KeyId"])
    with refused("KMSKeyNotAccessibleFault", key["KeyId"]):
        rds.create_db_instance(**(INSTANCE | {"DBInstanceIdentifier": "second"}), KmsKeyId=key["KeyId"])
    elsewhere = aws.client("kms", region="eu-west-1").create_key()["KeyMetadata"]["Arn"]
    with refused("KMSKeyNotAccessibleFault"):
        rds.create_db_instance(**(INSTANCE | {"DBInstanceIdentifier": "second"}), KmsKeyId=elsewhere)


def test_encryption_without_a_key_uses_the_default_one(aws, instance):
    found = instance(StorageEncrypted=True)
    assert found["KmsKeyId"].startswith("arn:aws:kms:eu-central-1:123456789012:key/")


def test_instance_and_storage_quotas(aws, rds, instance, refused):
    """User Guide, "Quotas and constraints": 40 instances, 100,000 GiB. moto: no storage quota."""
    aws.control("PUT", "/rds/quotas", {"DBInstances": 2, "AllocatedStorage": 60})
    instance("one")
    with refused("StorageQuotaExceeded"):
        rds.create_db_instance(**(INSTANCE | {"DBInstanceIdentifier": "two", "AllocatedStorage": 41}))
    instance("two")
    with refused("InstanceQuotaExceeded"):
        rds.create_db_instance(**(INSTANCE | {"DBInstanceIdentifier": "three"}))
    quotas = {item["AccountQuotaName"]: (item["Used"], item["Max"]) for item in rds.describe_account_attributes()["AccountQuotas"]}
    assert quotas["DBInstances"] == (2, 2)
    assert quotas["AllocatedStorage"] == (40, 60)
    assert quotas["ManualSnapshots"] == (0, 100)


def test_subnet_groups_need_two_zones_and_known_subnets(aws, rds, refused):
    """API Reference, CreateDBSubnetGroup. moto: one subnet is enough, a second of the name replaces the first."""
    subnets = [subnet["SubnetId"] for subnet in aws.client("ec2").describe_subnets()["Subnets"]]
    common = {"DBSubnetGroupName": "own", "DBSubnetGroupDescription": "d"}
    with refused("InvalidSubnet"):
        rds.create_db_subnet_group(**common, SubnetIds=["subnet-0123", subnets[0]])
    with refused("DBSubnetGroupDoesNotCoverEnoughAZs"):
        rds.create_db_subnet_group(**common, SubnetIds=subnets[:1])
    rds.create_db_subnet_group(**common, SubnetIds=subnets[:2])
    with refused("DBSubnetGroupAlreadyExists"):
        rds.create_db_subnet_group(**common, SubnetIds=subnets[:2])
    with refused("DBSubnetGroupNotFoundFault"):
        rds.describe_db_subnet_groups(DBSubnetGroupName="other")


def test_a_parameter_group_must_be_of_the_family(rds, refused, instance):
    rds.create_db_parameter_group(DBParameterGroupName="tuned", DBParameterGroupFamily="mysql8.0", Description="d")
    with refused("InvalidParameterCombination", "DBParameterGroupFamily"):
        rds.create_db_instance(**INSTANCE, DBParameterGroupName="tuned")
    with refused("DBParameterGroupAlreadyExists"):
        rds.create_db_parameter_group(DBParameterGroupName="tuned", DBParameterGroupFamily="mysql8.0", Description="d")
    rds.create_db_parameter_group(DBParameterGroupName="fits", DBParameterGroupFamily="postgres16", Description="d")
    instance(EngineVersion="16", DBParameterGroupName="fits")
    with refused("InvalidDBParameterGroupState"):
        rds.delete_db_parameter_group(DBParameterGroupName="fits")


def test_what_is_offered_can_be_asked(rds):
    versions = rds.describe_db_engine_versions(Engine="postgres", EngineVersion="16")["DBEngineVersions"]
    assert {version["DBParameterGroupFamily"] for version in versions} == {"postgres16"}
    assert versions[-1]["ValidUpgradeTarget"]
    options = rds.describe_orderable_db_instance_options(Engine="postgres", DBInstanceClass="db.t4g.micro", EngineVersion="16.4")
    assert {option["StorageType"] for option in options["OrderableDBInstanceOptions"]} == {"gp2", "gp3", "io1", "io2"}


def test_a_certificate_authority_must_be_there(rds, refused, instance):
    """CreateDBInstance and ModifyDBInstance, "Errors": CertificateNotFound, 404. moto takes any name."""
    with refused("CertificateNotFound", "rds-ca-2015"):
        rds.create_db_instance(**INSTANCE, CACertificateIdentifier="rds-ca-2015")
    assert instance(CACertificateIdentifier="rds-ca-ecc384-g1")["CACertificateIdentifier"] == "rds-ca-ecc384-g1"
    with refused("CertificateNotFound", "rds-ca-2015"):
        rds.modify_db_instance(DBInstanceIdentifier="app", CACertificateIdentifier="rds-ca-2015", ApplyImmediately=True)
    changed = rds.modify_db_instance(DBInstanceIdentifier="app", CACertificateIdentifier="rds-ca-rsa4096-g1")["DBInstance"]
    assert changed["PendingModifiedValues"] == {"CACertificateIdentifier": "rds-ca-rsa4096-g1"}
