"""One kept connection to an API server, and the names of what it serves."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

JSON = "application/json"
# Kubernetes documentation, "API Discovery": all resources of all groups in one answer.
DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


class NotServed(LookupError):
    """No resource of this name is served, or what is asked is more than this knows to ask."""


class Refused(RuntimeError):
    """The API server did not do what it was asked for; the message is its own."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(f"Error from server ({reason or status}): {message}")
        self.status = status


class Resource(NamedTuple):
    """A resource of the API: ``prefix`` is its group and version, as in `/apis/apps/v1`."""

    prefix: str
    plural: str
    kind: str
    namespaced: bool
    categories: tuple[str, ...]

    def path(self, namespace: str, *below: str) -> str:
        """Where its objects are, or one of them, or a subresource of that."""
        root = f"{self.prefix}/namespaces/{namespace}" if self.namespaced else self.prefix
        return "/".join([root, self.plural, *below])


class Connection:
    """The connection of a kubeconfig's user, kept open; opened again when the API server has closed it."""

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

    def request(
        self, method: str, path: str, body: Any = None, *, accept: str = JSON, content_type: str = JSON, **options: str
    ) -> dict[str, Any]:
        """One request, parsed; Refused if the API server says no, OSError or HTTPException if it says nothing."""
        target = f"{path}?{urlencode(options)}" if options else path
        headers = {"Accept": accept} | ({"Content-Type": content_type} if body is not None else {})
        status, text = self._ask(method, target, None if body is None else json.dumps(body), headers)
        answer = json.loads(text) if text.startswith(b"{") else {"message": text.decode(errors="replace")}
        if status >= http.client.BAD_REQUEST:
            raise Refused(status, answer.get("reason", ""), answer.get("message", ""))
        return answer

    def _ask(self, method: str, target: str, body: str | None, headers: dict[str, str]) -> tuple[int, bytes]:
        # A connection that was kept may have been closed meanwhile, as when the API server was restarted.
        for fresh in (self._connection is None, True):
            if fresh:
                host, port = self._address.hostname or "", self._address.port
                self._connection = http.client.HTTPSConnection(host, port, timeout=30, context=self._context)
            assert self._connection is not None
            try:
                self._connection.request(method, target, body, headers)
                response = self._connection.getresponse()
                return response.status, response.read()
            except (http.client.HTTPException, OSError):
                self._connection.close()
                self._connection = None
                if fresh:
                    raise
        raise AssertionError("the second connection is a fresh one")


class Resources:
    """What an API server serves, by the names that kubectl knows."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._found: dict[str, Resource] = {}

    def __getitem__(self, name: str) -> Resource:
        """By plural, singular or short name, with or without the group; or by `apiVersion/kind`."""
        if name not in self._found:
            self._discover()
        try:
            return self._found[name]
        except KeyError:
            raise NotServed(name) from None

    def of_category(self, category: str) -> set[Resource]:
        """Those of a category, as in ``kubectl get all``."""
        if not self._found:
            self._discover()
        return {resource for resource in self._found.values() if category in resource.categories}

    def _discover(self) -> None:
        """The first group that has a name wins, as in kubectl."""
        self._found.clear()
        for root in ("/api", "/apis"):
            for group in self._connection.request("GET", root, accept=DISCOVERY)["items"]:
                group_name = group["metadata"].get("name", "")
                for version in group["versions"]:
                    group_version = "/".join(part for part in (group_name, version["version"]) if part)
                    for resource, names in _resources(f"{root}/{group_version}", version):
                        self._found.setdefault(f"{group_version}/{resource.kind}", resource)
                        # kubectl asks for the version that the group prefers.
                        if version is group["versions"][0]:
                            for name in names:
                                self._found.setdefault(name, resource)
                                self._found.setdefault(f"{name}.{group_name}", resource)


def _resources(prefix: str, version: dict[str, Any]) -> Iterator[tuple[Resource, list[str]]]:
    """The resources of a group and version, each with its names."""
    for one in version.get("resources", []):
        names = [one["resource"], one["singularResource"], *one.get("shortNames", [])]
        kind = one.get("responseKind", {}).get("kind", "")
        yield Resource(prefix, one["resource"], kind, one["scope"] == "Namespaced", tuple(one.get("categories", ()))), names
