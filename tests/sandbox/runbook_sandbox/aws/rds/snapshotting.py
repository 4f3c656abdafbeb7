"""Taking, showing and deleting snapshots.

Source: Amazon RDS API Reference, CreateDBSnapshot, DescribeDBSnapshots, DeleteDBSnapshot, CreateDBClusterSnapshot,
DescribeDBClusterSnapshots, DeleteDBClusterSnapshot; User Guide, "Quotas and constraints" (100 manual ones of each).
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import errors, hosting, identifiers, notices, paging, tagging
from runbook_sandbox.aws.rds.cluster import Cluster
from runbook_sandbox.aws.rds.engines import ENGINES, check_upgrade
from runbook_sandbox.aws.rds.instance import Instance
from runbook_sandbox.aws.rds.snapshot import PUBLIC, ClusterSnapshot, Snapshot
from runbook_sandbox.aws.rds.store import NextSnapshot, Store, all_stores, parse_arn, store_of

operations = Operations()

_TYPES = ("automated", "manual", "shared", "public", "awsbackup")
_OF_INSTANCE = (
    "Engine", "AllocatedStorage", "Port", "AvailabilityZone", "InstanceCreateTime", "MasterUsername", "EngineVersion", "LicenseModel",
    "Iops", "StorageThroughput", "StorageType", "KmsKeyId", "DbiResourceId", "IAMDatabaseAuthenticationEnabled", "BackupRetentionPeriod",
    "PreferredBackupWindow", "DedicatedLogVolume",
)  # fmt: skip
_OF_CLUSTER = (
    "AvailabilityZones", "Engine", "EngineMode", "AllocatedStorage", "Port", "ClusterCreateTime", "MasterUsername", "EngineVersion",
    "StorageEncrypted", "BackupRetentionPeriod", "PreferredBackupWindow", "KmsKeyId", "IAMDatabaseAuthenticationEnabled", "StorageType",
    "DbClusterResourceId",
)  # fmt: skip


def snapshot_record(instance: Instance) -> dict[str, Any]:
    """What a snapshot keeps of its instance; `_source` is for restores and is never shown."""
    record = instance.record
    group = instance.store.subnet_groups.get(record.get("DBSubnetGroupName") or "")
    return {name: record.get(name) for name in _OF_INSTANCE} | {
        "DBInstanceIdentifier": instance.identifier,
        "VpcId": group["VpcId"] if group else None,
        "OptionGroupName": record["OptionGroupMemberships"][0]["OptionGroupName"],
        "Encrypted": record["StorageEncrypted"],
        "SnapshotTarget": "region",
        "ProcessorFeatures": [],
        "_source": {"DBInstanceClass": record["DBInstanceClass"], "DBName": record.get("DBName"), "Tags": list(instance.tags)},
    }


def cluster_snapshot_record(cluster: Cluster) -> dict[str, Any]:
    record = cluster.record
    group = cluster.store.subnet_groups.get(record.get("DBSubnetGroupName") or "")
    return {name: record.get(name) for name in _OF_CLUSTER} | {
        "DBClusterIdentifier": cluster.identifier,
        "VpcId": group["VpcId"] if group else None,
        "LicenseModel": cluster.engine.license,
        "_source": {"DatabaseName": record.get("DatabaseName"), "Tags": list(cluster.tags)},
    }


def check_quota(store: Store, cluster: bool = False) -> None:
    """Raises SnapshotQuotaExceeded when one more manual snapshot is one too many."""
    used = store.manual_cluster_snapshots() if cluster else store.manual_snapshots()
    limit = store.quotas.ManualClusterSnapshots if cluster else store.quotas.ManualSnapshots
    if used >= limit:
        raise errors.snapshot_quota(f"Cannot create more than {limit} manual {'cluster ' if cluster else ''}snapshots")


def check_new(store: Store, identifier: str | None, parameter: str) -> str:
    """A free name for a snapshot, and room for it."""
    name = identifiers.snapshot_identifier(identifier, parameter)
    if name in store.snapshots:
        raise errors.snapshot_exists(name)
    check_quota(store)
    return name


def check_new_cluster(store: Store, identifier: str | None, parameter: str) -> str:
    name = identifiers.snapshot_identifier(identifier, parameter)
    if name in store.cluster_snapshots:
        raise errors.cluster_snapshot_exists(name)
    check_quota(store, cluster=True)
    return name


def take(instance: Instance, name: str, tags: list[dict[str, str]] | None, done: Any = None) -> Snapshot:
    """Start a manual snapshot. The instance is not touched; `done` runs at the end."""
    copied = list(instance.tags) if instance.record.get("CopyTagsToSnapshot") else []
    # Tags sent with the request win over those copied from the instance.
    snapshot = Snapshot(instance.store, name, snapshot_record(instance), identifiers.merge_tags(copied, tags or []))
    instance.store.snapshots[name] = snapshot
    _start(snapshot, instance.identifier, done or (lambda: None), lambda: hosting.taken(snapshot, instance))
    return snapshot


def take_cluster(cluster: Cluster, name: str, tags: list[dict[str, str]] | None, done: Any = None) -> ClusterSnapshot:
    copied = list(cluster.tags) if cluster.record.get("CopyTagsToSnapshot") else []
    snapshot = ClusterSnapshot(cluster.store, name, cluster_snapshot_record(cluster), identifiers.merge_tags(copied, tags or []))
    cluster.store.cluster_snapshots[name] = snapshot
    _start(snapshot, cluster.identifier, done or (lambda: None))
    return snapshot


def _start(snapshot: Snapshot, source: str, done: Any, take: Any = None) -> None:
    wish = snapshot.store.next_snapshot.pop(source, NextSnapshot())
    snapshot.begin(pace.rds_snapshot if wish.seconds is None else wish.seconds, done, fail=wish.fail, take=take)


@operations("CreateDBSnapshot")
def create_snapshot(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    identifiers.snapshot_identifier(call.get("DBSnapshotIdentifier"), "DBSnapshotIdentifier")
    tags = tagging.on_creation(call, "snapshot", call.get("DBSnapshotIdentifier"))
    instance = store.instance(call.get("DBInstanceIdentifier", ""))
    if instance.cluster_identifier:
        raise errors.invalid_value(
            "The specified instance is a member of a cluster and a snapshot cannot be created directly. "
            "Please use the CreateDBClusterSnapshot API instead."
        )
    name = (call.get("DBSnapshotIdentifier") or "").lower()
    if name in store.snapshots:
        raise errors.snapshot_exists(name)
    instance.require(
        f"Cannot create a snapshot because the database instance {instance.identifier} is not currently in the available state."
    )
    check_quota(store)
    instance.status = "backing-up"

    def done() -> None:
        if instance.status == "backing-up":
            instance.settle()

    return {"DBSnapshot": take(instance, name, tags, done).describe()}


@operations("CreateDBClusterSnapshot")
def create_cluster_snapshot(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    identifiers.snapshot_identifier(call.get("DBClusterSnapshotIdentifier"), "DBClusterSnapshotIdentifier")
    tags = tagging.on_creation(call, "cluster-snapshot", call.get("DBClusterSnapshotIdentifier"))
    cluster = store.cluster(call.get("DBClusterIdentifier", ""))
    name = check_new_cluster(store, call.get("DBClusterSnapshotIdentifier"), "DBClusterSnapshotIdentifier")
    cluster.require(f"Cannot create a snapshot because the cluster {cluster.identifier} is not currently in the available state.")
    cluster.status = "backing-up"

    def done() -> None:
        if cluster.status == "backing-up":
            cluster.settle()

    return {"DBClusterSnapshot": take_cluster(cluster, name, tags, done).describe()}


@operations("ModifyDBSnapshot")
def modify_snapshot(call: Call) -> dict[str, Any]:
    """Upgrade the engine version that a manual snapshot is restored with: `upgrading`, then `available`."""
    store = store_of(call.account_id, call.region)
    snapshot = store.snapshot(call.get("DBSnapshotIdentifier", ""))
    if snapshot.status != "available" or snapshot.type != "manual":
        raise errors.snapshot_state(
            f"Only a manual snapshot that is available can be modified: {snapshot.identifier} is {snapshot.status}."
        )
    wanted = call.get("EngineVersion")
    if wanted and wanted != snapshot.record["EngineVersion"]:
        version = check_upgrade(ENGINES[snapshot.record["Engine"]], snapshot.record["EngineVersion"], wanted, allow_major=True)
        snapshot.status = "upgrading"

        def upgraded() -> None:
            snapshot.record["EngineVersion"] = version
            snapshot.status = "available"

        snapshot.later(pace.rds_modify, upgraded, "upgrade")
    return {"DBSnapshot": snapshot.describe()}


@operations("DeleteDBSnapshot")
def delete_snapshot(call: Call) -> dict[str, Any]:
    """Only a manual snapshot that is available (or failed) can be deleted; it is gone at once."""
    store = store_of(call.account_id, call.region)
    snapshot = store.snapshot(call.get("DBSnapshotIdentifier", ""))
    _check_deletable(snapshot, errors.snapshot_state)
    return {"DBSnapshot": _delete(store, snapshot, "RDS-EVENT-0041")}


@operations("DeleteDBClusterSnapshot")
def delete_cluster_snapshot(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    snapshot = store.cluster_snapshot(call.get("DBClusterSnapshotIdentifier", ""))
    _check_deletable(snapshot, errors.cluster_snapshot_state)
    return {"DBClusterSnapshot": _delete(store, snapshot, None)}


def _check_deletable(snapshot: Snapshot, error: Any) -> None:
    if snapshot.type == "automated":
        raise error(f"Cannot delete the snapshot {snapshot.identifier} because it is an automated snapshot.")
    if snapshot.type == "awsbackup":
        raise error(f"Cannot delete the snapshot {snapshot.identifier}: it is managed by AWS Backup.")
    if snapshot.status not in ("available", "failed"):
        raise error(f"Cannot delete the snapshot {snapshot.identifier} because it is not in the available state (it is {snapshot.status}).")


def _copies_of(snapshot: Snapshot) -> list[Snapshot]:
    return [
        item
        for store in all_stores()
        for item in (*store.snapshots.values(), *store.cluster_snapshots.values())
        if item.copying_from == snapshot.arn
    ]


def _delete(store: Store, snapshot: Snapshot, event_id: str | None) -> dict[str, Any]:
    snapshot.discard()
    for copy in _copies_of(snapshot):
        # User Guide, "Copying a DB snapshot": a copy whose source is deleted before it is available may fail. Here it does.
        copy.doomed = True
    shown = snapshot.describe() | {"Status": "deleted"}
    if event_id:
        notices.notice(store, snapshot.source_type, snapshot.identifier, snapshot.arn, event_id)
    return shown


@operations("DescribeDBSnapshots")
def describe_snapshots(call: Call) -> dict[str, Any]:
    """Automated and manual ones unless SnapshotType says otherwise; those of others only when asked for."""
    store = store_of(call.account_id, call.region)
    found = _listed(call, store, "snapshots", "DBSnapshotIdentifier", errors.snapshot_not_found)
    if wanted := call.get("DBInstanceIdentifier"):
        found = [item for item in found if item.record["DBInstanceIdentifier"] == _name(wanted)]
    if wanted := call.get("DbiResourceId"):
        found = [item for item in found if item.record["DbiResourceId"] == wanted]
    allowed: dict[str, paging.Value] = {
        "db-instance-id": lambda item: (item.record["DBInstanceIdentifier"], item.store.arn("db", item.record["DBInstanceIdentifier"])),
        "db-snapshot-id": lambda item: item.identifier,
        "dbi-resource-id": lambda item: item.record["DbiResourceId"],
        "snapshot-type": lambda item: _shown_type(item, call.account_id),
        "engine": lambda item: item.record["Engine"],
    }
    shown, marker = paging.page(call, paging.filtered(call, found, allowed), key=_order(call.account_id))
    return {"DBSnapshots": [item.describe(call.account_id) for item in shown], "Marker": marker}


@operations("DescribeDBClusterSnapshots")
def describe_cluster_snapshots(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    found = _listed(call, store, "cluster_snapshots", "DBClusterSnapshotIdentifier", errors.cluster_snapshot_not_found)
    if wanted := call.get("DBClusterIdentifier"):
        found = [item for item in found if item.record["DBClusterIdentifier"] == _name(wanted)]
    if wanted := call.get("DbClusterResourceId"):
        found = [item for item in found if item.record["DbClusterResourceId"] == wanted]
    allowed: dict[str, paging.Value] = {
        "db-cluster-id": lambda item: (
            item.record["DBClusterIdentifier"],
            item.store.arn("cluster", item.record["DBClusterIdentifier"]),
        ),
        "db-cluster-snapshot-id": lambda item: item.identifier,
        "snapshot-type": lambda item: _shown_type(item, call.account_id),
        "engine": lambda item: item.record["Engine"],
    }
    shown, marker = paging.page(call, paging.filtered(call, found, allowed), key=_order(call.account_id))
    return {"DBClusterSnapshots": [item.describe(call.account_id) for item in shown], "Marker": marker}


def _name(identifier: str) -> str:
    parsed = parse_arn(identifier)
    return (parsed["name"] if parsed else identifier).lower()


def _order(account_id: str) -> Any:
    return lambda item: item.identifier if item.store.account_id == account_id else item.arn


def _shown_type(snapshot: Snapshot, account_id: str) -> str:
    if snapshot.store.account_id == account_id:
        return snapshot.type
    return "public" if PUBLIC in snapshot.shared_with else "shared"


def _listed(call: Call, store: Store, table: str, parameter: str, missing: Any) -> list[Snapshot]:
    """The snapshots that identifier, type and the two Include flags select."""
    kind = call.get("SnapshotType")
    if kind is not None and kind not in _TYPES:
        raise errors.invalid_value(f"Invalid snapshot type: {kind}. It must be one of {', '.join(_TYPES)}.")
    types = {kind} if kind else {"automated", "manual"}
    # The two flags add to what is shown without a type; they do not apply beside `manual`, `automated` or each other's type.
    if kind is None or kind == "awsbackup":
        types |= {"shared"} if call.get("IncludeShared") else set()
        types |= {"public"} if call.get("IncludePublic") else set()
    wanted = call.get(parameter)
    if wanted:
        found = [item for item in _everything(store, table) if wanted.lower() in (item.identifier, item.arn.lower())]
        found = [item for item in found if item.store is store or wanted.startswith("arn:")]
        if kind:
            found = [item for item in found if _shown_type(item, store.account_id) == kind]
        if not found:
            raise missing(wanted)
        return found
    return [item for item in _everything(store, table) if _shown_type(item, store.account_id) in types]


def _everything(store: Store, table: str) -> list[Snapshot]:
    """Own snapshots, and those of other accounts in the Region that are shared with this one."""
    found = list(getattr(store, table).values())
    for other in all_stores():
        if other.region == store.region and other.account_id != store.account_id:
            found += [item for item in getattr(other, table).values() if item.visible_to(store.account_id) and item.status == "available"]
    return found


def usable(call: Call, identifier: str, table: str, missing: Any) -> Snapshot:
    """A snapshot to copy or restore: an own one by name or ARN, or one shared with the caller by ARN, of any Region."""
    parsed = parse_arn(identifier)
    if parsed is None:
        store = store_of(call.account_id, call.region)
        found = getattr(store, table).get(identifier.lower())
    else:
        store = store_of(parsed["account"], parsed["region"])
        found = getattr(store, table).get(parsed["name"].lower())
        if found is not None and parsed["account"] != call.account_id and not found.visible_to(call.account_id):
            found = None
    if found is None:
        raise missing(identifier)
    return found


def aws_backup_snapshot(instance: Instance, name: str) -> Snapshot:
    """What AWS Backup would have made: it counts against no quota and is not the user's to delete."""
    record = snapshot_record(instance) | {"SnapshotCreateTime": clock.now()}
    snapshot = Snapshot(instance.store, f"awsbackup:{name}", record, [], "awsbackup")
    snapshot.status = "available"
    instance.store.snapshots[snapshot.identifier] = snapshot
    hosting.taken(snapshot, instance)
    return snapshot
