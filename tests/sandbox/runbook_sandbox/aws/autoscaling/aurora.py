"""Aurora Replicas as a scalable capacity.

Source: Amazon Aurora User Guide, "Amazon Aurora Auto Scaling with Aurora Replicas": replicas that were there before count,
but only those that Auto Scaling made are removed; new ones have the writer's instance class, and a tag that says for which
resource they were made; without a writer there is none; while a replica is not
available nothing is scaled.
"""

from __future__ import annotations

import uuid
from typing import Any

from moto.core.exceptions import ServiceException
from moto.utilities.utils import get_partition

from runbook_sandbox.aws.autoscaling.state import Target
from runbook_sandbox.aws.modelled import Call
from runbook_sandbox.aws.rds import creating, deleting
from runbook_sandbox.aws.rds.cluster import Cluster
from runbook_sandbox.aws.rds.instance import Instance
from runbook_sandbox.aws.rds.store import store_of

#: "Aurora supports up to 15 Aurora Replicas".
MAX_REPLICAS = 15
PREFIX = "application-autoscaling-"


def cluster(account_id: str, region: str, resource_id: str) -> Cluster | None:
    """The Aurora cluster of `cluster:<identifier>`."""
    found = store_of(account_id, region).clusters.get(resource_id.removeprefix("cluster:").lower())
    return found if found is not None and not found.multi_az else None


def _replicas(of: Cluster) -> list[Instance]:
    return [item for item in of.members if item.identifier != of.writer and item.status != "deleting"]


def current(target: Target) -> int | None:
    found = cluster(target.account_id, target.region, target.resource_id)
    return len(_replicas(found)) if found else None


def is_fulfilled(target: Target) -> bool:
    found = cluster(target.account_id, target.region, target.resource_id)
    return found is None or all(item.status == "available" for item in found.members)


def change(target: Target, count: int) -> str | None:
    """Make or remove replicas; the answer is why that failed."""
    found = cluster(target.account_id, target.region, target.resource_id)
    failed = f"Failed to set replica count to {count}. Reason:"
    if found is None:
        return f"{failed} the DB cluster {target.resource_id} was not found."
    if found.writer is None or all(item.identifier != found.writer for item in found.members):
        return f"{failed} the DB cluster has no writer, whose class a replica would get."
    replicas = _replicas(found)
    if any(item.status != "available" for item in replicas):
        return f"{failed} a replica of the DB cluster is not in the available state."
    try:
        for _ in range(count - len(replicas)):
            _add(target, found)
        own = [item for item in replicas if item.identifier.startswith(PREFIX)]
        for item in own[: max(0, len(replicas) - count)]:
            deleting.delete_instance(_call(target, "DeleteDBInstance", DBInstanceIdentifier=item.identifier, SkipFinalSnapshot=True))
    except ServiceException as refusal:
        return f"{failed} {refusal.message}"
    return None


def _add(target: Target, to: Cluster) -> None:
    writer = next(item for item in to.members if item.identifier == to.writer)
    creating.create_instance(
        _call(
            target,
            "CreateDBInstance",
            DBInstanceIdentifier=f"{PREFIX}{uuid.uuid4()}",
            DBClusterIdentifier=to.identifier,
            Engine=to.engine.name,
            DBInstanceClass=writer.record["DBInstanceClass"],
            Tags=[{"Key": "application-autoscaling:resourceId", "Value": target.resource_id}],
        )
    )


def _call(target: Target, operation: str, **params: Any) -> Call:
    return Call(target.account_id, target.region, get_partition(target.region), operation, params)
