"""Event subscriptions: RDS's events as messages in an SNS topic.

Source: Amazon RDS API Reference, CreateEventSubscription and its siblings, DescribeEventCategories; User Guide, "Amazon
RDS event notification" (the form of a message).
"""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.rds import errors, identifiers, paging, tagging
from runbook_sandbox.aws.rds.store import Store, store_of

operations = Operations()

_LOG = logging.getLogger(__name__)
_HELP = "http://docs.amazonwebservices.com/AmazonRDS/latest/UserGuide/USER_Events.html#"

#: Categories of each source type, as DescribeEventCategories answers them.
CATEGORIES = {
    "db-instance": (
        *("availability", "backtrack", "backup", "configuration change", "creation", "deletion", "failover", "failure"),
        *("low storage", "maintenance", "notification", "read replica", "recovery", "restoration", "security", "security patching"),
    ),
    "db-cluster": (
        *("configuration change", "creation", "deletion", "failover", "failure", "global-failover", "maintenance", "migration"),
        *("notification", "serverless"),
    ),
    "db-parameter-group": ("configuration change",),
    "db-security-group": ("configuration change", "failure"),
    "db-snapshot": ("creation", "deletion", "notification", "restoration"),
    "db-cluster-snapshot": ("backup", "notification"),
    "db-proxy": ("configuration change", "creation", "deletion", "failure"),
    "blue-green-deployment": ("creation", "deletion", "failure", "notification"),
    "custom-engine-version": ("creation", "failure", "restoring"),
    "db-shard-group": ("creation", "deletion", "failover", "failure", "maintenance", "notification"),
    "zero-etl": ("creation", "deletion", "failure", "notification"),
}
_TABLES = {
    "db-instance": "instances",
    "db-cluster": "clusters",
    "db-snapshot": "snapshots",
    "db-cluster-snapshot": "cluster_snapshots",
    "db-parameter-group": "parameter_groups",
}


def _checked_type(source_type: str | None) -> None:
    if source_type and source_type not in CATEGORIES:
        raise errors.RDSError("SourceNotFound", f"The source type {source_type} is not one of {', '.join(CATEGORIES)}.")


def _checked_categories(source_type: str | None, categories: list[str]) -> None:
    known = CATEGORIES[source_type] if source_type else {name for names in CATEGORIES.values() for name in names}
    for category in categories:
        if category not in known:
            raise errors.RDSError("SubscriptionCategoryNotFound", f"The event category {category} does not exist for this source type.")


def _checked_source(store: Store, source_type: str, identifier: str) -> str:
    table = getattr(store, _TABLES.get(source_type, ""), {})
    if identifier.lower() not in table:
        raise errors.RDSError("SourceNotFound", f"The source {identifier} of type {source_type} could not be found.")
    return identifier.lower()


def _checked_topic(arn: str) -> None:
    from moto.sns.models import sns_backends

    parts = arn.split(":")
    if len(parts) != 6 or parts[2] != "sns" or arn not in sns_backends[parts[4]][parts[3]].topics:
        raise errors.RDSError("SNSTopicArnNotFound", f"SNS topic {arn} does not exist")


def _named(call: Call) -> tuple[Store, dict[str, Any]]:
    store = store_of(call.account_id, call.region)
    name = call.get("SubscriptionName") or ""
    found = store.subscriptions.get(name.lower())
    if found is None:
        raise errors.RDSError("SubscriptionNotFound", f"Event subscription {name} not found.")
    return store, found


def _shown(subscription: dict[str, Any]) -> dict[str, Any]:
    """As it is now; the answer outlives what happens next."""
    return {"EventSubscription": dict(subscription)}


@operations("CreateEventSubscription")
def create_subscription(call: Call) -> dict[str, Any]:
    """`creating`, then `active`; without SourceIds every source of the type, without a type every event."""
    store = store_of(call.account_id, call.region)
    name = identifiers.checked(call.get("SubscriptionName"), "SubscriptionName", 254)
    tags = tagging.on_creation(call, "es", name)
    if name in store.subscriptions:
        raise errors.RDSError("SubscriptionAlreadyExist", f"Event subscription {name} already exists.")
    if len(store.subscriptions) >= store.quotas.EventSubscriptions:
        raise errors.RDSError("EventSubscriptionQuotaExceeded", "You have reached the maximum number of event subscriptions.")
    source_type, sources = call.get("SourceType"), call.get("SourceIds") or []
    _checked_type(source_type)
    if sources and not source_type:
        raise errors.invalid_combination("SourceType must be specified when SourceIds are.")
    _checked_categories(source_type, call.get("EventCategories") or [])
    sources = [_checked_source(store, source_type, one) for one in sources]
    _checked_topic(call.get("SnsTopicArn") or "")
    subscription = {
        "CustomerAwsId": store.account_id,
        "CustSubscriptionId": name,
        "SnsTopicArn": call.get("SnsTopicArn"),
        "Status": "creating",
        "SubscriptionCreationTime": f"{clock.now():%Y-%m-%d %H:%M:%S.%f}"[:-3],
        "SourceType": source_type,
        "SourceIdsList": sources,
        "EventCategoriesList": list(call.get("EventCategories") or []),
        "Enabled": call.get("Enabled", True),
        "EventSubscriptionArn": store.arn("es", name),
    }
    store.subscriptions[name] = subscription
    tagging.set_plain(store, subscription["EventSubscriptionArn"], tags)
    _becomes_active(subscription)
    return _shown(subscription)


def _becomes_active(subscription: dict[str, Any]) -> None:
    clock.call_later(1, lambda: subscription.update(Status="active"), f"rds subscription {subscription['CustSubscriptionId']}")


@operations("ModifyEventSubscription")
def modify_subscription(call: Call) -> dict[str, Any]:
    _, subscription = _named(call)
    source_type = call.get("SourceType") or subscription["SourceType"]
    _checked_type(source_type)
    categories = call.get("EventCategories")
    _checked_categories(source_type, categories if categories is not None else subscription["EventCategoriesList"])
    if call.get("SnsTopicArn"):
        _checked_topic(call.get("SnsTopicArn"))
    changes = {
        "SnsTopicArn": call.get("SnsTopicArn"),
        "SourceType": call.get("SourceType"),
        "EventCategoriesList": categories,
        "Enabled": call.get("Enabled"),
    }
    subscription |= {name: value for name, value in changes.items() if value is not None} | {"Status": "modifying"}
    _becomes_active(subscription)
    return _shown(subscription)


@operations("DeleteEventSubscription")
def delete_subscription(call: Call) -> dict[str, Any]:
    store, subscription = _named(call)
    del store.subscriptions[subscription["CustSubscriptionId"]]
    return _shown(subscription | {"Status": "deleting"})


@operations("AddSourceIdentifierToSubscription")
def add_source(call: Call) -> dict[str, Any]:
    store, subscription = _named(call)
    source = _checked_source(store, subscription["SourceType"] or "", call.get("SourceIdentifier") or "")
    subscription["SourceIdsList"] = sorted({*subscription["SourceIdsList"], source})
    return _shown(subscription)


@operations("RemoveSourceIdentifierFromSubscription")
def remove_source(call: Call) -> dict[str, Any]:
    _, subscription = _named(call)
    source = (call.get("SourceIdentifier") or "").lower()
    if source not in subscription["SourceIdsList"]:
        raise errors.RDSError("SourceNotFound", f"The subscription has no source {source}.")
    subscription["SourceIdsList"] = [one for one in subscription["SourceIdsList"] if one != source]
    return _shown(subscription)


@operations("DescribeEventSubscriptions")
def describe_subscriptions(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    paging.filtered(call, [], {})
    found = [_named(call)[1]] if call.get("SubscriptionName") else list(store.subscriptions.values())
    shown, marker = paging.page(call, found, key=lambda one: one["CustSubscriptionId"])
    return {"EventSubscriptionsList": shown, "Marker": marker}


@operations("DescribeEventCategories")
def describe_categories(call: Call) -> dict[str, Any]:
    wanted = call.get("SourceType")
    if wanted and wanted not in CATEGORIES:
        raise errors.invalid_value(f"Invalid source type: {wanted}. Valid values: {', '.join(CATEGORIES)}")
    kinds = [wanted] if wanted else list(CATEGORIES)
    return {"EventCategoriesMapList": [{"SourceType": kind, "EventCategories": list(CATEGORIES[kind])} for kind in kinds]}


def tell(store: Store, entry: dict[str, Any], event_id: str) -> None:
    """Send an event to the topics of the subscriptions it matches; a topic that is gone loses it, as in AWS."""
    for subscription in store.subscriptions.values():
        if not (subscription["Enabled"] and subscription["Status"] == "active" and _matches(subscription, entry)):
            continue
        topic = subscription["SnsTopicArn"]
        parts = topic.split(":")
        try:
            from moto.sns.models import sns_backends

            message = json.dumps(_message(store, entry, event_id))
            sns_backends[parts[4]][parts[3]].publish(message=message, arn=topic, subject="RDS Notification Message")
        except Exception as error:  # noqa: BLE001 -- moto raises many kinds; a database never fails on a notification
            _LOG.warning("subscription %s could not notify %s: %s", subscription["CustSubscriptionId"], topic, error)


def _matches(subscription: dict[str, Any], entry: dict[str, Any]) -> bool:
    categories, sources = subscription["EventCategoriesList"], subscription["SourceIdsList"]
    return (
        subscription["SourceType"] in (None, "", entry["SourceType"])
        and (not sources or entry["SourceIdentifier"] in sources)
        and (not categories or bool(set(categories) & set(entry["EventCategories"])))
    )


def _message(store: Store, entry: dict[str, Any], event_id: str) -> dict[str, Any]:
    time: datetime = entry["Date"]
    return {
        "Event Source": entry["SourceType"],
        "Event Time": f"{time:%Y-%m-%d %H:%M:%S.%f}"[:-3],
        "Identifier Link": f"https://console.aws.amazon.com/rds/home?region={store.region}#dbinstance:id={entry['SourceIdentifier']}",
        "Source ID": entry["SourceIdentifier"],
        "Source ARN": entry["SourceArn"],
        "Event ID": f"{_HELP}{event_id}",
        "Event Message": entry["Message"],
    }
