"""The sandbox's own way to publish metrics of AWS services, under `/_sandbox/cloudwatch/`.

Query parameters `account` and `region` choose the store; the defaults are 123456789012 and eu-central-1.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from runbook_sandbox.aws.cloudwatch import publishing
from runbook_sandbox.aws.cloudwatch.errors import CloudWatchError
from runbook_sandbox.aws.cloudwatch.store import store_of
from runbook_sandbox.aws.control import ControlError, route


@route("/cloudwatch/metrics", ["POST"])
def put_metrics(params: dict[str, str], body: Any) -> Any:
    """`{"Namespace": "AWS/ECS", "MetricData": [...]}` as PutMetricData takes it, of any age; Timestamp in ISO 8601."""
    body = body or {}
    namespace, data = body.get("Namespace") or "", body.get("MetricData") or []
    checked = []
    try:
        publishing.check_namespace(namespace)
        for index, datum in enumerate(data, 1):
            datum = dict(datum)
            time = datum.pop("Timestamp", None)
            publishing.check_datum(datum, f"MetricData.member.{index}")
            if time is not None:
                parsed = datetime.fromisoformat(time)
                datum["Timestamp"] = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
            checked.append(datum)
    except CloudWatchError as error:
        raise ControlError(error.message) from error
    store = store_of(params.get("account", "123456789012"), params.get("region", "eu-central-1"))
    for datum in checked:
        store.metrics.put(namespace, datum)
    return {"published": len(checked)}


@route("/cloudwatch/quotas", ["GET", "PUT"])
def quotas(params: dict[str, str], body: Any) -> Any:
    """`{"Alarms": 5000}`: how many alarms the account may have in the Region."""
    store = store_of(params.get("account", "123456789012"), params.get("region", "eu-central-1"))
    wanted = (body or {}).get("Alarms", store.alarm_limit)
    if not isinstance(wanted, int) or wanted < 0:
        raise ControlError("Alarms must be a whole number that is not negative")
    store.alarm_limit = wanted
    return {"Alarms": store.alarm_limit}
