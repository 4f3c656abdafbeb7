"""Answers of the query protocol, written straight from the result by the output shape.

Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html. A page of 100 DB instances is 300 kB of XML; building
trees of it first, as moto does, takes most of the time of such a call.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape

from botocore.model import OperationModel, Shape


def answer(operation: OperationModel, result: dict[str, Any], request_id: str) -> str:
    """The whole body: `<OpResponse><OpResult>…</OpResult><ResponseMetadata>…`."""
    name, shape = operation.name, operation.output_shape
    namespace = operation.service_model.metadata.get("xmlNamespace", "")
    out = [f'<{name}Response xmlns="{namespace}">']
    if shape is not None:
        _write(out, shape.serialization.get("resultWrapper", f"{name}Result"), result, shape)
    out.append(f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{name}Response>")
    return "".join(out)


def _write(out: list[str], name: str, value: Any, shape: Shape) -> None:
    """One element, or one for each item of a flattened list."""
    kind = shape.type_name
    if kind == "structure":
        out.append(f"<{name}>")
        for member, member_shape in shape.members.items():
            item = value.get(member)
            if item is not None:
                _write(out, member_shape.serialization.get("name", member), item, member_shape)
        out.append(f"</{name}>")
    elif kind == "list":
        item_name = shape.member.serialization.get("name", "member")
        if shape.serialization.get("flattened"):
            for item in value:
                _write(out, shape.serialization.get("name", item_name), item, shape.member)
            return
        out.append(f"<{name}>")
        for item in value:
            _write(out, item_name, item, shape.member)
        out.append(f"</{name}>")
    elif kind == "map":
        out.append(f"<{name}>")
        for key, item in value.items():
            out.append("<entry>")
            _write(out, shape.key.serialization.get("name", "key"), key, shape.key)
            _write(out, shape.value.serialization.get("name", "value"), item, shape.value)
            out.append("</entry>")
        out.append(f"</{name}>")
    else:
        out.append(f"<{name}>{_text(value, kind)}</{name}>")


def _text(value: Any, kind: str) -> str:
    if kind == "boolean":
        return "true" if value else "false"
    if kind == "timestamp":
        return timestamp(value)
    if kind == "blob":
        return base64.b64encode(value if isinstance(value, bytes) else str(value).encode()).decode()
    if kind in ("integer", "long"):
        return str(int(value))
    if kind in ("float", "double"):
        return repr(float(value))
    return escape(str(value))


def timestamp(time: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, as AWS writes it."""
    time = time.astimezone(UTC)
    return f"{time:%Y-%m-%dT%H:%M:%S}.{time.microsecond // 1000:03}Z"
