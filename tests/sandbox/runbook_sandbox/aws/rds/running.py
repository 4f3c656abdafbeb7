"""Stop, start, reboot, and the descriptions of instances.

Source: Amazon RDS API Reference, StopDBInstance, StartDBInstance, RebootDBInstance, DescribeDBInstances; User Guide,
"Stopping an Amazon RDS DB instance temporarily" (seven days, then RDS starts it).
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import backups, errors, hosting, paging, snapshotting
from runbook_sandbox.aws.rds.instance import Instance
from runbook_sandbox.aws.rds.store import store_of

operations = Operations()

STOPPED_AT_MOST = timedelta(days=7)


@operations("DescribeDBInstances")
def describe_instances(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    wanted = call.get("DBInstanceIdentifier")
    found = [store.instance(wanted)] if wanted else list(store.instances.values())
    allowed: dict[str, paging.Value] = {
        "db-cluster-id": lambda item: (
            (item.cluster_identifier, store.arn("cluster", item.cluster_identifier)) if item.cluster_identifier else None
        ),
        "db-instance-id": lambda item: (item.identifier, item.arn),
        "dbi-resource-id": lambda item: item.record["DbiResourceId"],
        "domain": lambda item: None,
        "engine": lambda item: item.record["Engine"],
    }
    shown, marker = paging.page(call, paging.filtered(call, found, allowed), key=lambda item: item.identifier)
    return {"DBInstances": [item.describe() for item in shown], "Marker": marker}


@operations("StopDBInstance")
def stop_instance(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    instance = store.instance(call.get("DBInstanceIdentifier", ""))
    if instance.cluster_identifier:
        raise errors.cluster_state(
            f"Instance {instance.identifier} is a member of DB cluster {instance.cluster_identifier}; use StopDBCluster."
        )
    if instance.record.get("ReadReplicaSourceDBInstanceIdentifier") or instance.record["ReadReplicaDBInstanceIdentifiers"]:
        raise errors.instance_state(f"Instance {instance.identifier} is or has a read replica and can't be stopped.")
    if instance.status != "available":
        raise errors.instance_state(f"Instance {instance.identifier} is not in available state.")
    snapshot = call.get("DBSnapshotIdentifier")
    if snapshot:
        snapshotting.take(instance, snapshotting.check_new(store, snapshot, "DBSnapshotIdentifier"), None)
    stop(instance)
    return {"DBInstance": instance.describe()}


def stop(instance: Instance) -> None:
    """Into `stopping`, then `stopped`; RDS starts it again after seven days."""
    instance.status = "stopping"
    hosting.stop(instance)

    def stopped() -> None:
        instance.status = "stopped"
        instance.stopped_at = clock.now()
        instance.restart_at = clock.now() + STOPPED_AT_MOST
        instance.notice("RDS-EVENT-0087")
        if not instance.cluster_identifier:
            instance.later(STOPPED_AT_MOST.total_seconds(), restart, "automatic restart")

    def restart() -> None:
        if instance.status == "stopped" and instance.restart_at is not None and instance.restart_at <= clock.now():
            start(instance)

    instance.when_done(pace.rds_modify, stopped, "stop")


@operations("StartDBInstance")
def start_instance(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    instance = store.instance(call.get("DBInstanceIdentifier", ""))
    if instance.cluster_identifier:
        raise errors.cluster_state(
            f"Instance {instance.identifier} is a member of DB cluster {instance.cluster_identifier}; use StartDBCluster."
        )
    if instance.status not in ("stopped", "inaccessible-encryption-credentials-recoverable", "incompatible-network"):
        raise errors.instance_state(f"Instance {instance.identifier} is not stopped, it cannot be started.")
    start(instance)
    return {"DBInstance": instance.describe()}


def start(instance: Instance) -> None:
    """Into `starting`, then available."""
    instance.status = "starting"
    hosting.start(instance)

    def started() -> None:
        instance.stopped_at = instance.restart_at = None
        instance.settle()
        instance.notice("RDS-EVENT-0088")
        backups.schedule(instance)

    instance.when_done(pace.rds_modify, started, "start")


@operations("RebootDBInstance")
def reboot_instance(call: Call) -> dict[str, Any]:
    """Applies parameter groups that wait for a reboot; ForceFailover swaps the zones of a Multi-AZ instance."""
    store = store_of(call.account_id, call.region)
    instance = store.instance(call.get("DBInstanceIdentifier", ""))
    if call.get("ForceFailover") and not instance.record.get("MultiAZ"):
        raise errors.invalid_combination("Cannot reboot with failover a DB instance that is not Multi-AZ.")
    instance.require(f"Instance {instance.identifier} is not in available state.")
    reboot(instance, bool(call.get("ForceFailover")))
    return {"DBInstance": instance.describe()}


def reboot(instance: Instance, failover: bool = False) -> None:
    """Into `rebooting`, then at rest."""
    instance.status = "rebooting"
    hosting.stop(instance)
    hosting.start(instance)
    if failover:
        instance.notice("RDS-EVENT-0013")

    def rebooted() -> None:
        for group in instance.record["DBParameterGroups"]:
            group["ParameterApplyStatus"] = "in-sync"
        if failover:
            record = instance.record
            zones = record["SecondaryAvailabilityZone"], record["AvailabilityZone"]
            record["AvailabilityZone"], record["SecondaryAvailabilityZone"] = zones
            instance.notice("RDS-EVENT-0049")
        instance.settle()
        instance.notice("RDS-EVENT-0006")

    instance.when_done(pace.rds_modify * 0.5, rebooted, "reboot")
