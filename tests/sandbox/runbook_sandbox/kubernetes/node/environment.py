"""A container's environment, command and arguments, resolved as the kubelet does.

Source of the rules: Kubernetes' pkg/kubelet/kubelet_pods.go (makeEnvironmentVariables) and third_party/forked/golang/expansion.
"""

from __future__ import annotations

import base64
import math
import os
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from runbook_sandbox.kubernetes.node.api import Api, ApiError, Object, insist

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_REFERENCE = re.compile(r"\$(\$|\(([^)]*)\))")
_KEYED = re.compile(r"metadata\.(labels|annotations)\['(.+)'\]")
_SUFFIX = {"": 1, "k": 10**3, "M": 10**6, "G": 10**9, "T": 10**12, "P": 10**15, "E": 10**18, "m": Decimal("0.001")}
_SUFFIX |= {"Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40, "Pi": 2**50, "Ei": 2**60}


class ConfigError(Exception):
    """The container cannot be made as written; the text is the message of CreateContainerConfigError."""


def expand(text: str, values: Mapping[str, str]) -> str:
    """Replaces ``$(NAME)``; ``$$`` is a dollar sign, and an unknown name stays as it is written."""

    def value(match: re.Match[str]) -> str:
        return "$" if match[1] == "$" else values.get(match[2], match[0])

    return _REFERENCE.sub(value, text)


def field(pod: Object, path: str) -> str:
    """The text of a downward API field such as ``metadata.labels['app']`` or ``status.podIP``."""
    metadata, spec, status = pod["metadata"], pod["spec"], pod.get("status", {})
    if keyed := _KEYED.fullmatch(path):
        return (metadata.get(keyed[1]) or {}).get(keyed[2], "")
    if path in ("metadata.labels", "metadata.annotations"):  # volumes only
        return "\n".join(f'{key}="{value}"' for key, value in sorted((metadata.get(path.split(".")[1]) or {}).items()))
    known = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", "default"),
        "status.hostIP": status.get("hostIP", ""),
        "status.hostIPs": status.get("hostIP", ""),
        "status.podIP": status.get("podIP", ""),
        "status.podIPs": status.get("podIP", ""),
    }
    if path not in known:
        raise ConfigError(f"fieldRef {path} is not supported by the node-runner")
    return known[path]


def quantity(text: str) -> Decimal:
    """The number that a Kubernetes quantity such as ``250m`` or ``64Mi`` stands for."""
    number, suffix = re.fullmatch(r"([0-9.]+)([A-Za-z]*)", text).groups()
    return Decimal(number) * _SUFFIX[suffix]


def resource(container: Object, reference: Object) -> str:
    """A resourceFieldRef, rounded up to whole divisors; without a limit it is what the machine has."""
    group, name = reference["resource"].split(".", 1)
    found = container.get("resources", {}).get(group, {}).get(name)
    if found is None:
        machine = {"cpu": os.cpu_count() or 1, "memory": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")}
        found = str(machine.get(name, 0) if group == "limits" else 0)
    divisor = quantity(reference.get("divisor") or "1") or Decimal(1)
    return str(math.ceil(quantity(found) / divisor))


async def fetch(api: Api, namespace: str, kind: str, name: str, optional: bool) -> Object | None:
    """A ConfigMap or Secret (``kind`` in the plural of its URL); None if it is optional and not there."""
    try:
        return await insist(f"{kind} {namespace}/{name}", lambda: api.get(f"/api/v1/namespaces/{namespace}/{kind}/{name}"))
    except ApiError as error:
        if error.status == 404 and optional:
            return None
        raise ConfigError(str(error)) from error


def data_of(source: Object) -> dict[str, bytes]:
    """The entries of a ConfigMap or Secret as bytes."""
    if source["kind"] == "Secret":
        return {key: base64.b64decode(value) for key, value in source.get("data", {}).items()}
    entries = {key: value.encode() for key, value in source.get("data", {}).items()}
    return entries | {key: base64.b64decode(value) for key, value in source.get("binaryData", {}).items()}


async def _from_key(api: Api, namespace: str, kind: str, reference: Object) -> str | None:
    optional = reference.get("optional", False)
    source = await fetch(api, namespace, kind, reference["name"], optional)
    entries = data_of(source) if source else {}
    if reference["key"] not in entries:
        if optional:
            return None
        raise ConfigError(f"couldn't find key {reference['key']} in {source['kind']} {namespace}/{reference['name']}")
    return entries[reference["key"]].decode()


async def environment(api: Api, pod: Object, container: Object, base: Mapping[str, str]) -> dict[str, str]:
    """The container's variables. ``base`` is what an image and the kubelet would set (PATH, KUBERNETES_SERVICE_HOST); the pod's own win."""
    namespace = pod["metadata"]["namespace"]
    result = dict(base)
    for source in container.get("envFrom", []):
        for kind, key in (("configmaps", "configMapRef"), ("secrets", "secretRef")):
            if reference := source.get(key):
                found = await fetch(api, namespace, kind, reference["name"], reference.get("optional", False))
                result |= {source.get("prefix", "") + name: value.decode() for name, value in data_of(found or {"kind": ""}).items()}
    for entry in container.get("env", []):
        value = await _value(api, pod, container, entry, result)
        if value is not None:
            result[entry["name"]] = value
    return result


async def _value(api: Api, pod: Object, container: Object, entry: Object, known: Mapping[str, str]) -> str | None:
    source: dict[str, Any] | None = entry.get("valueFrom")
    namespace = pod["metadata"]["namespace"]
    if source is None:
        return expand(entry.get("value", ""), known)
    if reference := source.get("fieldRef"):
        return field(pod, reference["fieldPath"])
    if reference := source.get("configMapKeyRef"):
        return await _from_key(api, namespace, "configmaps", reference)
    if reference := source.get("secretKeyRef"):
        return await _from_key(api, namespace, "secrets", reference)
    if reference := source.get("resourceFieldRef"):
        return resource(container, reference)
    raise ConfigError(f"env {entry['name']}: valueFrom {', '.join(source)} is not supported by the node-runner")
