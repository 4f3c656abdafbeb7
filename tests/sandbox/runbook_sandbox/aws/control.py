"""The sandbox's own HTTP API under `/_sandbox/`, and the hook by which service packages add to it.

A handler takes `(params, body)`: the query string as a dict of strings and the JSON body (None when empty). It runs
under the clock's lock. What it returns is answered as JSON; `ControlError` answers 4xx with its text, `ValueError` 400.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from runbook_sandbox.aws import events, middleware
from runbook_sandbox.aws.calls import Filter, moment_of, record
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.faults import faults
from runbook_sandbox.aws.iam.enforcement import enforcement
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.throttling import throttling

Handler = Callable[..., Any]


class ControlError(Exception):
    """A control request that cannot be done; the text says what to do instead."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


_routes: list[tuple[re.Pattern[str], str, frozenset[str], Handler]] = []


def route(path: str, methods: list[str]) -> Callable[[Handler], Handler]:
    """Register a handler for `/_sandbox<path>`.

    `path` may name parts: `/ecs/services/{name}`; they are passed as keyword arguments (`name=...`) besides
    `params` (query string, dict of str) and `body` (parsed JSON or None). Registering a path and method again replaces it.
    """
    pattern = re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path) + "$")
    wanted = frozenset(method.upper() for method in methods)

    def register(handler: Handler) -> Handler:
        _routes[:] = [entry for entry in _routes if not (entry[1] == path and entry[2] == wanted)]
        _routes.append((pattern, path, wanted, handler))
        return handler

    return register


def handle(method: str, path: str, params: dict[str, str], body: Any, sandbox: Any) -> Any:
    """Find the route and run its handler; `sandbox` is the server's, for a reset."""
    if (method, path) == ("POST", "/reset"):
        sandbox.reset()
        return {"status": "reset", "clock": _clock_state()}
    found_path = False
    for pattern, _, methods, handler in _routes:
        match = pattern.match(path)
        if not match:
            continue
        found_path = True
        if method in methods:
            return handler(params=params, body=body, **match.groupdict())
    if found_path or path == "/reset":
        raise ControlError(f"{method} is not possible on /_sandbox{path}", 405)
    known = ", ".join(sorted({f"/_sandbox{entry[1]}" for entry in _routes} | {"/_sandbox/reset"}))
    raise ControlError(f"there is no /_sandbox{path}; there are {known}", 404)


@route("/", ["GET"])
def _index(params: dict[str, str], body: Any) -> Any:
    routes: dict[str, set[str]] = {"/_sandbox/reset": {"POST"}}
    for _, path, methods, _ in _routes:
        routes.setdefault(f"/_sandbox{path}", set()).update(methods)
    return {path: sorted(methods) for path, methods in sorted(routes.items())}


@route("/health", ["GET"])
def _health(params: dict[str, str], body: Any) -> Any:
    return {"status": "ok", "clock": _clock_state(), "internalErrors": len(middleware.internal_errors)}


def _clock_state() -> dict[str, Any]:
    return {"now": clock.now().isoformat(), "frozen": clock.frozen}


_DURATION = re.compile(r"(?:(?P<d>\d+(?:\.\d+)?)d)?(?:(?P<h>\d+(?:\.\d+)?)h)?(?:(?P<m>\d+(?:\.\d+)?)m)?(?:(?P<s>\d+(?:\.\d+)?)s)?")
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}


def seconds_of(value: Any) -> float:
    """A number of seconds, or a duration such as `1h30m`, `2d`, `90s`."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    match = _DURATION.fullmatch(value) if isinstance(value, str) and value else None
    if match is None:
        raise ValueError(f'{value!r} is not a duration; write seconds or something like "1h30m"')
    return sum(float(amount) * _SECONDS[unit] for unit, amount in match.groupdict().items() if amount)


@route("/clock", ["GET"])
def _clock(params: dict[str, str], body: Any) -> Any:
    return _clock_state()


@route("/clock", ["POST", "PUT"])
def _set_clock(params: dict[str, str], body: Any) -> Any:
    order = {body: True} if isinstance(body, str) else body
    if not isinstance(order, dict) or not order or set(order) - {"freeze", "resume", "advance", "to"}:
        raise ValueError('want {"freeze": true}, {"resume": true}, {"advance": 5400} (or "1h30m") or {"to": "2026-01-01T02:00:00Z"}')
    if order.get("freeze"):
        clock.freeze()
    if "advance" in order:
        clock.advance(seconds_of(order["advance"]))
    if "to" in order:
        seconds = (moment_of(str(order["to"])) - clock.now()).total_seconds()
        if seconds < 0:
            raise ValueError(f"the clock cannot go back to {order['to']}: it is {clock.now().isoformat()}")
        clock.advance(seconds)
    if order.get("resume"):
        clock.resume()
    return _clock_state()


@route("/pace", ["GET"])
def _pace(params: dict[str, str], body: Any) -> Any:
    return pace.as_dict()


@route("/pace", ["PUT", "POST"])
def _set_pace(params: dict[str, str], body: Any) -> Any:
    if not isinstance(body, dict):
        raise ValueError('want an object of seconds, such as {"ecs_task_start": 5}')
    pace.update(body)
    return pace.as_dict()


@route("/iam", ["GET"])
def _iam(params: dict[str, str], body: Any) -> Any:
    return enforcement.as_dict()


@route("/iam", ["PUT", "POST"])
def _set_iam(params: dict[str, str], body: Any) -> Any:
    enforcement.update(body)
    return enforcement.as_dict()


@route("/throttling", ["GET"])
def _throttling(params: dict[str, str], body: Any) -> Any:
    return throttling.as_dict()


@route("/throttling", ["PUT", "POST"])
def _set_throttling(params: dict[str, str], body: Any) -> Any:
    throttling.update(body)
    return throttling.as_dict()


@route("/faults", ["GET"])
def _faults(params: dict[str, str], body: Any) -> Any:
    return {"faults": faults.as_list()}


@route("/faults", ["POST"])
def _add_faults(params: dict[str, str], body: Any) -> Any:
    rules = body if isinstance(body, list) else [body]
    return {"faults": [faults.add(rule).as_dict() for rule in rules]}


@route("/faults", ["DELETE"])
def _clear_faults(params: dict[str, str], body: Any) -> Any:
    faults.clear()


@route("/faults/{rule_id}", ["DELETE"])
def _remove_fault(params: dict[str, str], body: Any, rule_id: str) -> Any:
    if not faults.remove(int(rule_id)):
        raise ControlError(f"there is no fault rule {rule_id}", 404)


@route("/calls", ["GET"])
def _calls(params: dict[str, str], body: Any) -> Any:
    return {"calls": record.find(Filter.of(params)), "sequence": record.sequence}


@route("/calls/counts", ["GET"])
def _counts(params: dict[str, str], body: Any) -> Any:
    return record.counts(Filter.of(params)) | {"sequence": record.sequence}


@route("/calls", ["DELETE"])
def _clear_calls(params: dict[str, str], body: Any) -> Any:
    record.clear()


@route("/internal-errors", ["GET"])
def _internal_errors(params: dict[str, str], body: Any) -> Any:
    return {"count": len(middleware.internal_errors), "errors": list(middleware.internal_errors)}


@route("/internal-errors", ["DELETE"])
def _clear_internal_errors(params: dict[str, str], body: Any) -> Any:
    middleware.internal_errors.clear()


@route("/events/duplicates", ["GET"])
def _duplicates(params: dict[str, str], body: Any) -> Any:
    return events.duplicates.as_dict()


@route("/events/duplicates", ["PUT", "POST"])
def _set_duplicates(params: dict[str, str], body: Any) -> Any:
    events.duplicates.update(body)
    return events.duplicates.as_dict()


@route("/events", ["POST"])
def _emit(params: dict[str, str], body: Any) -> Any:
    wanted = {"account", "region", "source", "detail-type", "resources", "detail"}
    if not isinstance(body, dict) or set(body) - wanted or not {"region", "source", "detail-type", "detail"} <= set(body):
        raise ValueError('want {"region", "source", "detail-type", "detail"} and maybe "account" and "resources"')
    account = str(body.get("account", "123456789012"))
    events.emit(account, body["region"], body["source"], body["detail-type"], body.get("resources", []), body["detail"])
