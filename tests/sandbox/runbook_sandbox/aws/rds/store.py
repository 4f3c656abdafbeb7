"""What one account has of RDS in one region, and the way from an identifier or ARN to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.utilities.utils import get_partition

from runbook_sandbox.aws.rds import errors

if TYPE_CHECKING:
    from runbook_sandbox.aws.rds.cluster import Cluster
    from runbook_sandbox.aws.rds.exporting import Export
    from runbook_sandbox.aws.rds.instance import Instance
    from runbook_sandbox.aws.rds.snapshot import ClusterSnapshot, Snapshot

_ARN = re.compile(r"^arn:(?P<partition>aws[\w-]*):rds:(?P<region>[\w-]+):(?P<account>\d{12}):(?P<kind>[\w-]+):(?P<name>.+)$")


@dataclass
class Quotas:
    """Account quotas of a region (Amazon RDS User Guide, "Quotas and constraints"); settable by the control API."""

    DBInstances: int = 40
    DBClusters: int = 40
    ManualSnapshots: int = 100
    ManualClusterSnapshots: int = 100
    AllocatedStorage: int = 100_000
    ReadReplicasPerMaster: int = 15
    DBSubnetGroups: int = 50
    DBParameterGroups: int = 50
    DBClusterParameterGroups: int = 50
    OptionGroups: int = 20
    EventSubscriptions: int = 20
    CrossRegionCopiesInProgress: int = 20
    SharedAccountsPerSnapshot: int = 20


@dataclass
class NextSnapshot:
    """What the control API asked of the next snapshot of a database: to fail, or to take longer (seconds)."""

    fail: bool = False
    seconds: float | None = None


@dataclass
class Store:
    """RDS of one account and region."""

    account_id: str
    region: str
    instances: dict[str, Instance] = field(default_factory=dict)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    cluster_snapshots: dict[str, ClusterSnapshot] = field(default_factory=dict)
    automated_backups: dict[str, dict[str, Any]] = field(default_factory=dict)
    subnet_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    parameter_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    cluster_parameter_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    option_groups: dict[str, dict[str, Any]] = field(default_factory=dict)
    subscriptions: dict[str, dict[str, Any]] = field(default_factory=dict)
    exports: dict[str, Export] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)
    quotas: Quotas = field(default_factory=Quotas)
    next_snapshot: dict[str, NextSnapshot] = field(default_factory=dict)
    endpoints: dict[str, tuple[str, int]] = field(default_factory=dict)
    default_endpoint: tuple[str, int] | None = None
    #: Instances that get a real server when they are created: these, or every one of engine postgres.
    postgres_for: set[str] = field(default_factory=set)
    postgres_for_all: bool = False

    @property
    def partition(self) -> str:
        return get_partition(self.region)

    def arn(self, kind: str, name: str) -> str:
        """`kind` is the ARN's resource type: db, cluster, snapshot, cluster-snapshot, subgrp, pg, cluster-pg, og, es."""
        return f"arn:{self.partition}:rds:{self.region}:{self.account_id}:{kind}:{name}"

    def _key(self, identifier: str, kind: str) -> str:
        parsed = parse_arn(identifier)
        if parsed is None:
            return identifier.lower()
        if parsed["kind"] != kind or parsed["region"] != self.region or parsed["account"] != self.account_id:
            return ""
        return parsed["name"].lower()

    def instance(self, identifier: str) -> Instance:
        """By identifier or ARN. Raises DBInstanceNotFound."""
        found = self.instances.get(self._key(identifier, "db"))
        if found is None:
            raise errors.instance_not_found(identifier)
        return found

    def cluster(self, identifier: str) -> Cluster:
        """By identifier or ARN. Raises DBClusterNotFoundFault."""
        found = self.clusters.get(self._key(identifier, "cluster"))
        if found is None:
            raise errors.cluster_not_found(identifier)
        return found

    def snapshot(self, identifier: str) -> Snapshot:
        """An own snapshot by identifier or ARN. Raises DBSnapshotNotFound."""
        found = self.snapshots.get(self._key(identifier, "snapshot"))
        if found is None:
            raise errors.snapshot_not_found(identifier)
        return found

    def cluster_snapshot(self, identifier: str) -> ClusterSnapshot:
        """An own cluster snapshot by identifier or ARN. Raises DBClusterSnapshotNotFoundFault."""
        found = self.cluster_snapshots.get(self._key(identifier, "cluster-snapshot"))
        if found is None:
            raise errors.cluster_snapshot_not_found(identifier)
        return found

    def manual_snapshots(self) -> int:
        """Snapshots that count against the quota: those of AWS Backup and automated ones do not."""
        return sum(1 for item in self.snapshots.values() if item.type == "manual")

    def manual_cluster_snapshots(self) -> int:
        return sum(1 for item in self.cluster_snapshots.values() if item.type == "manual")

    def allocated_storage(self) -> int:
        """GiB of all instances; Aurora's storage does not count."""
        return sum(item.record.get("AllocatedStorage", 0) for item in self.instances.values() if not item.cluster_identifier)


_stores: dict[tuple[str, str], Store] = {}


def store_of(account_id: str, region: str) -> Store:
    """The store of an account and region, made at first use."""
    key = (account_id, region)
    if key not in _stores:
        _stores[key] = Store(account_id, region)
    return _stores[key]


def all_stores() -> Iterator[Store]:
    yield from list(_stores.values())


def forget() -> None:
    """Drop everything, everywhere."""
    _stores.clear()


def parse_arn(text: str) -> dict[str, str] | None:
    """The parts of an RDS ARN (partition, region, account, kind, name); None for a plain identifier."""
    match = _ARN.match(text)
    return match.groupdict() if match else None
