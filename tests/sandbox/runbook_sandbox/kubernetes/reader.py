"""Reads objects over one kept connection: a kubectl for each look of a test that waits would take most of a core."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

# Kubernetes documentation, "API Discovery": all resources of all groups in one answer.
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class NotServed(LookupError):
    """No resource of this name is served, or what is asked is more than an object or a list."""


class Refused(RuntimeError):
    """The API server did not answer with what was asked for; the message is its own."""


class Reader:
    """One administrator's connection to the API server of a kubeconfig."""

    def __init__(self, kubeconfig: Path) -> None:
        config = json.loads(kubeconfig.read_text())
        cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self._context = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
        with tempfile.TemporaryDirectory() as directory:
            pair = Path(directory) / "client.pem"
            pair.touch(mode=0o600)
            pair.write_bytes(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
            self._context.load_cert_chain(pair)
        self._address = urlsplit(cluster["server"])
        self._connection: http.client.HTTPSConnection | None = None
        self._resources: dict[str, tuple[str, str, bool]] = {}

    def get(self, *arguments: str) -> dict[str, Any]:
        """As ``kubectl get``: a resource, perhaps a name, and ``--namespace=``. NotServed where that is not all."""
        options = [argument for argument in arguments if argument.startswith("-")]
        words = [argument for argument in arguments if not argument.startswith("-")]
        if not 1 <= len(words) <= 2 or any(not option.startswith("--namespace=") for option in options) or "," in words[0]:
            raise NotServed(arguments)
        prefix, plural, namespaced = self._resource(words[0])
        namespace = options[-1].removeprefix("--namespace=") if options else "default"
        path = f"{prefix}/namespaces/{namespace}/{plural}" if namespaced else f"{prefix}/{plural}"
        return self._json("/".join([path, *words[1:]]))

    def _resource(self, name: str) -> tuple[str, str, bool]:
        if name not in self._resources:
            self._discover()
        try:
            return self._resources[name]
        except KeyError:
            raise NotServed(name) from None

    def _discover(self) -> None:
        """Names as kubectl knows them: plural, singular and short; the first group that has one wins, as in kubectl."""
        self._resources.clear()
        for root in ("/api", "/apis"):
            for group in self._json(root, DISCOVERY)["items"]:
                name = group["metadata"].get("name", "")
                version = group["versions"][0]
                prefix = "/".join(part for part in (root, name, version["version"]) if part)
                for resource in version.get("resources", []):
                    found = (prefix, resource["resource"], resource["scope"] == "Namespaced")
                    for alias in (resource["resource"], resource["singularResource"], *resource.get("shortNames", [])):
                        self._resources.setdefault(alias, found)
                        self._resources.setdefault(f"{alias}.{name}", found)

    def _json(self, path: str, accept: str = "application/json") -> dict[str, Any]:
        status, body = self._ask(path, accept)
        answer = json.loads(body) if body.startswith(b"{") else {"message": body.decode(errors="replace")}
        if status != http.client.OK:
            raise Refused(f"Error from server ({answer.get('reason', status)}): {answer.get('message', '')}")
        return answer

    def _ask(self, path: str, accept: str) -> tuple[int, bytes]:
        # A connection that was kept may have been closed meanwhile, as when the API server was restarted.
        for fresh in (self._connection is None, True):
            if fresh:
                host, port = self._address.hostname or "", self._address.port
                self._connection = http.client.HTTPSConnection(host, port, timeout=30, context=self._context)
            assert self._connection is not None
            try:
                self._connection.request("GET", path, headers={"Accept": accept})
                response = self._connection.getresponse()
                return response.status, response.read()
            except (http.client.HTTPException, OSError):
                self._connection.close()
                self._connection = None
                if fresh:
                    raise
        raise AssertionError("the second connection is a fresh one")
