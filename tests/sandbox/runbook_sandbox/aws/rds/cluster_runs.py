"""Stop, start, failover and restores of clusters.

Source: Amazon RDS API Reference, StopDBCluster, StartDBCluster, RebootDBCluster, FailoverDBCluster,
RestoreDBClusterFromSnapshot, RestoreDBClusterToPointInTime (a restored Aurora cluster has no instances).
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import clustering, errors, identifiers, network, running, snapshotting, tagging
from runbook_sandbox.aws.rds.cluster import Cluster
from runbook_sandbox.aws.rds.engines import ENGINES, check_upgrade, engine_named
from runbook_sandbox.aws.rds.store import Store, store_of

operations = Operations()


@operations("StopDBCluster")
def stop_cluster(call: Call) -> dict[str, Any]:
    """The members stop with it; it starts by itself after seven days."""
    cluster = store_of(call.account_id, call.region).cluster(call.get("DBClusterIdentifier", ""))
    cluster.require(f"DbCluster {cluster.identifier} is not in available state")
    if any(member.status not in ("available", "deleting") for member in cluster.members):
        raise errors.instance_state(f"One or more instances of DbCluster {cluster.identifier} are not in available state.")
    cluster.status = "stopping"
    for member in cluster.members:
        running.stop(member)

    def stopped() -> None:
        cluster.status = "stopped"
        cluster.restart_at = clock.now() + running.STOPPED_AT_MOST
        cluster.notice("RDS-EVENT-0150")
        cluster.later(running.STOPPED_AT_MOST.total_seconds(), restart, "automatic restart")

    def restart() -> None:
        # A stop that was ended and repeated meanwhile has seven days of its own.
        if cluster.restart_at is not None and cluster.restart_at <= clock.now():
            _start(cluster)

    cluster.later(pace.rds_modify, stopped, "stop")
    return {"DBCluster": cluster.describe()}


@operations("StartDBCluster")
def start_cluster(call: Call) -> dict[str, Any]:
    cluster = store_of(call.account_id, call.region).cluster(call.get("DBClusterIdentifier", ""))
    if cluster.status != "stopped":
        raise errors.cluster_state(f"DbCluster {cluster.identifier} is not in stopped state.")
    _start(cluster)
    return {"DBCluster": cluster.describe()}


def _start(cluster: Cluster) -> None:
    if cluster.status != "stopped":
        return
    cluster.status = "starting"
    for member in cluster.members:
        running.start(member)

    def started() -> None:
        cluster.restart_at = None
        cluster.settle()
        cluster.notice("RDS-EVENT-0151")

    cluster.later(pace.rds_modify, started, "start")


@operations("RebootDBCluster")
def reboot_cluster(call: Call) -> dict[str, Any]:
    """Multi-AZ DB clusters only."""
    cluster = store_of(call.account_id, call.region).cluster(call.get("DBClusterIdentifier", ""))
    if not cluster.multi_az:
        raise errors.cluster_state(f"DB cluster {cluster.identifier} is not a Multi-AZ DB cluster; reboot its instances.")
    cluster.require(f"DBCluster {cluster.identifier} is not in the available state.")
    cluster.status = "rebooting"
    for member in cluster.members:
        running.reboot(member)
    cluster.later(pace.rds_modify * 0.5, cluster.settle, "reboot")
    return {"DBCluster": cluster.describe()}


@operations("FailoverDBCluster")
def failover_cluster(call: Call) -> dict[str, Any]:
    """The target, or the reader of the best promotion tier, becomes the writer."""
    cluster = store_of(call.account_id, call.region).cluster(call.get("DBClusterIdentifier", ""))
    cluster.require(f"DBCluster {cluster.identifier} is not in the available state.")
    readers = [member for member in cluster.members if member.identifier != cluster.writer and member.status == "available"]
    target = call.get("TargetDBInstanceIdentifier")
    if target:
        readers = [member for member in readers if target.lower() in (member.identifier, member.arn)]
        if not readers:
            raise errors.instance_state(f"{target} is not an available reader of DB cluster {cluster.identifier}.")
    if not readers:
        raise errors.cluster_state(f"DB cluster {cluster.identifier} has no reader to fail over to.")
    chosen = min(readers, key=lambda member: (member.record["PromotionTier"], member.identifier))
    cluster.status = "failing-over"
    cluster.notice("RDS-EVENT-0073", f"Started cross AZ failover to DB instance: {chosen.identifier}")

    def finish() -> None:
        cluster.writer = chosen.identifier
        cluster.settle()
        cluster.notice("RDS-EVENT-0071", f"Completed failover to DB instance: {chosen.identifier}")

    cluster.later(pace.rds_modify * 0.5, finish, "failover")
    return {"DBCluster": cluster.describe()}


def _restored(store: Store, call: Call, source: dict[str, Any], identifier: str | None) -> tuple[str, dict[str, Any]]:
    engine = ENGINES[source["Engine"]]
    version = source["EngineVersion"]
    if call.get("EngineVersion"):
        version = check_upgrade(engine, version, call.get("EngineVersion"), True)
    params = {
        "Port": source["Port"],
        "BackupRetentionPeriod": source["BackupRetentionPeriod"],
        "DatabaseName": source.get("DatabaseName") or (source.get("_source") or {}).get("DatabaseName"),
        "DBClusterInstanceClass": source.get("DBClusterInstanceClass"),
    }
    params = {name: value for name, value in params.items() if value is not None} | call.params
    call = Call(call.account_id, call.region, call.partition, call.operation, params)
    record = clustering.base_record(store, call, engine, version)
    if not engine.aurora:
        record |= clustering.multi_az_storage(engine, call, source)
    wanted = call.get("KmsKeyId")
    encrypted = source["StorageEncrypted"] or bool(wanted)
    record |= {
        "MasterUsername": source["MasterUsername"],
        "StorageEncrypted": encrypted,
        "KmsKeyId": network.key_arn(store, wanted) if wanted else source.get("KmsKeyId"),
    }
    return clustering.new_identifier(store, identifier), record


@operations("RestoreDBClusterFromSnapshot")
def restore_from_snapshot(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    identifiers.checked(call.get("DBClusterIdentifier"), "DBClusterIdentifier")
    given = tagging.on_creation(call, "cluster", call.get("DBClusterIdentifier"))
    engine = engine_named(call.get("Engine"))
    wanted = call.get("SnapshotIdentifier") or ""
    snapshot = snapshotting.usable(call, wanted, "cluster_snapshots", errors.cluster_snapshot_not_found)
    if snapshot.store.region != store.region:
        raise errors.cluster_snapshot_not_found(wanted)
    if snapshot.status != "available":
        raise errors.cluster_snapshot_state(f"The DB cluster snapshot {snapshot.identifier} is not in the available state.")
    if engine.name != snapshot.record["Engine"]:
        raise errors.invalid_combination(f"The engine {engine.name} is not compatible with the snapshot's {snapshot.record['Engine']}.")
    name, record = _restored(store, call, snapshot.record, call.get("DBClusterIdentifier"))
    foreign = snapshot.store is not store
    tags = given if call.get("Tags") is not None else ([] if foreign else list(snapshot.record["_source"]["Tags"]))
    cluster = Cluster(store, name, record, tags)
    clustering.start(cluster, pace.rds_restore)
    return {"DBCluster": cluster.describe()}


@operations("RestoreDBClusterToPointInTime")
def restore_to_point_in_time(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    identifiers.checked(call.get("DBClusterIdentifier"), "DBClusterIdentifier")
    time, latest = call.get("RestoreToTime"), call.get("UseLatestRestorableTime", False)
    if time is not None and latest:
        raise errors.invalid_combination("You can't specify both RestoreToTime and UseLatestRestorableTime.")
    if time is None and not latest:
        raise errors.invalid_combination("Either RestoreToTime or UseLatestRestorableTime must be specified.")
    if not call.get("SourceDBClusterIdentifier"):
        raise errors.blank("SourceDBClusterIdentifier")
    source = store.cluster(call.get("SourceDBClusterIdentifier"))
    source.require(f"DBCluster {source.identifier} is not in the available state.")
    shown = source.describe()
    if time is not None and not shown["EarliestRestorableTime"] <= time <= shown["LatestRestorableTime"]:
        raise errors.invalid_value(
            f"RestoreToTime must be between {shown['EarliestRestorableTime']:%Y-%m-%dT%H:%M:%SZ} and "
            f"{shown['LatestRestorableTime']:%Y-%m-%dT%H:%M:%SZ}."
        )
    given = tagging.on_creation(call, "cluster", call.get("DBClusterIdentifier"))
    name, record = _restored(store, call, source.record, call.get("DBClusterIdentifier"))
    cluster = Cluster(store, name, record, given)
    clustering.start(cluster, pace.rds_restore)
    return {"DBCluster": cluster.describe()}
