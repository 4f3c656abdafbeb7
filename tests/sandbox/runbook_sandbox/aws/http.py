"""The HTTP connections of the sandbox.

werkzeug's own handler closes after every answer and waits 10 ms for stray data before it does; here connections live,
as those to AWS do, because the application reads every body whole and says every length.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import struct
from typing import Any

from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server

_LOG = logging.getLogger(__name__)


class Cut(ConnectionError):
    """The application wants this connection ended without an answer."""


class Handler(MotoRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    # Headers and body leave in one segment: with keep-alive, Nagle and delayed ACK would cost 40 ms a call.
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        super().setup()
        # A server that stops ends the connections that are kept alive; otherwise they would go on being answered.
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def handle_expect_100(self) -> bool:
        # S3 clients wait for this before they send a body; the buffer would keep it.
        self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.wfile.flush()
        return True

    def run_wsgi(self) -> None:
        said: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            said[:] = [status, headers]
            return lambda data: None

        environ = self.make_environ()
        try:
            body = b"".join(self.server.app(environ, start_response))
            status, headers = said
        except Cut:
            self._cut()
            return
        except Exception:
            # The middleware answers for the services; what comes here failed before or after it.
            _LOG.exception("no answer to %s %s", self.command, self.path)
            status, headers = "500 Internal Server Error", [("Content-Type", "application/json")]
            body = json.dumps({"__type": "InternalFailure", "message": "The sandbox failed; its log tells where."}).encode()
            headers.append(("Content-Length", str(len(body))))
        code, _, phrase = status.partition(" ")
        try:
            self.send_response(int(code), phrase)
            for name, value in headers:
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.wfile.flush()
        except ConnectionError:
            self.close_connection = True

    def _cut(self) -> None:
        self.close_connection = True
        # With no linger the closing is a reset (RST), as from a host that went away.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The handler's own files keep the connection open; taking its descriptor away ends it now.
        socket.close(self.connection.detach())

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Calls are recorded by the sandbox itself."""

    def log(self, type: str, message: str, *args: Any) -> None:
        _LOG.debug(message, *args)


def listen(port: int, application: Any) -> BaseWSGIServer:
    """A threaded server on 127.0.0.1; `close` ends it and its connections."""
    server = make_server("127.0.0.1", port, application, threaded=True, request_handler=Handler)
    server.daemon_threads = True
    server.connections = set()
    return server


def close(server: BaseWSGIServer) -> None:
    """Stop listening and end every connection."""
    server.shutdown()
    server.server_close()
    for connection in list(server.connections):
        with contextlib.suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)
