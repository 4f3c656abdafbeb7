"""The part of the kubelet's HTTPS API that `kubectl logs` needs."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from pathlib import Path

from aiohttp import web

from runbook_sandbox.kubernetes.node.container import Container

Find = Callable[[str, str, str], Container | None]


async def serve(find: Find, certificate: Path, key: Path, client_ca: Path) -> tuple[web.AppRunner, int]:
    """Serves container logs on 127.0.0.1 to whoever has a certificate of the cluster; the runner to clean up, and the port."""

    async def logs(request: web.Request) -> web.StreamResponse:
        container = find(request.match_info["namespace"], request.match_info["pod"], request.match_info["container"])
        path = container.log(request.query.get("previous") == "true") if container else None
        if path is None or not path.exists():
            raise web.HTTPNotFound(text="there is no log of this container")
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        with path.open("rb") as file:
            lines = request.query.get("tailLines")
            if lines is not None:
                held = file.readlines()
                await response.write(b"".join(held[len(held) - min(int(lines), len(held)) :]))
            while chunk := file.read(65536):
                await response.write(chunk)
            while request.query.get("follow") == "true" and container.log() == path and container.state.kind == "running":
                await asyncio.sleep(0.2)
                while chunk := file.read(65536):
                    await response.write(chunk)
        return response

    application = web.Application()
    application.router.add_get("/containerLogs/{namespace}/{pod}/{container}", logs)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=str(client_ca))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(str(certificate), str(key))
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    return runner, runner.addresses[0][1]
