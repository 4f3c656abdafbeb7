"""What SQS refuses of a queue: names, attributes and their bounds, a name that was deleted a moment ago.

Sources: Amazon SQS API Reference, CreateQueue, SetQueueAttributes, DeleteQueue and their errors. moto takes any number and
any attribute, forgets the policy when another attribute is set, and lets a name be used again at once.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from moto.sqs.exceptions import InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue
from moto.sqs.models import Queue, SQSBackend
from moto.sqs.responses import SQSResponse

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.wire.errors import ApiError

#: Numbers among the attributes that can be set, with their bounds.
_BOUNDS = {
    "DelaySeconds": (0, 900),
    "KmsDataKeyReusePeriodSeconds": (60, 86_400),
    "MaximumMessageSize": (1024, 1_048_576),
    "MessageRetentionPeriod": (60, 1_209_600),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "VisibilityTimeout": (0, 43_200),
}
_OTHERS = frozenset(
    {
        "ContentBasedDeduplication",
        "DeduplicationScope",
        "FifoQueue",
        "FifoThroughputLimit",
        "KmsMasterKeyId",
        "Policy",
        "RedriveAllowPolicy",
        "RedrivePolicy",
        "SqsManagedSseEnabled",
    }
)
_NAME = re.compile(r"[\w-]{1,80}", re.ASCII)
#: How long the name of a deleted queue cannot be used again.
_REST = timedelta(seconds=60)

_motos_create_queue = SQSResponse.create_queue
_motos_delete_queue = SQSBackend.delete_queue
_motos_set_queue_attributes = SQSBackend.set_queue_attributes


def install() -> None:
    """Idempotent."""
    SQSResponse.create_queue = _create_queue
    SQSBackend.delete_queue = _delete_queue
    SQSBackend.set_queue_attributes = _set_queue_attributes


def _check(attributes: dict[str, Any]) -> None:
    for name, value in attributes.items():
        if name in _BOUNDS:
            low, high = _BOUNDS[name]
            if not re.fullmatch(r"\d{1,9}", str(value)) or not low <= int(value) <= high:
                raise InvalidAttributeValue(name)
        elif name not in _OTHERS:
            raise InvalidAttributeName(name)


def _deleted(backend: SQSBackend) -> dict[str, datetime]:
    # Kept on the backend, with which it goes at a reset.
    return backend.__dict__.setdefault("deleted_queues", {})


def _create_queue(response: SQSResponse) -> Any:
    name, attributes = str(response._get_param("QueueName")), response._get_param("Attributes", {})
    _check(attributes)
    if str(attributes.get("FifoQueue")).lower() != "true" and not _NAME.fullmatch(name):
        raise InvalidParameterValue("Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length")
    gone = _deleted(response.sqs_backend).get(name)
    if gone is not None and clock.now() - gone < _REST:
        code = "AWS.SimpleQueueService.QueueDeletedRecently"
        message = "You must wait 60 seconds after deleting a queue before you can create another with the same name."
        raise ApiError("QueueDeletedRecently", message, query_code=code)
    return _motos_create_queue(response)


def _delete_queue(backend: SQSBackend, queue_name: str) -> None:
    _motos_delete_queue(backend, queue_name)
    _deleted(backend)[queue_name] = clock.now()


def _set_queue_attributes(backend: SQSBackend, queue_name: str, attributes: dict[str, Any]) -> Queue:
    _check(attributes)
    policy = backend.get_queue(queue_name).policy
    queue = _motos_set_queue_attributes(backend, queue_name, attributes)
    if "Policy" not in attributes:
        queue.policy = policy
    return queue
