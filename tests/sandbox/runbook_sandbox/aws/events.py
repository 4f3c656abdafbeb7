"""The account's event bus: what AWS services send to EventBridge, delivered through the account's rules."""

from __future__ import annotations

import uuid
from typing import Any

from moto.events.models import events_backends

from runbook_sandbox.aws.clock import clock


def emit(account_id: str, region: str, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
    """Send an event of an AWS service to the account's default bus, from which its rules deliver it.

    `source` is `aws.ecs`, `aws.rds`...; `time` is the sandbox clock's.
    """
    event = {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account_id,
        "time": clock.now().timestamp(),
        "region": region,
        "resources": resources,
        "detail": detail,
    }
    backend = events_backends[account_id][region]
    for rule in list(backend.describe_event_bus("default").rules.values()):
        if rule.state == "ENABLED":
            rule.send_to_targets(dict(event))
