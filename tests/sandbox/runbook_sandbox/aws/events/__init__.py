"""The account's event buses: what AWS services and users send to EventBridge, delivered through rules to their targets.

AWS delivers at least once, so a test can ask for duplicates.
"""

from __future__ import annotations

import json
import logging
import random
import uuid
from datetime import UTC, datetime
from typing import Any

from moto.events.models import EventsBackend, Rule, events_backends
from moto.events.responses import EventsHandler

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.events import patterns, schedules, targets
from runbook_sandbox.aws.wire.errors import ApiError

_LOG = logging.getLogger(__name__)
#: Targets of one rule ("Amazon EventBridge quotas").
MAX_TARGETS = 5
#: Size of all entries of one PutEvents request together, in bytes (API reference of PutEvents).
MAX_REQUEST_BYTES = 1024 * 1024


class Duplicates:
    """How often a delivery is made twice: the next `count` ones, and each with `probability` by `seed`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.count, self.probability, self.seed = 0, 0.0, 0
        self._random = random.Random(0)

    def update(self, values: Any) -> None:
        """`{"count": n}` and/or `{"probability": 0..1, "seed": n}`."""
        if not isinstance(values, dict) or set(values) - {"count", "probability", "seed"}:
            raise ValueError('want {"count": 1} or {"probability": 0.1, "seed": 42}')
        count, probability = int(values.get("count", 0)), float(values.get("probability", 0.0))
        if count < 0 or not 0 <= probability <= 1:
            raise ValueError('"count" must not be negative and "probability" must be between 0 and 1')
        self.count, self.probability, self.seed = count, probability, int(values.get("seed", 0))
        self._random = random.Random(self.seed)

    def times(self) -> int:
        """How many times the next delivery is made."""
        if self.count > 0:
            self.count -= 1
            return 2
        return 2 if self.probability and self._random.random() < self.probability else 1

    def as_dict(self) -> dict[str, Any]:
        return {"count": self.count, "probability": self.probability, "seed": self.seed}


duplicates = Duplicates()


def emit(
    account_id: str,
    region: str,
    source: str,
    detail_type: str,
    resources: list[str],
    detail: dict[str, Any],
    *,
    time: datetime | None = None,
) -> None:
    """Send an event of an AWS service to the account's default bus, from which its rules deliver it.

    `source` is `aws.ecs`, `aws.rds`...; `time` is when it happened, by default now on the sandbox's clock.
    """
    _send(envelope(account_id, region, source, detail_type, resources, detail, time), events_backends[account_id][region], "default")


def listened_to(account_id: str, region: str) -> bool:
    """True when the account's default bus has a rule, so that an event could reach somebody."""
    return bool(events_backends[account_id][region].event_buses["default"].rules)


def envelope(
    account_id: str,
    region: str,
    source: str,
    detail_type: str,
    resources: list[str],
    detail: dict[str, Any],
    time: datetime | None = None,
) -> dict[str, Any]:
    """An event as targets see it ("AWS service event structure")."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": detail_type,
        "source": source,
        "account": account_id,
        "time": (time or clock.now()).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "region": region,
        "resources": list(resources),
        "detail": detail,
    }


def _send(event: dict[str, Any], backend: EventsBackend, bus_name: str) -> None:
    # Through JSON, so that a target sees what the wire would carry and no rule sees another's changes.
    event = json.loads(json.dumps(event, default=str))
    bus = backend.event_buses.get(bus_name)
    for rule in list(bus.rules.values()) if bus else []:
        _offer(rule, event)


def _offer(rule: Rule, event: dict[str, Any]) -> None:
    # ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS is a state too.
    if rule.state == "DISABLED":
        return
    pattern = rule.event_pattern.get_pattern()
    if pattern and patterns.matches(pattern, event):
        _deliver_to_all(rule, event)


def _fire(rule: Rule) -> None:
    event = envelope(rule.account_id, rule.region_name, "aws.events", "Scheduled Event", [rule.arn], {})
    _deliver_to_all(rule, event)


def _deliver_to_all(rule: Rule, event: dict[str, Any]) -> None:
    for target in list(rule.targets):
        for _ in range(duplicates.times()):
            _deliver(rule, target, event)


def _deliver(rule: Rule, target: dict[str, Any], event: dict[str, Any]) -> None:
    _, _, service, region, account_id, resource = target["Arn"].split(":", 5)
    if service == "events" and resource.startswith("event-bus/"):
        _send(event, events_backends[account_id][region], resource.removeprefix("event-bus/"))
        return
    text = targets.input_of(target, event, rule.name, rule.arn)
    if service == "sqs":
        group = (target.get("SqsParameters") or {}).get("MessageGroupId")
        targets.deliver_to_queue(target["Arn"], text, event["id"], group, (target.get("DeadLetterConfig") or {}).get("Arn"))
    elif service == "sns":
        targets.deliver_to_topic(target["Arn"], text)
    elif service == "logs":
        targets.deliver_to_log_group(target["Arn"], text)
    else:
        _LOG.warning("the sandbox does not deliver events to %s; event %s is not sent there", target["Arn"], event["id"])


def install() -> None:
    """Replace moto's matching and delivery. Idempotent."""
    Rule.send_to_targets = _rule_send_to_targets
    EventsBackend.put_events = _put_events
    EventsBackend.put_rule = _put_rule
    EventsBackend.put_targets = _put_targets
    EventsBackend.describe_rule = _describe_rule
    for name, member in _RULE_OPERATIONS.items():
        setattr(EventsHandler, name, _of_a_rule(name, member))
    EventsHandler.test_event_pattern = _test_event_pattern
    # Partners' events are nobody's here; moto trips over what they may leave out.
    EventsHandler.put_partner_events = _not_there


def reset() -> None:
    """No duplicates, no schedules."""
    duplicates.reset()
    schedules.reset()


#: moto's operations on a rule, and the member that names it.
_RULE_OPERATIONS = {"enable_rule": "Name", "disable_rule": "Name", "list_targets_by_rule": "Rule"}
_motos_rule_operations = {name: getattr(EventsHandler, name) for name in _RULE_OPERATIONS}
_motos_put_rule = EventsBackend.put_rule
_motos_put_targets = EventsBackend.put_targets


def _rule_send_to_targets(rule: Rule, original_event: dict[str, Any], transform_input: bool = True) -> None:
    # What moto's own services (S3) emit.
    event = dict(original_event)
    if not isinstance(event.get("time"), str):
        event["time"] = clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    event.pop("ingestion-time", None)
    _offer(rule, json.loads(json.dumps(event, default=str)))


def _put_rule(backend: EventsBackend, name: str, *args: Any, **kwargs: Any) -> Rule:
    if kwargs.get("event_pattern"):
        patterns.parse(kwargs["event_pattern"])
    if kwargs.get("scheduled_expression"):
        schedules.check(kwargs["scheduled_expression"])
    rule = _motos_put_rule(backend, name, *args, **kwargs)
    schedules.arm(rule, _fire)
    return rule


def _put_targets(backend: EventsBackend, name: str, event_bus_arn: str | None, targets: list[dict[str, Any]]) -> None:
    # CloudFormation calls it by moto's names.
    bus = backend.event_buses.get((event_bus_arn or "default").split("event-bus/")[-1])
    rule = bus.rules.get(name) if bus else None
    if rule is not None:
        known = {target["Id"] for target in rule.targets} | {target["Id"] for target in targets}
        if len(known) > MAX_TARGETS:
            raise ApiError("LimitExceededException", f"The requested resource exceeds the maximum number allowed: {MAX_TARGETS} targets.")
    for target in targets:
        _check_input(target)
    _motos_put_targets(backend, name, event_bus_arn, targets)


def _check_input(target: dict[str, Any]) -> None:
    """One of the three inputs at most, and a constant one must be JSON. Raises ValidationException."""
    if sum(1 for name in ("Input", "InputPath", "InputTransformer") if target.get(name)) > 1:
        message = f"Only one of Input, InputPath, or InputTransformer must be provided for target {target['Id']}."
        raise ApiError("ValidationException", message)
    try:
        json.loads(target.get("Input") or "{}")
    except ValueError as error:
        raise ApiError("ValidationException", f"JSON syntax error in input for target {target['Id']}: {error}.") from error


def _not_there(_: EventsHandler) -> Any:
    raise NotImplementedError


def _of_a_rule(name: str, member: str) -> Any:
    """moto's operation on the rule that `member` names, refused in EventBridge's words when there is none."""
    method = _motos_rule_operations[name]

    def on_rule(handler: EventsHandler) -> Any:
        _describe_rule(handler.events_backend, handler._get_param(member), handler._get_param("EventBusName"))
        return method(handler)

    return on_rule


def _describe_rule(backend: EventsBackend, name: str, event_bus_arn: str | None) -> Rule:
    bus = backend._get_event_bus(backend._normalize_event_bus_arn(event_bus_arn))
    if name not in bus.rules:
        raise ApiError("ResourceNotFoundException", f"Rule {name} does not exist on EventBus {bus.name}.")
    return bus.rules[name]


def _test_event_pattern(handler: EventsHandler) -> tuple[str, dict[str, Any]]:
    """TestEventPattern, which moto does not have."""
    pattern = patterns.parse(handler._get_param("EventPattern"))
    try:
        event = json.loads(handler._get_param("Event"))
    except ValueError as error:
        raise ApiError("ValidationException", "Parameter Event is not valid.") from error
    missing = {"id", "detail-type", "source", "account", "time", "region", "resources"} - set(event)
    if missing:
        raise ApiError("ValidationException", f"Parameter Event is not valid. Missing: {', '.join(sorted(missing))}")
    return json.dumps({"Result": patterns.matches(pattern, event)}), {}


def _put_events(backend: EventsBackend, events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """PutEvents: each entry by itself succeeds or fails, unless they are too large together."""
    if sum(map(_size_of, events)) > MAX_REQUEST_BYTES:
        raise ApiError("ValidationException", "Total size of the entries in the request is over the limit.")
    return [_put_event(backend, entry) for entry in events]


def _put_event(backend: EventsBackend, entry: dict[str, Any]) -> dict[str, Any]:
    for name in ("Source", "DetailType", "Detail"):
        if not entry.get(name):
            return _failed("InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument.")
    if entry["Source"].startswith("aws."):
        return _failed("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        detail = None
    if not isinstance(detail, dict):
        return _failed("MalformedDetail", "Detail is malformed.")
    bus_name = (entry.get("EventBusName") or "default").split("event-bus/")[-1]
    event = envelope(
        backend.account_id, backend.region_name, entry["Source"], entry["DetailType"], entry.get("Resources") or [], detail, _time_of(entry)
    )
    _send(event, backend, bus_name)
    return {"EventId": event["id"]}


def _size_of(entry: dict[str, Any]) -> int:
    """Bytes, as "Calculating PutEvents event entry size" (Amazon EventBridge User Guide) counts them."""
    texts = [entry.get("Source"), entry.get("DetailType"), entry.get("Detail"), *(entry.get("Resources") or [])]
    return sum(len(str(text or "").encode()) for text in texts) + (14 if entry.get("Time") else 0)


def _time_of(entry: dict[str, Any]) -> datetime | None:
    time = entry.get("Time")
    if isinstance(time, (int, float)):
        return datetime.fromtimestamp(time, UTC)
    return time if isinstance(time, datetime) else None


def _failed(code: str, message: str) -> dict[str, Any]:
    return {"ErrorCode": code, "ErrorMessage": message}
