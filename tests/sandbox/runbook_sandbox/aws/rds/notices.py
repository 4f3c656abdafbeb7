"""RDS events: kept 14 days for DescribeEvents, and sent to EventBridge.

Source: Amazon RDS User Guide, "Amazon RDS event categories and event messages" and "Creating a rule that triggers on an
Amazon RDS event" (detail-type and detail of each source type).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from runbook_sandbox.aws import events
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.rds import errors, paging, subscriptions
from runbook_sandbox.aws.rds.store import Store, store_of

operations = Operations()

_KEPT = timedelta(days=14)
_SOURCES = {
    "db-instance": ("RDS DB Instance Event", "DB_INSTANCE"),
    "db-snapshot": ("RDS DB Snapshot Event", "SNAPSHOT"),
    "db-cluster": ("RDS DB Cluster Event", "CLUSTER"),
    "db-cluster-snapshot": ("RDS DB Cluster Snapshot Event", "CLUSTER_SNAPSHOT"),
}
#: Identifier of an event -> its category and message; those of the instance, snapshot and cluster tables the sandbox raises.
_EVENTS = {
    "RDS-EVENT-0001": ("backup", "Backing up DB instance"),
    "RDS-EVENT-0002": ("backup", "Finished DB Instance backup"),
    "RDS-EVENT-0003": ("deletion", "DB instance deleted"),
    "RDS-EVENT-0004": ("availability", "DB instance shutdown"),
    "RDS-EVENT-0005": ("creation", "DB instance created"),
    "RDS-EVENT-0006": ("availability", "DB instance restarted"),
    "RDS-EVENT-0012": ("configuration change", "Applying modification to database instance class"),
    "RDS-EVENT-0013": ("failover", "Multi-AZ instance failover started"),
    "RDS-EVENT-0014": ("configuration change", "Finished applying modification to DB instance class"),
    "RDS-EVENT-0016": ("configuration change", "Reset master credentials"),
    "RDS-EVENT-0017": ("configuration change", "Finished applying modification to allocated storage"),
    "RDS-EVENT-0018": ("configuration change", "Applying modification to allocated storage"),
    "RDS-EVENT-0019": ("restoration", "Restored from DB instance"),
    "RDS-EVENT-0028": ("configuration change", "Disabled automated backups"),
    "RDS-EVENT-0032": ("configuration change", "Enabled automated backups"),
    "RDS-EVENT-0040": ("creation", "Creating manual snapshot"),
    "RDS-EVENT-0041": ("deletion", "Deleted manual snapshot"),
    "RDS-EVENT-0042": ("creation", "Manual snapshot created"),
    "RDS-EVENT-0043": ("restoration", "Restored from snapshot"),
    "RDS-EVENT-0049": ("failover", "Multi-AZ instance failover completed"),
    "RDS-EVENT-0059": ("notification", "Started copy of snapshot"),
    "RDS-EVENT-0060": ("notification", "Finished copy of snapshot"),
    "RDS-EVENT-0074": ("backup", "Creating manual cluster snapshot"),
    "RDS-EVENT-0075": ("backup", "Manual cluster snapshot created"),
    "RDS-EVENT-0087": ("notification", "DB instance stopped"),
    "RDS-EVENT-0088": ("notification", "DB instance started"),
    "RDS-EVENT-0090": ("creation", "Creating automated snapshot"),
    "RDS-EVENT-0091": ("creation", "Automated snapshot created"),
    "RDS-EVENT-0151": ("notification", "DB cluster started"),
    "RDS-EVENT-0150": ("notification", "DB cluster stopped"),
    "RDS-EVENT-0160": ("notification", "DB snapshot export task canceled"),
    "RDS-EVENT-0161": ("notification", "DB snapshot export task completed"),
    "RDS-EVENT-0163": ("notification", "DB cluster snapshot export task canceled"),
    "RDS-EVENT-0164": ("notification", "DB cluster snapshot export task completed"),
    "RDS-EVENT-0168": ("backup", "Creating automated cluster snapshot"),
    "RDS-EVENT-0169": ("backup", "Automated cluster snapshot created"),
    "RDS-EVENT-0196": ("notification", "Started copy of snapshot in region"),
    "RDS-EVENT-0197": ("notification", "Finished copy of snapshot in region"),
    "RDS-EVENT-0170": ("creation", "DB cluster created"),
    "RDS-EVENT-0171": ("deletion", "DB cluster deleted"),
    "RDS-EVENT-0172": ("notification", "Renamed DB cluster"),
    "RDS-EVENT-0071": ("failover", "Completed failover to DB instance"),
    "RDS-EVENT-0073": ("failover", "Started cross AZ failover to DB instance"),
}


def notice(store: Store, source_type: str, identifier: str, arn: str, event_id: str, message: str | None = None) -> None:
    """Record an event and send it to EventBridge. `message` replaces the event's usual text."""
    category, usual = _EVENTS[event_id]
    now = clock.now()
    entry = {
        "SourceIdentifier": identifier,
        "SourceType": source_type,
        "Message": message or usual,
        "EventCategories": [category],
        "Date": now,
        "SourceArn": arn,
    }
    oldest = now - _KEPT
    while store.events and store.events[0]["Date"] < oldest:
        store.events.pop(0)
    store.events.append(entry)
    subscriptions.tell(store, entry, event_id)
    detail_type, upper = _SOURCES[source_type]
    detail = {
        "EventCategories": [category],
        "SourceType": upper,
        "SourceArn": arn,
        "Date": now.strftime("%Y-%m-%dT%H:%M:%S.") + f"{now.microsecond // 1000:03}Z",
        "Message": entry["Message"],
        "SourceIdentifier": identifier,
        "EventID": event_id,
    }
    events.emit(store.account_id, store.region, "aws.rds", detail_type, [arn], detail)


@operations("DescribeEvents")
def describe_events(call: Call) -> dict[str, Any]:
    """Events of the last hour unless Duration (minutes) or StartTime say otherwise, oldest first."""
    store = store_of(call.account_id, call.region)
    if call.get("SourceIdentifier") and not call.get("SourceType"):
        raise errors.invalid_combination("SourceType must be specified when SourceIdentifier is.")
    if call.get("SourceType") not in (None, *subscriptions.CATEGORIES):
        raise errors.invalid_value(f"Invalid source type: {call.get('SourceType')}. Valid values: {', '.join(subscriptions.CATEGORIES)}")
    now = clock.now()
    duration = call.get("Duration", 60)
    if not 1 <= duration <= 20160:
        raise errors.invalid_value("Duration must be between 1 and 20160 minutes.")
    end = call.get("EndTime") or now
    start = call.get("StartTime") or end - timedelta(minutes=duration)
    wanted = set(call.get("EventCategories") or [])
    found = [
        (index, entry)
        for index, entry in enumerate(store.events)
        if start <= entry["Date"] <= end
        and call.get("SourceType") in (None, entry["SourceType"])
        and call.get("SourceIdentifier") in (None, entry["SourceIdentifier"], entry["SourceArn"])
        and (not wanted or wanted & set(entry["EventCategories"]))
    ]
    shown, marker = paging.page(call, found, key=lambda item: f"{_order(item[1]['Date'])}-{item[0]:09}")
    return {"Events": [entry for _, entry in shown], "Marker": marker}


def _order(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds")
