"""Deleting instances.

Source: Amazon RDS API Reference, DeleteDBInstance; User Guide, "Deleting a DB instance"; Aurora User Guide, "Deleting
Aurora DB clusters and DB instances".
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import backups, creating, errors, hosting, snapshotting
from runbook_sandbox.aws.rds.instance import READY, Instance
from runbook_sandbox.aws.rds.store import store_of

operations = Operations()

#: States, besides the ready ones, in which an instance can be deleted.
_DELETABLE = (
    *READY,
    "stopped",
    "storage-full",
    "failed",
    "restore-error",
    "insufficient-capacity",
    "incompatible-network",
    "incompatible-parameters",
    "incompatible-option-group",
    "incompatible-restore",
    "incompatible-credentials",
    "incompatible-create",
    "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable",
)
#: Failure states of which no final snapshot can be taken.
_NO_FINAL = ("failed", "incompatible-restore", "incompatible-network", "restore-error")


@operations("DeleteDBInstance")
def delete_instance(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    instance = store.instance(call.get("DBInstanceIdentifier", ""))
    skip, final = call.get("SkipFinalSnapshot", False), call.get("FinalDBSnapshotIdentifier")
    if instance.status == "deleting":
        raise errors.instance_state(f"Instance {instance.identifier} is already being deleted.")
    member = instance.cluster_identifier is not None
    if skip and final:
        raise errors.invalid_combination("FinalDBSnapshotIdentifier can't be specified when SkipFinalSnapshot is true.")
    if member and final:
        raise errors.invalid_combination("FinalDBSnapshotIdentifier can not be specified when deleting a cluster instance.")
    replica = bool(instance.record.get("ReadReplicaSourceDBInstanceIdentifier"))
    if replica and final:
        raise errors.invalid_combination("FinalDBSnapshotIdentifier can not be specified when deleting a replica instance.")
    if not skip and not final and not member and not replica:
        raise errors.invalid_combination("FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified.")
    if instance.record.get("DeletionProtection"):
        raise errors.invalid_combination("Cannot delete protected DB Instance, please disable deletion protection and try again.")
    cluster = store.clusters.get(instance.cluster_identifier or "")
    if cluster is not None and cluster.multi_az:
        raise errors.invalid_combination("A member of a Multi-AZ DB cluster can't be deleted by itself. Delete the DB cluster.")
    if cluster is not None and len(cluster.members) == 1 and cluster.record.get("ReplicationSourceIdentifier"):
        raise errors.cluster_state("Cannot delete the last instance of the read replica DB cluster. Promote the cluster first.")
    if instance.status not in _DELETABLE:
        raise errors.instance_state(f"Instance {instance.identifier} is not currently in the available state (it is {instance.status}).")
    retain = call.get("DeleteAutomatedBackups", True) is False and bool(instance.retention) and not member
    if retain and len(store.automated_backups) >= store.quotas.DBInstances:
        raise errors.RDSError(
            "DBInstanceAutomatedBackupQuotaExceeded",
            f"Cannot retain automated backups of more than {store.quotas.DBInstances} DB instances.",
        )
    final_name = None
    if final:
        final_name = snapshotting.check_new(store, final, "FinalDBSnapshotIdentifier")
        if instance.status in _NO_FINAL:
            raise errors.instance_state(
                f"Cannot create a final snapshot of {instance.identifier} because it is {instance.status}; use SkipFinalSnapshot."
            )
    begin(instance, final_name, call.get("DeleteAutomatedBackups", True))
    return {"DBInstance": instance.describe()}


def begin(instance: Instance, final_name: str | None, delete_backups: bool) -> None:
    """Into `deleting`; gone after the final snapshot and the time a deletion takes."""
    instance.cancel_all()
    instance.status = "deleting"
    instance.pending.clear()

    def remove() -> None:
        store = instance.store
        store.instances.pop(instance.identifier, None)
        store.endpoints.pop(instance.identifier, None)
        hosting.removed(instance)
        cluster = store.clusters.get(instance.cluster_identifier or "")
        if cluster is not None:
            cluster.left(instance)
        elif not instance.cluster_identifier:
            backups.instance_deleted(instance, delete_backups)
        creating.detach(instance)
        for replica in list(store.instances.values()):
            # A replica whose source is deleted is promoted.
            if replica.record.get("ReadReplicaSourceDBInstanceIdentifier") == instance.identifier:
                creating.detach(replica)
        instance.notice("RDS-EVENT-0003")

    if final_name:
        snapshotting.take(instance, final_name, None, lambda: instance.later(pace.rds_delete, remove, "deletion"))
    else:
        instance.later(pace.rds_delete, remove, "deletion")
