"""Copying snapshots: within a Region, to another Region, from another account.

Source: Amazon RDS API Reference, CopyDBSnapshot and CopyDBClusterSnapshot; User Guide, "Copying a DB snapshot" (20 copies
in progress to one destination Region and account; tags are copied on demand only; keys do not leave their Region).
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import errors, identifiers, network, notices, snapshotting, tagging
from runbook_sandbox.aws.rds.snapshot import Snapshot
from runbook_sandbox.aws.rds.store import NextSnapshot, Store, parse_arn, store_of

operations = Operations()


def _check_room(store: Store, source: Snapshot) -> None:
    """Raises SnapshotQuotaExceeded at too many cross-Region copies in progress."""
    running = [
        item
        for item in (*store.snapshots.values(), *store.cluster_snapshots.values())
        if item.copying_from and (parse_arn(item.copying_from) or {}).get("region") != store.region
    ]
    if source.store.region != store.region and len(running) >= store.quotas.CrossRegionCopiesInProgress:
        raise errors.snapshot_quota(f"Cannot copy more than {store.quotas.CrossRegionCopiesInProgress} snapshots across regions")


def _key(call: Call, store: Store, source: Snapshot) -> str | None:
    """The key of the copy: the one given, else the source's. Raises when AWS demands one."""
    wanted = call.get("KmsKeyId")
    if wanted:
        return network.key_arn(store, wanted)
    if not source.encrypted:
        return None
    if source.store.region != store.region:
        raise errors.invalid_combination(
            "You must specify a KmsKeyId of the destination Region when copying an encrypted snapshot from another Region."
        )
    if source.store.account_id != store.account_id:
        raise errors.invalid_combination("You must specify a KmsKeyId when copying an encrypted snapshot that another account shares.")
    return source.kms_key


def _copy(call: Call, store: Store, source: Snapshot, target: str, extra: dict[str, Any]) -> Snapshot:
    tags = tagging.on_creation(call, source.kind, target)
    if call.get("CopyTags") and source.store.account_id == store.account_id:
        # Tags given with the request are added to those copied.
        tags = identifiers.merge_tags(source.tags, tags)
    record = {name: value for name, value in source.record.items() if name != "SnapshotCreateTime"} | extra
    record["_source"] = {**source.record["_source"]}
    if source.store.account_id != store.account_id:
        # Tags are not seen across accounts, so a restore of the copy has none to inherit.
        record["_source"]["Tags"] = []
    if source.store.region != store.region:
        record["AvailabilityZone"] = None
    copy = type(source)(store, target, record, tags)
    copy.copying_from = source.arn
    origin = "in region" if source.store.region == store.region else f"from region {source.store.region}"
    begun, ended = ("RDS-EVENT-0196", "RDS-EVENT-0197") if origin == "in region" else ("RDS-EVENT-0059", "RDS-EVENT-0060")
    notices.notice(store, copy.source_type, target, copy.arn, begun, f"Started copy of snapshot {source.identifier} {origin}")
    if source.data is not None:
        copy.data = source.data.copy()
    wish = store.next_snapshot.pop(target, None) or store.next_snapshot.pop("copy:*", NextSnapshot())

    def done() -> None:
        copy.copying_from = None
        if copy.status == "available":
            notices.notice(store, copy.source_type, target, copy.arn, ended, f"Finished copy of snapshot {source.identifier} {origin}")

    copy.begin(pace.rds_copy if wish.seconds is None else wish.seconds, done, fail=wish.fail)
    return copy


@operations("CopyDBSnapshot")
def copy_snapshot(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    source_id = call.get("SourceDBSnapshotIdentifier") or ""
    if not source_id:
        raise errors.blank("SourceDBSnapshotIdentifier")
    target = identifiers.snapshot_identifier(call.get("TargetDBSnapshotIdentifier"), "TargetDBSnapshotIdentifier")
    source = snapshotting.usable(call, source_id, "snapshots", errors.snapshot_not_found)
    if target in store.snapshots:
        raise errors.snapshot_exists(target)
    if source.status != "available":
        raise errors.snapshot_state(f"The source snapshot {source.identifier} is not in the available state.")
    key = _key(call, store, source)
    snapshotting.check_quota(store)
    _check_room(store, source)
    group = call.get("OptionGroupName")
    if group and not group.lower().startswith("default:") and group.lower() not in store.option_groups:
        raise errors.RDSError("OptionGroupNotFoundFault", f"Specified OptionGroupName: {group} not found.")
    source_group = source.record["OptionGroupName"]
    foreign = source.store is not store
    if foreign and not source_group.startswith("default:") and not group:
        raise errors.invalid_combination(
            f"The snapshot requires a target option group with the options of {source_group}; specify OptionGroupName."
        )
    extra = {
        "Encrypted": key is not None,
        "KmsKeyId": key,
        "OptionGroupName": group or source_group,
        "SourceDBSnapshotIdentifier": source.arn,
        "SourceRegion": source.store.region,
        "OriginalSnapshotCreateTime": source.record.get("OriginalSnapshotCreateTime", clock.now()),
    }
    store.snapshots[target] = copy = _copy(call, store, source, target, extra)
    return {"DBSnapshot": copy.describe()}


@operations("CopyDBClusterSnapshot")
def copy_cluster_snapshot(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    source_id = call.get("SourceDBClusterSnapshotIdentifier") or ""
    target = identifiers.snapshot_identifier(call.get("TargetDBClusterSnapshotIdentifier"), "TargetDBClusterSnapshotIdentifier")
    source = snapshotting.usable(call, source_id, "cluster_snapshots", errors.cluster_snapshot_not_found)
    if target in store.cluster_snapshots:
        raise errors.cluster_snapshot_exists(target)
    if source.status != "available":
        raise errors.cluster_snapshot_state(f"The source cluster snapshot {source.identifier} is not in the available state.")
    key = _key(call, store, source)
    if key is not None and not source.encrypted:
        raise errors.invalid_combination("You can't encrypt an unencrypted DB cluster snapshot when you copy it.")
    snapshotting.check_quota(store, cluster=True)
    _check_room(store, source)
    extra = {"StorageEncrypted": key is not None, "KmsKeyId": key, "SourceDBClusterSnapshotArn": source.arn}
    store.cluster_snapshots[target] = copy = _copy(call, store, source, target, extra)
    return {"DBClusterSnapshot": copy.describe()}
