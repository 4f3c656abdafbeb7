"""Restores of instances: always a new instance, from a snapshot or to a point in time.

Source: Amazon RDS API Reference, RestoreDBInstanceFromDBSnapshot, RestoreDBInstanceToPointInTime; User Guide, "Restoring
to a DB instance": default security group and parameter group unless given, tags of the source when none are given.
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import building, errors, hosting, identifiers, network, notices, snapshotting, starting, tagging
from runbook_sandbox.aws.rds.engines import ENGINES, check_class, engine_named
from runbook_sandbox.aws.rds.instance import Instance
from runbook_sandbox.aws.rds.store import Store, parse_arn, store_of

operations = Operations()


def _restored(store: Store, call: Call, parameter: str, source: dict[str, Any], original: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and record of the new instance; `source` is a snapshot's or instance's record, `original` the instance's settings."""
    wanted = call.get(parameter)
    engine = ENGINES[source["Engine"]]
    if call.get("Engine") and engine_named(call.get("Engine")) is not engine:
        raise errors.invalid_combination(f"The engine {call.get('Engine')} is not compatible with the source's engine {engine.name}.")
    if call.get("DBName"):
        # Of the engines here none takes another database name; those that do (Oracle) are not offered.
        raise errors.invalid_value("DBName must be null when Restoring for this Engine.")
    if call.get("ManageMasterUserPassword"):
        raise errors.invalid_combination("ManageMasterUserPassword is supported in a restore of RDS for Oracle only.")
    version = source["EngineVersion"]
    # What the source had and the caller does not say; everything else is AWS's default for a new instance.
    params = {"Port": source["Port"], "OptionGroupName": source["OptionGroupName"], "LicenseModel": source.get("LicenseModel")}
    params = {name: value for name, value in params.items() if value is not None} | call.params
    if not call.get("OptionGroupName") and params.get("OptionGroupName", "").lower() not in store.option_groups:
        # An option group stays in its account and Region; a restore elsewhere gets the default one.
        params.pop("OptionGroupName", None)
    call = Call(call.account_id, call.region, call.partition, call.operation, params)
    identifiers.checked(wanted, parameter)
    record = building.fixed(store, wanted, engine, version)
    record |= {
        "DBInstanceClass": check_class(engine, version, call.get("DBInstanceClass") or original["DBInstanceClass"]),
        "MasterUsername": source["MasterUsername"],
        "DBName": original.get("DBName"),
        "BackupRetentionPeriod": building.check_retention(call.get("BackupRetentionPeriod", source.get("BackupRetentionPeriod") or 0)),
        "StorageEncrypted": bool(source.get("Encrypted", source.get("StorageEncrypted"))),
        "KmsKeyId": source.get("KmsKeyId"),
    }
    size = call.get("AllocatedStorage")
    if size is not None and size < source["AllocatedStorage"]:
        raise errors.invalid_combination(
            f"The allocated storage size {size} GiB can't be smaller than the {source['AllocatedStorage']} GiB of the source."
        )
    record |= building.storage(engine, call, source["StorageType"], source["AllocatedStorage"], source.get("Iops"))
    record |= building.settings(store, call, wanted, engine, version)
    record |= building.placement(store, call)
    if record["KmsKeyId"]:
        network.key_arn(store, record["KmsKeyId"])
    name = building.new_identifier(store, wanted, parameter)
    building.check_instance_quota(store, record["AllocatedStorage"])
    return name, record


@operations("RestoreDBInstanceFromDBSnapshot")
def restore_from_snapshot(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    given = tagging.on_creation(call, "db", call.get("DBInstanceIdentifier"))
    identifier = call.get("DBSnapshotIdentifier")
    if identifier and call.get("DBClusterSnapshotIdentifier"):
        raise errors.invalid_combination("You can't specify both DBSnapshotIdentifier and DBClusterSnapshotIdentifier.")
    if not identifier:
        raise errors.blank("DBSnapshotIdentifier")
    identifiers.checked(call.get("DBInstanceIdentifier"), "DBInstanceIdentifier")
    snapshot = snapshotting.usable(call, identifier, "snapshots", errors.snapshot_not_found)
    if snapshot.store.region != store.region:
        raise errors.snapshot_not_found(identifier)
    if snapshot.status != "available":
        raise errors.snapshot_state(f"The DB snapshot {snapshot.identifier} is not in the available state (it is {snapshot.status}).")
    foreign = snapshot.store is not store
    if foreign and snapshot.encrypted:
        raise errors.snapshot_state("A shared encrypted snapshot can't be restored. Copy it under a key of this account first.")
    name, record = _restored(store, call, "DBInstanceIdentifier", snapshot.record, snapshot.record["_source"])
    # Tags that are given take the place of the source instance's; those of a shared snapshot's source are not seen here.
    tags = given if call.get("Tags") is not None else ([] if foreign else list(snapshot.record["_source"]["Tags"]))
    instance = Instance(store, name, record, tags)

    hosting.restored(instance, snapshot.data)

    def done() -> None:
        message = f"Restored from snapshot {snapshot.identifier}"
        notices.notice(store, "db-snapshot", snapshot.identifier, snapshot.arn, "RDS-EVENT-0043", message)
        instance.notice("RDS-EVENT-0005")

    starting.start(instance, pace.rds_restore, done)
    return {"DBInstance": instance.describe()}


@operations("RestoreDBInstanceToPointInTime")
def restore_to_point_in_time(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    given = tagging.on_creation(call, "db", call.get("TargetDBInstanceIdentifier"))
    identifiers.checked(call.get("TargetDBInstanceIdentifier"), "TargetDBInstanceIdentifier")
    time, latest = call.get("RestoreTime"), call.get("UseLatestRestorableTime", False)
    if time is not None and latest:
        raise errors.invalid_combination("You can't specify both RestoreTime and UseLatestRestorableTime.")
    if time is None and not latest:
        raise errors.invalid_combination("Either RestoreTime or UseLatestRestorableTime must be specified.")
    record, settings, window = _point_in_time_source(store, call)
    if window is None:
        raise errors.RDSError(
            "PointInTimeRestoreNotEnabled", "The source has no automated backups, so it can't be restored to a point in time."
        )
    # Callers see these times to the millisecond, and may send them back.
    earliest, newest = window[0].replace(microsecond=0), window[1]
    if time is not None and time > newest:
        raise errors.invalid_value(
            f"The specified instance cannot be restored to a time later than {newest:%Y-%m-%dT%H:%M:%SZ} because its backups end there."
        )
    if time is not None and time < earliest:
        raise errors.invalid_value(
            f"The specified instance cannot be restored to a time earlier than {earliest:%Y-%m-%dT%H:%M:%SZ} because its backup retention "
            "period does not reach further."
        )
    name, restored = _restored(store, call, "TargetDBInstanceIdentifier", record, settings)
    instance = Instance(store, name, restored, given)
    hosting.restored_as_of(instance, record["DbiResourceId"], time)
    starting.start(instance, pace.rds_restore, lambda: instance.notice("RDS-EVENT-0019"))
    return {"DBInstance": instance.describe()}


def _point_in_time_source(store: Store, call: Call) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Record, settings and restore window of what is to be restored: an instance, or a retained automated backup."""
    identifier = call.get("SourceDBInstanceIdentifier")
    resource, backup_arn = call.get("SourceDbiResourceId"), call.get("SourceDBInstanceAutomatedBackupsArn")
    if not (identifier or resource or backup_arn):
        raise errors.invalid_combination("Specify SourceDBInstanceIdentifier, SourceDbiResourceId or SourceDBInstanceAutomatedBackupsArn.")
    for backup in store.automated_backups.values():
        if backup["DbiResourceId"] == resource or backup["DBInstanceAutomatedBackupsArn"] == backup_arn:
            window = backup["RestoreWindow"]
            source = {**backup, "OptionGroupName": None}
            return source, {"DBInstanceClass": backup["_class"]}, (window["EarliestTime"], window["LatestTime"])
    if identifier:
        parsed = parse_arn(identifier)
        instance = store.instance(parsed["name"] if parsed else identifier)
    else:
        found = [item for item in store.instances.values() if item.record["DbiResourceId"] == resource]
        if not found:
            raise errors.RDSError("DBInstanceAutomatedBackupNotFound", f"Automated backup {resource or backup_arn} not found.")
        instance = found[0]
    if instance.cluster_identifier:
        raise errors.invalid_value("The source is a member of a DB cluster; use RestoreDBClusterToPointInTime.")
    if instance.status in ("creating", "deleting"):
        raise errors.instance_state(f"The source DB instance {instance.identifier} is {instance.status}.")
    group = instance.record["OptionGroupMemberships"][0]["OptionGroupName"]
    newest = instance.latest_restorable_time()
    window = (instance.earliest_restorable_time() or clock.now(), newest) if newest is not None else None
    return instance.record | {"OptionGroupName": group}, instance.record, window
