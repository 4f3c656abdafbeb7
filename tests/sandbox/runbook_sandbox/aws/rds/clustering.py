"""Creating, changing and deleting DB clusters.

Source: Amazon RDS API Reference, CreateDBCluster, ModifyDBCluster, DeleteDBCluster, DescribeDBClusters; Aurora User Guide,
"Deleting Aurora DB clusters"; RDS User Guide, "Multi-AZ DB cluster deployments".
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import (
    backups,
    building,
    creating,
    engines,
    errors,
    groups,
    identifiers,
    network,
    paging,
    snapshotting,
    tagging,
    windows,
)
from runbook_sandbox.aws.rds.cluster import Cluster
from runbook_sandbox.aws.rds.engines import Engine, engine_named, version_of
from runbook_sandbox.aws.rds.store import Store, store_of

operations = Operations()


def new_identifier(store: Store, wanted: str | None) -> str:
    """A free name for a cluster."""
    name = identifiers.checked(wanted, "DBClusterIdentifier")
    if name in store.clusters:
        raise errors.cluster_exists()
    if len(store.clusters) >= store.quotas.DBClusters:
        raise errors.RDSError("DBClusterQuotaExceededFault", f"Cannot create more than {store.quotas.DBClusters} DB clusters")
    return name


def base_record(store: Store, call: Call, engine: Engine, version: str) -> dict[str, Any]:
    """The record of a new cluster, with AWS's defaults."""
    name = call.get("DBClusterIdentifier")
    backup, maintenance = windows.defaults(store.region, name, call.get("PreferredBackupWindow"), call.get("PreferredMaintenanceWindow"))
    group = groups.subnet_group(store, call.get("DBSubnetGroupName"))
    if call.get("DBClusterInstanceClass") is None and not engine.aurora:
        raise errors.invalid_combination(
            f"DBClusterInstanceClass is required for a Multi-AZ DB cluster of engine {engine.name}; use CreateDBInstance for an instance."
        )
    record = {
        "Engine": engine.name,
        "EngineVersion": version,
        "EngineMode": call.get("EngineMode", "provisioned"),
        "BackupRetentionPeriod": building.check_retention(call.get("BackupRetentionPeriod", 1), smallest=1),
        "PreferredBackupWindow": backup,
        "PreferredMaintenanceWindow": maintenance,
        "DBSubnetGroupName": group["DBSubnetGroupName"],
        "VpcSecurityGroups": network.security_groups(store, group["VpcId"], call.get("VpcSecurityGroupIds")),
        "AvailabilityZones": call.get("AvailabilityZones") or network.zones(store)[:3],
        "DBClusterParameterGroup": groups.cluster_parameter_groups.for_engine(
            store, call.get("DBClusterParameterGroupName"), engine, version
        ),
        "Port": call.get("Port", engine.port),
        "DatabaseName": call.get("DatabaseName"),
        "DeletionProtection": call.get("DeletionProtection", False),
        "CopyTagsToSnapshot": call.get("CopyTagsToSnapshot", False),
        "IAMDatabaseAuthenticationEnabled": call.get("EnableIAMDatabaseAuthentication", False),
        "HttpEndpointEnabled": call.get("EnableHttpEndpoint", False),
        "EnabledCloudwatchLogsExports": call.get("EnableCloudwatchLogsExports"),
        "AutoMinorVersionUpgrade": call.get("AutoMinorVersionUpgrade", True),
        "ClusterCreateTime": clock.now(),
        "DbClusterResourceId": identifiers.resource_id("cluster", store.account_id, store.region, name, clock.now().isoformat()),
        "ServerlessV2ScalingConfiguration": call.get("ServerlessV2ScalingConfiguration"),
        "HostedZoneId": "Z1RLNUO7B9Q6NB",
        "AssociatedRoles": [],
        "DomainMemberships": [],
        "ReadReplicaIdentifiers": [],
        "ActivityStreamStatus": "stopped",
        "CrossAccountClone": False,
        "NetworkType": call.get("NetworkType", "IPV4"),
        "EngineLifecycleSupport": call.get("EngineLifecycleSupport", "open-source-rds-extended-support"),
        "MonitoringInterval": call.get("MonitoringInterval", 0),
        "PerformanceInsightsEnabled": call.get("EnablePerformanceInsights", False),
    }
    if engine.aurora:
        record |= {"AllocatedStorage": 1, "StorageType": call.get("StorageType", "aurora")}
    else:
        record |= {
            "DBClusterInstanceClass": engines.check_class(engine, version, call.get("DBClusterInstanceClass"), cluster=True),
            "PubliclyAccessible": (
                network.public_by_default(call.get("DBSubnetGroupName"))
                if call.get("PubliclyAccessible") is None
                else call.get("PubliclyAccessible")
            ),
        }
    return record


def multi_az_storage(engine: Engine, call: Call, default: dict[str, Any]) -> dict[str, Any]:
    """Storage of a Multi-AZ DB cluster: io1 unless said otherwise."""
    return building.storage(engine, call, default.get("StorageType", "io1"), default.get("AllocatedStorage"), default.get("Iops"))


def start(cluster: Cluster, seconds: float, event_id: str = "RDS-EVENT-0170") -> None:
    """Put the cluster into the store in `creating`; a Multi-AZ one brings its three members."""
    cluster.store.clusters[cluster.identifier] = cluster

    def available() -> None:
        cluster.settle()
        cluster.notice(event_id)
        backups.schedule_cluster(cluster)

    cluster.later(seconds, available, "creation")
    if cluster.multi_az:
        params = {"AutoMinorVersionUpgrade": True, "PubliclyAccessible": cluster.record["PubliclyAccessible"]}
        call = Call(cluster.store.account_id, cluster.store.region, cluster.store.partition, "CreateDBInstance", params)
        for number in (1, 2, 3):
            name = f"{cluster.identifier}-instance-{number}"
            creating.add_member(cluster, call, name, cluster.record["DBClusterInstanceClass"], [], seconds)


@operations("CreateDBCluster")
def create_cluster(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    identifiers.checked(call.get("DBClusterIdentifier"), "DBClusterIdentifier")
    engine = engine_named(call.get("Engine"))
    tags = tagging.on_creation(call, "cluster", call.get("DBClusterIdentifier"))
    version = version_of(engine, call.get("EngineVersion"))
    user = identifiers.master_user(call.get("MasterUsername"), engine.name)
    if call.get("ManageMasterUserPassword"):
        if call.get("MasterUserPassword"):
            raise errors.invalid_combination("You can't specify MasterUserPassword and ManageMasterUserPassword together.")
    else:
        identifiers.master_password(call.get("MasterUserPassword"), engine.name)
    record = base_record(store, call, engine, version) | {"MasterUsername": user} | building.encryption(store, call)
    if not engine.aurora:
        record |= multi_az_storage(engine, call, {})
    name = new_identifier(store, call.get("DBClusterIdentifier"))
    cluster = Cluster(store, name, record, tags)
    start(cluster, pace.rds_create * 0.5)
    return {"DBCluster": cluster.describe()}


@operations("DescribeDBClusters")
def describe_clusters(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    wanted = call.get("DBClusterIdentifier")
    found = [store.cluster(wanted)] if wanted else list(store.clusters.values())
    allowed: dict[str, paging.Value] = {
        "clone-group-id": lambda item: None,
        "db-cluster-id": lambda item: (item.identifier, item.arn),
        "db-cluster-resource-id": lambda item: item.record["DbClusterResourceId"],
        "domain": lambda item: None,
        "engine": lambda item: item.record["Engine"],
    }
    shown, marker = paging.page(call, paging.filtered(call, found, allowed), key=lambda item: item.identifier)
    return {"DBClusters": [item.describe() for item in shown], "Marker": marker}


_AT_ONCE = (
    "DeletionProtection",
    "CopyTagsToSnapshot",
    "AutoMinorVersionUpgrade",
    "ServerlessV2ScalingConfiguration",
    "EngineLifecycleSupport",
    "NetworkType",
)


@operations("ModifyDBCluster")
def modify_cluster(call: Call) -> dict[str, Any]:
    """Backup settings, protection and the like apply at once; version, port, class and name when asked to, or in the window."""
    store = store_of(call.account_id, call.region)
    cluster = store.cluster(call.get("DBClusterIdentifier", ""))
    record = cluster.record
    cluster.require(f"DBCluster {cluster.identifier} is not in the available state.")
    now = {name: call.get(name) for name in _AT_ONCE if call.get(name) is not None}
    pending: dict[str, Any] = {}
    if call.get("BackupRetentionPeriod") is not None:
        now["BackupRetentionPeriod"] = building.check_retention(call.get("BackupRetentionPeriod"), smallest=1)
    if call.get("PreferredBackupWindow") or call.get("PreferredMaintenanceWindow"):
        backup, maintenance = windows.checked(
            call.get("PreferredBackupWindow") or record["PreferredBackupWindow"],
            call.get("PreferredMaintenanceWindow") or record["PreferredMaintenanceWindow"],
        )
        now |= {"PreferredBackupWindow": backup, "PreferredMaintenanceWindow": maintenance}
    if call.get("VpcSecurityGroupIds"):
        vpc_id = groups.subnet_group(store, record["DBSubnetGroupName"])["VpcId"]
        now["VpcSecurityGroups"] = network.security_groups(store, vpc_id, call.get("VpcSecurityGroupIds"))
    if call.get("EnableIAMDatabaseAuthentication") is not None:
        now["IAMDatabaseAuthenticationEnabled"] = call.get("EnableIAMDatabaseAuthentication")
    if call.get("DBClusterParameterGroupName"):
        now["DBClusterParameterGroup"] = groups.cluster_parameter_groups.for_engine(
            store, call.get("DBClusterParameterGroupName"), cluster.engine, record["EngineVersion"]
        )
    if call.get("MasterUserPassword") is not None:
        identifiers.master_password(call.get("MasterUserPassword"), cluster.engine.name)
    if call.get("EngineVersion"):
        allow = call.get("AllowMajorVersionUpgrade", False)
        pending["EngineVersion"] = engines.check_upgrade(cluster.engine, record["EngineVersion"], call.get("EngineVersion"), allow)
    if call.get("Port") is not None:
        pending["Port"] = call.get("Port")
    if call.get("DBClusterInstanceClass"):
        if not cluster.multi_az:
            raise errors.invalid_combination("DBClusterInstanceClass applies to Multi-AZ DB clusters only.")
        wanted = call.get("DBClusterInstanceClass")
        pending["DBClusterInstanceClass"] = engines.check_class(cluster.engine, record["EngineVersion"], wanted, cluster=True)
    if call.get("NewDBClusterIdentifier"):
        pending["DBClusterIdentifier"] = new_identifier(store, call.get("NewDBClusterIdentifier"))
    window_moved = "PreferredBackupWindow" in now and now["PreferredBackupWindow"] != record["PreferredBackupWindow"]
    record |= now
    if window_moved:
        backups.schedule_cluster(cluster)
    cluster.pending |= {name: value for name, value in pending.items() if record.get(name) != value}
    if cluster.pending and call.get("ApplyImmediately"):
        cluster.later(0, lambda: _apply(cluster), "modification")
    elif cluster.pending:
        due = windows.next_maintenance(record["PreferredMaintenanceWindow"], clock.now())
        cluster.later((due - clock.now()).total_seconds(), lambda: _apply(cluster), "maintenance window")
    return {"DBCluster": cluster.describe()}


def _apply(cluster: Cluster) -> None:
    if not cluster.pending or cluster.status != "available":
        return
    cluster.status = "upgrading" if "EngineVersion" in cluster.pending else "modifying"

    def finish() -> None:
        changes, cluster.pending = cluster.pending, {}
        name = changes.pop("DBClusterIdentifier", None)
        cluster.record |= changes
        for member in cluster.members:
            for key in ("EngineVersion", "Port"):
                if key in changes:
                    member.record[key] = changes[key]
            if "DBClusterInstanceClass" in changes:
                member.record["DBInstanceClass"] = changes["DBClusterInstanceClass"]
        if name is not None:
            _rename(cluster, name)
        cluster.settle()

    cluster.later(pace.rds_modify, finish, "modification")


def _rename(cluster: Cluster, name: str) -> None:
    members = cluster.members
    del cluster.store.clusters[cluster.identifier]
    for member in members:
        member.record["DBClusterIdentifier"] = name
    cluster.identifier = name
    cluster.store.clusters[name] = cluster
    cluster.notice("RDS-EVENT-0172")


@operations("DeleteDBCluster")
def delete_cluster(call: Call) -> dict[str, Any]:
    """A Multi-AZ cluster takes its members along; an Aurora one must have none left that are not being deleted."""
    store = store_of(call.account_id, call.region)
    cluster = store.cluster(call.get("DBClusterIdentifier", ""))
    skip, final = call.get("SkipFinalSnapshot", False), call.get("FinalDBSnapshotIdentifier")
    if cluster.status == "deleting":
        raise errors.cluster_state(f"DB cluster {cluster.identifier} is already being deleted.")
    if skip and final:
        raise errors.invalid_combination("FinalDBSnapshotIdentifier can't be specified when SkipFinalSnapshot is true.")
    if not skip and not final:
        raise errors.invalid_combination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
    if cluster.record["DeletionProtection"]:
        raise errors.invalid_combination("Cannot delete protected Cluster, please disable deletion protection and try again.")
    if not cluster.multi_az and any(member.status != "deleting" for member in cluster.members):
        raise errors.cluster_state("Cluster cannot be deleted, it still contains DB instances in non-deleting state.")
    if cluster.status not in ("available", "stopped", "failed", "inaccessible-encryption-credentials"):
        raise errors.cluster_state(f"DBCluster {cluster.identifier} is not in the available state (it is {cluster.status}).")
    final_name = snapshotting.check_new_cluster(store, final, "FinalDBSnapshotIdentifier") if final else None
    cluster.cancel_all()
    cluster.status = "deleting"
    for member in cluster.members:
        member.cancel_all()
        member.status = "deleting"

    def remove() -> None:
        for member in cluster.members:
            store.instances.pop(member.identifier, None)
        store.clusters.pop(cluster.identifier, None)
        for name, snapshot in list(store.cluster_snapshots.items()):
            if snapshot.type == "automated" and snapshot.record["DbClusterResourceId"] == cluster.record["DbClusterResourceId"]:
                snapshot.cancel_all()
                del store.cluster_snapshots[name]
        cluster.notice("RDS-EVENT-0171")

    def delete() -> None:
        cluster.later(pace.rds_delete, remove, "deletion")

    if final_name:
        snapshotting.take_cluster(cluster, final_name, None, delete)
    else:
        delete()
    return {"DBCluster": cluster.describe()}
