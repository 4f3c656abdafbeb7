"""A Kubernetes client of the size that the node-runner needs: requests, and a watch that never ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp

log = logging.getLogger(__name__)
Object = dict[str, Any]

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"


class ApiError(Exception):
    """The API server refused a request; ``status`` is the HTTP code, the text is the server's message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Api:
    """One API server, with a client certificate. Use as an async context manager."""

    def __init__(self, server: str, ca: Path, certificate: Path, key: Path) -> None:
        self.server, self.ca = server.rstrip("/"), ca
        context = ssl.create_default_context(cafile=str(ca))
        context.load_cert_chain(str(certificate), str(key))
        self._context = context

    async def __aenter__(self) -> Api:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._context, limit=0))
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def request(
        self, method: str, path: str, body: Object | None = None, content_type: str = "application/json", **query: str
    ) -> Object:
        """Sends one request and returns the object answered. Raises ApiError, or aiohttp.ClientError when there is no answer."""
        data = None if body is None else json.dumps(body)
        headers = {} if body is None else {"Content-Type": content_type}
        timeout = aiohttp.ClientTimeout(total=30)
        async with self._session.request(method, self.server + path, data=data, headers=headers, params=query, timeout=timeout) as answer:
            text = await answer.text()
            if answer.status >= 400:
                message = text
                with contextlib.suppress(ValueError, AttributeError):
                    message = json.loads(text).get("message", text)
                raise ApiError(answer.status, message)
            return json.loads(text)

    async def get(self, path: str) -> Object:
        return await self.request("GET", path)

    async def create(self, path: str, body: Object) -> Object:
        return await self.request("POST", path, body)

    async def patch(self, path: str, body: Object, content_type: str = MERGE) -> Object:
        return await self.request("PATCH", path, body, content_type)

    async def _watch(self, path: str, version: str, seconds: int) -> AsyncIterator[Object]:
        query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(seconds), "allowWatchBookmarks": "true"}
        # The read timeout notices an API server that vanished without closing the connection; bookmarks come once a minute.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=5, sock_read=seconds + 30)
        async with self._session.get(self.server + path, params=query, timeout=timeout) as answer:
            if answer.status >= 400:
                raise ApiError(answer.status, await answer.text())
            rest = b""
            async for chunk in answer.content.iter_any():
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    yield json.loads(line)

    async def follow(self, path: str, seen: Callable[[Object], None], gone: Callable[[str], None]) -> None:
        """Calls ``seen(object)`` for every object and each change, ``gone(uid)`` when one is deleted, until cancelled.

        Lists again when the watch expires (410), ends (every four minutes: the resync) or the API server was away, and
        then tells what vanished meanwhile. Callbacks must not raise.
        """
        known: set[str] = set()
        pause = 0.2
        while True:
            try:
                listed = await self.get(path)
                present = {item["metadata"]["uid"] for item in listed["items"]}
                for uid in known - present:
                    gone(uid)
                known = present
                for item in listed["items"]:
                    seen(item)
                pause = 0.2
                async for event in self._watch(path, listed["metadata"]["resourceVersion"], 240):
                    item = event["object"]
                    if event["type"] == "ERROR":
                        raise ApiError(item.get("code", 500), item.get("message", ""))
                    if event["type"] == "BOOKMARK":
                        continue
                    uid = item["metadata"]["uid"]
                    if event["type"] == "DELETED":
                        known.discard(uid)
                        gone(uid)
                    else:
                        known.add(uid)
                        seen(item)
            except (aiohttp.ClientError, TimeoutError, ApiError, ValueError) as error:
                log.warning("watch of %s: %s; listing again in %.1f s", path, error or type(error).__name__, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5)


async def insist(what: str, attempt: Callable[[], Awaitable[Any]]) -> Any:
    """Repeats a request until the API server answers it: only unreachable, 429 and 5xx are tried again; ApiError otherwise."""
    pause = 0.2
    while True:
        try:
            return await attempt()
        except (aiohttp.ClientError, TimeoutError, ApiError) as error:
            if isinstance(error, ApiError) and error.status not in (408, 429) and error.status < 500:
                raise
            log.warning("%s: %s; trying again in %.1f s", what, error or type(error).__name__, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5)
