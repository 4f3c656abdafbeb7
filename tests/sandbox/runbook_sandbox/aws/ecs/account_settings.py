"""Account settings: kept and shown. The sandbox always uses the long ARN format, as AWS does for all since 2021.

Source: Amazon ECS API Reference, PutAccountSetting, PutAccountSettingDefault, ListAccountSettings, DeleteAccountSetting.
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.calls import current_caller
from runbook_sandbox.aws.ecs.errors import invalid
from runbook_sandbox.aws.ecs.table import max_results, operations, page, region
from runbook_sandbox.aws.modelled import Call

#: Setting -> (its values, the value of an account that says nothing).
SETTINGS = {
    "serviceLongArnFormat": (("enabled", "disabled"), "enabled"),
    "taskLongArnFormat": (("enabled", "disabled"), "enabled"),
    "containerInstanceLongArnFormat": (("enabled", "disabled"), "enabled"),
    "awsvpcTrunking": (("enabled", "disabled", "on", "off"), "disabled"),
    "containerInsights": (("enabled", "disabled", "enhanced"), "disabled"),
    "dualStackIPv6": (("enabled", "disabled"), "enabled"),
    "tagResourceAuthorization": (("on", "off"), "on"),
    "fargateFIPSMode": (("enabled", "disabled", "on", "off"), "disabled"),
    "fargateTaskRetirementWaitPeriod": (("0", "7", "14"), "7"),
    "guardDutyActivate": (("on", "off"), "off"),
    "defaultLogDriverMode": (("blocking", "non-blocking"), "non-blocking"),
}
_LONG = ("serviceLongArnFormat", "taskLongArnFormat", "containerInstanceLongArnFormat")


def _checked(call: Call) -> tuple[str, str]:
    name, value = call.get("name") or "", call.get("value") or ""
    if name not in SETTINGS:
        raise invalid(f"{name or 'name'} should be one of [{','.join(SETTINGS)}]")
    if value not in SETTINGS[name][0]:
        raise invalid(f"The value of {name} should be one of [{','.join(SETTINGS[name][0])}], but was {value}")
    if name in _LONG and value == "disabled":
        raise invalid("Cannot opt out of the long ARN format.")
    return name, value


def _principal(call: Call) -> str:
    return call.get("principalArn") or current_caller() or f"arn:aws:iam::{call.account_id}:root"


@operations("PutAccountSetting")
def put_account_setting(call: Call) -> dict[str, Any]:
    name, value = _checked(call)
    principal = _principal(call)
    region(call).account_settings[principal, name] = value
    return {"setting": {"name": name, "value": value, "principalArn": principal, "type": "user"}}


@operations("PutAccountSettingDefault")
def put_account_setting_default(call: Call) -> dict[str, Any]:
    name, value = _checked(call)
    region(call).account_settings["", name] = value
    return {"setting": {"name": name, "value": value, "principalArn": f"arn:aws:iam::{call.account_id}:root", "type": "user"}}


@operations("DeleteAccountSetting")
def delete_account_setting(call: Call) -> dict[str, Any]:
    name = call.get("name") or ""
    if name not in SETTINGS:
        raise invalid(f"{name or 'name'} should be one of [{','.join(SETTINGS)}]")
    principal = _principal(call)
    region(call).account_settings.pop((principal, name), None)
    return {"setting": {"name": name, "principalArn": principal}}


@operations("ListAccountSettings")
def list_account_settings(call: Call) -> dict[str, Any]:
    """Those of the principal that were set; with effectiveSettings also the account's and AWS's defaults."""
    kept, principal = region(call).account_settings, _principal(call)
    shown = {}
    for name, (_, default) in SETTINGS.items():
        own = kept.get((principal, name))
        value = own
        if call.get("effectiveSettings"):
            value = own or kept.get(("", name)) or default
        fits = call.get("name") in (None, name) and call.get("value") in (None, value)
        if value is not None and fits:
            shown[name] = {"name": name, "value": value, "principalArn": principal, "type": "user"}
    query = f"settings/{principal}/{call.get('name')}/{call.get('value')}/{call.get('effectiveSettings')}"
    found, token = page(query, list(shown), call, max_results(call, 10, 10), shown.get)
    return {"settings": found, "nextToken": token}
