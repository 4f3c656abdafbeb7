"""What is known of the request being handled, for everything that runs inside it."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass
class Caller:
    """Who signed the request.

    `kind` is `user`, `role` (an assumed role's session), `root`, or `administrator`: an access key that the sandbox
    has never issued, which is let in unless IAM is enforced.
    """

    arn: str
    account_id: str
    user_id: str
    kind: str
    access_key_id: str
    name: str = ""
    role_arn: str | None = None
    session_policies: list[str] | None = None
    session_created: datetime | None = None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class RequestContext:
    """One AWS API request, identified: service and operation as botocore names them, parameters parsed."""

    request_id: str
    service: str
    operation: str
    protocol: str
    account_id: str
    region: str
    partition: str
    caller: Caller
    received: datetime
    params: dict[str, Any] = field(default_factory=dict)
    resources: list[str] = field(default_factory=list)
    source_ip: str = "127.0.0.1"
    user_agent: str = ""


current: ContextVar[RequestContext | None] = ContextVar("current_request", default=None)
