"""Snapshots of instances and of clusters: their records, and how long they are `creating`.

Source: Amazon RDS API Reference, DBSnapshot and DBClusterSnapshot; Aurora and RDS User Guides, "Creating a DB snapshot".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.rds import notices
from runbook_sandbox.aws.rds.resource import Progress, Resource, Work
from runbook_sandbox.aws.rds.store import Store

if TYPE_CHECKING:
    from runbook_sandbox.postgres.host import Data

PUBLIC = "all"


class Snapshot(Resource):
    """A DB snapshot. `type` is manual, automated or awsbackup."""

    kind = "snapshot"
    source_type = "db-snapshot"
    #: Members of a description that hold identifier and ARN.
    names = ("DBSnapshotIdentifier", "DBSnapshotArn")
    started = {"manual": "RDS-EVENT-0040", "automated": "RDS-EVENT-0090"}
    finished = {"manual": "RDS-EVENT-0042", "automated": "RDS-EVENT-0091"}

    def __init__(self, store: Store, identifier: str, record: dict[str, Any], tags: list[dict[str, str]], type: str = "manual") -> None:
        super().__init__(store, identifier, record, tags)
        self.type = type
        self.shared_with: set[str] = set()
        self.copying_from: str | None = None
        #: Set while it is being made: it will end as `failed`.
        self.doomed = False
        #: What it holds, if its instance has a real server.
        self.data: Data | None = None
        self._progress = Progress(0)

    @property
    def kms_key(self) -> str | None:
        return self.record.get("KmsKeyId")

    @property
    def encrypted(self) -> bool:
        return bool(self.record.get("Encrypted", self.record.get("StorageEncrypted")))

    @property
    def work(self) -> Work | None:
        return self.data

    def complete(self) -> None:
        """Waits for what it shall hold; it will be `failed` if that could not be had (the log says why)."""
        try:
            super().complete()
        except Exception:
            self.doomed = True

    def begin(self, seconds: float, done: Callable[[], None], *, fail: bool = False, take: Callable[[], None] | None = None) -> None:
        """Take `seconds` in `creating`, then become available (or failed) and call `done`; `take` runs at the moment it is of."""
        self._progress = Progress(seconds)
        if self.type in self.started and self.copying_from is None:
            notices.notice(self.store, self.source_type, self.identifier, self.arn, self.started[self.type])
        # The moment of the snapshot is known soon after the request, not in its answer.
        self.later(seconds * 0.2, self._taken if take is None else lambda: (self._taken(), take()), "snapshot taken")

        self.doomed = fail

        def finish() -> None:
            self.status = "failed" if self.doomed else "available"
            self.record.setdefault("SnapshotCreateTime", clock.now())
            if not self.doomed and self.type in self.finished and self.copying_from is None:
                notices.notice(self.store, self.source_type, self.identifier, self.arn, self.finished[self.type])
            done()

        self.when_done(seconds, finish, "snapshot finished")

    def _taken(self) -> None:
        self.record.setdefault("SnapshotCreateTime", clock.now())
        self.record.setdefault("OriginalSnapshotCreateTime", self.record["SnapshotCreateTime"])

    def discard(self) -> None:
        """It is gone, with what it holds and what was to happen with it."""
        self.cancel_all()
        table = self.store.cluster_snapshots if isinstance(self, ClusterSnapshot) else self.store.snapshots
        table.pop(self.identifier, None)
        if self.data is not None:
            self.data.discard()
            self.data = None

    def percent(self) -> int:
        """100 once available; a failed one keeps 0."""
        if self.status == "creating":
            return self._progress.percent()
        return 0 if self.status == "failed" else 100

    def visible_to(self, account_id: str) -> bool:
        """Whether another account may see and use it."""
        return PUBLIC in self.shared_with or account_id in self.shared_with

    def describe(self, account_id: str | None = None) -> dict[str, Any]:
        """The snapshot as the API reference shows it; to another account under its ARN and type, without tags."""
        foreign = account_id is not None and account_id != self.store.account_id
        identifier_name, arn_name = self.names
        shown = {
            **self.record,
            identifier_name: self.arn if foreign else self.identifier,
            arn_name: self.arn,
            "Status": self.status,
            "PercentProgress": self.percent(),
            "SnapshotType": ("public" if PUBLIC in self.shared_with else "shared") if foreign else self.type,
            "TagList": [] if foreign else self.tags,
        }
        return shown


class ClusterSnapshot(Snapshot):
    """A snapshot of an Aurora or Multi-AZ DB cluster."""

    kind = "cluster-snapshot"
    source_type = "db-cluster-snapshot"
    names = ("DBClusterSnapshotIdentifier", "DBClusterSnapshotArn")
    started = {"manual": "RDS-EVENT-0074", "automated": "RDS-EVENT-0168"}
    finished = {"manual": "RDS-EVENT-0075", "automated": "RDS-EVENT-0169"}

    def _taken(self) -> None:
        self.record.setdefault("SnapshotCreateTime", clock.now())
