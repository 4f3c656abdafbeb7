"""An alarm: its configuration, its state, and what a change of state sets off.

Source: Amazon CloudWatch API Reference, MetricAlarm, CompositeAlarm; User Guide, "Using Amazon CloudWatch alarms" and
"Alarm events and EventBridge"; "Alarm history".
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runbook_sandbox.aws import events
from runbook_sandbox.aws.clock import Appointment, clock
from runbook_sandbox.aws.cloudwatch.store import Store

OK, ALARM, INSUFFICIENT = "OK", "ALARM", "INSUFFICIENT_DATA"
STATES = (OK, ALARM, INSUFFICIENT)
_ACTIONS = {OK: "OKActions", ALARM: "AlarmActions", INSUFFICIENT: "InsufficientDataActions"}
_HISTORY_DAYS = 30


@dataclass(frozen=True)
class StateChange:
    """An alarm went from one state to another.

    `value` is the newest datapoint that was evaluated (None when there was none), `actions` are the ARNs of the new
    state's actions, empty while actions are disabled.
    """

    account_id: str
    region: str
    alarm: Alarm
    previous: str
    state: str
    value: float | None
    actions: tuple[str, ...]


_listeners: list[Callable[[StateChange], None]] = []


def on_alarm_state(callback: Callable[[StateChange], None]) -> None:
    """Call `callback` at every change of state of every alarm. Registering one again does nothing."""
    if callback not in _listeners:
        _listeners.append(callback)


class Alarm:
    """A metric alarm, or a composite one when `rule` is set. `config` holds what was put, as the API names it."""

    def __init__(self, store: Store, config: dict[str, Any], tags: dict[str, str]) -> None:
        self.store = store
        self.config = config
        self.tags = tags
        self.state = INSUFFICIENT
        self.reason = "Unchecked: Initial alarm creation"
        self.reason_data: str | None = None
        self.state_updated = self.transitioned = self.configured = clock.now()
        self.newest: float | None = None
        self.appointment: Appointment | None = None

    @property
    def name(self) -> str:
        return self.config["AlarmName"]

    @property
    def alarm_arn(self) -> str:
        return self.store.alarm_arn(self.name)

    @property
    def alarm_actions(self) -> list[str]:
        return self.config.get("AlarmActions") or []

    @property
    def rule(self) -> str | None:
        """The rule of a composite alarm."""
        return self.config.get("AlarmRule")

    @property
    def kind(self) -> str:
        return "CompositeAlarm" if self.rule else "MetricAlarm"

    def describe(self) -> dict[str, Any]:
        """The alarm as MetricAlarm or CompositeAlarm."""
        shown = {
            "OKActions": [],
            "AlarmActions": [],
            "InsufficientDataActions": [],
            **({} if self.rule else {"Dimensions": []}),
            **{name: value for name, value in self.config.items() if name != "Tags"},
        }
        return shown | {
            "AlarmArn": self.alarm_arn,
            "AlarmConfigurationUpdatedTimestamp": self.configured,
            "StateValue": self.state,
            "StateReason": self.reason,
            "StateReasonData": self.reason_data,
            "StateUpdatedTimestamp": self.state_updated,
            "StateTransitionedTimestamp": self.transitioned,
        }

    def set_state(self, state: str, reason: str, data: dict[str, Any] | str | None = None) -> None:
        """Note reason and data; when the state is another one, write history, send the event and run the actions."""
        text = json.dumps(data) if isinstance(data, dict) else data
        previous = self.describe() if state != self.state else None
        old = self.state
        if state == old and reason == self.reason:
            return
        self.state, self.reason, self.reason_data = state, reason, text
        self.state_updated = clock.now()
        if previous is None:
            return
        self.transitioned = clock.now()
        self.record("StateUpdate", f"Alarm updated from {old} to {state}", self._history_data(previous))
        actions = tuple(self.config.get(_ACTIONS[state]) or ()) if self.config.get("ActionsEnabled", True) else ()
        self._send_event(previous)
        for action in actions:
            self.record("Action", f"Successfully executed action {action}", {"actionState": "Succeeded", "notificationResource": action})
        change = StateChange(self.store.account_id, self.store.region, self, old, state, self.newest, actions)
        for listener in list(_listeners):
            listener(change)

    def _state_of(self, shown: dict[str, Any]) -> dict[str, Any]:
        state = {"value": shown["StateValue"], "reason": shown["StateReason"], "timestamp": _stamp(shown["StateUpdatedTimestamp"])}
        if shown.get("StateReasonData"):
            state["reasonData"] = shown["StateReasonData"]
        return state

    def _history_data(self, previous: dict[str, Any]) -> dict[str, Any]:
        def part(shown: dict[str, Any]) -> dict[str, Any]:
            state = {"stateValue": shown["StateValue"], "stateReason": shown["StateReason"]}
            if shown.get("StateReasonData"):
                try:
                    state["stateReasonData"] = json.loads(shown["StateReasonData"])
                except ValueError:
                    state["stateReasonData"] = shown["StateReasonData"]
            return state

        return {"version": "1.0", "oldState": part(previous), "newState": part(self.describe())}

    def _send_event(self, previous: dict[str, Any]) -> None:
        detail = {
            "alarmName": self.name,
            "state": self._state_of(self.describe()),
            "previousState": self._state_of(previous),
            "configuration": self._configuration(),
        }
        events.emit(self.store.account_id, self.store.region, "aws.cloudwatch", "CloudWatch Alarm State Change", [self.alarm_arn], detail)

    def _configuration(self) -> dict[str, Any]:
        config = self.config
        if self.rule:
            return {"alarmRule": self.rule, "description": config.get("AlarmDescription")}
        if config.get("Metrics"):
            metrics = [_lower(query) for query in config["Metrics"]]
        else:
            metrics = [
                {
                    "id": "m1",
                    "metricStat": {
                        "metric": {
                            "namespace": config["Namespace"],
                            "name": config["MetricName"],
                            "dimensions": {item["Name"]: item["Value"] for item in config.get("Dimensions") or []},
                        },
                        "period": config["Period"],
                        "stat": config.get("Statistic") or config.get("ExtendedStatistic"),
                    },
                    "returnData": True,
                }
            ]
        described = {"description": config["AlarmDescription"]} if config.get("AlarmDescription") else {}
        return described | {"metrics": metrics}

    def record(self, kind: str, summary: str, data: dict[str, Any]) -> None:
        """Write a line of alarm history; CloudWatch keeps 30 days."""
        history = self.store.history
        oldest = clock.now() - timedelta(days=_HISTORY_DAYS)
        while history and history[0]["Timestamp"] < oldest:
            history.pop(0)
        history.append(
            {
                "AlarmName": self.name,
                "AlarmType": self.kind,
                "Timestamp": clock.now(),
                "HistoryItemType": kind,
                "HistorySummary": summary,
                "HistoryData": json.dumps(data, default=str),
            }
        )


def _stamp(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{time.microsecond // 1000:03}+0000"


def _lower(query: dict[str, Any]) -> dict[str, Any]:
    """A MetricDataQuery as an alarm event shows it."""
    shown: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData", True)}
    if query.get("Label"):
        shown["label"] = query["Label"]
    if query.get("Expression"):
        return shown | {"expression": query["Expression"]}
    stat = query["MetricStat"]
    metric = stat["Metric"]
    shown["metricStat"] = {
        "metric": {
            "namespace": metric["Namespace"],
            "name": metric["MetricName"],
            "dimensions": {item["Name"]: item["Value"] for item in metric.get("Dimensions") or []},
        },
        "period": stat["Period"],
        "stat": stat["Stat"],
    }
    return shown
