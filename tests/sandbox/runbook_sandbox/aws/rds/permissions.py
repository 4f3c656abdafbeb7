"""What RDS requests touch, for IAM.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon RDS".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runbook_sandbox.aws.iam import resources
from runbook_sandbox.aws.rds import tagging
from runbook_sandbox.aws.rds.store import parse_arn, store_of

#: Condition key that carries a resource's tags, by resource type.
_TAG_KEYS = {
    "db": "rds:db-tag",
    "cluster": "rds:cluster-tag",
    "snapshot": "rds:snapshot-tag",
    "cluster-snapshot": "rds:cluster-snapshot-tag",
    "subgrp": "rds:subgrp-tag",
    "pg": "rds:pg-tag",
    "cluster-pg": "rds:cluster-pg-tag",
    "og": "rds:og-tag",
    "es": "rds:es-tag",
}

#: Parameter -> resource type, of every operation that IAM evaluates against resources.
_PARAMETERS = {
    "CreateDBInstance": {
        "DBInstanceIdentifier": "db",
        "DBClusterIdentifier": "cluster",
        "DBSubnetGroupName": "subgrp",
        "DBParameterGroupName": "pg",
        "OptionGroupName": "og",
    },
    "CreateDBInstanceReadReplica": {
        "DBInstanceIdentifier": "db",
        "SourceDBInstanceIdentifier": "db",
        "DBSubnetGroupName": "subgrp",
        "OptionGroupName": "og",
    },
    "ModifyDBInstance": {
        "DBInstanceIdentifier": "db",
        "DBParameterGroupName": "pg",
        "OptionGroupName": "og",
        "DBSubnetGroupName": "subgrp",
    },
    "DeleteDBInstance": {"DBInstanceIdentifier": "db"},
    "RebootDBInstance": {"DBInstanceIdentifier": "db"},
    "StartDBInstance": {"DBInstanceIdentifier": "db"},
    "StopDBInstance": {"DBInstanceIdentifier": "db", "DBSnapshotIdentifier": "snapshot"},
    "PromoteReadReplica": {"DBInstanceIdentifier": "db"},
    "DescribeDBInstances": {"DBInstanceIdentifier": "db"},
    "CreateDBSnapshot": {"DBInstanceIdentifier": "db", "DBSnapshotIdentifier": "snapshot"},
    "CopyDBSnapshot": {"SourceDBSnapshotIdentifier": "snapshot", "TargetDBSnapshotIdentifier": "snapshot", "OptionGroupName": "og"},
    "ModifyDBSnapshot": {"DBSnapshotIdentifier": "snapshot"},
    "DeleteDBSnapshot": {"DBSnapshotIdentifier": "snapshot"},
    "ModifyDBSnapshotAttribute": {"DBSnapshotIdentifier": "snapshot"},
    "DescribeDBSnapshotAttributes": {"DBSnapshotIdentifier": "snapshot"},
    "DescribeDBSnapshots": {"DBSnapshotIdentifier": "snapshot", "DBInstanceIdentifier": "db"},
    "RestoreDBInstanceFromDBSnapshot": {
        "DBInstanceIdentifier": "db",
        "DBSnapshotIdentifier": "snapshot",
        "DBSubnetGroupName": "subgrp",
        "DBParameterGroupName": "pg",
        "OptionGroupName": "og",
    },
    "RestoreDBInstanceToPointInTime": {
        "TargetDBInstanceIdentifier": "db",
        "SourceDBInstanceIdentifier": "db",
        "DBSubnetGroupName": "subgrp",
        "DBParameterGroupName": "pg",
        "OptionGroupName": "og",
    },
    "CreateDBCluster": {"DBClusterIdentifier": "cluster", "DBSubnetGroupName": "subgrp", "DBClusterParameterGroupName": "cluster-pg"},
    "ModifyDBCluster": {"DBClusterIdentifier": "cluster", "DBClusterParameterGroupName": "cluster-pg"},
    "DeleteDBCluster": {"DBClusterIdentifier": "cluster", "FinalDBSnapshotIdentifier": "cluster-snapshot"},
    "DescribeDBClusters": {"DBClusterIdentifier": "cluster"},
    "StartDBCluster": {"DBClusterIdentifier": "cluster"},
    "StopDBCluster": {"DBClusterIdentifier": "cluster"},
    "RebootDBCluster": {"DBClusterIdentifier": "cluster"},
    "FailoverDBCluster": {"DBClusterIdentifier": "cluster", "TargetDBInstanceIdentifier": "db"},
    "CreateDBClusterSnapshot": {"DBClusterIdentifier": "cluster", "DBClusterSnapshotIdentifier": "cluster-snapshot"},
    "CopyDBClusterSnapshot": {
        "SourceDBClusterSnapshotIdentifier": "cluster-snapshot",
        "TargetDBClusterSnapshotIdentifier": "cluster-snapshot",
    },
    "DeleteDBClusterSnapshot": {"DBClusterSnapshotIdentifier": "cluster-snapshot"},
    "DescribeDBClusterSnapshots": {"DBClusterSnapshotIdentifier": "cluster-snapshot", "DBClusterIdentifier": "cluster"},
    "ModifyDBClusterSnapshotAttribute": {"DBClusterSnapshotIdentifier": "cluster-snapshot"},
    "DescribeDBClusterSnapshotAttributes": {"DBClusterSnapshotIdentifier": "cluster-snapshot"},
    "RestoreDBClusterFromSnapshot": {"DBClusterIdentifier": "cluster", "SnapshotIdentifier": "cluster-snapshot"},
    "RestoreDBClusterToPointInTime": {"DBClusterIdentifier": "cluster", "SourceDBClusterIdentifier": "cluster"},
    "CreateDBSubnetGroup": {"DBSubnetGroupName": "subgrp"},
    "ModifyDBSubnetGroup": {"DBSubnetGroupName": "subgrp"},
    "DeleteDBSubnetGroup": {"DBSubnetGroupName": "subgrp"},
    "DescribeDBSubnetGroups": {"DBSubnetGroupName": "subgrp"},
    "CreateDBParameterGroup": {"DBParameterGroupName": "pg"},
    "DeleteDBParameterGroup": {"DBParameterGroupName": "pg"},
    "CreateDBClusterParameterGroup": {"DBClusterParameterGroupName": "cluster-pg"},
    "DeleteDBClusterParameterGroup": {"DBClusterParameterGroupName": "cluster-pg"},
    "DescribeDBParameters": {"DBParameterGroupName": "pg"},
    "ModifyDBParameterGroup": {"DBParameterGroupName": "pg"},
    "ResetDBParameterGroup": {"DBParameterGroupName": "pg"},
    "CopyDBParameterGroup": {"SourceDBParameterGroupIdentifier": "pg", "TargetDBParameterGroupIdentifier": "pg"},
    "DescribeDBClusterParameters": {"DBClusterParameterGroupName": "cluster-pg"},
    "ModifyDBClusterParameterGroup": {"DBClusterParameterGroupName": "cluster-pg"},
    "ResetDBClusterParameterGroup": {"DBClusterParameterGroupName": "cluster-pg"},
    "CopyDBClusterParameterGroup": {
        "SourceDBClusterParameterGroupIdentifier": "cluster-pg",
        "TargetDBClusterParameterGroupIdentifier": "cluster-pg",
    },
    "CreateOptionGroup": {"OptionGroupName": "og"},
    "DeleteOptionGroup": {"OptionGroupName": "og"},
    "CreateEventSubscription": {"SubscriptionName": "es"},
    "ModifyEventSubscription": {"SubscriptionName": "es"},
    "DeleteEventSubscription": {"SubscriptionName": "es"},
    "AddSourceIdentifierToSubscription": {"SubscriptionName": "es"},
    "RemoveSourceIdentifierFromSubscription": {"SubscriptionName": "es"},
    "DescribeEventSubscriptions": {"SubscriptionName": "es"},
    "DescribeDBLogFiles": {"DBInstanceIdentifier": "db"},
    "DescribeValidDBInstanceModifications": {"DBInstanceIdentifier": "db"},
    "AddTagsToResource": {"ResourceName": ""},
    "RemoveTagsFromResource": {"ResourceName": ""},
    "ListTagsForResource": {"ResourceName": ""},
}

#: Read calls that name no resource are evaluated against every resource of the type.
_ALL_OF_TYPE = {
    "DescribeDBInstances": "db",
    "DescribeDBSnapshots": "snapshot",
    "DescribeDBClusters": "cluster",
    "DescribeDBClusterSnapshots": "cluster-snapshot",
    "DescribeDBSubnetGroups": "subgrp",
    "DescribeEventSubscriptions": "es",
}


def _resolver(operation: str) -> Callable[[dict[str, Any], str, str], list[str]]:
    parameters = _PARAMETERS[operation]

    def resolve(params: dict[str, Any], account_id: str, region: str) -> list[str]:
        store = store_of(account_id, region)
        found = []
        for name, kind in parameters.items():
            value = params.get(name)
            if value:
                found.append(value if value.startswith("arn:") else store.arn(kind, value.lower()))
        if not found and operation in _ALL_OF_TYPE:
            return [store.arn(_ALL_OF_TYPE[operation], "*")]
        return found

    return resolve


def _tags(arn: str) -> dict[str, Any]:
    """The tags of one resource: those of the instance say nothing about the snapshot that is taken of it."""
    parsed = parse_arn(arn)
    values: dict[str, Any] = {}
    for tag in tagging.tags_of_arn(arn) if parsed else []:
        values[f"aws:ResourceTag/{tag['Key']}"] = tag["Value"]
        values[f"{_TAG_KEYS.get(parsed['kind'], 'rds:tag')}/{tag['Key']}"] = tag["Value"]
    return values


def _conditions(params: dict[str, Any], account_id: str, region: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    tags = params.get("Tags") or []
    for tag in tags:
        values[f"aws:RequestTag/{tag.get('Key')}"] = tag.get("Value", "")
        values[f"rds:req-tag/{tag.get('Key')}"] = tag.get("Value", "")
    keys = [tag.get("Key") for tag in tags] + list(params.get("TagKeys") or [])
    if keys:
        values["aws:TagKeys"] = keys
    for name, key in (("DBInstanceClass", "rds:DatabaseClass"), ("Engine", "rds:DatabaseEngine"), ("DBName", "rds:DatabaseName")):
        if params.get(name):
            values[key] = params[name]
    for name in ("MultiAz", "StorageEncrypted"):
        parameter = "MultiAZ" if name == "MultiAz" else name
        if params.get(parameter) is not None:
            values[f"rds:{name}"] = "true" if params[parameter] else "false"
    if params.get("CopyTags") is not None:
        values["rds:CopyOptionGroup"] = "true" if params.get("CopyOptionGroup") else "false"
    return values


def register() -> None:
    """Tell IAM. Idempotent."""
    for operation in _PARAMETERS:
        resources.register("rds", operation, _resolver(operation), conditions=_conditions)
    resources.register_resource_conditions("rds", _tags)
