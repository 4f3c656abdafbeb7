"""Aurora and Multi-AZ DB clusters."""

from __future__ import annotations

import pytest

from .conftest import PASSWORD

CLUSTER = {
    "DBClusterIdentifier": "aurora",
    "Engine": "aurora-postgresql",
    "MasterUsername": "clocked",
    "MasterUserPassword": PASSWORD,
}


@pytest.fixture
def cluster(aws, rds):
    """Create a cluster, by default with a writer, and let it become available."""

    def create(identifier="aurora", members=("writer",), **more):
        rds.create_db_cluster(**(CLUSTER | {"DBClusterIdentifier": identifier} | more))
        aws.clock.advance(30)
        for member in members:
            rds.create_db_instance(
                DBInstanceIdentifier=f"{identifier}-{member}",
                DBInstanceClass="db.r6g.large",
                Engine="aurora-postgresql",
                DBClusterIdentifier=identifier,
            )
        aws.clock.advance(30)
        return rds.describe_db_clusters(DBClusterIdentifier=identifier)["DBClusters"][0]

    return create


def test_a_cluster_and_its_members(aws, rds, cluster):
    """CreateDBCluster makes no instance; the first member writes. Settings on members show the cluster's."""
    assert rds.create_db_cluster(**CLUSTER)["DBCluster"]["Status"] == "creating"
    aws.clock.advance(30)
    for name in ("one", "two"):
        rds.create_db_instance(
            DBInstanceIdentifier=name, DBInstanceClass="db.r6g.large", Engine="aurora-postgresql", DBClusterIdentifier="aurora"
        )
    aws.clock.advance(30)
    found = rds.describe_db_clusters()["DBClusters"][0]
    assert found["Status"] == "available"
    assert [(item["DBInstanceIdentifier"], item["IsClusterWriter"]) for item in found["DBClusterMembers"]] == [
        ("one", True),
        ("two", False),
    ]
    assert found["BackupRetentionPeriod"] == 1
    member = rds.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": ["aurora"]}])["DBInstances"][0]
    assert (member["DBClusterIdentifier"], member["PromotionTier"]) == ("aurora", 1)
    assert ".cluster-ro-" in found["ReaderEndpoint"]


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"BackupRetentionPeriod": 0}, "InvalidParameterValue"),
        ({"BackupRetentionPeriod": 36}, "InvalidParameterValue"),
        ({"DBClusterIdentifier": "bad--name"}, "InvalidParameterValue"),
        ({"Engine": "cobol"}, "InvalidParameterValue"),
        ({"EngineVersion": "1"}, "InvalidParameterCombination"),
        ({"Engine": "postgres"}, "InvalidParameterCombination"),
        ({"MasterUserPassword": "x"}, "InvalidParameterValue"),
        ({"DBClusterParameterGroupName": "none"}, "DBClusterParameterGroupNotFound"),
    ],
)
def test_bad_clusters_are_refused(rds, refused, changed, code):
    """CreateDBCluster: retention 1 to 35. moto: any."""
    with refused(code):
        rds.create_db_cluster(**(CLUSTER | changed))


def test_what_belongs_to_the_cluster_is_refused_on_members(rds, cluster, refused):
    """Messages as AWS's. moto: accepted."""
    cluster()
    with refused("InvalidParameterCombination", "member of a cluster", "backup retention"):
        rds.modify_db_instance(DBInstanceIdentifier="aurora-writer", BackupRetentionPeriod=7)
    with refused("InvalidParameterValue", "CreateDBClusterSnapshot"):
        rds.create_db_snapshot(DBInstanceIdentifier="aurora-writer", DBSnapshotIdentifier="s")
    with refused("InvalidDBClusterStateFault"):
        rds.stop_db_instance(DBInstanceIdentifier="aurora-writer")
    with refused("InvalidParameterCombination", "DB Cluster"):
        rds.create_db_instance(
            DBInstanceIdentifier="two",
            DBInstanceClass="db.r6g.large",
            Engine="aurora-postgresql",
            DBClusterIdentifier="aurora",
            BackupRetentionPeriod=5,
        )
    with refused("DBClusterNotFoundFault"):
        rds.create_db_instance(
            DBInstanceIdentifier="two", DBInstanceClass="db.r6g.large", Engine="aurora-postgresql", DBClusterIdentifier="ghost"
        )


def test_cluster_settings(aws, rds, cluster, refused):
    cluster()
    answer = rds.modify_db_cluster(
        DBClusterIdentifier="aurora",
        BackupRetentionPeriod=14,
        CopyTagsToSnapshot=True,
        DeletionProtection=True,
        PreferredBackupWindow="03:00-04:00",
        PreferredMaintenanceWindow="sun:05:00-sun:06:00",
    )["DBCluster"]
    assert (answer["BackupRetentionPeriod"], answer["DeletionProtection"], answer["CopyTagsToSnapshot"]) == (14, True, True)
    assert "PendingModifiedValues" not in answer
    assert rds.describe_db_instances()["DBInstances"][0]["BackupRetentionPeriod"] == 14
    with refused("InvalidParameterValue"):
        rds.modify_db_cluster(DBClusterIdentifier="aurora", BackupRetentionPeriod=0)
    with refused("InvalidParameterValue", "overlap"):
        rds.modify_db_cluster(DBClusterIdentifier="aurora", PreferredBackupWindow="05:30-06:30")
    with refused("DBClusterNotFoundFault"):
        rds.modify_db_cluster(DBClusterIdentifier="ghost", BackupRetentionPeriod=3)


def test_cluster_snapshots(aws, rds, cluster, refused):
    """The codes carry `Fault` here, unlike those of instances; the quota does not."""
    cluster()
    taken = rds.create_db_cluster_snapshot(DBClusterIdentifier="aurora", DBClusterSnapshotIdentifier="cs")["DBClusterSnapshot"]
    assert taken["Status"] == "creating"
    with refused("InvalidDBClusterStateFault", "available"):
        rds.create_db_cluster_snapshot(DBClusterIdentifier="aurora", DBClusterSnapshotIdentifier="cs2")
    with refused("InvalidDBClusterSnapshotStateFault"):
        rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="cs")
    aws.clock.advance(10)
    with refused("DBClusterSnapshotAlreadyExistsFault"):
        rds.create_db_cluster_snapshot(DBClusterIdentifier="aurora", DBClusterSnapshotIdentifier="cs")
    with refused("DBClusterNotFoundFault"):
        rds.create_db_cluster_snapshot(DBClusterIdentifier="ghost", DBClusterSnapshotIdentifier="x")
    with refused("DBClusterSnapshotNotFoundFault"):
        rds.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier="ghost")
    aws.control("PUT", "/rds/quotas", {"ManualClusterSnapshots": 1})
    with refused("SnapshotQuotaExceeded"):
        rds.create_db_cluster_snapshot(DBClusterIdentifier="aurora", DBClusterSnapshotIdentifier="cs2")
    rds.delete_db_cluster_snapshot(DBClusterSnapshotIdentifier="cs")
    assert rds.describe_db_cluster_snapshots()["DBClusterSnapshots"] == []


def test_a_cluster_is_backed_up_daily(aws, rds, cluster):
    cluster(BackupRetentionPeriod=2)
    aws.clock.advance(5 * 86400)
    found = rds.describe_db_cluster_snapshots(SnapshotType="automated")["DBClusterSnapshots"]
    assert 2 <= len(found) <= 3
    assert all(item["DBClusterSnapshotIdentifier"].startswith("rds:aurora-") for item in found)


def test_copies_of_cluster_snapshots(aws, rds, cluster, refused):
    cluster()
    rds.create_db_cluster_snapshot(DBClusterIdentifier="aurora", DBClusterSnapshotIdentifier="cs")
    aws.clock.advance(10)
    source = rds.describe_db_cluster_snapshots()["DBClusterSnapshots"][0]["DBClusterSnapshotArn"]
    abroad = aws.client("rds", region="eu-west-1")
    copy = abroad.copy_db_cluster_snapshot(SourceDBClusterSnapshotIdentifier=source, TargetDBClusterSnapshotIdentifier="copy")
    assert copy["DBClusterSnapshot"]["Status"] == "creating"
    aws.clock.advance(10)
    assert abroad.describe_db_cluster_snapshots()["DBClusterSnapshots"][0]["Status"] == "available"


def test_a_restored_cluster_has_no_members(aws, rds, cluster, refused):
    """RestoreDBClusterFromSnapshot: "only restores the DB cluster, not the DB instances"."""
    cluster(Tags=[{"Key": "owner", "Value": "x"}])
    rds.create_db_cluster_snapshot(DBClusterIdentifier="aurora", DBClusterSnapshotIdentifier="cs")
    aws.clock.advance(10)
    common = {"SnapshotIdentifier": "cs", "Engine": "aurora-postgresql"}
    with refused("DBClusterAlreadyExistsFault"):
        rds.restore_db_cluster_from_snapshot(DBClusterIdentifier="aurora", **common)
    rds.restore_db_cluster_from_snapshot(DBClusterIdentifier="back", **common)
    aws.clock.advance(30)
    found = rds.describe_db_clusters(DBClusterIdentifier="back")["DBClusters"][0]
    assert (found["Status"], found["DBClusterMembers"], found["TagList"]) == ("available", [], [{"Key": "owner", "Value": "x"}])
    rds.restore_db_cluster_to_point_in_time(DBClusterIdentifier="then", SourceDBClusterIdentifier="aurora", UseLatestRestorableTime=True)
    aws.clock.advance(30)
    assert rds.describe_db_clusters(DBClusterIdentifier="then")["DBClusters"][0]["Status"] == "available"


def test_deleting_needs_the_members_gone(aws, rds, cluster, refused):
    """DeleteDBCluster. Messages as AWS's."""
    cluster(DeletionProtection=True)
    with refused("InvalidParameterCombination", "FinalDBSnapshotIdentifier is required"):
        rds.delete_db_cluster(DBClusterIdentifier="aurora")
    with refused("InvalidParameterCombination", "Cannot delete protected Cluster"):
        rds.delete_db_cluster(DBClusterIdentifier="aurora", SkipFinalSnapshot=True)
    rds.modify_db_cluster(DBClusterIdentifier="aurora", DeletionProtection=False)
    with refused("InvalidDBClusterStateFault", "still contains DB instances in non-deleting state"):
        rds.delete_db_cluster(DBClusterIdentifier="aurora", SkipFinalSnapshot=True)
    with refused("InvalidParameterCombination", "FinalDBSnapshotIdentifier"):
        rds.delete_db_instance(DBInstanceIdentifier="aurora-writer", FinalDBSnapshotIdentifier="last")
    rds.delete_db_instance(DBInstanceIdentifier="aurora-writer")
    rds.delete_db_cluster(DBClusterIdentifier="aurora", FinalDBSnapshotIdentifier="last")
    assert rds.describe_db_clusters()["DBClusters"][0]["Status"] == "deleting"
    aws.clock.advance(30)
    assert rds.describe_db_clusters()["DBClusters"] == []
    assert rds.describe_db_cluster_snapshots()["DBClusterSnapshots"][0]["DBClusterSnapshotIdentifier"] == "last"


def test_failover_and_the_loss_of_a_writer(aws, rds, cluster, refused):
    """FailoverDBCluster promotes a reader; so does the deletion of the writer."""
    cluster(members=("a",))
    with refused("InvalidDBClusterStateFault"):
        rds.failover_db_cluster(DBClusterIdentifier="aurora")
    cluster("second", members=("a", "b"))

    def writer():
        members = rds.describe_db_clusters(DBClusterIdentifier="second")["DBClusters"][0]["DBClusterMembers"]
        return next(item["DBInstanceIdentifier"] for item in members if item["IsClusterWriter"])

    rds.failover_db_cluster(DBClusterIdentifier="second", TargetDBInstanceIdentifier="second-b")
    aws.clock.advance(10)
    assert writer() == "second-b"
    rds.delete_db_instance(DBInstanceIdentifier="second-b")
    aws.clock.advance(10)
    assert writer() == "second-a"


def test_stop_and_start(aws, rds, cluster, refused):
    cluster()
    rds.stop_db_cluster(DBClusterIdentifier="aurora")
    aws.clock.advance(10)
    assert rds.describe_db_clusters()["DBClusters"][0]["Status"] == "stopped"
    assert rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] == "stopped"
    with refused("InvalidDBClusterStateFault"):
        rds.stop_db_cluster(DBClusterIdentifier="aurora")
    rds.start_db_cluster(DBClusterIdentifier="aurora")
    aws.clock.advance(10)
    assert rds.describe_db_instances()["DBInstances"][0]["DBInstanceStatus"] == "available"


def test_a_multi_az_cluster_brings_three_members(aws, rds, refused):
    """User Guide, "Multi-AZ DB cluster deployments": DBClusterInstanceClass, storage and Iops; a writer, two readers."""
    wanted = CLUSTER | {
        "DBClusterIdentifier": "trio",
        "Engine": "postgres",
        "DBClusterInstanceClass": "db.m5d.large",
        "AllocatedStorage": 100,
        "Iops": 1000,
        "StorageType": "io1",
    }
    with refused("InvalidParameterCombination"):
        rds.create_db_cluster(**(wanted | {"DBClusterInstanceClass": "db.t4g.micro"}))
    rds.create_db_cluster(**wanted)
    aws.clock.advance(30)
    found = rds.describe_db_clusters()["DBClusters"][0]
    assert len(found["DBClusterMembers"]) == 3
    assert found["MultiAZ"] is True
    assert {item["DBInstanceStatus"] for item in rds.describe_db_instances()["DBInstances"]} == {"available"}
    with refused("InvalidParameterCombination", "Multi-AZ DB cluster"):
        rds.delete_db_instance(DBInstanceIdentifier="trio-instance-1")
    rds.delete_db_cluster(DBClusterIdentifier="trio", SkipFinalSnapshot=True)
    aws.clock.advance(30)
    assert rds.describe_db_instances()["DBInstances"] == []
