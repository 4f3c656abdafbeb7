"""A DB instance: its record, and what DescribeDBInstances shows of it.

Source: Amazon RDS API Reference, DBInstance; User Guide, "Viewing Amazon RDS DB instance status".
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from runbook_sandbox.aws.clock import Appointment, clock
from runbook_sandbox.aws.rds import errors, notices, windows
from runbook_sandbox.aws.rds.engines import ENGINES, Engine
from runbook_sandbox.aws.rds.resource import Resource, Work
from runbook_sandbox.aws.rds.store import Store

if TYPE_CHECKING:
    from runbook_sandbox.postgres.host import Database

#: States in which an instance takes changes and snapshots.
READY = ("available", "storage-optimization")
#: Transaction logs reach S3 every five minutes, so that is the step of LatestRestorableTime.
LOG_INTERVAL = timedelta(minutes=5)


class Instance(Resource):
    """A DB instance; a member of an Aurora or Multi-AZ DB cluster when `cluster_identifier` is set."""

    kind = "db"

    def __init__(self, store: Store, identifier: str, record: dict[str, Any], tags: list[dict[str, str]]) -> None:
        super().__init__(store, identifier, record, tags)
        self.pending: dict[str, Any] = {}
        #: A master password is on its way into the database; it is shown as pending, masked.
        self.password_pending = False
        self.first_backup: datetime | None = None
        self.stopped_at: datetime | None = None
        self.restart_at: datetime | None = None
        self.storage_changed_at: datetime | None = None
        self.endpoint_ready = False
        self.endpoint: tuple[str, int] | None = None
        #: The real server behind it, if that was asked for.
        self.database: Database | None = None
        #: A plan of AWS Backup keeps its automated backups.
        self.continuous_backup = False
        self.idle_status = "available"
        self.backup_appointment: Appointment | None = None
        self.maintenance_appointment: Appointment | None = None

    @property
    def engine(self) -> Engine:
        return ENGINES[self.record["Engine"]]

    @property
    def cluster_identifier(self) -> str | None:
        return self.record.get("DBClusterIdentifier")

    @property
    def retention(self) -> int:
        """Days; 0 means that automated backups are off."""
        return self.record.get("BackupRetentionPeriod", 0)

    @property
    def work(self) -> Work | None:
        return self.database

    def complete(self) -> None:
        """Waits for its server, which is where clients are told to go then; without one it is `failed`."""
        if self.database is None:
            return
        try:
            self.database.join()
        except Exception:
            self.status = "failed"
            raise
        self.endpoint = ("localhost", self.database.port)

    def require(self, message: str) -> None:
        """Raises InvalidDBInstanceState with `message` unless the instance takes changes now."""
        if self.status not in READY:
            raise errors.instance_state(message)

    def settle(self) -> None:
        """Back to rest: `available`, or `storage-optimization` while a volume is being rearranged."""
        if self.status != "deleting":
            self.status = self.idle_status

    def notice(self, event_id: str, message: str | None = None) -> None:
        notices.notice(self.store, "db-instance", self.identifier, self.arn, event_id, message)

    def address(self) -> tuple[str, int]:
        """Host and port that clients are told: those set by the control API, else AWS's form of a name."""
        override = self.endpoint or self.store.endpoints.get(self.identifier)
        if override is not None:
            return override
        digest = hashlib.sha256(f"{self.store.account_id}/{self.store.region}".encode()).hexdigest()
        label = "c" + "".join(character for character in digest if character.isalnum())[:11]
        suffix = "amazonaws.com.cn" if self.store.region.startswith("cn-") else "amazonaws.com"
        return f"{self.identifier}.{label}.{self.store.region}.rds.{suffix}", self.record["Port"]

    def latest_restorable_time(self) -> datetime | None:
        """How far a restore to a point in time reaches: the last shipped transaction log, none before the first backup."""
        if self.first_backup is None or not self.retention or self.cluster_identifier:
            return None
        until = self.stopped_at or clock.now()
        return until - (until - self.first_backup) % LOG_INTERVAL

    def recovery_point_arn(self) -> str | None:
        """AwsBackupRecoveryPointArn: that of the continuous backup, where AWS Backup keeps one."""
        place = f"{self.store.region}:{self.store.account_id}"
        return (
            f"arn:aws:backup:{place}:recovery-point:continuous:{self.record['DbiResourceId'].lower()}" if self.continuous_backup else None
        )

    def earliest_restorable_time(self) -> datetime | None:
        """The beginning of the restore window: the first backup, or the retention's edge."""
        if self.first_backup is None:
            return None
        return max(self.first_backup, clock.now() - timedelta(days=self.retention))

    def describe(self) -> dict[str, Any]:
        """The instance as a DBInstance of the API reference."""
        shown = dict(self.record)
        group = self.store.subnet_groups.get(shown.pop("DBSubnetGroupName", None) or "")
        port = shown.pop("Port")
        shown |= {
            "DBInstanceIdentifier": self.identifier,
            "DBInstanceArn": self.arn,
            "DBInstanceStatus": self.status,
            "TagList": self.tags,
            "PendingModifiedValues": self._shown_pending(),
            "DbInstancePort": 0,
            "DBSubnetGroup": group,
            "LatestRestorableTime": self.latest_restorable_time(),
            "AwsBackupRecoveryPointArn": self.recovery_point_arn(),
        }
        if self.endpoint_ready:
            host, port = self.address()
            shown["Endpoint"] = {"Address": host, "Port": port, "HostedZoneId": "Z1RLNUO7B9Q6NB"}
        if self.restart_at is not None and self.status == "stopped":
            shown["AutomaticRestartTime"] = self.restart_at
        cluster = self.store.clusters.get(self.cluster_identifier or "")
        if cluster is not None:
            for name in ("BackupRetentionPeriod", "PreferredBackupWindow"):
                shown[name] = cluster.record[name]
            shown["DeletionProtection"] = False
        return shown

    def _shown_pending(self) -> dict[str, Any]:
        shown = dict(self.pending)
        if self.password_pending:
            shown["MasterUserPassword"] = "****"
        if "DBPortNumber" in shown:
            shown["Port"] = shown.pop("DBPortNumber")
        if "NewDBInstanceIdentifier" in shown:
            shown["DBInstanceIdentifier"] = shown.pop("NewDBInstanceIdentifier")
        return shown

    def next_maintenance(self) -> datetime:
        return windows.next_maintenance(self.record["PreferredMaintenanceWindow"], clock.now())
