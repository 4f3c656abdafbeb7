"""Sharing snapshots with other accounts.

Source: Amazon RDS User Guide, "Sharing a DB snapshot": manual ones only, at most 20 accounts, encrypted ones not in
public, none that is encrypted under the default key. API Reference, ModifyDBSnapshotAttribute.
"""

from __future__ import annotations

import re
from typing import Any

from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.rds import errors, network
from runbook_sandbox.aws.rds.snapshot import PUBLIC, Snapshot
from runbook_sandbox.aws.rds.store import store_of

operations = Operations()


def _attributes(snapshot: Snapshot) -> list[dict[str, Any]]:
    return [{"AttributeName": "restore", "AttributeValues": sorted(snapshot.shared_with)}]


def _modify(call: Call, snapshot: Snapshot, state_error: Any) -> None:
    name = call.get("AttributeName")
    if name != "restore":
        raise errors.invalid_value(f"Invalid snapshot attribute name: {name}. The only one that can be modified is restore.")
    added, removed = set(call.get("ValuesToAdd") or []), set(call.get("ValuesToRemove") or [])
    for account in added | removed:
        if account != PUBLIC and not re.fullmatch(r"\d{12}", account):
            raise errors.invalid_value(f"Invalid AWS account ID: {account}")
    if snapshot.type != "manual":
        raise state_error(f"Cannot share the snapshot {snapshot.identifier}: only manual snapshots can be shared. Copy it first.")
    if snapshot.status != "available":
        raise state_error(f"The snapshot {snapshot.identifier} is not in the available state.")
    if added and snapshot.encrypted:
        if PUBLIC in added:
            raise errors.invalid_combination("Encrypted snapshots can't be shared publicly.")
        if network.is_default_key(snapshot.store, snapshot.kms_key):
            raise errors.invalid_combination(
                "Sharing snapshots encrypted with the default service key for RDS is currently not supported. "
                "Copy the snapshot under a customer managed key and share the copy."
            )
    result = (snapshot.shared_with | added) - removed
    if len(result - {PUBLIC}) > snapshot.store.quotas.SharedAccountsPerSnapshot:
        raise errors.RDSError(
            "SharedSnapshotQuotaExceeded",
            f"A snapshot can be shared with at most {snapshot.store.quotas.SharedAccountsPerSnapshot} accounts.",
        )
    snapshot.shared_with = result


@operations("ModifyDBSnapshotAttribute")
def modify_attribute(call: Call) -> dict[str, Any]:
    snapshot = store_of(call.account_id, call.region).snapshot(call.get("DBSnapshotIdentifier", ""))
    _modify(call, snapshot, errors.snapshot_state)
    return _result(snapshot)


@operations("DescribeDBSnapshotAttributes")
def describe_attributes(call: Call) -> dict[str, Any]:
    return _result(store_of(call.account_id, call.region).snapshot(call.get("DBSnapshotIdentifier", "")))


@operations("ModifyDBClusterSnapshotAttribute")
def modify_cluster_attribute(call: Call) -> dict[str, Any]:
    snapshot = store_of(call.account_id, call.region).cluster_snapshot(call.get("DBClusterSnapshotIdentifier", ""))
    _modify(call, snapshot, errors.cluster_snapshot_state)
    return _cluster_result(snapshot)


@operations("DescribeDBClusterSnapshotAttributes")
def describe_cluster_attributes(call: Call) -> dict[str, Any]:
    return _cluster_result(store_of(call.account_id, call.region).cluster_snapshot(call.get("DBClusterSnapshotIdentifier", "")))


def _result(snapshot: Snapshot) -> dict[str, Any]:
    return {"DBSnapshotAttributesResult": {"DBSnapshotIdentifier": snapshot.identifier, "DBSnapshotAttributes": _attributes(snapshot)}}


def _cluster_result(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "DBClusterSnapshotAttributesResult": {
            "DBClusterSnapshotIdentifier": snapshot.identifier,
            "DBClusterSnapshotAttributes": _attributes(snapshot),
        }
    }
