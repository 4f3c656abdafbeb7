"""The record of a new instance, with the defaults that AWS gives what the caller does not say.

Source: Amazon RDS API Reference, CreateDBInstance; User Guide, "Settings for DB instances".
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.modelled import Call
from runbook_sandbox.aws.rds import certificates, errors, groups, identifiers, network, windows
from runbook_sandbox.aws.rds.engines import Engine, check_iops, check_storage, gp3_baseline
from runbook_sandbox.aws.rds.store import Store


def check_retention(days: int, *, smallest: int = 0) -> int:
    """Raises InvalidParameterValue outside of 0 (a cluster: 1) to 35 days."""
    if not smallest <= days <= 35:
        raise errors.invalid_value(f"Invalid backup retention period: {days}. It must be between {smallest} and 35 days.")
    return days


def check_instance_quota(store: Store, storage: int) -> None:
    """Raises InstanceQuotaExceeded or StorageQuotaExceeded."""
    if len(store.instances) >= store.quotas.DBInstances:
        raise errors.RDSError("InstanceQuotaExceeded", f"Cannot create more than {store.quotas.DBInstances} DB instances")
    if store.allocated_storage() + storage > store.quotas.AllocatedStorage:
        raise errors.RDSError(
            "StorageQuotaExceeded", f"Your request would exceed the account's {store.quotas.AllocatedStorage} GiB of allocated storage"
        )


def new_identifier(store: Store, wanted: str | None, parameter: str = "DBInstanceIdentifier") -> str:
    """A free name for an instance."""
    name = identifiers.checked(wanted, parameter)
    if name in store.instances:
        raise errors.instance_exists()
    return name


def storage(engine: Engine, call: Call, default_type: str, default_size: int | None, default_iops: int | None) -> dict[str, Any]:
    """Storage members of a record."""
    kind = call.get("StorageType") or ("io1" if call.get("Iops") and default_type != "gp3" else default_type)
    size = call.get("AllocatedStorage", default_size)
    if size is None:
        raise errors.blank("AllocatedStorage")
    check_storage(engine, kind, size)
    # "If you specify io1, io2, or gp3, you must also include a value for the Iops parameter": what is said anew inherits nothing.
    inherits = kind == default_type and call.get("StorageType") not in ("io1", "io2")
    iops = check_iops(kind, size, call.get("Iops", default_iops if inherits else None))
    largest = call.get("MaxAllocatedStorage")
    if largest is not None and largest <= size:
        raise errors.invalid_combination("Max storage size must be greater than storage size")
    throughput = (call.get("StorageThroughput") or gp3_baseline(size)[1]) if kind == "gp3" else None
    return {
        "StorageType": kind,
        "AllocatedStorage": size,
        "Iops": iops,
        "StorageThroughput": throughput,
        "MaxAllocatedStorage": largest,
    }


def placement(store: Store, call: Call) -> dict[str, Any]:
    """Where the instance is and who can reach it: what is not said is in the default VPC, and public."""
    group_name = call.get("DBSubnetGroupName")
    group = groups.subnet_group(store, group_name)
    multi_az = call.get("MultiAZ", False)
    zone = network.check_zone(store, call.get("AvailabilityZone"))
    if multi_az and zone:
        raise errors.invalid_combination("Requesting a specific availability zone is not valid for Multi-AZ instances.")
    public = call.get("PubliclyAccessible")
    return {
        "DBSubnetGroupName": group["DBSubnetGroupName"],
        "VpcSecurityGroups": network.security_groups(store, group["VpcId"], call.get("VpcSecurityGroupIds")),
        "DBSecurityGroups": [],
        "MultiAZ": multi_az,
        "AvailabilityZone": zone,
        "PubliclyAccessible": network.public_by_default(group_name) if public is None else public,
        "NetworkType": call.get("NetworkType", "IPV4"),
    }


def chosen_zone(store: Store, record: dict[str, Any]) -> dict[str, str]:
    """The zones of an instance that is placed now: the emptiest of its subnet group's, another one for the standby."""
    group = store.subnet_groups[record["DBSubnetGroupName"]]
    found = sorted({subnet["SubnetAvailabilityZone"]["Name"] for subnet in group["Subnets"]})
    cluster = record.get("DBClusterIdentifier")
    taken = [item.record.get("AvailabilityZone") for item in store.instances.values() if item.cluster_identifier == cluster]
    first = record.get("AvailabilityZone") or min(found, key=taken.count)
    chosen = {"AvailabilityZone": first}
    if record.get("MultiAZ"):
        chosen["SecondaryAvailabilityZone"] = next((zone for zone in found if zone != first), first)
    return chosen


def settings(store: Store, call: Call, name: str, engine: Engine, version: str) -> dict[str, Any]:
    """Groups, windows and switches."""
    backup, maintenance = windows.defaults(store.region, name, call.get("PreferredBackupWindow"), call.get("PreferredMaintenanceWindow"))
    port = call.get("Port", engine.port)
    if not 1150 <= port <= 65535:
        raise errors.invalid_value(f"Invalid port: {port}. It must be 1150 to 65535.")
    interval = call.get("MonitoringInterval", 0)
    if interval not in (0, 1, 5, 10, 15, 30, 60):
        raise errors.invalid_value(f"Invalid monitoring interval: {interval}. Valid values: 0, 1, 5, 10, 15, 30, 60.")
    if interval and not call.get("MonitoringRoleArn"):
        raise errors.invalid_combination("A MonitoringRoleARN value is required if you specify a MonitoringInterval value other than 0.")
    return {
        "PreferredBackupWindow": backup,
        "PreferredMaintenanceWindow": maintenance,
        "Port": port,
        "DBParameterGroups": [
            {
                "DBParameterGroupName": groups.parameter_groups.for_engine(store, call.get("DBParameterGroupName"), engine, version),
                "ParameterApplyStatus": "in-sync",
            }
        ],
        "OptionGroupMemberships": [
            {"OptionGroupName": groups.option_group(store, call.get("OptionGroupName"), engine, version), "Status": "in-sync"}
        ],
        "AutoMinorVersionUpgrade": call.get("AutoMinorVersionUpgrade", True),
        "CopyTagsToSnapshot": call.get("CopyTagsToSnapshot", False),
        "DeletionProtection": call.get("DeletionProtection", False),
        "IAMDatabaseAuthenticationEnabled": call.get("EnableIAMDatabaseAuthentication", False),
        "MonitoringInterval": interval,
        "MonitoringRoleArn": call.get("MonitoringRoleArn"),
        "PerformanceInsightsEnabled": call.get("EnablePerformanceInsights", False),
        "DatabaseInsightsMode": call.get("DatabaseInsightsMode", "standard"),
        "EnabledCloudwatchLogsExports": call.get("EnableCloudwatchLogsExports"),
        "LicenseModel": call.get("LicenseModel") or engine.license,
        "EngineLifecycleSupport": call.get("EngineLifecycleSupport", "open-source-rds-extended-support"),
        "CACertificateIdentifier": certificates.check(call.get("CACertificateIdentifier")),
    }


def fixed(store: Store, name: str, engine: Engine, version: str) -> dict[str, Any]:
    """What nobody chooses."""
    now = clock.now()
    return {
        "Engine": engine.name,
        "EngineVersion": version,
        "DbiResourceId": identifiers.resource_id("db", store.account_id, store.region, name, now.isoformat()),
        "ReadReplicaDBInstanceIdentifiers": [],
        "DomainMemberships": [],
        "AssociatedRoles": [],
        "PromotionTier": None,
        "CertificateDetails": {"CAIdentifier": certificates.DEFAULT, "ValidTill": (now + timedelta(days=365)).replace(microsecond=0)},
        "DedicatedLogVolume": False,
        "IsStorageConfigUpgradeAvailable": False,
        "MultiTenant": False,
        "BackupTarget": "region",
        "CustomerOwnedIpEnabled": False,
        "ActivityStreamStatus": "stopped",
    }


def encryption(store: Store, call: Call) -> dict[str, Any]:
    """StorageEncrypted and KmsKeyId of a new, not restored, instance. A key switches encryption on."""
    wanted = call.get("KmsKeyId")
    if call.get("StorageEncrypted") is False and wanted:
        raise errors.invalid_combination("KmsKeyId can't be specified when StorageEncrypted is false.")
    encrypted = bool(call.get("StorageEncrypted") or wanted)
    return {"StorageEncrypted": encrypted, "KmsKeyId": network.key_arn(store, wanted) if encrypted else None}
