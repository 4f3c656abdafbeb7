"""What SNS refuses of a message (Amazon SNS API Reference, Publish), in its own words.

moto takes an empty message and any subject, calls a topic that is not there an endpoint, and says another error's text of
a message that is too long.
"""

from __future__ import annotations

from typing import Any

from moto.sns.responses import SNSResponse

from runbook_sandbox.aws import context
from runbook_sandbox.aws.wire.errors import ApiError

#: Bytes of a message, and characters of its subject ("less than 100 characters" is up to and with 100).
MAX_MESSAGE, MAX_SUBJECT = 256 * 1024, 100

_motos_publish = SNSResponse.publish


def install() -> None:
    """Idempotent."""
    SNSResponse.publish = _publish


def _publish(response: SNSResponse) -> Any:
    message, subject = response._get_param("Message"), response._get_param("Subject")
    if not message:
        raise _invalid("Empty message")
    if len(str(message).encode()) > MAX_MESSAGE:
        raise _invalid("Message too long")
    if subject is not None and not _is_subject(str(subject)):
        raise _invalid("Subject")
    for name in ("TopicArn", "TargetArn"):
        arn = str(response._get_param(name) or "")
        if arn.count(":") == 5 and arn.split(":")[2] == "sns":
            _check_topic(response, name, arn)
    return _motos_publish(response)


def _is_subject(text: str) -> bool:
    """Text without line breaks and control characters."""
    return 0 < len(text) <= MAX_SUBJECT and text.isprintable()


def _check_topic(response: SNSResponse, name: str, arn: str) -> None:
    request = context.current.get()
    if request is not None and arn.split(":")[3] != request.region:
        raise _invalid(name)
    if request is not None and arn.split(":")[4] == request.account_id and arn not in response.backend.topics:
        raise ApiError("NotFound", "Topic does not exist", 404)


def _invalid(what: str) -> ApiError:
    return ApiError("InvalidParameter", f"Invalid parameter: {what}")
