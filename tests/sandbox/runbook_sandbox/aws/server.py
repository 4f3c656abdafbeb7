"""The AWS sandbox's HTTP server: moto in-process behind the sandbox's own middleware."""

from __future__ import annotations

import importlib.util
import io
import json
import threading
from typing import Any
from urllib.parse import parse_qsl

from moto.core.base_backend import BackendDict
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import BaseWSGIServer, make_server

from runbook_sandbox.aws import control, timesource
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.pace import pace

#: Service packages, in order of installation; each has `install()` and may have `reset()`.
SERVICES = ("ecs", "autoscaling", "rds", "cloudwatch")


class _Handler(MotoRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body leave in one segment: with keep-alive, Nagle and delayed ACK would cost 40 ms a call.
    disable_nagle_algorithm = True
    wbufsize = -1

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Calls are recorded by the sandbox itself."""


class Application:
    """WSGI: the control API, and the way to moto's dispatcher."""

    def __init__(self) -> None:
        self._moto = DomainDispatcherApplication(create_backend_app)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        length = int(environ.get("CONTENT_LENGTH") or 0)
        body = environ["wsgi.input"].read(length) if length else b""
        environ["wsgi.input"] = io.BytesIO(body)
        if environ.get("PATH_INFO", "").startswith("/_sandbox"):
            return self._control(environ, start_response, body)
        with clock.lock:
            clock.settle()
            return list(self._moto(environ, start_response))

    def _control(self, environ: dict[str, Any], start_response: Any, body: bytes) -> list[bytes]:
        status = 200
        try:
            with clock.lock:
                clock.settle()
                answer = control.handle(
                    environ["REQUEST_METHOD"],
                    environ["PATH_INFO"].removeprefix("/_sandbox"),
                    dict(parse_qsl(environ.get("QUERY_STRING", ""))),
                    json.loads(body) if body else None,
                )
        except control.ControlError as error:
            status, answer = error.status, {"error": str(error)}
        except (ValueError, TypeError) as error:
            status, answer = 400, {"error": str(error)}
        data = json.dumps({} if answer is None else answer, default=str).encode()
        start_response(f"{status} Control", [("Content-Type", "application/json"), ("Content-Length", str(len(data)))])
        return [data]


class Sandbox:
    """The AWS sandbox in this process. moto's backends and the clock are the process's, so there is one at a time."""

    def __init__(self, port: int = 0) -> None:
        self._port = port
        self._server: BaseWSGIServer | None = None
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._services: list[Any] = []

    @property
    def endpoint(self) -> str:
        """URL for every AWS service and for `/_sandbox/`."""
        if self._server is None:
            raise RuntimeError("the sandbox is not running; call start()")
        return f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> Sandbox:
        """Install the service packages and listen on 127.0.0.1; port 0 chooses a free one."""
        install(self._services)
        self._server = make_server("127.0.0.1", self._port, Application(), threaded=True, request_handler=_Handler)
        self._server.daemon_threads = True
        self._stopping.clear()
        self._threads = [
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox-http", daemon=True),
            threading.Thread(target=self._tick, name="sandbox-clock", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Stop listening; what the sandbox holds stays until `reset()`."""
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
        for thread in self._threads:
            thread.join()
        self._server, self._threads = None, []

    def reset(self) -> None:
        """An empty AWS, the default pace, an empty agenda."""
        with clock.lock:
            clock.reset()
            BackendDict.reset()
            pace.reset()
            for service in self._services:
                if hasattr(service, "reset"):
                    service.reset()

    def _tick(self) -> None:
        # Appointments are kept even when nobody calls, so that events reach their queues in time.
        while not self._stopping.wait(0.2):
            clock.settle()


def install(into: list[Any] | None = None) -> None:
    """Make moto behave: the time, then each service package. Idempotent."""
    timesource.install()
    for name in SERVICES:
        module_name = f"runbook_sandbox.aws.{name}"
        if importlib.util.find_spec(module_name) is None:
            continue
        module = importlib.import_module(module_name)
        if hasattr(module, "install"):
            module.install()
        if into is not None and module not in into:
            into.append(module)
