"""ModifyDBInstance: what is checked, what applies at once, what waits.

Source: Amazon RDS API Reference, ModifyDBInstance; User Guide, "Settings for DB instances" (the column "When the change
occurs") and "Using the schedule modifications setting": ApplyImmediately applies every pending change too.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import applying, building, certificates, engines, errors, groups, hosting, identifiers, network, windows
from runbook_sandbox.aws.rds.instance import Instance
from runbook_sandbox.aws.rds.store import store_of

operations = Operations()

#: Shown in PendingModifiedValues until ApplyImmediately or the maintenance window.
_DEFERRED = (
    "AllocatedStorage",
    "DBInstanceClass",
    "EngineVersion",
    "Iops",
    "StorageThroughput",
    "StorageType",
    "MultiAZ",
    "LicenseModel",
    "NewDBInstanceIdentifier",
    "DBSubnetGroupName",
    "CACertificateIdentifier",
)
#: Applied when the request is answered, without a change of status.
_AT_ONCE = (
    "AutoMinorVersionUpgrade",
    "CopyTagsToSnapshot",
    "DeletionProtection",
    "MaxAllocatedStorage",
    "PubliclyAccessible",
    "PromotionTier",
    "PerformanceInsightsRetentionPeriod",
    "DatabaseInsightsMode",
    "NetworkType",
    "EngineLifecycleSupport",
)
_MODIFIABLE = ("available", "storage-optimization", "storage-full", "incompatible-credentials", "incompatible-parameters")
_STORAGE_PAUSE = timedelta(hours=6)
_OF_CLUSTER = {
    "BackupRetentionPeriod": "backup retention",
    "PreferredBackupWindow": "preferred backup window",
    "MasterUserPassword": "master user password",
    "AllocatedStorage": "storage",
    "EngineVersion": "engine version",
    "DeletionProtection": "deletion protection",
    "VpcSecurityGroupIds": "vpc security groups",
    "DBPortNumber": "port",
    "CopyTagsToSnapshot": "copying of tags to snapshots",
}


@operations("ModifyDBInstance")
def modify_instance(call: Call) -> dict[str, Any]:
    """Everything is checked before anything changes."""
    store = store_of(call.account_id, call.region)
    instance = store.instance(call.get("DBInstanceIdentifier", ""))
    _check_member(call, instance)
    if instance.status not in _MODIFIABLE:
        raise errors.instance_state("Database instance is not in available state.")
    now, deferred = _changes(call, instance)
    _apply_now(call, instance, now)
    instance.pending |= deferred
    for name in [name for name, value in instance.pending.items() if instance.record.get(name) == value]:
        del instance.pending[name]
    if call.get("ApplyImmediately"):
        if instance.pending:
            # The answer still says `available`; the work begins right after it.
            instance.later(0, lambda: applying.apply_pending(instance), "modification")
    else:
        if _is_soon(instance):
            instance.later(pace.rds_modify * 0.25, lambda: applying.apply_retention(instance), "backup settings")
        applying.schedule_maintenance(instance)
    return {"DBInstance": instance.describe()}


def _check_member(call: Call, instance: Instance) -> None:
    if not instance.cluster_identifier:
        return
    for name, words in _OF_CLUSTER.items():
        if call.get(name) is not None:
            raise errors.invalid_combination(
                f"The specified DB Instance is a member of a cluster and its {words} should not be modified directly. "
                f"Instead, modify the {words} of the cluster using the ModifyDbCluster API"
            )
    if call.get("PromotionTier") is not None and not 0 <= call.get("PromotionTier") <= 15:
        raise errors.invalid_value("PromotionTier must be between 0 and 15.")


def _is_soon(instance: Instance) -> bool:
    """From one non-zero retention to another needs no window."""
    return bool(instance.pending.get("BackupRetentionPeriod")) and instance.retention > 0


def _changes(call: Call, instance: Instance) -> tuple[dict[str, Any], dict[str, Any]]:
    """Checked changes: those for now, and those that are pending. Values that are already so are left out."""
    record, store, engine = instance.record, instance.store, instance.engine
    now: dict[str, Any] = {name: call.get(name) for name in _AT_ONCE if call.get(name) is not None}
    deferred: dict[str, Any] = {name: call.get(name) for name in _DEFERRED if call.get(name) is not None}
    version = record["EngineVersion"]
    if "EngineVersion" in deferred:
        version = engines.check_upgrade(engine, version, deferred["EngineVersion"], call.get("AllowMajorVersionUpgrade", False))
        deferred["EngineVersion"] = version
    if "DBInstanceClass" in deferred:
        engines.check_class(engine, version, deferred["DBInstanceClass"])
    deferred |= _storage(call, instance, deferred)
    if call.get("BackupRetentionPeriod") is not None:
        deferred["BackupRetentionPeriod"] = _retention(call, instance)
    if call.get("PreferredBackupWindow") or call.get("PreferredMaintenanceWindow"):
        backup, maintenance = windows.checked(
            call.get("PreferredBackupWindow") or record["PreferredBackupWindow"],
            call.get("PreferredMaintenanceWindow") or record["PreferredMaintenanceWindow"],
        )
        now |= {"PreferredBackupWindow": backup, "PreferredMaintenanceWindow": maintenance}
    if "NewDBInstanceIdentifier" in deferred:
        wanted = deferred.pop("NewDBInstanceIdentifier")
        if wanted.lower() != instance.identifier:
            deferred["NewDBInstanceIdentifier"] = building.new_identifier(store, wanted, "NewDBInstanceIdentifier")
    if "CACertificateIdentifier" in deferred:
        certificates.check(deferred["CACertificateIdentifier"])
    if "DBSubnetGroupName" in deferred:
        group = groups.subnet_group(store, deferred["DBSubnetGroupName"])
        deferred["DBSubnetGroupName"] = group["DBSubnetGroupName"]
    if call.get("VpcSecurityGroupIds"):
        group = groups.subnet_group(store, record["DBSubnetGroupName"])
        now["VpcSecurityGroups"] = network.security_groups(store, group["VpcId"], call.get("VpcSecurityGroupIds"))
    if call.get("DBParameterGroupName"):
        name = groups.parameter_groups.for_engine(store, call.get("DBParameterGroupName"), engine, version)
        if name != record["DBParameterGroups"][0]["DBParameterGroupName"]:
            now["DBParameterGroups"] = [{"DBParameterGroupName": name, "ParameterApplyStatus": "pending-reboot"}]
    if call.get("OptionGroupName"):
        name = groups.option_group(store, call.get("OptionGroupName"), engine, version)
        now["OptionGroupMemberships"] = [{"OptionGroupName": name, "Status": "in-sync"}]
    if call.get("MaxAllocatedStorage") is not None and call.get("MaxAllocatedStorage") < record["AllocatedStorage"]:
        raise errors.invalid_combination("Max storage size must be greater than or equal to the storage size")
    if call.get("MasterUserPassword") is not None:
        identifiers.master_password(call.get("MasterUserPassword"), engine.name)
    if call.get("DBPortNumber") is not None and not 1150 <= call.get("DBPortNumber") <= 65535:
        raise errors.invalid_value(f"Invalid port: {call.get('DBPortNumber')}. It must be 1150 to 65535.")
    interval = call.get("MonitoringInterval")
    if interval is not None:
        if interval not in (0, 1, 5, 10, 15, 30, 60):
            raise errors.invalid_value(f"Invalid monitoring interval: {interval}. Valid values: 0, 1, 5, 10, 15, 30, 60.")
        if interval and not (call.get("MonitoringRoleArn") or record.get("MonitoringRoleArn")):
            raise errors.invalid_combination(
                "A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0."
            )
    now = {name: value for name, value in now.items() if record.get(name) != value}
    # A value set back to what it is takes its pending change away.
    for name in [name for name, value in deferred.items() if record.get(name) == value]:
        instance.pending.pop(name, None)
        del deferred[name]
    return now, deferred


def _retention(call: Call, instance: Instance) -> int:
    days = building.check_retention(call.get("BackupRetentionPeriod"))
    if instance.record.get("ReadReplicaSourceDBInstanceIdentifier") and days and "postgres" in instance.engine.name:
        raise errors.instance_state(f"DB Backups not supported on a read replica for engine {instance.engine.name}")
    if not days and instance.record["ReadReplicaDBInstanceIdentifiers"]:
        raise errors.invalid_combination("Backup retention can't be 0 while the DB instance is a source of read replicas.")
    return days


def _storage(call: Call, instance: Instance, wanted: dict[str, Any]) -> dict[str, Any]:
    """Checked storage changes: no shrinking, steps of at least 10 %, six hours between two."""
    changed = {
        name: wanted[name]
        for name in ("AllocatedStorage", "StorageType", "Iops", "StorageThroughput")
        if name in wanted and wanted[name] != instance.record.get(name)
    }
    if not changed:
        return {}
    record = instance.record
    kind = changed.get("StorageType", record["StorageType"])
    size = changed.get("AllocatedStorage", record["AllocatedStorage"])
    if size < record["AllocatedStorage"]:
        raise errors.invalid_combination(
            f"Requested storage of {size} GiB is less than the {record['AllocatedStorage']} GiB allocated: storage can't be reduced."
        )
    if size > record["AllocatedStorage"]:
        # Values that are less than 10 % greater are rounded up.
        size = max(size, -(-record["AllocatedStorage"] * 11 // 10))
        changed["AllocatedStorage"] = size
    engines.check_storage(instance.engine, kind, size)
    iops = changed.get("Iops", record.get("Iops") if kind == record["StorageType"] else None)
    changed["Iops"] = engines.check_iops(kind, size, iops)
    throughput = changed.get("StorageThroughput") or record.get("StorageThroughput") or 0
    if kind == "gp3" and throughput < engines.gp3_baseline(size)[1]:
        changed["StorageThroughput"] = engines.gp3_baseline(size)[1]
    last = instance.storage_changed_at
    if instance.status == "storage-optimization" or (last is not None and clock.now() - last < _STORAGE_PAUSE):
        raise errors.invalid_combination(
            "You can't currently modify the storage of this DB instance because the previous storage change is being optimized or was "
            "made less than six hours ago."
        )
    others = instance.store.allocated_storage() - record["AllocatedStorage"]
    if others + size > instance.store.quotas.AllocatedStorage:
        raise errors.RDSError(
            "StorageQuotaExceeded",
            f"Your request would exceed the account's {instance.store.quotas.AllocatedStorage} GiB of allocated storage",
        )
    if changed["Iops"] == record.get("Iops"):
        del changed["Iops"]
    return changed


def _apply_now(call: Call, instance: Instance, changes: dict[str, Any]) -> None:
    record = instance.record
    record |= changes
    if "PreferredBackupWindow" in changes:
        applying.windows_changed(instance)
    if call.get("MasterUserPassword") is not None:
        instance.password_pending = True
        password = call.get("MasterUserPassword")

        def credentials_reset() -> None:
            hosting.set_password(instance, password)
            instance.password_pending = False
            instance.notice("RDS-EVENT-0016")

        applying.work(instance, "resetting-master-credentials", credentials_reset)
    if call.get("MonitoringInterval") is not None and call.get("MonitoringInterval") != record["MonitoringInterval"]:
        record["MonitoringInterval"] = call.get("MonitoringInterval")
        record["MonitoringRoleArn"] = call.get("MonitoringRoleArn") or record.get("MonitoringRoleArn")
        applying.work(instance, "configuring-enhanced-monitoring")
    iam = call.get("EnableIAMDatabaseAuthentication")
    if iam is not None and iam != record["IAMDatabaseAuthenticationEnabled"]:
        record["IAMDatabaseAuthenticationEnabled"] = iam
        applying.work(instance, "configuring-iam-database-auth")
    exports = call.get("CloudwatchLogsExportConfiguration")
    if exports:
        enabled = set(record.get("EnabledCloudwatchLogsExports") or []) | set(exports.get("EnableLogTypes") or [])
        record["EnabledCloudwatchLogsExports"] = sorted(enabled - set(exports.get("DisableLogTypes") or []))
        applying.work(instance, "configuring-log-exports")
    insights = call.get("EnablePerformanceInsights")
    if insights is not None:
        record["PerformanceInsightsEnabled"] = insights
    port = call.get("DBPortNumber")
    if port is not None and port != record["Port"]:
        # A new port restarts the database whatever ApplyImmediately says.
        applying.work(instance, "modifying", lambda: record.update(Port=port))
