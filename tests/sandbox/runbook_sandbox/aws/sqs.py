"""SQS on the sandbox's clock, with long polling that holds no lock.

moto counts a message whose visibility timeout is exactly over as invisible, so on a frozen clock it never came back; it
waits inside the handler, where it would stop every other request; it counts the whole queue for each message it hands out,
and an expired message hides those behind it; and its texts are not SQS's. What is refused of queues is in `sqs_queues`.
"""

from __future__ import annotations

import re
from typing import Any

from moto.core.utils import unix_time_millis
from moto.sqs.models import Message, SQSBackend, sqs_backends
from moto.sqs.responses import SQSResponse

from runbook_sandbox.aws import sqs_fifo, sqs_queues
from runbook_sandbox.aws.context import RequestContext
from runbook_sandbox.aws.wire.errors import ApiError

#: Longest wait of a ReceiveMessage, in seconds (API reference).
MAX_WAIT = 20

#: Longest visibility timeout and delay of a message, in seconds.
MAX_VISIBILITY, MAX_DELAY = 43_200, 900

#: What XML 1.0 cannot hold; a message can hold nothing else ("SendMessage", API reference).
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_motos_change_visibility_batch = SQSBackend.change_message_visibility_batch
_motos_change_message_visibility = SQSBackend.change_message_visibility
_motos_receive_message = SQSBackend.receive_message
_motos_get_queue_attributes = SQSBackend.get_queue_attributes
_motos_response_receive = SQSResponse.receive_message
_motos_response_send = SQSResponse.send_message


def install() -> None:
    """Idempotent."""
    Message.visible = property(lambda message: unix_time_millis() >= message.visible_at)
    sqs_queues.install()
    sqs_fifo.install()
    SQSBackend.change_message_visibility = _change_message_visibility
    SQSBackend.change_message_visibility_batch = _change_message_visibility_batch
    SQSBackend.receive_message = _receive_message
    SQSBackend.get_queue_attributes = _get_queue_attributes
    SQSBackend.is_message_valid_based_on_retention_period = lambda backend, queue_name, message: True
    SQSResponse.receive_message = _checked_receive
    SQSResponse.send_message = _checked_send


def _receive_message(backend: SQSBackend, queue_name: str, count: int, wait_seconds_timeout: int, *args: Any, **kwargs: Any) -> Any:
    _forget_expired(backend.queues.get(queue_name))
    # The server has waited already.
    return _motos_receive_message(backend, queue_name, count, 0, *args, **kwargs)


def _get_queue_attributes(backend: SQSBackend, queue_name: str, attribute_names: list[str]) -> dict[str, Any]:
    _forget_expired(backend.queues.get(queue_name))
    attributes = _motos_get_queue_attributes(backend, queue_name, attribute_names)
    # SQS tells whole seconds.
    times = {name: str(int(float(attributes[name]))) for name in ("CreatedTimestamp", "LastModifiedTimestamp") if name in attributes}
    return attributes | times


def _change_message_visibility(backend: SQSBackend, queue_name: str, receipt_handle: str, visibility_timeout: int) -> None:
    """Only of a message that is in flight: once its timeout is over, it is somebody else's to receive."""
    for message in backend.get_queue(queue_name)._messages:
        if message.had_receipt_handle(receipt_handle) and message.visible:
            code = "AWS.SimpleQueueService.MessageNotInflight"
            raise ApiError("MessageNotInflight", "The specified message isn't in flight.", query_code=code)
    _motos_change_message_visibility(backend, queue_name, receipt_handle, visibility_timeout)


def _change_message_visibility_batch(backend: SQSBackend, queue_name: str, entries: list[dict[str, Any]]) -> tuple[list[str], list[Any]]:
    """Each entry by itself succeeds or fails."""
    changed, failed = [], []
    for entry in entries:
        try:
            done, refused = _motos_change_visibility_batch(backend, queue_name, [entry])
        except ApiError as error:
            failed.append({"Id": entry["Id"], "SenderFault": True, "Code": error.code, "Message": error.message})
            continue
        changed += done
        failed += refused
    return changed, failed


def _forget_expired(queue: Any | None) -> None:
    """Messages older than the queue's MessageRetentionPeriod are gone."""
    if queue is None:
        return
    oldest = unix_time_millis() - int(queue.message_retention_period) * 1000
    expired = [message for message in queue._messages if message.sent_timestamp < oldest]
    for message in expired:
        queue._messages.remove(message)
        queue.pending_messages.discard(message)


def _checked_receive(response: SQSResponse) -> Any:
    _within(response, "MaxNumberOfMessages", 1, 10, "Must be between 1 and 10, if provided.")
    _within(response, "WaitTimeSeconds", 0, MAX_WAIT, f"Must be >= 0 and <= {MAX_WAIT}, if provided.")
    _within(response, "VisibilityTimeout", 0, MAX_VISIBILITY, f"Must be between 0 and {MAX_VISIBILITY}, if provided.")
    return _motos_response_receive(response)


def _checked_send(response: SQSResponse) -> Any:
    if response._get_param("MessageBody") == "":
        raise ApiError("MissingParameter", "The request must contain the parameter MessageBody.", query_code="MissingParameter")
    if bad := _FORBIDDEN.search(str(response._get_param("MessageBody"))):
        message = (
            f"Invalid binary character '#x{ord(bad[0]):X}' was found in the message body, the set of allowed characters is "
            "#x9 | #xA | #xD | [#x20 to #xD7FF] | [#xE000 to #xFFFD] | [#x10000 to #x10FFFF]"
        )
        raise ApiError("InvalidMessageContents", message, query_code="InvalidMessageContents")
    _within(response, "DelaySeconds", 0, MAX_DELAY, f"Must be between 0 and {MAX_DELAY}, if provided.")
    return _motos_response_send(response)


def _within(response: SQSResponse, name: str, low: int, high: int, reason: str) -> None:
    value = response._get_param(name)
    if isinstance(value, int) and not low <= value <= high:
        message = f"Value {value} for parameter {name} is invalid. Reason: {reason}"
        raise ApiError("InvalidParameterValue", message, query_code="InvalidParameterValue")


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
    _forget_expired(queue)
    return queue is None or any(not message.delayed for message in queue.messages)


def _queue_of(request: RequestContext) -> Any | None:
    name = str(request.params.get("QueueUrl", "")).rstrip("/").rsplit("/", 1)[-1]
    return sqs_backends[request.account_id][request.region].queues.get(name)
