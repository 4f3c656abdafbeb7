"""The AWS sandbox's HTTP server: moto in-process behind the sandbox's middleware.

`python -m runbook_sandbox.aws.server --port 0 --ready-file PATH` runs it; tests use `Sandbox` in their own process.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import signal
import threading
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from moto.core.base_backend import BackendDict
from moto.core.model_instances import reset_model_data
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import BaseWSGIServer

from runbook_sandbox.aws import control, elbv2, events, iam_backend, middleware, moto_errors, s3, secretsmanager, sns, sqs, sts, timesource
from runbook_sandbox.aws.calls import record
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.faults import faults
from runbook_sandbox.aws.http import Cut, close, listen
from runbook_sandbox.aws.iam import known
from runbook_sandbox.aws.iam.enforcement import enforcement
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.throttling import throttling
from runbook_sandbox.aws.wire.identify import unpack

_LOG = logging.getLogger(__name__)
#: Service packages, in order of installation; each has `install()` and may have `reset()` and `stop()`.
SERVICES = ("ecs", "autoscaling", "rds", "cloudwatch")
#: How often appointments are kept while nobody calls, in seconds of wall time.
TICK = 0.2


def _create_app(service: str | None) -> Any:
    """moto's app of a service. Raises NotImplementedError where AWS has a service and moto none."""
    if service is None:
        raise NotImplementedError
    return create_backend_app(service)


class _Dispatcher(DomainDispatcherApplication):
    """moto's, with a memory: finding the backend of a host reads a directory and tries hundreds of expressions."""

    def __init__(self) -> None:
        super().__init__(_create_app)
        self._backends: dict[str | None, Any] = {}

    def get_backend_for_host(self, host: str | None) -> Any:
        if host not in self._backends:
            self._backends[host] = super().get_backend_for_host(host)
        return self._backends[host]


class Application:
    """WSGI: the control API under `/_sandbox`, moto's own under `/moto-api`, and AWS everywhere else."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._moto = _Dispatcher()
        self._sandbox = sandbox

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        body = unpack(environ)
        path = environ.get("PATH_INFO", "")
        if path == "/_sandbox" or path.startswith("/_sandbox/"):
            answer = self._control(environ, body)
        elif path.startswith("/moto-api"):
            answer = self._moto_api(environ, path)
        else:
            answer = self._aws(environ, body)
        if answer.drop:
            raise Cut("a fault rule cut the connection")
        headers = answer.headers
        if environ["REQUEST_METHOD"] != "HEAD":
            headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
            headers.append(("Content-Length", str(len(answer.body))))
        start_response(f"{answer.status} {_phrase(answer.status)}", headers)
        return [answer.body]

    def _aws(self, environ: dict[str, Any], body: bytes) -> middleware.Answer:
        try:
            return middleware.handle(environ, body, self._dispatch)
        except Exception as error:
            middleware.failed(error, service="unknown", operation=environ.get("PATH_INFO", ""))
            raise

    def _moto_api(self, environ: dict[str, Any], path: str) -> middleware.Answer:
        if path == "/moto-api/reset-auth":
            said = json.dumps({"error": 'IAM is the sandbox\'s own: PUT /_sandbox/iam {"enforce": true}'})
            return middleware.Answer(400, [("Content-Type", "application/json")], said.encode())
        with clock.lock:
            clock.settle()
            if path == "/moto-api/reset" and environ["REQUEST_METHOD"] == "POST":
                # moto's reset alone would leave the agenda and the sandbox's own tables full of what is gone.
                self._sandbox.reset()
            return middleware.Answer(*self._dispatch(environ))

    def _dispatch(self, environ: dict[str, Any]) -> tuple[int, list[tuple[str, str]], bytes]:
        said: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            said[:] = [int(status.split(" ", 1)[0]), list(headers)]
            return lambda data: None

        chunks = self._moto(environ, start_response)
        try:
            body = b"".join(chunks)
        finally:
            if hasattr(chunks, "close"):
                chunks.close()
        return said[0], said[1], body

    def _control(self, environ: dict[str, Any], body: bytes) -> middleware.Answer:
        status = 200
        try:
            with clock.lock:
                clock.settle()
                answer = control.handle(
                    environ["REQUEST_METHOD"],
                    environ["PATH_INFO"].removeprefix("/_sandbox") or "/",
                    dict(parse_qsl(environ.get("QUERY_STRING", ""))),
                    json.loads(body) if body.strip() else None,
                    self._sandbox,
                )
        except control.ControlError as error:
            status, answer = error.status, {"error": str(error)}
        except (ValueError, TypeError, KeyError) as error:
            status, answer = 400, {"error": f"{error}"}
        except Exception as error:
            _LOG.exception("the control API failed")
            status, answer = 500, {"error": f"{type(error).__name__}: {error}"}
        data = json.dumps({} if answer is None else answer, default=str).encode()
        return middleware.Answer(status, [("Content-Type", "application/json")], data)


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Status"


class Sandbox:
    """The AWS sandbox in this process. moto's backends and the clock are the process's, so there is one at a time."""

    def __init__(self, port: int = 0, *, throttle: bool = False) -> None:
        self._port = port
        self._throttle = throttle
        self._server: BaseWSGIServer | None = None
        self._threads: list[threading.Thread] = []
        self._stopping = threading.Event()
        self._services: list[Any] = []

    @property
    def port(self) -> int:
        if self._server is None:
            raise RuntimeError("the sandbox is not running; call start()")
        return self._server.server_port

    @property
    def endpoint(self) -> str:
        """URL for every AWS service and for `/_sandbox/`."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> Sandbox:
        """Install the service packages and listen on 127.0.0.1; port 0 chooses a free one."""
        self._services = install()
        throttling.set_default(self._throttle)
        clock.on_failure = middleware.appointment_failed
        self._server = listen(self._port, Application(self))
        self._stopping.clear()
        self._threads = [
            threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox-http", daemon=True),
            threading.Thread(target=self._tick, name="sandbox-clock", daemon=True),
        ]
        for thread in self._threads:
            thread.start()
        return self

    def stop(self) -> None:
        """Stop listening and end what runs; what else the sandbox holds stays until `reset()`."""
        self._stopping.set()
        if self._server is not None:
            close(self._server)
        for thread in self._threads:
            thread.join()
        self._server, self._threads = None, []
        for service in self._services:
            if hasattr(service, "stop"):
                service.stop()

    def reset(self) -> None:
        """An empty AWS, an empty agenda and the defaults of everything; a frozen clock stays frozen."""
        with clock.lock:
            clock.reset()
            BackendDict.reset()
            reset_model_data()
            pace.reset()
            throttling.reset()
            enforcement.reset()
            faults.clear()
            record.clear()
            events.reset()
            sts.reset()
            elbv2.reset()
            middleware.internal_errors.clear()
            for service in self._services:
                if hasattr(service, "reset"):
                    service.reset()

    def _tick(self) -> None:
        # Appointments are kept even when nobody calls, so that events reach their queues in time.
        while not self._stopping.wait(TICK):
            clock.settle()


def install() -> list[Any]:
    """Make moto behave: time, IAM, STS, events and queues, then each service package. Idempotent; the packages."""
    for module in (timesource, moto_errors, iam_backend, known, sts, events, s3, secretsmanager, sns, sqs, elbv2):
        module.install()
    packages = []
    for name in SERVICES:
        if importlib.util.find_spec(f"runbook_sandbox.aws.{name}") is None:
            continue
        package = importlib.import_module(f"runbook_sandbox.aws.{name}")
        if hasattr(package, "install"):
            package.install()
        packages.append(package)
    return packages


def main(arguments: list[str] | None = None) -> None:
    """Run until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(prog="runbook_sandbox.aws.server", description="An AWS that refuses what AWS refuses, on 127.0.0.1.")
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 (default) chooses a free one")
    parser.add_argument("--ready-file", type=Path, help="written with the endpoint URL once the sandbox listens")
    parser.add_argument("--no-throttling", action="store_true", help="start without AWS's request rates")
    parser.add_argument("--frozen", action="store_true", help="start with a frozen clock")
    parser.add_argument("--log-level", default="WARNING", choices=["DEBUG", "INFO", "WARNING", "ERROR"])
    options = parser.parse_args(arguments)
    logging.basicConfig(level=options.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    if options.frozen:
        clock.freeze()
    sandbox = Sandbox(options.port, throttle=not options.no_throttling).start()
    if options.ready_file:
        # Renamed into place, so that whoever waits for it never reads half of it.
        draft = options.ready_file.with_name(options.ready_file.name + ".draft")
        draft.write_text(sandbox.endpoint + "\n")
        draft.replace(options.ready_file)
    print(f"AWS sandbox on {sandbox.endpoint}", flush=True)
    stopping.wait()
    sandbox.stop()


if __name__ == "__main__":
    main()
