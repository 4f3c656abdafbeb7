"""Dashboards: kept and given back, one set for all Regions of an account; widgets are not drawn.

Source: Amazon CloudWatch API Reference, PutDashboard, GetDashboard, ListDashboards, DeleteDashboards.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from moto.utilities.utils import get_partition

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.cloudwatch import errors
from runbook_sandbox.aws.cloudwatch.publishing import decode_token, encode_token
from runbook_sandbox.aws.modelled import Call, Operations

operations = Operations()

#: ListDashboards: "up to 1000 results".
_PAGE = 1000
_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")


@dataclass(frozen=True)
class _Dashboard:
    body: str
    modified: datetime


#: By account and partition; dashboards are global.
_dashboards: dict[tuple[str, str], dict[str, _Dashboard]] = {}


def forget() -> None:
    """Drop everything, everywhere."""
    _dashboards.clear()


def arn_of(account_id: str, region: str, name: str) -> str:
    """A dashboard's ARN has no Region."""
    return f"arn:{get_partition(region)}:cloudwatch::{account_id}:dashboard/{name}"


def _table(call: Call) -> dict[str, _Dashboard]:
    return _dashboards.setdefault((call.account_id, call.partition), {})


def _invalid(message: str) -> errors.CloudWatchError:
    return errors.CloudWatchError("InvalidParameterInput", message)


@operations("PutDashboard")
def put_dashboard(call: Call) -> dict[str, Any]:
    """Create or replace; a body that is not a JSON object is refused."""
    name, body = call.get("DashboardName") or "", call.get("DashboardBody") or ""
    if not _NAME.fullmatch(name):
        raise _invalid("The parameter DashboardName must be 1 to 255 of the characters A-Z, a-z, 0-9, - and _.")
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise _invalid("The field DashboardBody must be a valid JSON object") from error
    if not isinstance(parsed, dict) or not isinstance(parsed.get("widgets", []), list):
        raise _invalid("The field DashboardBody must be a valid JSON object")
    _table(call)[name] = _Dashboard(body, clock.now())
    return {"DashboardValidationMessages": []}


@operations("GetDashboard")
def get_dashboard(call: Call) -> dict[str, Any]:
    name = call.get("DashboardName") or ""
    found = _table(call).get(name)
    if found is None:
        raise errors.not_found(f"Dashboard {name} does not exist")
    return {"DashboardArn": arn_of(call.account_id, call.region, name), "DashboardBody": found.body, "DashboardName": name}


@operations("ListDashboards")
def list_dashboards(call: Call) -> dict[str, Any]:
    """In order of name; a dashboard's size is that of its body in bytes."""
    prefix, start = call.get("DashboardNamePrefix") or "", decode_token(call.get("NextToken"), errors.list_token)
    found = [(name, item) for name, item in sorted(_table(call).items()) if name.startswith(prefix)]
    entries = [
        {
            "DashboardName": name,
            "DashboardArn": arn_of(call.account_id, call.region, name),
            "LastModified": item.modified,
            "Size": len(item.body.encode()),
        }
        for name, item in found[start : start + _PAGE]
    ]
    more = encode_token(start + _PAGE) if len(found) > start + _PAGE else None
    return {"DashboardEntries": entries, "NextToken": more}


@operations("DeleteDashboards")
def delete_dashboards(call: Call) -> None:
    """All or none."""
    names, table = call.get("DashboardNames") or [], _table(call)
    absent = [name for name in names if name not in table]
    if absent:
        raise errors.not_found(f"Dashboards {', '.join(absent)} do not exist")
    for name in set(names):
        del table[name]
