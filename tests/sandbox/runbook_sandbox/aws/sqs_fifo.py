"""FIFO queues: five minutes of deduplication, and sequence numbers that increase.

Source: Amazon SQS Developer Guide, "Using the message deduplication ID", "FIFO queue key terms". moto forgets a message with
its deletion, knows no DeduplicationScope, gives a duplicate an id of its own, and numbers at random.
"""

from __future__ import annotations

from typing import Any

from moto.sqs.models import Message, Queue

#: "any messages sent with the same message deduplication ID are accepted successfully but aren't delivered during the
#: 5-minute deduplication interval", deleted or not; milliseconds.
_INTERVAL = 5 * 60 * 1000
#: Sequence numbers have 20 digits.
_FIRST = 18_850_000_000_000_000_000

_motos_add_message = Queue.add_message


def install() -> None:
    """Idempotent."""
    Queue.add_message = _add_message


def _add_message(queue: Queue, message: Message) -> None:
    if not queue.fifo_queue:
        _motos_add_message(queue, message)
        return
    now = int(message.sent_timestamp or 0)
    known: dict[Any, Message] = queue.__dict__.setdefault("deduplicated", {})
    for key in [key for key, sent in known.items() if now - int(sent.sent_timestamp or 0) >= _INTERVAL]:
        del known[key]
    by_group = queue.attributes.get("DeduplicationScope") == "messageGroup"
    key = (message.group_id if by_group else None, message.deduplication_id)
    original = known.get(key)
    if original is not None:
        # The sender is told of the first message.
        message.id, message.sequence_number = original.id, original.sequence_number
        return
    number = queue.__dict__["last_sequence"] = queue.__dict__.get("last_sequence", _FIRST) + 256
    message.sequence_number = str(number)
    known[key] = message
    with queue._messages_lock:
        queue._messages.append(message)
        queue._messages_lock.notify_all()
