"""Exports of snapshots and clusters to S3: tasks that start, progress, and end.

Source: Amazon RDS API Reference, StartExportTask, CancelExportTask, DescribeExportTasks, ExportTask; User Guide, "Exporting
DB snapshot data to Amazon S3". There is no data to export: the bucket gets the task's `export_info` alone.
"""

from __future__ import annotations

import json
import re
from typing import Any

from moto.s3.models import s3_backends

from runbook_sandbox.aws.clock import Appointment, clock
from runbook_sandbox.aws.iam import evaluate, identities
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import errors, identifiers, network, notices, paging, snapshotting
from runbook_sandbox.aws.rds.resource import Progress
from runbook_sandbox.aws.rds.store import Store, parse_arn, store_of

operations = Operations()

_LONGEST_NAME = 60
#: `database`, `database.table`, `database.schema`, `database.schema.table`.
_PART = re.compile(r"[^.\s]+(\.[^.\s]+){0,2}")
#: Source type of a notice: events of an export that was canceled, and of one that is complete.
_EVENTS = {"db-snapshot": ("RDS-EVENT-0160", "RDS-EVENT-0161"), "db-cluster-snapshot": ("RDS-EVENT-0163", "RDS-EVENT-0164")}


class Export:
    """One export task; `record` is named as the API reference names it."""

    def __init__(self, store: Store, source: Any, record: dict[str, Any]) -> None:
        self.store, self.source, self.record = store, source, record
        self.status = "STARTING"
        self._progress = Progress(0)
        self._next: Appointment | None = None

    @property
    def identifier(self) -> str:
        return str(self.record["ExportTaskIdentifier"])

    def begin(self) -> None:
        """STARTING for a fifth of the time, then IN_PROGRESS."""
        self._next = clock.call_later(pace.rds_export * 0.2, self._run, f"rds export {self.identifier}")

    def _run(self) -> None:
        self.status, self.record["TaskStartTime"] = "IN_PROGRESS", clock.now()
        self._progress = Progress(pace.rds_export * 0.8)
        self._next = clock.call_later(pace.rds_export * 0.8, self._complete, f"rds export {self.identifier}")

    def _complete(self) -> None:
        self._end("COMPLETE")
        info = self.describe() | {name: self.record[name].isoformat() for name in ("SnapshotTime", "TaskStartTime", "TaskEndTime")}
        folder = "/".join(filter(None, (self.record.get("S3Prefix"), self.identifier)))
        backend = s3_backends[self.store.account_id][self.store.partition]
        if self.record["S3Bucket"] in backend.buckets:
            key, body = f"{folder}/export_info_{self.identifier}.json", json.dumps(info).encode()
            backend.put_object(self.record["S3Bucket"], key, body)
        self._notice(1)

    def cancel(self) -> None:
        """CANCELING, and soon CANCELED. Raises InvalidExportTaskStateFault once it is over."""
        if self.status not in ("STARTING", "IN_PROGRESS"):
            raise errors.RDSError(
                "InvalidExportTaskStateFault", f"The export task {self.identifier} can't be canceled: its status is {self.status}."
            )
        if self._next is not None:
            self._next.cancel()
        self.status = "CANCELING"

        def canceled() -> None:
            self._end("CANCELED")
            self._notice(0)

        self._next = clock.call_later(1, canceled, f"rds export {self.identifier}")

    def _end(self, status: str) -> None:
        self.status, self.record["TaskEndTime"] = status, clock.now()

    def _notice(self, which: int) -> None:
        if self.source.source_type in _EVENTS:
            event = _EVENTS[self.source.source_type][which]
            notices.notice(self.store, self.source.source_type, self.source.identifier, self.source.arn, event)

    def describe(self) -> dict[str, Any]:
        """The task as the API reference shows it."""
        percent = {"IN_PROGRESS": self._progress.percent(), "COMPLETE": 100}.get(self.status, 0)
        done = self.record["_size"] if self.status == "COMPLETE" else 0
        shown = {name: value for name, value in self.record.items() if not name.startswith("_") and value is not None}
        return shown | {"Status": self.status, "PercentProgress": percent, "TotalExtractedDataInGB": done}


def _source(call: Call, arn: str) -> Any:
    """An available snapshot, cluster snapshot or cluster by its ARN."""
    kind = (parse_arn(arn) or {}).get("kind")
    store = store_of(call.account_id, call.region)
    if kind == "snapshot":
        found: Any = snapshotting.usable(call, arn, "snapshots", errors.snapshot_not_found)
    elif kind == "cluster-snapshot":
        found = snapshotting.usable(call, arn, "cluster_snapshots", errors.cluster_snapshot_not_found)
    elif kind == "cluster":
        found = store.cluster(arn)
    else:
        raise errors.invalid_value(f"Invalid source ARN: {arn}. It must be the ARN of a DB snapshot, DB cluster snapshot or DB cluster.")
    if found.store.region != call.region:
        raise errors.invalid_value(f"Invalid source ARN: {arn}. The snapshot must be in the Region of the export.")
    if found.status != "available":
        raise errors.RDSError("InvalidExportSourceState", f"The source {found.identifier} is not available (it is {found.status}).")
    return found


def _check_bucket(call: Call, name: str) -> None:
    bucket = s3_backends[call.account_id][call.partition].buckets.get(name)
    if bucket is None or bucket.region_name != call.region:
        raise errors.RDSError(
            "InvalidS3BucketFault", f"The specified Amazon S3 bucket name {name} can't be found or isn't in {call.region}."
        )


def _check_role(call: Call, arn: str, bucket: str) -> None:
    """The role exists and may write to the bucket."""
    role = identities.principal_of(arn) if identities.ROLE_ARN.fullmatch(arn) else None
    if role is None:
        raise errors.RDSError("IamRoleNotFound", f"The IAM role {arn} is missing.")
    resource = f"arn:{call.partition}:s3:::{bucket}/export"
    if evaluate.check_one(role, "s3:PutObject", resource, {}, call.partition) is not None:
        raise errors.RDSError(
            "IamRoleMissingPermissions", f"The IAM role {arn} requires additional permissions to export to the Amazon S3 bucket {bucket}."
        )


@operations("StartExportTask")
def start_export_task(call: Call) -> dict[str, Any]:
    """Answers STARTING. The export is of the snapshot, so the snapshot may be deleted meanwhile."""
    store = store_of(call.account_id, call.region)
    name = identifiers.checked(call.get("ExportTaskIdentifier"), "ExportTaskIdentifier", _LONGEST_NAME)
    if name in store.exports:
        raise errors.RDSError("ExportTaskAlreadyExists", f"The export task {name} already exists.")
    source = _source(call, call.get("SourceArn", ""))
    for part in call.get("ExportOnly") or []:
        if not _PART.fullmatch(part):
            raise errors.RDSError("InvalidExportOnly", f"The export is invalid: {part} is no database, schema or table.")
    bucket, role = call.get("S3BucketName", ""), call.get("IamRoleArn", "")
    _check_bucket(call, bucket)
    _check_role(call, role, bucket)
    record = {
        "ExportTaskIdentifier": name,
        "SourceArn": source.arn,
        "ExportOnly": call.get("ExportOnly"),
        "SnapshotTime": source.record.get("SnapshotCreateTime", clock.now()),
        "S3Bucket": bucket,
        "S3Prefix": call.get("S3Prefix"),
        "IamRoleArn": role,
        "KmsKeyId": network.key_arn(store, call.get("KmsKeyId")),
        "SourceType": "CLUSTER" if source.kind == "cluster" else "SNAPSHOT",
        "_size": source.record.get("AllocatedStorage", 0),
    }
    task = store.exports[name] = Export(store, source, record)
    task.begin()
    return task.describe()


def _task(store: Store, identifier: str) -> Export:
    found = store.exports.get(identifier.lower())
    if found is None:
        raise errors.RDSError("ExportTaskNotFound", f"The export task {identifier} doesn't exist.")
    return found


@operations("CancelExportTask")
def cancel_export_task(call: Call) -> dict[str, Any]:
    task = _task(store_of(call.account_id, call.region), call.get("ExportTaskIdentifier", ""))
    task.cancel()
    return task.describe()


@operations("DescribeExportTasks")
def describe_export_tasks(call: Call) -> dict[str, Any]:
    """Of one name, one source, one type; filters as the API reference lists them."""
    store = store_of(call.account_id, call.region)
    tasks = [_task(store, call.get("ExportTaskIdentifier", ""))] if call.get("ExportTaskIdentifier") else list(store.exports.values())
    wanted = {"SourceArn": call.get("SourceArn"), "SourceType": call.get("SourceType")}
    tasks = [task for task in tasks if all(value in (None, task.record[name]) for name, value in wanted.items())]
    filters = {
        "export-task-identifier": lambda task: task.identifier,
        "s3-bucket": lambda task: task.record["S3Bucket"],
        "snapshot-arn": lambda task: task.record["SourceArn"],
        "status": lambda task: task.status,
    }
    shown, marker = paging.page(call, paging.filtered(call, tasks, filters), key=lambda task: task.identifier)
    return {"ExportTasks": [task.describe() for task in shown], "Marker": marker}
