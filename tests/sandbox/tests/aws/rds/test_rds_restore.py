"""Restores: always a new instance, with AWS's defaults rather than the source's settings."""

from __future__ import annotations

from datetime import timedelta


def _restore(rds, **more):
    return rds.restore_db_instance_from_db_snapshot(**({"DBInstanceIdentifier": "back", "DBSnapshotIdentifier": "snap"} | more))[
        "DBInstance"
    ]


def test_a_restore_is_a_new_instance_with_default_groups(aws, rds, instance, snapshot, show):
    """User Guide, "Restoring to a DB instance": default security group and parameter group unless given. moto: the source's."""
    ec2 = aws.client("ec2")
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName="strict", Description="d", VpcId=vpc)["GroupId"]
    rds.create_db_parameter_group(DBParameterGroupName="tuned", DBParameterGroupFamily="postgres16", Description="d")
    source = instance(
        EngineVersion="16",
        VpcSecurityGroupIds=[group],
        DBParameterGroupName="tuned",
        PubliclyAccessible=False,
        DeletionProtection=True,
        CopyTagsToSnapshot=True,
        BackupRetentionPeriod=7,
    )
    snapshot()
    answer = _restore(rds)
    assert answer["DBInstanceStatus"] == "creating"
    assert "Endpoint" not in answer
    aws.clock.advance(30)
    found = show("back")
    assert found["DBInstanceStatus"] == "available"
    assert found["DbiResourceId"] != source["DbiResourceId"]
    assert found["VpcSecurityGroups"][0]["VpcSecurityGroupId"] != group
    assert found["DBParameterGroups"][0]["DBParameterGroupName"] == "default.postgres16"
    assert found["PubliclyAccessible"] is True
    assert found["DeletionProtection"] is False
    assert found["CopyTagsToSnapshot"] is False
    assert found["AutoMinorVersionUpgrade"] is True
    assert found["BackupRetentionPeriod"] == 7
    same = ("EngineVersion", "MasterUsername", "AllocatedStorage", "DBInstanceClass", "StorageType")
    assert [found[name] for name in same] == [source[name] for name in same]


def test_a_restore_is_creating_then_backing_up_then_available(aws, rds, instance, snapshot, show):
    """User Guide, "Viewing DB instance status"; a retention of 0, given or inherited, takes no first backup."""
    instance(BackupRetentionPeriod=7)
    snapshot()

    def statuses(identifier: str, **more) -> list[str]:
        seen = [_restore(rds, DBInstanceIdentifier=identifier, **more)["DBInstanceStatus"]]
        for _ in range(40):
            aws.clock.advance(0.25)
            status = show(identifier)["DBInstanceStatus"]
            seen += [status] if status != seen[-1] else []
        return seen

    assert statuses("back") == ["creating", "backing-up", "available"]
    assert statuses("bare", BackupRetentionPeriod=0) == ["creating", "available"]


def test_a_restore_leaves_the_subnet_group_of_its_source(aws, rds, instance, snapshot, show):
    """RestoreDBInstanceFromDBSnapshot, DBSubnetGroupName: without one it is in the default VPC, and public. moto: the source's."""
    subnets = aws.client("ec2").describe_subnets()["Subnets"]
    rds.create_db_subnet_group(
        DBSubnetGroupName="own", DBSubnetGroupDescription="two zones", SubnetIds=[subnet["SubnetId"] for subnet in subnets[:2]]
    )
    assert instance(DBSubnetGroupName="own")["PubliclyAccessible"] is False
    snapshot()
    _restore(rds)
    _restore(rds, DBInstanceIdentifier="inside", DBSubnetGroupName="own")
    _restore(rds, DBInstanceIdentifier="closed", PubliclyAccessible=False)
    aws.clock.advance(30)
    found = {
        name: (show(name)["DBSubnetGroup"]["DBSubnetGroupName"], show(name)["PubliclyAccessible"]) for name in ("back", "inside", "closed")
    }
    assert found == {"back": ("default", True), "inside": ("own", False), "closed": ("default", False)}


def test_the_backup_window_of_a_restore_is_not_its_sources(aws, rds, instance, snapshot, show):
    """RestoreDBInstanceFromDBSnapshot, PreferredBackupWindow: "The default is a 30-minute window selected at random"."""
    instance(PreferredBackupWindow="12:00-13:00", PreferredMaintenanceWindow="sun:20:00-sun:21:00")
    snapshot()
    _restore(rds)
    _restore(rds, DBInstanceIdentifier="told", PreferredBackupWindow="13:00-14:00")
    assert show("back")["PreferredBackupWindow"] != "12:00-13:00"
    assert show("told")["PreferredBackupWindow"] == "13:00-14:00"


def test_what_is_given_is_honoured(aws, rds, instance, snapshot, show):
    """moto ignores `DeletionProtection=false` and several others."""
    instance(DeletionProtection=True)
    snapshot()
    _restore(rds, DeletionProtection=True, PubliclyAccessible=False, DBInstanceClass="db.t4g.small", Port=6000, MultiAZ=True)
    aws.clock.advance(30)
    found = show("back")
    assert (found["DeletionProtection"], found["PubliclyAccessible"], found["DBInstanceClass"]) == (True, False, "db.t4g.small")
    assert (found["Endpoint"]["Port"], found["MultiAZ"]) == (6000, True)
    _restore(rds, DBInstanceIdentifier="open", DeletionProtection=False)
    aws.clock.advance(30)
    assert show("open")["DeletionProtection"] is False


def test_tags_of_the_source_unless_tags_are_given(aws, rds, instance, snapshot, show):
    """RestoreDBInstanceFromDBSnapshot, CopyTagsToSnapshot: without new tags those of the source DB instance are added."""
    instance(Tags=[{"Key": "owner", "Value": "app"}])
    snapshot()
    _restore(rds)
    _restore(rds, DBInstanceIdentifier="other", Tags=[{"Key": "scratch", "Value": "yes"}])
    assert show("back")["TagList"] == [{"Key": "owner", "Value": "app"}]
    assert show("other")["TagList"] == [{"Key": "scratch", "Value": "yes"}]


def test_what_a_restore_refuses(aws, rds, instance, snapshot, refused):
    instance(AllocatedStorage=50)
    snapshot()
    with refused("DBInstanceAlreadyExists"):
        _restore(rds, DBInstanceIdentifier="app")
    with refused("DBSnapshotNotFound"):
        _restore(rds, DBSnapshotIdentifier="ghost")
    with refused("InvalidParameterCombination", "50"):
        _restore(rds, AllocatedStorage=20)
    with refused("InvalidParameterCombination", "engine"):
        _restore(rds, Engine="mysql")
    with refused("InvalidParameterValue"):
        _restore(rds, DBInstanceClass="db.none.large")
    with refused("InvalidParameterValue"):
        _restore(rds, DBInstanceIdentifier="-bad")
    with refused("InvalidParameterValue", "DBName must be null"):
        _restore(rds, DBName="other")
    with refused("InvalidParameterCombination", "Oracle"):
        _restore(rds, ManageMasterUserPassword=True)
    with refused("InvalidParameterCombination", "both"):
        _restore(rds, DBClusterSnapshotIdentifier="cluster-snap")
    with refused("DBSubnetGroupNotFoundFault"):
        _restore(rds, DBSubnetGroupName="nowhere")
    rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="fresh")
    with refused("InvalidDBSnapshotState", "available"):
        _restore(rds, DBSnapshotIdentifier="fresh")
    aws.control("PUT", "/rds/quotas", {"DBInstances": 1})
    with refused("InstanceQuotaExceeded"):
        _restore(rds)


def test_an_automated_snapshot_and_one_whose_instance_is_gone_are_restored(aws, rds, instance, snapshot, show):
    instance()
    snapshot()
    automated = rds.describe_db_snapshots(SnapshotType="automated")["DBSnapshots"][0]["DBSnapshotIdentifier"]
    _restore(rds, DBInstanceIdentifier="auto", DBSnapshotIdentifier=automated)
    rds.delete_db_instance(DBInstanceIdentifier="app", SkipFinalSnapshot=True)
    aws.clock.advance(30)
    _restore(rds)
    aws.clock.advance(30)
    assert show("back")["DBInstanceStatus"] == show("auto")["DBInstanceStatus"] == "available"


def test_to_a_point_in_time(aws, rds, instance, show, refused):
    """RestoreDBInstanceToPointInTime. moto: any time, also without backups."""
    instance(BackupRetentionPeriod=7)
    instance("bare", BackupRetentionPeriod=0)
    aws.clock.advance(3600)
    latest = show()["LatestRestorableTime"]

    def restore(source="app", **more):
        return rds.restore_db_instance_to_point_in_time(SourceDBInstanceIdentifier=source, TargetDBInstanceIdentifier="back", **more)

    with refused("InvalidParameterCombination"):
        restore()
    with refused("InvalidParameterCombination"):
        restore(UseLatestRestorableTime=True, RestoreTime=latest)
    with refused("InvalidParameterValue", "later"):
        restore(RestoreTime=latest + timedelta(minutes=1))
    with refused("InvalidParameterValue", "earlier"):
        restore(RestoreTime=latest - timedelta(days=1))
    with refused("PointInTimeRestoreNotEnabled"):
        restore("bare", UseLatestRestorableTime=True)
    with refused("DBInstanceNotFound"):
        restore("ghost", UseLatestRestorableTime=True)
    restore(RestoreTime=latest - timedelta(minutes=30))
    aws.clock.advance(30)
    assert show("back")["DBInstanceStatus"] == "available"


def test_a_real_server_can_be_behind_a_restore(aws, rds, instance, snapshot, show):
    """The sandbox's own switch: where new instances are told to be, and one instance by name."""
    instance()
    snapshot()
    aws.control("PUT", "/rds/endpoint", {"host": "127.0.0.1", "port": 54321})
    _restore(rds)
    assert "Endpoint" not in show("back")
    aws.clock.advance(30)
    assert (show("back")["Endpoint"]["Address"], show("back")["Endpoint"]["Port"]) == ("127.0.0.1", 54321)
    assert show()["Endpoint"]["Address"].startswith("app.")
    aws.control("PUT", "/rds/instances/app/endpoint", {"host": "127.0.0.1", "port": 5555})
    assert show()["Endpoint"]["Port"] == 5555
