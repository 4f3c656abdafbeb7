"""The node-runner's view of the API: complete after every interruption, and tokens that are renewed in time."""

from __future__ import annotations

import asyncio
import datetime
import json
import ssl
from pathlib import Path

import pytest
from aiohttp import web

from runbook_sandbox.kubernetes.certificates import Authority
from runbook_sandbox.kubernetes.node.api import Api
from runbook_sandbox.kubernetes.node.volumes import Volumes


def pod(uid: str, version: str) -> dict:
    return {"metadata": {"uid": uid, "resourceVersion": version}}


class Server:
    """An API server that answers lists and watches from a script, then holds the last watch open."""

    def __init__(self, lists: list[list[dict]], watches: list[list[dict] | int]) -> None:
        self._lists, self._watches = lists, watches
        self.versions: list[str] = []

    async def pods(self, request: web.Request) -> web.StreamResponse:
        if "watch" not in request.query:
            items = self._lists.pop(0)
            return web.json_response({"metadata": {"resourceVersion": f"{len(self.versions)}00"}, "items": items})
        self.versions.append(request.query["resourceVersion"])
        script = self._watches.pop(0) if self._watches else None
        if isinstance(script, int):
            return web.Response(status=script)
        response = web.StreamResponse()
        await response.prepare(request)
        lines = "".join(json.dumps(event) + "\n" for event in script or []).encode()
        for start in range(0, len(lines), 7):  # a line may come in any number of pieces
            await response.write(lines[start : start + 7])
        if script is None:
            await asyncio.Event().wait()
        return response


async def followed(folder: Path, server: Server, until: str) -> list[str]:
    """What the callbacks were told, up to and with ``until``."""
    authority = Authority(folder)
    serving, client = authority.server("server", ["localhost"], ["127.0.0.1"]), authority.client("client", "test")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(serving.certificate, serving.key)
    application = web.Application()
    application.router.add_get("/api/v1/pods", server.pods)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    told: list[str] = []
    done = asyncio.Event()

    def tell(message: str) -> None:
        told.append(message)
        if message == until:
            done.set()

    url = f"https://127.0.0.1:{runner.addresses[0][1]}"
    async with Api(url, authority.certificate, client.certificate, client.key) as api:
        following = asyncio.create_task(
            api.follow("/api/v1/pods", lambda seen: tell(f"seen {seen['metadata']['uid']}"), lambda uid: tell(f"gone {uid}"))
        )
        await asyncio.wait_for(done.wait(), 30)
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    await runner.cleanup()
    return told


EXPIRED = {"type": "ERROR", "object": {"kind": "Status", "code": 410, "message": "too old resource version"}}


@pytest.mark.parametrize("interruption", [[EXPIRED], [], 410, 500], ids=["expired", "ended", "refused", "failed"])
def test_what_vanished_during_an_interruption_is_told(tmp_path, interruption):
    server = Server([[pod("a", "1"), pod("b", "1")], [pod("b", "2"), pod("c", "2")]], [interruption])
    assert asyncio.run(followed(tmp_path, server, "seen c")) == ["seen a", "seen b", "gone a", "seen b", "seen c"]
    assert server.versions[0] == "000"  # the watch begins where the list ended


def test_events_in_pieces_bookmarks_and_deletions(tmp_path):
    events = [
        {"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "5"}}},
        {"type": "ADDED", "object": pod("a", "6")},
        {"type": "MODIFIED", "object": pod("a", "7")},
        {"type": "DELETED", "object": pod("a", "8")},
    ]
    # The list after the watch lacks it too, and tells it no second time.
    server = Server([[], [pod("b", "9")]], [events])
    assert asyncio.run(followed(tmp_path, server, "seen b")) == ["seen a", "seen a", "gone a", "seen b"]


class TokenApi:
    """Issues numbered tokens of a given life."""

    def __init__(self, seconds: float) -> None:
        self._seconds, self.issued = seconds, 0

    async def create(self, path: str, body: dict) -> dict:
        assert path == "/api/v1/namespaces/ns/serviceaccounts/reader/token"
        assert body["spec"]["boundObjectRef"]["uid"] == "u"
        self.issued += 1
        expires = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=self._seconds)
        return {"status": {"token": f"token-{self.issued}", "expirationTimestamp": expires.isoformat()}}


@pytest.mark.parametrize(("seconds", "tokens"), [(3600.0, ["token-1", "token-1"]), (0.0, ["token-1", "token-2"])])
def test_a_token_is_kept_while_it_is_young_and_renewed_when_it_is_not(tmp_path, seconds, tokens):
    source = {"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}}
    metadata = {"name": "pod", "namespace": "ns", "uid": "u"}
    spec = {"serviceAccountName": "reader", "containers": [], "volumes": [{"name": "v", "projected": {"sources": [source]}}]}
    volumes = Volumes(TokenApi(seconds), {"metadata": metadata, "spec": spec}, tmp_path)

    async def read_twice() -> list[str]:
        found = []
        for _ in range(2):
            await volumes.prepare()
            found.append((tmp_path / "v" / "token").read_text())
        return found

    assert asyncio.run(read_twice()) == tokens
    assert (tmp_path / "v" / "token").stat().st_mode & 0o777 == 0o600
