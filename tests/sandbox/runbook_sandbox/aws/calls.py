"""The record of every AWS call that reached the sandbox: tests and benchmarks assert on it.

Bounded: the last `CAPACITY` calls are kept whole, counts are kept of all.
"""

from __future__ import annotations

import re
import threading
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from typing import Any

from runbook_sandbox.aws import context

#: Calls kept whole.
CAPACITY = 20_000
_SECRET = re.compile(r"password|secret(?!arn|id$)|credential|privatekey|sessiontoken|webidentitytoken|samlassertion", re.IGNORECASE)
MASK = "***"
#: Outcome of a call that is not answered yet.
PENDING = "pending"


@dataclass
class Call:
    """One request and what became of it.

    `outcome` is `ok`, `error` (the service refused), `denied`, `throttled`, `fault` (made on demand) or `internal`.
    `effect` tells whether the operation was carried out, which a client that lost the answer cannot know.
    """

    sequence: int
    service: str
    operation: str
    account: str
    region: str
    caller: str
    params: dict[str, Any]
    resources: list[str]
    request_id: str
    sandbox_time: str
    wall_time: str
    outcome: str = "ok"
    status: int = 0
    error_code: str | None = None
    fault: str | None = None
    effect: bool = False


@dataclass
class Filter:
    """Which calls; names may have `*` and `?`. `since` is a sequence number, or a time of the sandbox's clock."""

    service: str = "*"
    operation: str = "*"
    account: str = "*"
    region: str = "*"
    caller: str = "*"
    resource: str | None = None
    outcome: str = "*"
    since: int | datetime = 0
    limit: int = field(default=1000)

    @classmethod
    def of(cls, params: dict[str, str]) -> Filter:
        """From a query string; an unknown name is an error rather than a filter that filters nothing."""
        known = set(cls.__dataclass_fields__)
        unknown = set(params) - known
        if unknown:
            raise ValueError(f"unknown filter {', '.join(sorted(unknown))}; known are {', '.join(sorted(known))}")
        values: dict[str, Any] = dict(params)
        if "limit" in values:
            values["limit"] = int(values["limit"])
        if "since" in values:
            values["since"] = int(values["since"]) if values["since"].isdigit() else moment_of(values["since"])
        return cls(**values)

    def takes(self, call: Call) -> bool:
        named = ("service", "operation", "account", "region", "caller", "outcome")
        if isinstance(self.since, datetime):
            is_later = datetime.fromisoformat(call.sandbox_time) >= self.since
        else:
            is_later = call.sequence > self.since
        if not is_later or not all(fnmatchcase(getattr(call, name), getattr(self, name)) for name in named):
            return False
        return self.resource is None or any(fnmatchcase(resource, self.resource) for resource in call.resources)


def moment_of(text: str) -> datetime:
    """A time such as `2026-01-01T00:00:00Z`; without an offset it is UTC."""
    moment = datetime.fromisoformat(text.replace(" ", "+"))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


class Record:
    """Calls in the order in which they came."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._calls: deque[Call] = deque(maxlen=capacity)
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self.sequence = 0
        self._lock = threading.Lock()

    def add(
        self,
        service: str,
        operation: str,
        account: str,
        region: str,
        params: dict[str, Any],
        request_id: str,
        now: datetime,
        wall: datetime,
    ) -> Call:
        """A call that has come; what becomes of it is filled in by `finish`."""
        self.sequence += 1
        call = Call(
            sequence=self.sequence,
            service=service,
            operation=operation,
            account=account,
            region=region,
            caller="",
            params=summary(params),
            resources=[],
            request_id=request_id,
            sandbox_time=now.isoformat(),
            wall_time=wall.isoformat(),
            outcome=PENDING,
        )
        self._calls.append(call)
        return call

    def finish(self, call: Call, outcome: str, status: int, error_code: str | None) -> None:
        """Tell what became of a call; said again, as of an answer that a fault took away, the last word counts."""
        with self._lock:
            if call.outcome != PENDING:
                self._counts[call.service, call.operation, call.outcome] -= 1
            call.outcome, call.status, call.error_code = outcome, status, error_code
            self._counts[call.service, call.operation, outcome] += 1

    def find(self, wanted: Filter) -> list[dict[str, Any]]:
        """Calls that match, oldest first, the latest `limit` of them."""
        found = [call for call in self._calls if wanted.takes(call)]
        return [asdict(call) for call in found[-wanted.limit :]] if wanted.limit > 0 else []

    def counts(self, wanted: Filter) -> dict[str, Any]:
        """How many calls there were: in all, by outcome, and by service and operation.

        Without `since`, caller, resource, account or region this counts every call since the last clear, also those
        no longer kept whole.
        """
        if wanted == Filter(wanted.service, wanted.operation, outcome=wanted.outcome, limit=wanted.limit):
            tally = Counter(
                {
                    key: count
                    for key, count in self._counts.items()
                    if fnmatchcase(key[0], wanted.service) and fnmatchcase(key[1], wanted.operation) and fnmatchcase(key[2], wanted.outcome)
                }
            )
        else:
            tally = Counter((call.service, call.operation, call.outcome) for call in self._calls if wanted.takes(call))
        by_operation: Counter[str] = Counter()
        by_outcome: Counter[str] = Counter()
        for (service, operation, outcome), count in (+tally).items():
            by_operation[f"{service}:{operation}"] += count
            by_outcome[outcome] += count
        return {"total": sum(tally.values()), "operations": dict(by_operation), "outcomes": dict(by_outcome)}

    def clear(self) -> None:
        """Forget all calls; the sequence goes on, so that `since` stays true."""
        self._calls.clear()
        self._counts.clear()


record = Record()


def summary(value: Any, name: str = "", depth: int = 0) -> Any:
    """Parameters fit to keep and to show: secrets masked, long texts and lists cut."""
    if isinstance(value, dict):
        if depth > 6:
            return "..."
        return {str(key): summary(item, str(key), depth + 1) for key, item in list(value.items())[:60]}
    if _SECRET.search(name) and value is not None and not isinstance(value, bool):
        return MASK
    if isinstance(value, (list, tuple)):
        kept = [summary(item, name, depth + 1) for item in value[:100]]
        return kept if len(value) <= 100 else [*kept, f"... {len(value) - 100} more"]
    if isinstance(value, str):
        return value if len(value) <= 500 else value[:500] + "..."
    if isinstance(value, bytes):
        return f"<{len(value)} bytes>"
    return value if isinstance(value, (int, float, bool, type(None))) else str(value)


def current_caller() -> str | None:
    """ARN of the caller of the request being handled; None outside a request, as in an appointment of the clock."""
    request = context.current.get()
    return request.caller.arn if request else None
