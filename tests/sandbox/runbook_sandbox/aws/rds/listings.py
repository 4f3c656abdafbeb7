"""Lists of what the sandbox has none of, and of what is the same for every account.

Databases here come without proxies, deployments and the like, so the list of them is truly empty; asking for one
by name finds nothing. Source: Amazon RDS API Reference, each Describe action.
"""

from __future__ import annotations

from datetime import UTC, datetime
from hashlib import sha1
from typing import Any

from moto.utilities.utils import get_partition

from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.rds import certificates, engines, errors, paging
from runbook_sandbox.aws.rds.cluster import Cluster
from runbook_sandbox.aws.rds.engines import engine_named
from runbook_sandbox.aws.rds.store import store_of

operations = Operations()

#: Operation -> member of the answer, parameter that names one, and the code when it is not there.
_NONE_OF = {
    "DescribeBlueGreenDeployments": ("BlueGreenDeployments", "BlueGreenDeploymentIdentifier", "BlueGreenDeploymentNotFoundFault"),
    "DescribeDBProxies": ("DBProxies", "DBProxyName", "DBProxyNotFoundFault"),
    "DescribeDBProxyEndpoints": ("DBProxyEndpoints", "DBProxyEndpointName", "DBProxyEndpointNotFoundFault"),
    "DescribeDBRecommendations": ("DBRecommendations", None, None),
    "DescribeDBSecurityGroups": ("DBSecurityGroups", "DBSecurityGroupName", "DBSecurityGroupNotFound"),
    "DescribeDBShardGroups": ("DBShardGroups", "DBShardGroupIdentifier", "DBShardGroupNotFound"),
    "DescribeDBSnapshotTenantDatabases": ("DBSnapshotTenantDatabases", None, None),
    "DescribeGlobalClusters": ("GlobalClusters", "GlobalClusterIdentifier", "GlobalClusterNotFoundFault"),
    "DescribeIntegrations": ("Integrations", "IntegrationIdentifier", "IntegrationNotFoundFault"),
    "DescribeReservedDBInstances": ("ReservedDBInstances", "ReservedDBInstanceId", "ReservedDBInstanceNotFound"),
    "DescribeReservedDBInstancesOfferings": (
        *("ReservedDBInstancesOfferings", "ReservedDBInstancesOfferingId", "ReservedDBInstancesOfferingNotFound"),
    ),
    "DescribeTenantDatabases": ("TenantDatabases", None, None),
}
#: Regions that are on in every account (AWS Account Management Reference Guide, "AWS Regions").
_REGIONS = (
    *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "ca-central-1"),
    *("eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1", "us-east-2", "us-west-1", "us-west-2"),
)


def _none_of(operation: str) -> None:
    member, parameter, code = _NONE_OF[operation]

    @operations(operation)
    def describe(call: Call) -> dict[str, Any]:
        if parameter and code and call.get(parameter):
            raise errors.RDSError(code, f"{call.get(parameter)} not found.")
        paging.page(call, [], key=str)
        return {member: []}


for _operation in _NONE_OF:
    _none_of(_operation)


@operations("DescribeDBLogFiles")
def log_files(call: Call) -> dict[str, Any]:
    """An instance without a database behind it writes no logs."""
    store_of(call.account_id, call.region).instance(call.get("DBInstanceIdentifier", ""))
    paging.page(call, [], key=str)
    return {"DescribeDBLogFiles": []}


@operations("DescribeOptionGroupOptions")
def option_group_options(call: Call) -> dict[str, Any]:
    """The options of MySQL and MariaDB are not offered here; PostgreSQL has none in AWS either."""
    engine_named(call.get("EngineName"))
    paging.page(call, [], key=str)
    return {"OptionGroupOptions": []}


@operations("DescribeCertificates")
def describe_certificates(call: Call) -> dict[str, Any]:
    wanted = call.get("CertificateIdentifier")
    certificates.check(wanted)
    paging.filtered(call, [], {})
    found = [
        {
            "CertificateIdentifier": name,
            "CertificateType": "CA",
            "Thumbprint": sha1(f"{call.region}/{name}".encode(), usedforsecurity=False).hexdigest(),
            "ValidFrom": datetime(2021, 5, 21, tzinfo=UTC),
            "ValidTill": datetime(2061, 5, 21, tzinfo=UTC) if "2048" in name else datetime(2121, 5, 21, tzinfo=UTC),
            "CertificateArn": f"arn:{call.partition}:rds:{call.region}::cert:{name}",
            "CustomerOverride": False,
        }
        for name in certificates.KNOWN
        if wanted in (None, name)
    ]
    shown, marker = paging.page(call, found, key=lambda one: one["CertificateIdentifier"])
    return {"DefaultCertificateForNewLaunches": certificates.DEFAULT, "Certificates": shown, "Marker": marker}


@operations("DescribeSourceRegions")
def source_regions(call: Call) -> dict[str, Any]:
    """Regions that a read replica or copy in this one can come from."""
    wanted = call.get("RegionName")
    others = [name for name in _REGIONS if name != call.region and get_partition(call.region) == "aws"]
    if wanted and wanted not in others:
        raise errors.invalid_value(f"Invalid source Region: {wanted}")
    found = [
        {
            "RegionName": name,
            "Endpoint": f"https://rds.{name}.amazonaws.com",
            "Status": "available",
            "SupportsDBInstanceAutomatedBackupsReplication": False,
        }
        for name in others
        if wanted in (None, name)
    ]
    shown, marker = paging.page(call, found, key=lambda one: one["RegionName"])
    return {"SourceRegions": shown, "Marker": marker}


@operations("DescribeDBMajorEngineVersions")
def major_versions(call: Call) -> dict[str, Any]:
    found = [
        {"Engine": engine.name, "MajorEngineVersion": major}
        for engine in engines.ENGINES.values()
        for major in dict.fromkeys(engine.major(version) for version in engine.versions)
        if call.get("Engine") in (None, engine.name) and call.get("MajorEngineVersion") in (None, major)
    ]
    shown, marker = paging.page(call, found, key=lambda one: f"{one['Engine']}/{one['MajorEngineVersion']}")
    return {"DBMajorEngineVersions": shown, "Marker": marker}


@operations("DescribeValidDBInstanceModifications")
def valid_modifications(call: Call) -> dict[str, Any]:
    """Storage types and sizes that ModifyDBInstance takes for this instance."""
    instance = store_of(call.account_id, call.region).instance(call.get("DBInstanceIdentifier", ""))
    storage = []
    for kind, (smallest, largest) in engines.STORAGE.items() if not instance.cluster_identifier else ():
        option: dict[str, Any] = {"StorageType": kind, "SupportsStorageAutoscaling": kind != "standard"}
        option["StorageSize"] = [{"From": max(smallest, instance.record["AllocatedStorage"]), "To": largest, "Step": 1}]
        if kind in ("io1", "io2"):
            option["ProvisionedIops"] = [{"From": 1000, "To": 256000, "Step": 1}]
        storage.append(option)
    return {"ValidDBInstanceModificationsMessage": {"Storage": storage, "ValidProcessorFeatures": [], "SupportsDedicatedLogVolume": False}}


@operations("DescribeDBClusterEndpoints")
def cluster_endpoints(call: Call) -> dict[str, Any]:
    """Each cluster's writer and reader endpoint; custom ones are not made here."""
    store = store_of(call.account_id, call.region)
    wanted = call.get("DBClusterIdentifier")
    clusters = [store.cluster(wanted)] if wanted else list(store.clusters.values())
    found = [
        {"DBClusterIdentifier": cluster.identifier, "Endpoint": cluster.describe()[member], "Status": "available", "EndpointType": kind}
        for cluster in clusters
        for member, kind in (("ReaderEndpoint", "READER"), ("Endpoint", "WRITER"))
        if not call.get("DBClusterEndpointIdentifier")
    ]
    found = paging.filtered(
        call,
        found,
        {
            "db-cluster-endpoint-type": lambda one: one["EndpointType"],
            "db-cluster-endpoint-custom-type": lambda one: None,
            "db-cluster-endpoint-id": lambda one: None,
            "db-cluster-endpoint-status": lambda one: one["Status"],
        },
    )
    shown, marker = paging.page(call, found, key=lambda one: f"{one['DBClusterIdentifier']}/{one['EndpointType']}")
    return {"DBClusterEndpoints": shown, "Marker": marker}


@operations("DescribeDBClusterAutomatedBackups")
def cluster_backups(call: Call) -> dict[str, Any]:
    """One of each cluster that is there; they are not retained after its deletion."""
    store = store_of(call.account_id, call.region)
    wanted, resource = call.get("DBClusterIdentifier"), call.get("DbClusterResourceId")
    found = [
        _cluster_backup(cluster)
        for cluster in store.clusters.values()
        if cluster.status != "creating"
        and wanted in (None, cluster.identifier, cluster.arn)
        and resource in (None, cluster.record["DbClusterResourceId"])
    ]
    if (wanted or resource) and not found:
        raise errors.RDSError("DBClusterAutomatedBackupNotFoundFault", f"Automated backup of {wanted or resource} not found.")
    found = paging.filtered(
        call,
        found,
        {
            "status": lambda one: one["Status"],
            "db-cluster-id": lambda one: (one["DBClusterIdentifier"], one["DBClusterArn"]),
            "db-cluster-resource-id": lambda one: one["DbClusterResourceId"],
        },
    )
    shown, marker = paging.page(call, found, key=lambda one: one["DBClusterIdentifier"])
    return {"DBClusterAutomatedBackups": shown, "Marker": marker}


def _cluster_backup(cluster: Cluster) -> dict[str, Any]:
    shown = cluster.describe()
    resource = shown["DbClusterResourceId"]
    return shown | {
        "DBClusterAutomatedBackupsArn": cluster.store.arn("cluster-auto-backup", f"ab-{resource.removeprefix('cluster-').lower()}"),
        "RestoreWindow": {"EarliestTime": shown["EarliestRestorableTime"], "LatestTime": shown["LatestRestorableTime"]},
        "Region": cluster.store.region,
        "Status": "active",
    }
