"""Random walks: whatever is asked in whatever order, RDS answers with a result or a refusal, and comes to rest."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import PASSWORD

STEPS = 250
INSTANCES, SNAPSHOTS, CLUSTERS, CLUSTER_SNAPSHOTS = ("a", "b", "c"), ("s1", "s2", "s3"), ("k1", "k2"), ("q1", "q2")
USER = {"MasterUsername": "clocked", "MasterUserPassword": PASSWORD}
MULTI_AZ = {"Engine": "postgres", "DBClusterInstanceClass": "db.m6gd.large", "AllocatedStorage": 100, "Iops": 1000, "StorageType": "io1"}


class Walk:
    """One random request after the other, with the clock moving in between."""

    def __init__(self, aws: Any, seed: int) -> None:
        self._random = random.Random(seed)
        self._clock = aws.clock
        self.regions = [aws.client("rds"), aws.client("rds", region="eu-west-1")]

    def _maybe(self, **parameters: Any) -> dict[str, Any]:
        return {name: value for name, value in parameters.items() if self._random.random() < 0.3}

    def _requests(self, rds: Any) -> list[Callable[[], Any]]:
        one = self._random.choice
        instance, snapshot, cluster, cluster_snapshot = one(INSTANCES), one(SNAPSHOTS), one(CLUSTERS), one(CLUSTER_SNAPSHOTS)
        named, in_cluster = {"DBInstanceIdentifier": instance}, {"DBClusterIdentifier": cluster}
        arn = "arn:aws:rds:eu-central-1:123456789012"
        final = one([{"SkipFinalSnapshot": True}, {"FinalDBSnapshotIdentifier": snapshot}])
        storage = {"AllocatedStorage": one([20, 100, 400]), "DBInstanceClass": one(["db.t4g.micro", "db.r6g.large"])}
        member = {"DBInstanceClass": "db.r6g.large", "Engine": "aurora-postgresql"}
        options = self._maybe(BackupRetentionPeriod=one([0, 1, 5]), MultiAZ=True, StorageEncrypted=True, DeletionProtection=True)
        changes = self._maybe(
            ApplyImmediately=True,
            DBInstanceClass="db.t4g.small",
            AllocatedStorage=one([30, 50, 500]),
            BackupRetentionPeriod=one([0, 2, 9]),
            NewDBInstanceIdentifier=one(INSTANCES),
            DeletionProtection=False,
            MasterUserPassword=PASSWORD + "1",
        )
        cluster_changes = self._maybe(ApplyImmediately=True, BackupRetentionPeriod=4, Port=6000, NewDBClusterIdentifier=one(CLUSTERS))
        latest = {"UseLatestRestorableTime": True}
        cluster_engine = one([{"Engine": "aurora-postgresql"}, MULTI_AZ])
        return [
            lambda: rds.create_db_instance(**named, **storage, **USER, Engine=one(["postgres", "mysql"]), **options),
            lambda: rds.create_db_instance(**named, **in_cluster, **member),
            lambda: rds.create_db_instance_read_replica(**named, SourceDBInstanceIdentifier=one([instance, f"{arn}:db:{one(INSTANCES)}"])),
            lambda: rds.promote_read_replica(**named),
            lambda: rds.modify_db_instance(**named, **changes),
            lambda: rds.delete_db_instance(**named, **final),
            lambda: rds.create_db_snapshot(**named, DBSnapshotIdentifier=snapshot),
            lambda: rds.delete_db_snapshot(DBSnapshotIdentifier=snapshot),
            lambda: rds.copy_db_snapshot(
                SourceDBSnapshotIdentifier=f"{arn}:snapshot:{snapshot}", TargetDBSnapshotIdentifier=one(SNAPSHOTS)
            ),
            lambda: rds.restore_db_instance_from_db_snapshot(**named, DBSnapshotIdentifier=snapshot),
            lambda: rds.restore_db_instance_to_point_in_time(
                SourceDBInstanceIdentifier=one(INSTANCES), TargetDBInstanceIdentifier=instance, **latest
            ),
            lambda: rds.create_db_cluster(**in_cluster, **USER, **cluster_engine),
            lambda: rds.modify_db_cluster(**in_cluster, **cluster_changes),
            lambda: rds.delete_db_cluster(**in_cluster, **final),
            lambda: rds.create_db_cluster_snapshot(**in_cluster, DBClusterSnapshotIdentifier=cluster_snapshot),
            lambda: rds.restore_db_cluster_from_snapshot(**in_cluster, SnapshotIdentifier=cluster_snapshot, Engine="aurora-postgresql"),
            lambda: rds.restore_db_cluster_to_point_in_time(**in_cluster, SourceDBClusterIdentifier=one(CLUSTERS), **latest),
            lambda: rds.failover_db_cluster(**in_cluster),
            lambda: rds.stop_db_cluster(**in_cluster),
            lambda: rds.start_db_cluster(**in_cluster),
            lambda: rds.stop_db_instance(**named),
            lambda: rds.start_db_instance(**named),
            lambda: rds.reboot_db_instance(**named),
            lambda: rds.describe_events(Duration=1000),
            lambda: self._clock.advance(one([1, 5, 30, 3600, 86400, 3 * 86400])),
            lambda: self._clock.advance(one([1, 5, 30])),
        ]

    def step(self) -> int:
        """The status of one request; 200 for what is not one."""
        request = self._random.choice(self._requests(self._random.choice(self.regions)))
        try:
            request()
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"]
        return 200


@pytest.mark.parametrize("seed", [1, 2])
def test_every_walk_ends_at_rest(aws, seed):
    walk = Walk(aws, seed)
    answers = [walk.step() for _ in range(STEPS)]
    # A walk that is only refused would prove nothing.
    assert answers.count(200) > STEPS // 8
    assert max(answers) < 500
    aws.clock.advance(2 * 3600)
    for rds in walk.regions:
        clusters = {item["DBClusterIdentifier"]: item for item in rds.describe_db_clusters()["DBClusters"]}
        instances = rds.describe_db_instances()["DBInstances"]
        assert {item["DBInstanceStatus"] for item in instances} <= {"available", "stopped"}
        assert {item["Status"] for item in clusters.values()} <= {"available", "stopped"}
        assert {item["DBClusterIdentifier"] for item in instances if "DBClusterIdentifier" in item} <= clusters.keys()
        for cluster in clusters.values():
            members = cluster["DBClusterMembers"]
            assert [member["IsClusterWriter"] for member in members].count(True) == min(1, len(members))
        snapshots = rds.describe_db_snapshots()["DBSnapshots"] + rds.describe_db_cluster_snapshots()["DBClusterSnapshots"]
        assert {item["Status"] for item in snapshots} <= {"available", "failed"}
