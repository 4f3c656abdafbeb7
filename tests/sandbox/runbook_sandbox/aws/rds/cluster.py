"""A DB cluster: Aurora, or Multi-AZ with two readable standbys.

Source: Amazon RDS API Reference, DBCluster; Amazon Aurora User Guide, "Viewing DB cluster status".
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import Any

from runbook_sandbox.aws.clock import Appointment, clock
from runbook_sandbox.aws.rds import errors, notices
from runbook_sandbox.aws.rds.engines import ENGINES, Engine
from runbook_sandbox.aws.rds.instance import Instance
from runbook_sandbox.aws.rds.resource import Resource
from runbook_sandbox.aws.rds.store import Store


class Cluster(Resource):
    """A DB cluster and the order of its members; the writer is one of them."""

    kind = "cluster"

    def __init__(self, store: Store, identifier: str, record: dict[str, Any], tags: list[dict[str, str]]) -> None:
        super().__init__(store, identifier, record, tags)
        self.pending: dict[str, Any] = {}
        self.writer: str | None = None
        self.backup_appointment: Appointment | None = None
        self.restart_at: datetime | None = None
        self.endpoint: tuple[str, int] | None = None

    @property
    def engine(self) -> Engine:
        return ENGINES[self.record["Engine"]]

    @property
    def multi_az(self) -> bool:
        """A Multi-AZ DB cluster: not Aurora, three members that are AWS's."""
        return not self.engine.aurora

    @property
    def members(self) -> list[Instance]:
        return [item for item in self.store.instances.values() if item.cluster_identifier == self.identifier]

    def require(self, message: str) -> None:
        """Raises InvalidDBClusterStateFault with `message` unless the cluster is available."""
        if self.status != "available":
            raise errors.cluster_state(message)

    def settle(self) -> None:
        if self.status != "deleting":
            self.status = "available"

    def notice(self, event_id: str, message: str | None = None) -> None:
        notices.notice(self.store, "db-cluster", self.identifier, self.arn, event_id, message)

    def joined(self, member: Instance) -> None:
        """The first member writes."""
        if self.writer is None:
            self.writer = member.identifier

    def left(self, member: Instance) -> None:
        """When the writer goes, the reader of the best promotion tier takes over."""
        if self.writer == member.identifier:
            others = [item for item in self.members if item is not member and item.status != "deleting"]
            others.sort(key=lambda item: (item.record["PromotionTier"], item.identifier))
            self.writer = others[0].identifier if others else None

    def _host(self, reader: bool) -> str:
        digest = hashlib.sha256(f"{self.store.account_id}/{self.store.region}".encode()).hexdigest()[:11]
        suffix = "amazonaws.com.cn" if self.store.region.startswith("cn-") else "amazonaws.com"
        return f"{self.identifier}.cluster-{'ro-' if reader else ''}c{digest}.{self.store.region}.rds.{suffix}"

    def latest_restorable_time(self) -> datetime:
        """Aurora backs up continuously; the last five minutes may be missing."""
        age = clock.now() - self.record["ClusterCreateTime"]
        return clock.now() - min(age, timedelta(minutes=5)) if self.status != "creating" else self.record["ClusterCreateTime"]

    def describe(self) -> dict[str, Any]:
        """The cluster as a DBCluster of the API reference."""
        shown = dict(self.record)
        earliest = max(self.record["ClusterCreateTime"], clock.now() - timedelta(days=self.record["BackupRetentionPeriod"]))
        override = self.endpoint or self.store.endpoints.get(self.identifier)
        host, port = override or (self._host(False), self.record["Port"])
        group = shown.pop("DBSubnetGroupName", None)
        shown |= {
            "DBClusterIdentifier": self.identifier,
            "DBClusterArn": self.arn,
            "Status": self.status,
            "TagList": self.tags,
            "DBSubnetGroup": group,
            "Endpoint": host,
            "ReaderEndpoint": override[0] if override else self._host(True),
            "Port": port,
            "MultiAZ": len({item.record.get("AvailabilityZone") for item in self.members}) > 1,
            "EarliestRestorableTime": earliest,
            "LatestRestorableTime": max(earliest, self.latest_restorable_time()),
            "PendingModifiedValues": {name: "****" if "Password" in name else value for name, value in self.pending.items()} or None,
            "DBClusterMembers": [
                {
                    "DBInstanceIdentifier": item.identifier,
                    "IsClusterWriter": item.identifier == self.writer,
                    "DBClusterParameterGroupStatus": "in-sync",
                    "PromotionTier": item.record["PromotionTier"],
                }
                for item in self.members
            ],
        }
        if self.restart_at is not None and self.status == "stopped":
            shown["AutomaticRestartTime"] = self.restart_at
        return shown
