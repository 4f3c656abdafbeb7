"""What CloudWatch requests touch, for IAM.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon CloudWatch": alarms have ARNs;
metrics do not, so reads and writes of them are evaluated against `*`, writes with the key `cloudwatch:namespace`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runbook_sandbox.aws.cloudwatch import dashboards
from runbook_sandbox.aws.cloudwatch.store import store_of
from runbook_sandbox.aws.iam import resources


def _alarm(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    names = params.get("AlarmNames") or [params.get("AlarmName")]
    return [store_of(account_id, region).alarm_arn(name) for name in names if name]


def _described(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    # DescribeAlarms is granted on alarm ARNs; without names it is every alarm of the Region.
    return _alarm(params, account_id, region) or [store_of(account_id, region).alarm_arn("*")]


def _tagged(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    return [params["ResourceARN"]] if params.get("ResourceARN") else []


def _dashboard(params: dict[str, Any], account_id: str, region: str) -> list[str]:
    named = params.get("DashboardNames") or [params.get("DashboardName")]
    return [dashboards.arn_of(account_id, region, name) for name in named if name]


def _conditions(resolve: Callable[[dict[str, Any], str, str], list[str]]) -> Callable[[dict[str, Any], str, str], dict[str, Any]]:
    def conditions(params: dict[str, Any], account_id: str, region: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        store = store_of(account_id, region)
        for arn in resolve(params, account_id, region):
            alarm = store.alarms.get(arn.split(":alarm:", 1)[-1])
            for key, value in (alarm.tags if alarm else {}).items():
                values[f"aws:ResourceTag/{key}"] = value
        tags = params.get("Tags") or []
        for tag in tags:
            values[f"aws:RequestTag/{tag.get('Key')}"] = tag.get("Value", "")
        keys = [tag.get("Key") for tag in tags] + list(params.get("TagKeys") or [])
        if keys:
            values["aws:TagKeys"] = keys
        actions = [action for name in ("AlarmActions", "OKActions", "InsufficientDataActions") for action in params.get(name) or []]
        if actions:
            values["cloudwatch:AlarmActions"] = actions
        return values

    return conditions


def _namespace(params: dict[str, Any], account_id: str, region: str) -> dict[str, Any]:
    return {"cloudwatch:namespace": params["Namespace"]} if params.get("Namespace") else {}


def register() -> None:
    """Tell IAM. Idempotent."""
    for operation in (
        *("PutMetricAlarm", "PutCompositeAlarm", "DeleteAlarms", "SetAlarmState", "EnableAlarmActions", "DisableAlarmActions"),
    ):
        resources.register("cloudwatch", operation, _alarm, conditions=_conditions(_alarm))
    for operation in ("DescribeAlarms", "DescribeAlarmHistory"):
        resources.register("cloudwatch", operation, _described, conditions=_conditions(_described))
    for operation in ("TagResource", "UntagResource", "ListTagsForResource"):
        resources.register("cloudwatch", operation, _tagged, conditions=_conditions(_tagged))
    for operation in ("PutDashboard", "GetDashboard", "DeleteDashboards"):
        resources.register("cloudwatch", operation, _dashboard)
    resources.register_conditions("cloudwatch", "PutMetricData", _namespace)
