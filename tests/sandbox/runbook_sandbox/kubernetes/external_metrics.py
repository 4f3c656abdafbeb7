"""An API of external metrics (external.metrics.k8s.io) behind the API server, as an adapter for Prometheus or CloudWatch serves it."""

from __future__ import annotations

import base64
import contextlib
import datetime
import json
import ssl
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from runbook_sandbox.harness import Sandbox
from runbook_sandbox.kubernetes.certificates import Authority

GROUP, VERSION = "external.metrics.k8s.io", "v1beta1"
_ROOT = f"/apis/{GROUP}/{VERSION}"


class ExternalMetrics:
    """The values, by namespace and name of the metric. Whoever holds this sets them."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], int] = {}

    def set(self, namespace: str, metric: str, value: int) -> None:
        """From now on the metric has this value."""
        self._values[namespace, metric] = value

    def answer(self, path: str) -> dict[str, Any] | None:
        """What is served at a path below the server's root, if anything."""
        if path == _ROOT:
            resource = {"name": "*", "singularName": "", "namespaced": True, "kind": "ExternalMetricValueList", "verbs": ["get"]}
            return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": f"{GROUP}/{VERSION}", "resources": [resource]}
        parts = path.removeprefix(f"{_ROOT}/").split("/")
        if len(parts) != 3 or parts[0] != "namespaces" or (parts[1], parts[2]) not in self._values:
            return None
        value = {
            "metricName": parts[2],
            "metricLabels": {},
            "timestamp": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "value": str(self._values[parts[1], parts[2]]),
        }
        return {"kind": "ExternalMetricValueList", "apiVersion": f"{GROUP}/{VERSION}", "metadata": {}, "items": [value]}

    @classmethod
    @contextlib.contextmanager
    def serve(cls, sandbox: Sandbox, directory: Path, namespace: str) -> Iterator[ExternalMetrics]:
        """Serves them until the block ends, as an APIService whose Service is in ``namespace``.

        The Service is an ExternalName: the API server takes no loopback address for an endpoint, but follows a name to one.
        """
        metrics = cls()
        authority = Authority(directory)
        pair = authority.server("external-metrics", [f"external-metrics.{namespace}.svc"], [])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key)
        # Whoever does not come through the API server is not answered.
        context.load_verify_locations(sandbox.control_plane.front_proxy_ca)
        context.verify_mode = ssl.CERT_REQUIRED
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(metrics))
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        api_service = f"{VERSION}.{GROUP}"
        try:
            sandbox.apply(
                {
                    "apiVersion": "v1",
                    "kind": "Service",
                    "metadata": {"name": "external-metrics", "namespace": namespace},
                    "spec": {"type": "ExternalName", "externalName": "localhost"},
                },
                {
                    "apiVersion": "apiregistration.k8s.io/v1",
                    "kind": "APIService",
                    "metadata": {"name": api_service},
                    "spec": {
                        "group": GROUP,
                        "version": VERSION,
                        "groupPriorityMinimum": 100,
                        "versionPriority": 100,
                        "service": {"name": "external-metrics", "namespace": namespace, "port": server.server_port},
                        "caBundle": base64.b64encode(authority.certificate.read_bytes()).decode(),
                    },
                },
            )
            sandbox.kubectl("wait", f"apiservice/{api_service}", "--for=condition=Available", "--timeout=60s")
            yield metrics
        finally:
            # An API that nobody serves would keep every namespace from being deleted.
            sandbox.kubectl("delete", "apiservice", api_service, "--ignore-not-found")
            server.shutdown()
            thread.join()
            server.server_close()


def _handler(metrics: ExternalMetrics) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            found = metrics.answer(self.path.partition("?")[0])
            body = json.dumps(found if found is not None else {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": 404})
            self.send_response(404 if found is None else 200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: Any) -> None:
            """The API server's log has the requests."""

    return Handler
