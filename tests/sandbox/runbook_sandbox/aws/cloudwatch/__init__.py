"""CloudWatch: metrics that match their dimensions exactly, metric math, alarms that evaluate on the clock.

In place of moto's handler and backend, in all three protocols (query, JSON, RPC v2 CBOR). For code inside the sandbox:

    from runbook_sandbox.aws import cloudwatch
    cloudwatch.publish(account_id, region, "AWS/ECS", "CPUUtilization", {"ClusterName": "c", "ServiceName": "s"}, 71.5, unit="Percent")
    cloudwatch.on_alarm_state(callback)     # callback(StateChange)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runbook_sandbox.aws.cloudwatch import alarms, bridge, dashboards, permissions, publishing, reading, store
from runbook_sandbox.aws.cloudwatch.alarm import StateChange, on_alarm_state
from runbook_sandbox.aws.modelled import ModelledResponse, Operations

__all__ = ["StateChange", "install", "on_alarm_state", "publish", "reset"]


class CloudWatchResponse(ModelledResponse):
    """CloudWatch's HTTP handler in place of moto's."""

    service = "cloudwatch"
    operations = Operations()
    error_namespace = "com.amazonaws.cloudwatch"


def publish(
    account_id: str,
    region: str,
    namespace: str,
    name: str,
    dimensions: dict[str, str],
    value: float,
    *,
    unit: str = "None",
    at: datetime | None = None,
) -> None:
    """One datapoint, now or `at` a time, as an AWS service publishes it: `AWS/` namespaces are allowed here."""
    datum: dict[str, Any] = {"MetricName": name, "Value": value, "Unit": unit, "Timestamp": at}
    datum["Dimensions"] = [{"Name": key, "Value": item} for key, item in dimensions.items()]
    store.store_of(account_id, region).metrics.put(namespace, datum)


def install() -> None:
    """Put the sandbox's CloudWatch in the place of moto's. Idempotent."""
    from moto.cloudwatch import urls

    from runbook_sandbox.aws.cloudwatch import (
        controls,  # noqa: F401 -- registers its route
        notifying,
    )

    for module in (alarms, dashboards, publishing, reading):
        CloudWatchResponse.operations.include(module.operations)
    urls.url_paths["{0}/$"] = CloudWatchResponse.dispatch
    urls.url_paths["{0}/service/(?P<service>[^/]+)/operation/(?P<operation>[^/]+)$"] = CloudWatchResponse.dispatch
    bridge.install()
    on_alarm_state(notifying.publish)
    permissions.register()


def reset() -> None:
    """An account without metrics, alarms and dashboards."""
    store.forget()
    dashboards.forget()
