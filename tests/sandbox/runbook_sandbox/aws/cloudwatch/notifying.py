"""Alarm actions: a message to SNS. Scaling policies are reached through `on_alarm_state`.

Source: Amazon CloudWatch User Guide, "Notifying users on alarm changes" (the JSON of the message).
"""

from __future__ import annotations

import json
import logging
from typing import Any

from moto.sns.models import sns_backends

from runbook_sandbox.aws.cloudwatch.alarm import StateChange

_LOG = logging.getLogger(__name__)


def publish(change: StateChange) -> None:
    """Send the alarm's message to every topic among the actions; a topic that is gone loses it, as in AWS."""
    for action in change.actions:
        parts = action.split(":")
        if len(parts) != 6 or parts[2] != "sns":
            continue
        subject = f'{change.state}: "{change.alarm.name[:60]}" in {change.region}'
        try:
            sns_backends[parts[4]][parts[3]].publish(message=json.dumps(_message(change)), arn=action, subject=subject)
        except Exception as error:  # noqa: BLE001 -- moto raises many kinds; an alarm never fails on its action
            _LOG.warning("alarm %s could not notify %s: %s", change.alarm.name, action, error)


def _message(change: StateChange) -> dict[str, Any]:
    shown = change.alarm.describe()
    config = change.alarm.config
    message: dict[str, Any] = {
        "AlarmName": change.alarm.name,
        "AlarmDescription": config.get("AlarmDescription"),
        "AWSAccountId": change.account_id,
        "AlarmConfigurationUpdatedTimestamp": shown["AlarmConfigurationUpdatedTimestamp"].strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        "NewStateValue": change.state,
        "NewStateReason": shown["StateReason"],
        "StateChangeTime": shown["StateUpdatedTimestamp"].strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        "Region": change.region,
        "AlarmArn": change.alarm.alarm_arn,
        "OldStateValue": change.previous,
        "OKActions": config.get("OKActions") or [],
        "AlarmActions": config.get("AlarmActions") or [],
        "InsufficientDataActions": config.get("InsufficientDataActions") or [],
    }
    if change.alarm.rule:
        return message | {"AlarmRule": change.alarm.rule}
    message["Trigger"] = {
        "MetricName": config.get("MetricName"),
        "Namespace": config.get("Namespace"),
        "StatisticType": "Statistic" if config.get("Statistic") else "ExtendedStatistic",
        "Statistic": (config.get("Statistic") or config.get("ExtendedStatistic") or "").upper(),
        "Unit": config.get("Unit"),
        "Dimensions": [{"name": item["Name"], "value": item["Value"]} for item in config.get("Dimensions") or []],
        "Period": config.get("Period"),
        "EvaluationPeriods": config["EvaluationPeriods"],
        "ComparisonOperator": config["ComparisonOperator"],
        "Threshold": config.get("Threshold"),
        "TreatMissingData": config.get("TreatMissingData", "missing"),
    }
    return message
