"""Tags of ECS resources and their limits.

Source: Amazon ECS Developer Guide, "Tagging your Amazon ECS resources", tag restrictions.
"""

from __future__ import annotations

import re
from typing import Any

from runbook_sandbox.aws import rights
from runbook_sandbox.aws.ecs.arns import arn
from runbook_sandbox.aws.ecs.errors import error, invalid
from runbook_sandbox.aws.modelled import Call

MAX_TAGS = 50
_ALLOWED = re.compile(r"^[\w\s+\-=.,_:/@]*$", re.UNICODE)


def read(tags: list[dict[str, Any]] | None) -> dict[str, str]:
    """The tags of a request as a dict, checked."""
    found: dict[str, str] = {}
    for tag in tags or []:
        key, value = tag.get("key") or "", tag.get("value") or ""
        if not key:
            raise invalid("Tag key must be specified.")
        if key in found:
            raise invalid(f"Duplicate tag keys found. Tag key: {key}")
        if key.lower().startswith("aws:"):
            raise invalid("Tag keys and values cannot start with the reserved prefix 'aws:'.")
        if len(key) > 128:
            raise invalid("Tag key can have a maximum of 128 characters.")
        if len(value) > 256:
            raise invalid("Tag value can have a maximum of 256 characters.")
        if not _ALLOWED.match(key) or not _ALLOWED.match(value):
            raise invalid("Tag keys and values can contain letters, numbers, spaces and the characters + - = . _ : / @ only.")
        found[key] = value
    limit(found)
    return found


def limit(tags: dict[str, str]) -> None:
    """No resource has more than 50 tags, `aws:` ones not counted."""
    if sum(1 for key in tags if not key.startswith("aws:")) > MAX_TAGS:
        raise invalid(f"The maximum number of tags per resource is {MAX_TAGS}. Remove tags and try again.")


def write(tags: dict[str, str]) -> list[dict[str, str]]:
    """As the API lists them."""
    return [{"key": key, "value": value} for key, value in tags.items()]


def on_creation(call: Call, resource: str) -> dict[str, str]:
    """The tags that a resource is created with, checked; they need `ecs:TagResource` besides the creating action.

    Source: Amazon ECS Developer Guide, "Grant permission to tag resources on creation".
    """
    given = read(call.get("tags"))
    if given:
        arn_ = arn(call.account_id, call.region, resource)
        refusal = rights.refusal("ecs:TagResource", arn_, {"ecs:CreateAction": call.operation})
        if refusal is not None:
            raise error("AccessDeniedException", refusal)
    return given
