"""Smithy RPC v2 CBOR, the protocol in which current AWS SDKs speak to CloudWatch.

Source: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html. A request is
`POST /service/<service>/operation/<operation>` with `smithy-protocol: rpc-v2-cbor` and a CBOR map as body.
"""

from __future__ import annotations

import gzip
import re
from datetime import UTC, datetime
from typing import Any

import cbor2
from botocore.model import Shape

CONTENT_TYPE = "application/cbor"
PATH = re.compile(r"^/service/(?P<service>[^/]+)/operation/(?P<operation>[^/]+)/?$")


class MalformedBody(ValueError):
    """The body is not the CBOR map that the operation's input shape describes."""


def operation_of(path: str) -> str | None:
    """The operation that a request path names, None when the path is not of this protocol."""
    match = PATH.match(path)
    return match.group("operation") if match else None


def parse(body: bytes, shape: Shape | None, *, content_encoding: str = "") -> dict[str, Any]:
    """The parameters of a request, named as botocore names them; time stamps are timezone-aware.

    SDKs compress PutMetricData (`Content-Encoding: gzip`) once it is larger than 10 KiB.
    Raises MalformedBody.
    """
    if shape is None or not body:
        return {}
    try:
        if content_encoding == "gzip":
            body = gzip.decompress(body)
        decoded = cbor2.loads(body)
    except Exception as error:
        raise MalformedBody(f"the request body is not CBOR: {error}") from error
    if not isinstance(decoded, dict):
        raise MalformedBody(f"the request body is not a CBOR map but {type(decoded).__name__}")
    return _parsed(decoded, shape)


def _parsed(value: Any, shape: Shape) -> Any:
    match shape.type_name:
        case "structure" if isinstance(value, dict):
            members = shape.members
            return {name: _parsed(item, members[name]) for name, item in value.items() if name in members and item is not None}
        case "list" if isinstance(value, (list, tuple)):
            return [_parsed(item, shape.member) for item in value if item is not None]
        case "map" if isinstance(value, dict):
            return {key: _parsed(item, shape.value) for key, item in value.items()}
        case "timestamp":
            return as_datetime(value)
        case "double" | "float" if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
        case _:
            return value


def as_datetime(value: Any) -> datetime:
    """Epoch seconds (what an undecoded tag 1 holds) or a date as a timezone-aware time."""
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return datetime.fromtimestamp(value, UTC)
    raise MalformedBody(f"not a timestamp: {value!r}")


def serialize(value: Any, shape: Shape | None) -> bytes:
    """A result as the body of an answer: members of the shape only, time stamps as tag 1.

    Epoch seconds are always written as a float, also whole ones: that is what AWS sends, and the Rust SDK reads nothing else.
    """
    return cbor2.dumps({} if shape is None else shaped(value, shape, lambda time: cbor2.CBORTag(1, float(epoch(time)))))


def epoch(time: datetime) -> int | float:
    """Seconds since 1970 with at most milliseconds, an integer when there are none."""
    seconds = round(time.timestamp(), 3)
    return int(seconds) if seconds == int(seconds) else seconds


def shaped(value: Any, shape: Shape, timestamp: Any) -> Any:
    """`value` reduced to what `shape` declares, with time stamps converted by `timestamp`."""
    match shape.type_name:
        case "structure":
            members = shape.members
            return {name: shaped(item, members[name], timestamp) for name, item in value.items() if name in members and item is not None}
        case "list":
            return [shaped(item, shape.member, timestamp) for item in value]
        case "map":
            return {key: shaped(item, shape.value, timestamp) for key, item in value.items()}
        case "timestamp":
            return timestamp(value)
        case "double" | "float":
            return float(value)
        case "integer" | "long":
            return int(value)
        case _:
            return value
