"""What RDS offers, and how much of it an account has used.

Source: Amazon RDS API Reference, DescribeAccountAttributes, DescribeDBEngineVersions, DescribeOrderableDBInstanceOptions.
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.rds import certificates, engines, errors, network, paging
from runbook_sandbox.aws.rds.store import store_of

operations = Operations()


@operations("DescribeAccountAttributes")
def account_attributes(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    quotas = store.quotas
    custom = [name for name in store.parameter_groups if not name.startswith("default.")]
    cluster_custom = [name for name in store.cluster_parameter_groups if not name.startswith("default.")]
    groups = [name for name in store.subnet_groups if name != "default"]
    most_replicas = max((len(item.record["ReadReplicaDBInstanceIdentifiers"]) for item in store.instances.values()), default=0)
    values = {
        "DBInstances": (len(store.instances), quotas.DBInstances),
        "ReservedDBInstances": (0, 40),
        "AllocatedStorage": (store.allocated_storage(), quotas.AllocatedStorage),
        "DBSecurityGroups": (0, 25),
        "AuthorizationsPerDBSecurityGroup": (0, 20),
        "DBParameterGroups": (len(custom), quotas.DBParameterGroups),
        "ManualSnapshots": (store.manual_snapshots(), quotas.ManualSnapshots),
        "EventSubscriptions": (len(store.subscriptions), quotas.EventSubscriptions),
        "DBSubnetGroups": (len(groups), quotas.DBSubnetGroups),
        "OptionGroups": (len(store.option_groups), quotas.OptionGroups),
        "SubnetsPerDBSubnetGroup": (max((len(item["Subnets"]) for item in store.subnet_groups.values()), default=0), 20),
        "ReadReplicasPerMaster": (most_replicas, quotas.ReadReplicasPerMaster),
        "DBClusters": (len(store.clusters), quotas.DBClusters),
        "DBClusterParameterGroups": (len(cluster_custom), quotas.DBClusterParameterGroups),
        "DBClusterRoles": (0, 5),
        "ManualClusterSnapshots": (store.manual_cluster_snapshots(), quotas.ManualClusterSnapshots),
        "CustomEndpointsPerDBCluster": (0, 5),
        "DBInstanceRoles": (0, 5),
    }
    return {"AccountQuotas": [{"AccountQuotaName": name, "Used": used, "Max": limit} for name, (used, limit) in values.items()]}


@operations("DescribeDBEngineVersions")
def engine_versions(call: Call) -> dict[str, Any]:
    """Oldest first; Engine and EngineVersion (full or major) narrow it down, DefaultOnly leaves one each."""
    found = []
    for engine in engines.ENGINES.values():
        if call.get("Engine") not in (None, engine.name):
            continue
        versions = [version for version in engine.versions if call.get("EngineVersion") in (None, version, engine.major(version))]
        if call.get("DefaultOnly"):
            versions = versions[-1:]
        for version in versions:
            if call.get("DBParameterGroupFamily") in (None, engine.parameter_family(version)):
                found.append(_engine_version(engine, version))
    paging.filtered(
        call, [], {name: lambda item: None for name in ("db-parameter-group-family", "engine", "engine-mode", "engine-version")}
    )
    shown, marker = paging.page(call, found, key=lambda item: f"{item['Engine']}/{_sortable(item['EngineVersion'])}")
    return {"DBEngineVersions": shown, "Marker": marker}


def _sortable(version: str) -> str:
    return ".".join(part.zfill(4) if part.isdigit() else part for part in version.split("."))


def _engine_version(engine: engines.Engine, version: str) -> dict[str, Any]:
    later = engine.versions[engine.versions.index(version) + 1 :]
    return {
        "Engine": engine.name,
        "MajorEngineVersion": engine.major(version),
        "EngineVersion": version,
        "DBParameterGroupFamily": engine.parameter_family(version),
        "DBEngineDescription": engine.description,
        "DBEngineVersionDescription": f"{engine.description} {version}",
        "Status": "available",
        "SupportsReadReplica": True,
        "SupportsLogExportsToCloudwatchLogs": True,
        "ExportableLogTypes": ["postgresql", "upgrade"] if "postgres" in engine.name else ["audit", "error", "general", "slowquery"],
        "SupportedEngineModes": ["provisioned"],
        "SupportedCACertificateIdentifiers": list(certificates.KNOWN),
        "ValidUpgradeTarget": [
            {
                "Engine": engine.name,
                "EngineVersion": target,
                "Description": f"{engine.description} {target}",
                "AutoUpgrade": False,
                "IsMajorVersionUpgrade": engine.major(target) != engine.major(version),
            }
            for target in later
        ],
    }


@operations("DescribeOrderableDBInstanceOptions")
def orderable_options(call: Call) -> dict[str, Any]:
    engine = engines.engine_named(call.get("Engine"))
    wanted = call.get("EngineVersion")
    versions = [version for version in engine.versions if wanted in (None, version, engine.major(version))]
    if wanted is not None and not versions:
        raise errors.invalid_combination(f"Cannot find version {wanted} for {engine.name}")
    zones = [{"Name": name} for name in network.zones(store_of(call.account_id, call.region))]
    kinds = ("aurora", "aurora-iopt1") if engine.aurora else ("gp2", "gp3", "io1", "io2")
    keys = [
        (version, name, kind)
        for version in versions
        for name in engine.classes()
        if call.get("DBInstanceClass") in (None, name)
        for kind in kinds
    ]
    shown, marker = paging.page(call, keys, key=lambda item: f"{_sortable(item[0])}/{item[1]}/{item[2]}")
    options = []
    for version, name, kind in shown:
        smallest, largest = engines.STORAGE.get(kind, (None, None))
        options.append(
            {
                "Engine": engine.name,
                "EngineVersion": version,
                "DBInstanceClass": name,
                "LicenseModel": engine.license,
                "AvailabilityZones": zones,
                "MultiAZCapable": not engine.aurora,
                "ReadReplicaCapable": True,
                "Vpc": True,
                "SupportsStorageEncryption": True,
                "StorageType": kind,
                "SupportsIops": kind in ("io1", "io2", "gp3"),
                "SupportsEnhancedMonitoring": True,
                "SupportsIAMDatabaseAuthentication": True,
                "SupportsPerformanceInsights": True,
                "MinStorageSize": smallest,
                "MaxStorageSize": largest,
                "SupportedEngineModes": ["provisioned"],
                "SupportsStorageAutoscaling": not engine.aurora,
                "OutpostCapable": False,
                "SupportsClusters": name.split(".")[1] in ("m5d", "m6gd", "r6gd") and not engine.aurora,
            }
        )
    return {"OrderableDBInstanceOptions": options, "Marker": marker}


@operations("DescribePendingMaintenanceActions")
def pending_maintenance(call: Call) -> dict[str, Any]:
    """The sandbox's hosts and engines need no maintenance of AWS's own."""
    return {"PendingMaintenanceActions": []}
