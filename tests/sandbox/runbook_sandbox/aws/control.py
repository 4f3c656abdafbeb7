"""The sandbox's own HTTP API under `/_sandbox/`, and the hook by which service packages add to it.

A handler takes `(params, body)`: the query string as a dict of strings and the JSON body (None when empty). It runs
under the clock's lock. What it returns is answered as JSON; `ControlError` answers 4xx with its text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

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


def handle(method: str, path: str, params: dict[str, str], body: Any) -> Any:
    """Find the route and run its handler."""
    found_path = False
    for pattern, _, methods, handler in _routes:
        match = pattern.match(path)
        if not match:
            continue
        found_path = True
        if method in methods:
            return handler(params=params, body=body, **match.groupdict())
    if found_path:
        raise ControlError(f"{method} is not possible on /_sandbox{path}", 405)
    known = ", ".join(sorted({f"/_sandbox{entry[1]}" for entry in _routes}))
    raise ControlError(f"there is no /_sandbox{path}; there are {known}", 404)


@route("/health", ["GET"])
def _health(params: dict[str, str], body: Any) -> Any:
    return {"status": "ok"}
