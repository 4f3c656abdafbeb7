"""Objects, read and written over one kept connection: a kubectl for each look of a test that waits would take most of a core."""

from __future__ import annotations

import http.client
import json
from pathlib import Path
from typing import Any

from runbook_sandbox.kubernetes.connection import Connection, NotServed, Refused, Resources

Object = dict[str, Any]

MERGE_PATCH = "application/merge-patch+json"
# As kubectl names itself, and where it keeps what was applied.
MANAGER = "kubectl-client-side-apply"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


class Objects:
    """The objects of an API server, as the user of a kubeconfig sees them."""

    def __init__(self, kubeconfig: Path) -> None:
        self.connection = Connection(kubeconfig)
        self._resources = Resources(self.connection)

    def get(self, *arguments: str) -> Object:
        """As ``kubectl get``: a resource, perhaps a name, and ``--namespace=``. NotServed where that is not all."""
        options = [argument for argument in arguments if argument.startswith("-")]
        words = [argument for argument in arguments if not argument.startswith("-")]
        if not 1 <= len(words) <= 2 or any(not option.startswith("--namespace=") for option in options) or "," in words[0]:
            raise NotServed(arguments)
        namespace = options[-1].removeprefix("--namespace=") if options else "default"
        return self.connection.request("GET", self._resources[words[0]].path(namespace, *words[1:]))

    def apply(self, item: Object) -> None:
        """As ``kubectl apply``, but for lists of Kubernetes' own kinds, which are replaced as those of custom resources are."""
        resource = self._resources[f"{item['apiVersion']}/{item['kind']}"]
        metadata = item["metadata"]
        namespace, name = metadata.get("namespace", "default"), metadata["name"]
        annotations = metadata.get("annotations", {})
        wanted = item | {"metadata": metadata | {"annotations": annotations | {LAST_APPLIED: json.dumps(item)}}}
        how = {"fieldManager": MANAGER, "fieldValidation": "Strict"}
        try:
            live = self.connection.request("GET", resource.path(namespace, name))
        except Refused as refused:
            if refused.status != http.client.NOT_FOUND:
                raise
            self.connection.request("POST", resource.path(namespace), wanted, **how)
            return
        last = json.loads(live["metadata"].get("annotations", {}).get(LAST_APPLIED, "{}"))
        if patch := difference(last, wanted, live):
            self.connection.request("PATCH", resource.path(namespace, name), patch, content_type=MERGE_PATCH, **how)

    def annotate(self, kind: str, name: str, namespace: str, **annotations: str) -> None:
        """As ``kubectl annotate --overwrite``."""
        patch = {"metadata": {"annotations": annotations}}
        path = self._resources[kind].path(namespace, name)
        self.connection.request("PATCH", path, patch, content_type=MERGE_PATCH, fieldManager="kubectl-annotate")

    def delete(self, kind: str, name: str, namespace: str = "default") -> None:
        """As ``kubectl delete --wait=false --ignore-not-found``."""
        self._remove(self._resources[kind].path(namespace, name))

    def delete_category(self, category: str, namespace: str) -> None:
        """Deletes every object of a category in a namespace, without waiting."""
        for resource in self._resources.of_category(category):
            if resource.namespaced:
                self._remove(resource.path(namespace))

    def _remove(self, path: str) -> None:
        try:
            self.connection.request("DELETE", path, propagationPolicy="Background")
        except Refused as refused:
            if refused.status != http.client.NOT_FOUND:
                raise


def difference(last: Object, wanted: Object, live: Object) -> Object:
    """The merge patch (RFC 7386) of an apply: what is wanted otherwise, and null for what was applied last and is not wanted any more."""
    patch: Object = {name: None for name in last if name not in wanted and name in live}
    for name, value in wanted.items():
        there, before = live.get(name), last.get(name)
        if isinstance(value, dict) and isinstance(there, dict):
            if inner := difference(before if isinstance(before, dict) else {}, value, there):
                patch[name] = inner
        elif name not in live or value != there:
            patch[name] = value
    return patch
