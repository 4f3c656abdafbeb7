"""The operations on alarms.

Source: Amazon CloudWatch API Reference, PutMetricAlarm, PutCompositeAlarm, DescribeAlarms, DescribeAlarmsForMetric,
DescribeAlarmHistory, SetAlarmState, DeleteAlarms, EnableAlarmActions, DisableAlarmActions.
"""

from __future__ import annotations

import json
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.cloudwatch import alarm_rules, composite, errors, evaluation
from runbook_sandbox.aws.cloudwatch.alarm import STATES, Alarm, on_alarm_state
from runbook_sandbox.aws.cloudwatch.publishing import decode_token, encode_token
from runbook_sandbox.aws.cloudwatch.series import key_of
from runbook_sandbox.aws.cloudwatch.store import Store, store_of
from runbook_sandbox.aws.modelled import Call, Operations

operations = Operations()

_PAGE = 50
#: Seconds until a new or changed alarm looks at its metric for the first time.
_FIRST_LOOK = 5
_TYPES = ("MetricAlarm", "CompositeAlarm")

on_alarm_state(composite.react)


@operations("PutMetricAlarm")
def put_metric_alarm(call: Call) -> None:
    """A new alarm begins in INSUFFICIENT_DATA; one that exists is overwritten but for its state and tags."""
    alarm_rules.check_metric_alarm(call.params, call.region)
    store = store_of(call.account_id, call.region)
    _check_room(store, call.get("AlarmName"))
    put_checked(store, call.params)


def put_checked(store: Store, params: dict[str, Any]) -> Alarm:
    """Store a checked metric alarm, look at its metric soon, and then again and again."""
    watch = evaluation.watch_of(params)
    alarm = _put(store, {"ActionsEnabled": True, **params}, "MetricAlarm")
    evaluation.cancel(alarm)

    def first_look() -> None:
        if store.alarms.get(alarm.name) is alarm and alarm.config is config:
            evaluation.evaluate(alarm, watch)
            evaluation.schedule(alarm, watch)

    config = alarm.config
    alarm.appointment = clock.call_later(_FIRST_LOOK, first_look, f"alarm {alarm.name}")
    return alarm


@operations("PutCompositeAlarm")
def put_composite_alarm(call: Call) -> None:
    alarm_rules.check_composite(call.params, call.region)
    store = store_of(call.account_id, call.region)
    composite.check_children(composite.parse(call.get("AlarmRule")), store, call.get("AlarmName"))
    _check_room(store, call.get("AlarmName"))
    alarm = _put(store, {"ActionsEnabled": True, **call.params}, "CompositeAlarm")

    def first_look() -> None:
        if store.alarms.get(alarm.name) is alarm:
            composite.evaluate(alarm)

    clock.call_later(_FIRST_LOOK, first_look, f"alarm {alarm.name}")


def _check_room(store: Store, name: str) -> None:
    """Raises LimitExceeded; the alarms that AWS's own services make in-process are not held to it."""
    if name not in store.alarms and len(store.alarms) >= store.alarm_limit:
        raise errors.limit(f"The maximum number of {store.alarm_limit} alarms has already been reached.")


def _put(store: Store, params: dict[str, Any], kind: str) -> Alarm:
    name = params["AlarmName"]
    config = {key: value for key, value in params.items() if key != "Tags"}
    existing = store.alarms.get(name)
    if existing is not None:
        if existing.kind != kind:
            raise errors.validation(f"An alarm of another type with the name {name} already exists.")
        existing.config = config
        existing.configured = clock.now()
        existing.record("ConfigurationUpdate", f'Alarm "{name}" updated', {"version": "1.0", "type": "Update", "updatedAlarm": config})
        return existing
    if kind == "CompositeAlarm":
        store.composites.add(name)
    alarm = store.alarms[name] = Alarm(store, config, alarm_rules.check_tags(params.get("Tags") or []))
    alarm.record("ConfigurationUpdate", f'Alarm "{name}" created', {"version": "1.0", "type": "Create", "createdAlarm": config})
    return alarm


@operations("DeleteAlarms")
def delete_alarms(call: Call) -> None:
    """All or none: not when a name does not exist, nor when a composite alarm that stays depends on one of them."""
    store = store_of(call.account_id, call.region)
    names = list(dict.fromkeys(call.get("AlarmNames") or []))
    if len(names) > 100:
        raise errors.validation("The collection AlarmNames must not have a size greater than 100.")
    absent = [name for name in names if name not in store.alarms]
    if absent:
        raise errors.not_found(f"Alarms with the following names do not exist: {', '.join(absent)}")
    if sum(1 for name in names if store.alarms[name].rule) > 1:
        raise errors.validation("At most one composite alarm can be deleted at a time.")
    for name in names:
        if set(composite.parents(store, name)) - set(names):
            raise errors.validation(f"Cannot delete {name} as there are composite alarm(s) depending on it.")
    for name in names:
        remove(store, name)


def remove(store: Store, name: str) -> bool:
    """Whether there was such an alarm."""
    alarm = store.alarms.pop(name, None)
    if alarm is None:
        return False
    store.composites.discard(name)
    evaluation.cancel(alarm)
    alarm.record("ConfigurationUpdate", f'Alarm "{name}" deleted', {"version": "1.0", "type": "Delete", "deletedAlarm": alarm.config})
    return True


@operations("DescribeAlarms")
def describe_alarms(call: Call) -> dict[str, Any]:
    """Metric alarms only, unless AlarmTypes says otherwise; in order of name, 50 a page unless MaxRecords (at most 100) does."""
    store = store_of(call.account_id, call.region)
    names, prefix = call.get("AlarmNames"), call.get("AlarmNamePrefix")
    if names and prefix:
        raise errors.validation("AlarmNames and AlarmNamePrefix can't be specified together.")
    if len(names or ()) > 100:
        raise errors.validation("The collection AlarmNames must not have a size greater than 100.")
    types = call.get("AlarmTypes") or ["MetricAlarm"]
    for kind in types:
        if kind not in (*_TYPES, "LogAlarm"):
            raise errors.validation(f"The value {kind} for parameter AlarmTypes is invalid: [{', '.join(_TYPES)}].")
    if call.get("StateValue") not in (None, *STATES):
        raise errors.validation(f"The value {call.get('StateValue')} for parameter StateValue is invalid: [{', '.join(STATES)}].")
    found = [store.alarms[name] for name in sorted(store.alarms)]
    if related := call.get("ChildrenOfAlarmName") or call.get("ParentsOfAlarmName"):
        if len([name for name, value in call.params.items() if value and name not in ("MaxRecords", "NextToken")]) > 1:
            raise errors.validation("ChildrenOfAlarmName and ParentsOfAlarmName can't be combined with other parameters.")
        return _page(call, _related(store, related, bool(call.get("ChildrenOfAlarmName"))), brief=True)
    found = [
        alarm
        for alarm in found
        if alarm.kind in types
        and (not names or alarm.name in names)
        and (not prefix or alarm.name.startswith(prefix))
        and call.get("StateValue") in (None, alarm.state)
        and _has_action(alarm, call.get("ActionPrefix"))
    ]
    return _page(call, found)


def _has_action(alarm: Alarm, prefix: str | None) -> bool:
    lists = (alarm.config.get(name) or [] for name in ("AlarmActions", "OKActions", "InsufficientDataActions"))
    return not prefix or any(action.startswith(prefix) for actions in lists for action in actions)


def _related(store: Store, name: str, children: bool) -> list[Alarm]:
    alarm = store.alarms.get(name)
    if children:
        # Each child once, in the order of the rule.
        wanted = dict.fromkeys(composite.names(composite.parse(alarm.rule))) if alarm is not None and alarm.rule else ()
        return [found for item in wanted if (found := composite.child(store, item)) is not None]
    return [
        item
        for item in store.alarms.values()
        if item.rule and any(composite.child(store, word) is alarm for word in composite.names(composite.parse(item.rule)))
    ]


def _page(call: Call, found: list[Alarm], brief: bool = False) -> dict[str, Any]:
    size = call.get("MaxRecords", _PAGE)
    if not 1 <= size <= 100:
        raise errors.validation("The parameter MaxRecords must be 1 to 100.")
    start = decode_token(call.get("NextToken"))
    page = found[start : start + size]
    keep = ("AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp")
    shown = [({name: alarm.describe()[name] for name in keep} if brief else alarm.describe(), alarm.kind) for alarm in page]
    answer: dict[str, Any] = {
        "MetricAlarms": [item for item, kind in shown if kind == "MetricAlarm"],
        "CompositeAlarms": [item for item, kind in shown if kind == "CompositeAlarm"],
    }
    if start + size < len(found):
        answer["NextToken"] = encode_token(start + size)
    return answer


@operations("DescribeAlarmsForMetric")
def describe_alarms_for_metric(call: Call) -> dict[str, Any]:
    """Alarms on exactly this metric; dimensions must all be given. Metric math does not count."""
    store = store_of(call.account_id, call.region)
    wanted = key_of(call.get("Dimensions"))
    found = [
        alarm
        for alarm in store.alarms.values()
        if alarm.config.get("MetricName") == call.get("MetricName")
        and alarm.config.get("Namespace") == call.get("Namespace")
        and key_of(alarm.config.get("Dimensions")) == wanted
        and all(call.get(name) in (None, alarm.config.get(name)) for name in ("Statistic", "ExtendedStatistic", "Period", "Unit"))
    ]
    return {"MetricAlarms": [alarm.describe() for alarm in found]}


@operations("SetAlarmState")
def set_alarm_state(call: Call) -> None:
    """Until the next evaluation of a metric alarm, or change of a child of a composite one."""
    store = store_of(call.account_id, call.region)
    state, data = call.get("StateValue"), call.get("StateReasonData")
    if state not in STATES:
        raise errors.validation(f"The value {state} for parameter StateValue is invalid: [{', '.join(STATES)}].")
    if len(call.get("StateReason") or "") > 1023:
        raise errors.validation("StateReason must not be longer than 1023 characters.")
    alarm = store.alarms.get(call.get("AlarmName"))
    if alarm is None:
        raise errors.not_found(f"Alarm with name {call.get('AlarmName')} does not exist.")
    if data is not None:
        try:
            json.loads(data)
        except ValueError as error:
            raise errors.CloudWatchError("InvalidFormat", "StateReasonData is not valid JSON.") from error
    alarm.set_state(state, call.get("StateReason"), data)


@operations("EnableAlarmActions")
def enable_actions(call: Call) -> None:
    _switch(call, True)


@operations("DisableAlarmActions")
def disable_actions(call: Call) -> None:
    _switch(call, False)


def _switch(call: Call, enabled: bool) -> None:
    names = call.get("AlarmNames") or []
    if len(names) > 100:
        raise errors.validation("The collection AlarmNames must not have a size greater than 100.")
    store = store_of(call.account_id, call.region)
    for name in names:
        if name in store.alarms:
            store.alarms[name].config["ActionsEnabled"] = enabled


@operations("DescribeAlarmHistory")
def describe_history(call: Call) -> dict[str, Any]:
    """Newest first unless ScanBy says otherwise; deleted alarms keep their history."""
    store = store_of(call.account_id, call.region)
    kind = call.get("HistoryItemType")
    if kind not in (None, "ConfigurationUpdate", "StateUpdate", "Action", "AlarmContributorStateUpdate", "AlarmContributorAction"):
        raise errors.validation(f"The value {kind} for parameter HistoryItemType is invalid.")
    types = call.get("AlarmTypes") or ["MetricAlarm"]
    found = [
        item
        for item in store.history
        if call.get("AlarmName") in (None, item["AlarmName"])
        and (item["AlarmType"] in types or (call.get("AlarmName") and not call.get("AlarmTypes")))
        and kind in (None, item["HistoryItemType"])
        and (call.get("StartDate") is None or item["Timestamp"] >= call.get("StartDate"))
        and (call.get("EndDate") is None or item["Timestamp"] <= call.get("EndDate"))
    ]
    if call.get("ScanBy", "TimestampDescending") == "TimestampDescending":
        found.reverse()
    size = call.get("MaxRecords", _PAGE)
    if not 1 <= size <= 100:
        raise errors.validation("The parameter MaxRecords must be 1 to 100.")
    start = decode_token(call.get("NextToken"))
    answer: dict[str, Any] = {"AlarmHistoryItems": found[start : start + size]}
    if start + size < len(found):
        answer["NextToken"] = encode_token(start + size)
    return answer


def _by_arn(call: Call) -> Alarm:
    arn = call.get("ResourceARN") or ""
    store = store_of(call.account_id, call.region)
    alarm = store.alarms.get(arn.split(":alarm:", 1)[-1])
    if alarm is None or alarm.alarm_arn != arn:
        raise errors.resource_not_found(f"Unknown resource: {arn}")
    return alarm


@operations("ListTagsForResource")
def list_tags(call: Call) -> dict[str, Any]:
    return {"Tags": [{"Key": key, "Value": value} for key, value in _by_arn(call).tags.items()]}


@operations("TagResource")
def tag_resource(call: Call) -> None:
    alarm = _by_arn(call)
    merged = alarm.tags | alarm_rules.check_tags(call.get("Tags") or [])
    alarm.tags = alarm_rules.check_tags([{"Key": key, "Value": value} for key, value in merged.items()])


@operations("UntagResource")
def untag_resource(call: Call) -> None:
    alarm = _by_arn(call)
    alarm.tags = {key: value for key, value in alarm.tags.items() if key not in (call.get("TagKeys") or [])}
