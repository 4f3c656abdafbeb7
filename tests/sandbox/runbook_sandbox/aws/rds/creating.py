"""Creating instances, cluster members and read replicas.

Source: Amazon RDS API Reference, CreateDBInstance, CreateDBInstanceReadReplica; Aurora User Guide, "Adding Aurora Replicas".
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import backups, building, errors, hosting, identifiers, network, starting, tagging
from runbook_sandbox.aws.rds.cluster import Cluster
from runbook_sandbox.aws.rds.engines import check_class, engine_named, version_of
from runbook_sandbox.aws.rds.instance import Instance
from runbook_sandbox.aws.rds.store import Store, parse_arn, store_of

operations = Operations()

#: What belongs to the cluster and must not be said of a member, and how the message calls it.
_OF_CLUSTER = {
    "AllocatedStorage": "storage",
    "BackupRetentionPeriod": "backup retention period",
    "PreferredBackupWindow": "backup window",
    "MasterUsername": "master user",
    "MasterUserPassword": "master user password",
    "DBName": "database name",
    "Port": "database port",
    "VpcSecurityGroupIds": "vpc security groups",
    "KmsKeyId": "KMS key",
    "DeletionProtection": "deletion protection",
}


@operations("CreateDBInstance")
def create_instance(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    identifiers.checked(call.get("DBInstanceIdentifier"), "DBInstanceIdentifier")
    engine = engine_named(call.get("Engine"))
    tags = tagging.on_creation(call, "db", call.get("DBInstanceIdentifier"))
    if call.get("DBClusterIdentifier"):
        return {"DBInstance": _create_member(call, store, tags).describe()}
    if engine.aurora:
        raise errors.invalid_combination(
            f"Set DBClusterIdentifier: an instance of {engine.name} is always a member of a DB cluster. Create the cluster first."
        )
    version = version_of(engine, call.get("EngineVersion"))
    instance_class = check_class(engine, version, call.get("DBInstanceClass"))
    user = identifiers.master_user(call.get("MasterUsername"), engine.name)
    managed = call.get("ManageMasterUserPassword", False)
    if managed and call.get("MasterUserPassword"):
        raise errors.invalid_combination("You can't specify MasterUserPassword and ManageMasterUserPassword together.")
    if not managed:
        identifiers.master_password(call.get("MasterUserPassword"), engine.name)
    if call.get("PromotionTier") is not None and not 0 <= call.get("PromotionTier") <= 15:
        raise errors.invalid_value("PromotionTier must be between 0 and 15.")
    record = building.fixed(store, call.get("DBInstanceIdentifier"), engine, version)
    record |= {
        "DBInstanceClass": instance_class,
        "MasterUsername": user,
        "DBName": identifiers.database_name(call.get("DBName"), engine.name),
        "BackupRetentionPeriod": building.check_retention(call.get("BackupRetentionPeriod", 1)),
    }
    record |= building.storage(engine, call, "gp3", None, None)
    record |= building.settings(store, call, call.get("DBInstanceIdentifier"), engine, version)
    record |= building.placement(store, call)
    record |= building.encryption(store, call)
    name = building.new_identifier(store, call.get("DBInstanceIdentifier"))
    building.check_instance_quota(store, record["AllocatedStorage"])
    if managed:
        record["MasterUserSecret"] = _secret(store, name, call)
    instance = Instance(store, name, record, tags)
    instance.password_pending = not managed
    if not managed:
        hosting.created(instance, call.get("MasterUserPassword"))
    starting.start(instance, pace.rds_create, lambda: instance.notice("RDS-EVENT-0005"))
    return {"DBInstance": instance.describe()}


def _secret(store: Store, name: str, call: Call) -> dict[str, Any]:
    secret = f"arn:{store.partition}:secretsmanager:{store.region}:{store.account_id}:secret:rds!db-{name}"
    key = network.key_arn(store, call.get("MasterUserSecretKmsKeyId"))
    return {"SecretArn": secret, "SecretStatus": "active", "KmsKeyId": key}


def _create_member(call: Call, store: Store, tags: list[dict[str, str]]) -> Instance:
    cluster = store.cluster(call.get("DBClusterIdentifier"))
    if call.get("Engine") != cluster.engine.name:
        raise errors.invalid_combination(
            f"The engine name requested for your DB instance ({call.get('Engine')}) doesn't match the engine name of your DB cluster "
            f"({cluster.engine.name})."
        )
    if cluster.multi_az:
        raise errors.invalid_combination("The members of a Multi-AZ DB cluster are created with the cluster and can't be added.")
    for parameter, words in _OF_CLUSTER.items():
        if call.get(parameter) is not None:
            raise errors.invalid_combination(f"The requested DB Instance will be a member of a DB Cluster. Set {words} for the DB Cluster.")
    cluster.require(f"DBCluster {cluster.identifier} is not in the available state.")
    version = cluster.record["EngineVersion"]
    if call.get("EngineVersion") not in (None, version):
        raise errors.invalid_combination(
            f"The engine version {call.get('EngineVersion')} doesn't match that of the DB cluster ({version})."
        )
    instance_class = check_class(cluster.engine, version, call.get("DBInstanceClass"))
    name = building.new_identifier(store, call.get("DBInstanceIdentifier"))
    building.check_instance_quota(store, 0)
    return add_member(cluster, call, name, instance_class, tags, pace.rds_create)


def add_member(cluster: Cluster, call: Call, name: str, instance_class: str, tags: list[dict[str, str]], seconds: float) -> Instance:
    """An instance that takes what is the cluster's from the cluster, and joins it."""
    store, of_cluster = cluster.store, cluster.record
    tier = call.get("PromotionTier", 1)
    if not 0 <= tier <= 15:
        raise errors.invalid_value("PromotionTier must be between 0 and 15.")
    params = {key: value for key, value in call.params.items() if key not in ("DBSubnetGroupName", "PreferredBackupWindow")}
    params |= {
        "DBSubnetGroupName": of_cluster["DBSubnetGroupName"],
        "PreferredBackupWindow": of_cluster["PreferredBackupWindow"],
        "VpcSecurityGroupIds": [group["VpcSecurityGroupId"] for group in of_cluster["VpcSecurityGroups"]],
        "Port": of_cluster["Port"],
    }
    call = Call(call.account_id, call.region, call.partition, call.operation, params)
    record = building.fixed(store, name, cluster.engine, of_cluster["EngineVersion"])
    record |= building.settings(store, call, name, cluster.engine, of_cluster["EngineVersion"])
    record |= building.placement(store, call)
    record |= {
        "DBClusterIdentifier": cluster.identifier,
        "DBInstanceClass": instance_class,
        "MasterUsername": of_cluster["MasterUsername"],
        "DBName": of_cluster.get("DatabaseName"),
        "AllocatedStorage": of_cluster.get("AllocatedStorage", 1) if cluster.multi_az else 1,
        "StorageType": of_cluster.get("StorageType", "aurora"),
        "BackupRetentionPeriod": of_cluster["BackupRetentionPeriod"],
        "StorageEncrypted": of_cluster["StorageEncrypted"],
        "KmsKeyId": of_cluster.get("KmsKeyId"),
        "DeletionProtection": False,
        "PromotionTier": tier,
    }
    instance = Instance(store, name, record, tags)
    starting.start(instance, seconds, lambda: instance.notice("RDS-EVENT-0005"))
    cluster.joined(instance)
    return instance


@operations("CreateDBInstanceReadReplica")
def create_replica(call: Call) -> dict[str, Any]:
    """A replica of an instance that has automated backups; in another Region when the source is an ARN of that one."""
    store = store_of(call.account_id, call.region)
    identifiers.checked(call.get("DBInstanceIdentifier"), "DBInstanceIdentifier")
    tags = tagging.on_creation(call, "db", call.get("DBInstanceIdentifier"))
    source_id = call.get("SourceDBInstanceIdentifier")
    if not source_id:
        raise errors.blank("SourceDBInstanceIdentifier")
    parsed = parse_arn(source_id)
    source_store = store_of(parsed["account"], parsed["region"]) if parsed else store
    source = source_store.instance(source_id)
    if source.cluster_identifier:
        raise errors.invalid_value("The source of a read replica can't be a member of a DB cluster.")
    source.require(f"DBInstance {source.identifier} is not in the available state.")
    if not source.retention:
        raise errors.instance_state("Automated backups are not enabled for this database instance. To enable them, set a retention period.")
    replicas = source.record["ReadReplicaDBInstanceIdentifiers"]
    if len(replicas) >= source_store.quotas.ReadReplicasPerMaster:
        raise errors.RDSError("InstanceQuotaExceeded", f"Cannot create more than {len(replicas)} read replicas of {source.identifier}")
    engine, version = source.engine, source.record["EngineVersion"]
    record = building.fixed(store, call.get("DBInstanceIdentifier"), engine, version)
    record |= {
        "DBInstanceClass": check_class(engine, version, call.get("DBInstanceClass", source.record["DBInstanceClass"])),
        "MasterUsername": source.record["MasterUsername"],
        "DBName": source.record.get("DBName"),
        "BackupRetentionPeriod": 0,
    }
    record |= building.storage(engine, call, source.record["StorageType"], source.record["AllocatedStorage"], source.record.get("Iops"))
    record |= building.settings(store, call, call.get("DBInstanceIdentifier"), engine, version)
    record |= building.placement(store, call)
    encrypted = source.record["StorageEncrypted"]
    if encrypted and source_store is not store and not call.get("KmsKeyId"):
        raise errors.invalid_combination("You must specify a KmsKeyId of the destination Region for an encrypted cross-Region replica.")
    key = building.encryption(store, call)["KmsKeyId"] or source.record.get("KmsKeyId")
    record |= {"StorageEncrypted": encrypted, "KmsKeyId": key if encrypted else None}
    name = building.new_identifier(store, call.get("DBInstanceIdentifier"))
    building.check_instance_quota(store, record["AllocatedStorage"])
    same = source_store is store
    record["ReadReplicaSourceDBInstanceIdentifier"] = source.identifier if same else source.arn
    record["StatusInfos"] = [{"StatusType": "read replication", "Normal": True, "Status": "replicating"}]
    replica = Instance(store, name, record, tags)
    replicas.append(name if same else replica.arn)
    starting.start(replica, pace.rds_create, lambda: replica.notice("RDS-EVENT-0005"))
    return {"DBInstance": replica.describe()}


@operations("PromoteReadReplica")
def promote_replica(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    replica = store.instance(call.get("DBInstanceIdentifier", ""))
    if not replica.record.get("ReadReplicaSourceDBInstanceIdentifier"):
        raise errors.instance_state(f"DBInstance {replica.identifier} is not a read replica.")
    replica.require(f"DBInstance {replica.identifier} is not in the available state.")
    retention = call.get("BackupRetentionPeriod")
    if retention is not None:
        building.check_retention(retention)
    replica.status = "modifying"

    def done() -> None:
        detach(replica)
        if retention is not None:
            replica.record["BackupRetentionPeriod"] = retention
            replica.settle()
            backups.begin(replica, lambda: backups.schedule(replica))
        else:
            replica.settle()

    replica.later(pace.rds_modify, done, "promotion")
    return {"DBInstance": replica.describe()}


def detach(replica: Instance) -> None:
    """The replica stands alone from now on."""
    source_id = replica.record.pop("ReadReplicaSourceDBInstanceIdentifier", None)
    replica.record.pop("StatusInfos", None)
    if source_id is None:
        return
    parsed = parse_arn(source_id)
    store = store_of(parsed["account"], parsed["region"]) if parsed else replica.store
    source = store.instances.get(parsed["name"] if parsed else source_id)
    if source is not None:
        names = source.record["ReadReplicaDBInstanceIdentifiers"]
        names[:] = [name for name in names if name not in (replica.identifier, replica.arn)]
