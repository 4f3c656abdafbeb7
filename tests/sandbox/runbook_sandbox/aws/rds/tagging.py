"""Tags by ARN.

Source: Amazon RDS API Reference, AddTagsToResource, RemoveTagsFromResource, ListTagsForResource.
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws import rights
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.rds import errors, identifiers, paging
from runbook_sandbox.aws.rds.resource import Resource
from runbook_sandbox.aws.rds.store import Store, parse_arn, store_of

operations = Operations()

_MISSING = {
    "subgrp": ("DBSubnetGroupNotFoundFault", "subnet_groups"),
    "pg": ("DBParameterGroupNotFound", "parameter_groups"),
    "cluster-pg": ("DBClusterParameterGroupNotFound", "cluster_parameter_groups"),
    "og": ("OptionGroupNotFoundFault", "option_groups"),
    "es": ("SubscriptionNotFound", "subscriptions"),
}


def set_plain(store: Store, arn: str, tags: list[dict[str, str]]) -> None:
    """Tags of what is a plain record: subnet, parameter and option groups, event subscriptions."""
    _record(store, arn)["_tags"] = tags


def _record(store: Store, arn: str) -> dict[str, Any]:
    parsed = parse_arn(arn)
    kind = parsed["kind"] if parsed else ""
    if parsed is None or kind not in _MISSING:
        raise errors.invalid_value(f"Invalid resource name: {arn}")
    code, table = _MISSING[kind]
    record = getattr(store, table).get(parsed["name"].lower())
    if record is None:
        raise errors.RDSError(code, f"{parsed['name']} not found.")
    return record


def _holder(call: Call) -> Resource | dict[str, Any]:
    """What the ARN names. Raises InvalidParameterValue on a malformed ARN, the kind's own not-found code otherwise."""
    arn = call.get("ResourceName") or ""
    parsed = parse_arn(arn)
    if parsed is None:
        raise errors.invalid_value(f"Invalid resource name: {arn}")
    if parsed["region"] != call.region or parsed["account"] != call.account_id:
        raise errors.invalid_value("The specified resource name does not match an RDS resource in this region.")
    store = store_of(call.account_id, call.region)
    match parsed["kind"]:
        case "db":
            return store.instance(parsed["name"])
        case "cluster":
            return store.cluster(parsed["name"])
        case "snapshot":
            return store.snapshot(parsed["name"])
        case "cluster-snapshot":
            return store.cluster_snapshot(parsed["name"])
        case _:
            return _record(store, arn)


def _tags(holder: Resource | dict[str, Any]) -> list[dict[str, str]]:
    return holder.tags if isinstance(holder, Resource) else holder.get("_tags", [])


def _replace(holder: Resource | dict[str, Any], tags: list[dict[str, str]]) -> None:
    if isinstance(holder, Resource):
        holder.tags = tags
    else:
        holder["_tags"] = tags


def tags_of_arn(arn: str) -> list[dict[str, str]]:
    """Tags of any resource of any account, empty when there is none: what IAM's conditions look at."""
    parsed = parse_arn(arn)
    if parsed is None:
        return []
    try:
        return _tags(_holder(Call(parsed["account"], parsed["region"], parsed["partition"], "", {"ResourceName": arn})))
    except errors.RDSError:
        return []


def on_creation(call: Call, kind: str, name: str | None) -> list[dict[str, str]]:
    """The tags that a resource is created with, checked; they need `rds:AddTagsToResource` besides the creating action.

    Source: Amazon RDS User Guide, "Grant permission to tag Amazon RDS resources during creation".
    """
    given = identifiers.tags(call.get("Tags"))
    if given:
        arn = store_of(call.account_id, call.region).arn(kind, (name or "").lower())
        refusal = rights.refusal("rds:AddTagsToResource", arn, {f"aws:RequestTag/{tag['Key']}": tag["Value"] for tag in given})
        if refusal is not None:
            raise errors.RDSError("AccessDenied", refusal)
    return given


@operations("AddTagsToResource")
def add_tags(call: Call) -> None:
    holder = _holder(call)
    _replace(holder, identifiers.merge_tags(_tags(holder), call.get("Tags", [])))


@operations("RemoveTagsFromResource")
def remove_tags(call: Call) -> None:
    """Keys that are not there are passed over, as AWS does."""
    holder = _holder(call)
    gone = set(call.get("TagKeys", []))
    _replace(holder, [tag for tag in _tags(holder) if tag["Key"] not in gone])


@operations("ListTagsForResource")
def list_tags(call: Call) -> dict[str, Any]:
    holder = _holder(call)
    paging.filtered(call, [], {})
    return {"TagList": _tags(holder)}
