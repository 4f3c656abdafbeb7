"""SQS on the sandbox's clock, with long polling that holds no lock.

moto counts a message whose visibility timeout is exactly over as invisible, so on a frozen clock it never came back,
and it waits inside the handler, where it would stop every other request.
"""

from __future__ import annotations

from typing import Any

from moto.core.utils import unix_time_millis
from moto.sqs.models import Message, SQSBackend, sqs_backends

from runbook_sandbox.aws.context import RequestContext

#: Longest wait of a ReceiveMessage, in seconds (API reference).
MAX_WAIT = 20

_motos_receive_message = SQSBackend.receive_message


def install() -> None:
    """Idempotent."""
    Message.visible = property(lambda message: unix_time_millis() >= message.visible_at)
    SQSBackend.receive_message = _receive_message


def _receive_message(backend: SQSBackend, queue_name: str, count: int, wait_seconds_timeout: int, *args: Any, **kwargs: Any) -> Any:
    # The server has waited already.
    return _motos_receive_message(backend, queue_name, count, 0, *args, **kwargs)


def wait_of(request: RequestContext) -> float:
    """How long this request may wait for messages, in seconds of wall time; 0 for any other request."""
    if (request.service, request.operation) != ("sqs", "ReceiveMessage"):
        return 0
    wait = request.params.get("WaitTimeSeconds")
    if wait is None:
        queue = _queue_of(request)
        wait = getattr(queue, "receive_message_wait_time_seconds", 0)
    return float(wait) if isinstance(wait, (int, float)) and 0 < wait <= MAX_WAIT else 0


def has_messages(request: RequestContext) -> bool:
    """True when the queue has something to hand out, or is not there (so that the handler can say so)."""
    queue = _queue_of(request)
    return queue is None or any(not message.delayed for message in queue.messages)


def _queue_of(request: RequestContext) -> Any | None:
    name = str(request.params.get("QueueUrl", "")).rstrip("/").rsplit("/", 1)[-1]
    return sqs_backends[request.account_id][request.region].queues.get(name)
