"""Instances take time, and begin with the defaults that AWS gives what nobody said."""

from __future__ import annotations

from datetime import timedelta

import pytest

from .conftest import INSTANCE


def test_an_instance_is_creating_then_backing_up_then_available(aws, rds, show):
    """User Guide, "Viewing DB instance status". moto: `available` at once."""
    assert rds.create_db_instance(**INSTANCE)["DBInstance"]["DBInstanceStatus"] == "creating"
    seen = ["creating"]
    for _ in range(40):
        aws.clock.advance(0.25)
        status = show()["DBInstanceStatus"]
        if status != seen[-1]:
            seen.append(status)
    assert seen == ["creating", "backing-up", "available"]


def test_without_backups_there_is_no_backing_up(aws, rds, show):
    """A retention of 0 takes no first backup. moto: no statuses at all."""
    rds.create_db_instance(**INSTANCE, BackupRetentionPeriod=0)
    seen = set()
    for _ in range(40):
        aws.clock.advance(0.25)
        seen.add(show()["DBInstanceStatus"])
    assert seen == {"creating", "available"}
    assert "LatestRestorableTime" not in show()


def test_the_endpoint_and_creation_time_appear_when_the_instance_exists(aws, rds, show):
    """API Reference, DBInstance.Endpoint: "isn't returned for instances with the status of creating". moto: at once."""
    created = rds.create_db_instance(**INSTANCE)["DBInstance"]
    assert "Endpoint" not in created
    assert "InstanceCreateTime" not in created
    aws.clock.advance(30)
    found = show()
    assert found["Endpoint"]["Address"].startswith("app.")
    assert found["Endpoint"]["Address"].endswith(".eu-central-1.rds.amazonaws.com")
    assert found["Endpoint"]["Port"] == 5432
    assert found["InstanceCreateTime"] <= aws.clock.now()
    assert found["AvailabilityZone"].startswith("eu-central-1")


def test_what_is_not_said_gets_aws_defaults(aws, instance):
    """API Reference, CreateDBInstance: public in the default VPC, one day of backups, gp3, minor upgrades on."""
    found = instance()
    assert found["PubliclyAccessible"] is True
    assert found["DBSubnetGroup"]["DBSubnetGroupName"] == "default"
    assert found["AutoMinorVersionUpgrade"] is True
    assert found["BackupRetentionPeriod"] == 1
    assert found["DeletionProtection"] is False
    assert found["CopyTagsToSnapshot"] is False
    assert found["StorageEncrypted"] is False
    assert found["StorageType"] == "gp3"
    assert found["MultiAZ"] is False
    assert found["IAMDatabaseAuthenticationEnabled"] is False
    assert found["EngineLifecycleSupport"] == "open-source-rds-extended-support"
    assert found["DBParameterGroups"][0]["DBParameterGroupName"] == f"default.postgres{found['EngineVersion'].split('.')[0]}"
    groups = aws.client("ec2").describe_security_groups(GroupIds=[found["VpcSecurityGroups"][0]["VpcSecurityGroupId"]])
    assert groups["SecurityGroups"][0]["GroupName"] == "default"


def test_an_instance_in_a_subnet_group_of_its_own_is_private(aws, rds, instance):
    """API Reference, PubliclyAccessible: the default depends on the subnet group. moto: always false."""
    subnets = aws.client("ec2").describe_subnets()["Subnets"]
    rds.create_db_subnet_group(
        DBSubnetGroupName="own", DBSubnetGroupDescription="two zones", SubnetIds=[subnet["SubnetId"] for subnet in subnets[:2]]
    )
    assert instance(DBSubnetGroupName="own")["PubliclyAccessible"] is False
    assert instance("second", DBSubnetGroupName="own", PubliclyAccessible=True)["PubliclyAccessible"] is True


def test_identifiers_are_kept_in_lower_case(rds, instance):
    """API Reference, DBInstanceIdentifier: "stored as a lowercase string"."""
    assert instance("My-App")["DBInstanceIdentifier"] == "my-app"
    assert rds.describe_db_instances(DBInstanceIdentifier="MY-APP")["DBInstances"][0]["DBInstanceIdentifier"] == "my-app"


def test_the_latest_restorable_time_moves_in_steps_of_five_minutes(aws, instance, show):
    """User Guide, "Restoring a DB instance to a specified time": logs are uploaded every five minutes. moto: never moves."""
    instance()
    first = show()["LatestRestorableTime"]
    aws.clock.advance(299)
    assert show()["LatestRestorableTime"] - first <= timedelta(minutes=5)
    aws.clock.advance(3600)
    latest = show()["LatestRestorableTime"]
    assert timedelta(0) <= aws.clock.now() - latest <= timedelta(minutes=5)
    assert latest > first


def test_stop_start_and_the_seven_days(aws, rds, instance, show, refused):
    """API Reference, StopDBInstance; User Guide: a stopped instance starts by itself after seven days. moto: stays stopped."""
    instance()
    assert rds.stop_db_instance(DBInstanceIdentifier="app")["DBInstance"]["DBInstanceStatus"] == "stopping"
    with refused("InvalidDBInstanceState", "not in available state"):
        rds.stop_db_instance(DBInstanceIdentifier="app")
    aws.clock.advance(10)
    stopped = show()
    assert stopped["DBInstanceStatus"] == "stopped"
    assert stopped["AutomaticRestartTime"] - aws.clock.now() <= timedelta(days=7)
    rds.start_db_instance(DBInstanceIdentifier="app")
    assert show()["DBInstanceStatus"] == "starting"
    aws.clock.advance(10)
    with refused("InvalidDBInstanceState", "not stopped"):
        rds.start_db_instance(DBInstanceIdentifier="app")
    rds.stop_db_instance(DBInstanceIdentifier="app")
    aws.clock.advance(7 * 86400 + 60)
    assert show()["DBInstanceStatus"] == "available"


def test_reboot_takes_time_and_failover_needs_multi_az(aws, rds, instance, show, refused):
    """API Reference, RebootDBInstance: ForceFailover only for Multi-AZ. moto: accepts anything, at once."""
    instance()
    with refused("InvalidParameterCombination", "Multi-AZ"):
        rds.reboot_db_instance(DBInstanceIdentifier="app", ForceFailover=True)
    rds.reboot_db_instance(DBInstanceIdentifier="app")
    assert show()["DBInstanceStatus"] == "rebooting"
    aws.clock.advance(10)
    assert show()["DBInstanceStatus"] == "available"
    two = instance("pair", MultiAZ=True)
    rds.reboot_db_instance(DBInstanceIdentifier="pair", ForceFailover=True)
    aws.clock.advance(10)
    swapped = show("pair")
    assert (swapped["AvailabilityZone"], swapped["SecondaryAvailabilityZone"]) == (
        two["SecondaryAvailabilityZone"],
        two["AvailabilityZone"],
    )


def test_a_read_replica_needs_backups_and_is_promoted(aws, rds, instance, show, refused):
    """API Reference, CreateDBInstanceReadReplica: the source must have automated backups. moto: accepts any source."""
    instance("plain", BackupRetentionPeriod=0)
    with refused("InvalidDBInstanceState", "Automated backups are not enabled"):
        rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="plain")
    instance()
    rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="app")
    aws.clock.advance(30)
    assert show("copy")["ReadReplicaSourceDBInstanceIdentifier"] == "app"
    assert show()["ReadReplicaDBInstanceIdentifiers"] == ["copy"]
    rds.promote_read_replica(DBInstanceIdentifier="copy")
    aws.clock.advance(30)
    assert "ReadReplicaSourceDBInstanceIdentifier" not in show("copy")
    assert show()["ReadReplicaDBInstanceIdentifiers"] == []


@pytest.mark.parametrize("call", ["describe", "stop", "reboot", "modify", "delete", "snapshot"])
def test_what_does_not_exist_is_not_found(rds, refused, call):
    """API Reference: DBInstanceNotFound, HTTP 404."""
    calls = {
        "describe": lambda: rds.describe_db_instances(DBInstanceIdentifier="ghost"),
        "stop": lambda: rds.stop_db_instance(DBInstanceIdentifier="ghost"),
        "reboot": lambda: rds.reboot_db_instance(DBInstanceIdentifier="ghost"),
        "modify": lambda: rds.modify_db_instance(DBInstanceIdentifier="ghost", BackupRetentionPeriod=3),
        "delete": lambda: rds.delete_db_instance(DBInstanceIdentifier="ghost", SkipFinalSnapshot=True),
        "snapshot": lambda: rds.create_db_snapshot(DBInstanceIdentifier="ghost", DBSnapshotIdentifier="s"),
    }
    with refused("DBInstanceNotFound", "ghost"):
        calls[call]()
