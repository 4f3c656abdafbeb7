"""Automated backups: the daily snapshot in the backup window, its expiry, and what is kept after a deletion.

Source: Amazon RDS User Guide, "Working with backups": taken daily in the window while the database is `available`, kept
for BackupRetentionPeriod days, deleted with the instance unless retained, all deleted when the period becomes 0.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import errors, hosting, identifiers, paging, windows
from runbook_sandbox.aws.rds.cluster import Cluster
from runbook_sandbox.aws.rds.instance import READY, Instance
from runbook_sandbox.aws.rds.snapshot import ClusterSnapshot, Snapshot
from runbook_sandbox.aws.rds.snapshotting import cluster_snapshot_record, snapshot_record
from runbook_sandbox.aws.rds.store import store_of

operations = Operations()


def begin(instance: Instance, then: Any = None, seconds: float | None = None) -> None:
    """Take an automated backup now: the instance is `backing-up` for `seconds`. `then` runs when it is done."""
    store = instance.store
    now = clock.now()
    name = f"rds:{instance.identifier}-{now:%Y-%m-%d-%H-%M}"
    instance.status = "backing-up"
    instance.notice("RDS-EVENT-0001")
    snapshot = Snapshot(store, name, snapshot_record(instance), _copied_tags(instance), "automated")
    store.snapshots[name] = snapshot

    def done() -> None:
        instance.first_backup = instance.first_backup or clock.now()
        _expire(snapshot, instance.retention)
        if instance.status == "backing-up":
            instance.settle()
        instance.notice("RDS-EVENT-0002")
        if then is not None:
            then()

    wanted = pace.rds_snapshot * 0.5 if seconds is None else seconds
    snapshot.begin(wanted, done, take=lambda: hosting.taken(snapshot, instance))


def schedule(instance: Instance) -> None:
    """Make the appointment for the next backup window; there is one at a time."""
    cancel(instance)
    if not instance.retention or instance.cluster_identifier:
        return
    due = windows.next_backup(instance.record["PreferredBackupWindow"], clock.now())

    def take() -> None:
        # Backups happen only while the instance is available; a stopped or busy one waits for the next window.
        if instance.retention and instance.status in READY:
            begin(instance)
        schedule(instance)

    instance.backup_appointment = instance.later((due - clock.now()).total_seconds(), take, "backup window")


def cancel(database: Instance | Cluster) -> None:
    """Take the next backup off the agenda."""
    if database.backup_appointment is not None:
        database.backup_appointment.cancel()
        database.backup_appointment = None


def schedule_cluster(cluster: Cluster) -> None:
    """As `schedule`, for a cluster: its backups do not make it unavailable."""
    cancel(cluster)
    due = windows.next_backup(cluster.record["PreferredBackupWindow"], clock.now())

    def take() -> None:
        if cluster.status == "available":
            begin_cluster(cluster)
        schedule_cluster(cluster)

    cluster.backup_appointment = cluster.later((due - clock.now()).total_seconds(), take, "backup window")


def begin_cluster(cluster: Cluster) -> None:
    """Take an automated cluster snapshot now."""
    store = cluster.store
    name = f"rds:{cluster.identifier}-{clock.now():%Y-%m-%d-%H-%M}"
    snapshot = ClusterSnapshot(store, name, cluster_snapshot_record(cluster), _copied_tags(cluster), "automated")
    store.cluster_snapshots[name] = snapshot
    snapshot.begin(pace.rds_snapshot * 0.5, lambda: _expire(snapshot, cluster.record["BackupRetentionPeriod"]))


def _copied_tags(database: Instance | Cluster) -> list[dict[str, str]]:
    return list(database.tags) if database.record.get("CopyTagsToSnapshot") else []


def _expire(snapshot: Snapshot, days: int) -> None:
    snapshot.later(timedelta(days=days).total_seconds(), snapshot.discard, "retention")


def retention_changed(instance: Instance) -> None:
    """Expire what is now too old; 0 deletes every automated snapshot at once."""
    store = instance.store
    resource = instance.record["DbiResourceId"]
    limit = clock.now() - timedelta(days=instance.retention)
    for snapshot in list(store.snapshots.values()):
        if snapshot.type != "automated" or snapshot.record["DbiResourceId"] != resource or snapshot.status != "available":
            continue
        taken = snapshot.record.get("SnapshotCreateTime")
        if not instance.retention or (taken is not None and taken < limit):
            snapshot.discard()
        else:
            snapshot.cancel_all()
            left = (snapshot.record["SnapshotCreateTime"] + timedelta(days=instance.retention) - clock.now()).total_seconds()
            snapshot.later(left, snapshot.discard, "retention")
    if not instance.retention:
        instance.first_backup = None
    schedule(instance)


def instance_deleted(instance: Instance, delete_backups: bool) -> None:
    """Drop the automated snapshots, or keep them as a retained automated backup until they expire."""
    store, resource = instance.store, instance.record["DbiResourceId"]
    if delete_backups or not instance.retention or instance.first_backup is None:
        for snapshot in list(store.snapshots.values()):
            if snapshot.type == "automated" and snapshot.record["DbiResourceId"] == resource:
                snapshot.discard()
        return
    backup = describe_backup(instance) | {"Status": "retained", "_class": instance.record["DBInstanceClass"]}
    store.automated_backups[resource] = backup
    seconds = timedelta(days=instance.retention).total_seconds()
    clock.call_later(seconds, lambda: store.automated_backups.pop(resource, None), f"rds retained backup {instance.identifier}")


def describe_backup(instance: Instance) -> dict[str, Any]:
    """An instance's automated backup as DBInstanceAutomatedBackup."""
    record = instance.record
    taken = instance.first_backup is not None
    copied = (
        "DbiResourceId", "AllocatedStorage", "Port", "AvailabilityZone", "InstanceCreateTime", "MasterUsername", "Engine", "EngineVersion",
        "LicenseModel", "Iops", "StorageType", "KmsKeyId", "BackupRetentionPeriod", "PreferredBackupWindow",
    )  # fmt: skip
    return {name: record.get(name) for name in copied} | {
        "DBInstanceArn": instance.arn,
        "DBInstanceIdentifier": instance.identifier,
        "Region": instance.store.region,
        "Status": "active" if taken else "creating",
        "RestoreWindow": {"EarliestTime": instance.earliest_restorable_time(), "LatestTime": instance.latest_restorable_time()}
        if taken
        else None,
        "Encrypted": record["StorageEncrypted"],
        "IAMDatabaseAuthenticationEnabled": record["IAMDatabaseAuthenticationEnabled"],
        "DBInstanceAutomatedBackupsArn": instance.store.arn("auto-backup", identifiers.resource_id("ab", record["DbiResourceId"]).lower()),
        "BackupTarget": "region",
    }


@operations("DescribeDBInstanceAutomatedBackups")
def describe_backups(call: Call) -> dict[str, Any]:
    """Those of living instances with a retention, and retained ones."""
    store = store_of(call.account_id, call.region)
    found = [
        describe_backup(instance)
        for instance in store.instances.values()
        if instance.retention and not instance.cluster_identifier and instance.status != "deleting"
    ]
    found += store.automated_backups.values()
    for parameter in ("DBInstanceIdentifier", "DbiResourceId", "DBInstanceAutomatedBackupsArn"):
        if wanted := call.get(parameter):
            found = [backup for backup in found if backup[parameter].lower() == wanted.lower()]
            if not found and parameter == "DbiResourceId":
                raise errors.RDSError("DBInstanceAutomatedBackupNotFound", f"No automated backup with {parameter} {wanted} was found.")
    allowed: dict[str, paging.Value] = {
        "status": lambda backup: backup["Status"],
        "db-instance-id": lambda backup: (backup["DBInstanceIdentifier"], backup["DBInstanceArn"]),
        "dbi-resource-id": lambda backup: backup["DbiResourceId"],
    }
    shown, marker = paging.page(call, paging.filtered(call, found, allowed), key=lambda backup: backup["DbiResourceId"])
    return {"DBInstanceAutomatedBackups": shown, "Marker": marker}


@operations("DeleteDBInstanceAutomatedBackup")
def delete_backup(call: Call) -> dict[str, Any]:
    """Only a retained one can be deleted."""
    store = store_of(call.account_id, call.region)
    for resource, backup in list(store.automated_backups.items()):
        if call.get("DbiResourceId") == resource or call.get("DBInstanceAutomatedBackupsArn") == backup["DBInstanceAutomatedBackupsArn"]:
            for snapshot in list(store.snapshots.values()):
                if snapshot.type == "automated" and snapshot.record["DbiResourceId"] == resource:
                    snapshot.discard()
            return {"DBInstanceAutomatedBackup": store.automated_backups.pop(resource) | {"Status": "deleting"}}
    if any(instance.record["DbiResourceId"] == call.get("DbiResourceId") for instance in store.instances.values()):
        raise errors.RDSError("InvalidDBInstanceAutomatedBackupState", "The automated backup of an active DB instance can't be deleted.")
    raise errors.RDSError("DBInstanceAutomatedBackupNotFound", f"Automated backup {call.get('DbiResourceId')} not found.")
