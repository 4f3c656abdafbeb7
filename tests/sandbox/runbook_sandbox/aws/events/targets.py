"""What a rule's target is given, and how it gets there."""

from __future__ import annotations

import json
import logging
import re
import uuid
from typing import Any

from jsonpath_ng.ext import parse as parse_path
from moto.core.utils import unix_time_millis
from moto.sqs.models import sqs_backends

from runbook_sandbox.aws.clock import clock

_LOG = logging.getLogger(__name__)
_PLACE = re.compile(r"<([\w.\-]+)>")


def input_of(target: dict[str, Any], event: dict[str, Any], rule_name: str, rule_arn: str) -> str:
    """The text for a target: its constant `Input`, `InputPath`, `InputTransformer`, or the event as it is."""
    if target.get("Input") is not None:
        return str(target["Input"])
    if target.get("InputPath") is not None:
        found = parse_path(target["InputPath"]).find(event)
        return json.dumps(found[0].value) if found else ""
    if target.get("InputTransformer"):
        return _transformed(target["InputTransformer"], event, rule_name, rule_arn)
    return json.dumps(event)


def _transformed(transformer: dict[str, Any], event: dict[str, Any], rule_name: str, rule_arn: str) -> str:
    values: dict[str, Any] = {
        "aws.events.rule-name": rule_name,
        "aws.events.rule-arn": rule_arn,
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        "aws.events.event.json": event,
        "aws.events.event.ingestion-time": clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    for name, path in (transformer.get("InputPathsMap") or {}).items():
        found = parse_path(path).find(event)
        values[name] = found[0].value if found else None
    template = transformer["InputTemplate"]

    def put(match: re.Match[str]) -> str:
        if match.group(1) not in values:
            return match.group(0)
        value = values[match.group(1)]
        quoted = template[: match.start()].count('"') % 2 == 1
        if isinstance(value, str):
            text = json.dumps(value)
            return text[1:-1] if quoted else text
        text = json.dumps(value) if value is not None else ""
        return text.replace('"', '\\"') if quoted else text

    return _PLACE.sub(put, template)


def deliver_to_queue(arn: str, text: str, event_id: str, group_id: str | None, dead_letter_arn: str | None) -> None:
    """Put a message in an SQS queue of any account and region; a queue that is gone means the dead-letter queue.

    Queue policies are not asked, as if each allowed `events.amazonaws.com`.
    """
    _, _, _, region, account_id, name = arn.split(":", 5)
    backend = sqs_backends[account_id][region]
    queue = backend.queues.get(name)
    if queue is None:
        if dead_letter_arn and dead_letter_arn != arn:
            deliver_to_queue(dead_letter_arn, text, event_id, None, None)
        else:
            _LOG.info("event %s lost: there is no queue %s", event_id, arn)
        return
    if queue.fifo_queue:
        backend.send_message(name, text, group_id=group_id or "default", deduplication_id=event_id)
    else:
        backend.send_message(name, text)


def deliver_to_topic(arn: str, text: str) -> None:
    """Publish to an SNS topic; a topic that is gone loses the event."""
    from moto.sns.models import sns_backends

    _, _, _, region, account_id, _ = arn.split(":", 5)
    topic = sns_backends[account_id][region].topics.get(arn)
    if topic is None:
        _LOG.info("event lost: there is no topic %s", arn)
        return
    topic.publish(text)


def deliver_to_log_group(arn: str, text: str) -> None:
    """Write to a log group, in a stream of its own."""
    from moto.logs.models import logs_backends

    _, _, _, region, account_id, resource = arn.split(":", 5)
    group = resource.removeprefix("log-group:").removesuffix(":*")
    backend, stream = logs_backends[account_id][region], str(uuid.uuid4())
    if group not in backend.groups:
        _LOG.info("event lost: there is no log group %s", arn)
        return
    backend.create_log_stream(group, stream)
    backend.put_log_events(group, stream, [{"timestamp": int(unix_time_millis()), "message": text}])
