"""Pending modifications becoming real, with the statuses that an instance passes through.

Source: Amazon RDS User Guide, "Viewing Amazon RDS DB instance status" and "Modifying an Amazon RDS DB instance".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import backups, building, groups
from runbook_sandbox.aws.rds.instance import Instance


def work(instance: Instance, status: str, done: Callable[[], None] | None = None) -> None:
    """Put the instance into a status of its own right after the answer, for half of a modification's time."""

    def begin() -> None:
        if instance.status == instance.idle_status:
            instance.status = status
        instance.later(pace.rds_modify * 0.5, finish, status)

    def finish() -> None:
        if done is not None:
            done()
        if instance.status == status:
            instance.settle()

    instance.later(0, begin, status)


def windows_changed(instance: Instance) -> None:
    """New windows: make the appointments anew."""
    backups.schedule(instance)
    if instance.pending:
        schedule_maintenance(instance)


def schedule_maintenance(instance: Instance) -> None:
    """What is pending is applied when the next maintenance window opens."""
    if instance.maintenance_appointment is not None:
        instance.maintenance_appointment.cancel()
        instance.maintenance_appointment = None
    if not instance.pending:
        return
    seconds = (instance.next_maintenance() - clock.now()).total_seconds()

    def open_window() -> None:
        instance.maintenance_appointment = None
        if instance.status in ("available", "storage-optimization"):
            apply_pending(instance)
        else:
            schedule_maintenance(instance)

    instance.maintenance_appointment = instance.later(seconds, open_window, "maintenance window")


def apply_pending(instance: Instance) -> None:
    """Apply every pending change: `modifying` (or what a change is called), then at rest again."""
    if not instance.pending or instance.status not in ("available", "storage-optimization", "storage-full"):
        return
    names = set(instance.pending)
    instance.status = "modifying"
    if "EngineVersion" in names:
        instance.status = "upgrading"
    elif names == {"NewDBInstanceIdentifier"}:
        instance.status = "renaming"
    elif "DBSubnetGroupName" in names:
        instance.status = "moving-to-vpc"
    busy = instance.status
    if "DBInstanceClass" in names:
        instance.notice("RDS-EVENT-0012")
    if "AllocatedStorage" in names:
        instance.notice("RDS-EVENT-0018")

    def finish() -> None:
        changes, instance.pending = instance.pending, {}
        _apply(instance, changes)
        if instance.status == busy:
            _rest(instance, changes)

    instance.later(pace.rds_modify, finish, "modification")


def _apply(instance: Instance, changes: dict[str, Any]) -> None:
    record = instance.record
    new_name = changes.pop("NewDBInstanceIdentifier", None)
    retention = changes.pop("BackupRetentionPeriod", None)
    record |= changes
    if "StorageType" in changes or "AllocatedStorage" in changes or "Iops" in changes:
        instance.storage_changed_at = clock.now()
    if "MultiAZ" in changes:
        record.pop("SecondaryAvailabilityZone", None)
        record |= building.chosen_zone(instance.store, record)
    if "DBInstanceClass" in changes:
        instance.notice("RDS-EVENT-0014")
    if "AllocatedStorage" in changes:
        instance.notice("RDS-EVENT-0017")
    if "EngineVersion" in changes:
        for group in record["DBParameterGroups"]:
            if group["DBParameterGroupName"].startswith("default."):
                group["DBParameterGroupName"] = groups.parameter_groups.for_engine(
                    instance.store, None, instance.engine, record["EngineVersion"]
                )
    if new_name is not None:
        rename(instance, new_name)
    if retention is not None:
        changes["BackupRetentionPeriod"] = retention


def _rest(instance: Instance, changes: dict[str, Any]) -> None:
    """After the change itself: a first backup, a volume that is rearranged, or nothing."""
    retention = changes.get("BackupRetentionPeriod")
    if retention is not None:
        before = instance.retention
        instance.settle()
        _set_retention(instance, retention)
        if retention and not before:
            backups.begin(instance, lambda: backups.schedule(instance))
            return
    if any(name in changes for name in ("AllocatedStorage", "StorageType", "Iops")):
        instance.idle_status = "storage-optimization"

        def optimized() -> None:
            instance.idle_status = "available"
            if instance.status == "storage-optimization":
                instance.settle()

        instance.later(pace.rds_modify * 2, optimized, "storage optimization")
    instance.settle()


def apply_retention(instance: Instance) -> None:
    """A change between two non-zero retentions: no window, no outage."""
    days = instance.pending.pop("BackupRetentionPeriod", None)
    if days is not None:
        _set_retention(instance, days)
    schedule_maintenance(instance)


def _set_retention(instance: Instance, days: int) -> None:
    before = instance.retention
    instance.record["BackupRetentionPeriod"] = days
    backups.retention_changed(instance)
    if before and not days:
        instance.notice("RDS-EVENT-0028")
    elif days and not before:
        instance.notice("RDS-EVENT-0032")


def rename(instance: Instance, name: str) -> None:
    """A new identifier is a new ARN and a new address; snapshots keep the old name, replicas and cluster follow."""
    store, old, old_arn = instance.store, instance.identifier, instance.arn
    if name in store.instances:
        return
    del store.instances[old]
    instance.identifier = name
    store.instances[name] = instance
    for other in store.instances.values():
        record = other.record
        if record.get("ReadReplicaSourceDBInstanceIdentifier") == old:
            record["ReadReplicaSourceDBInstanceIdentifier"] = name
        replicas = record.get("ReadReplicaDBInstanceIdentifiers", [])
        replicas[:] = [{old: name, old_arn: instance.arn}.get(item, item) for item in replicas]
    cluster = store.clusters.get(instance.cluster_identifier or "")
    if cluster is not None and cluster.writer == old:
        cluster.writer = name
