"""Where namespaces are not allowed, a program cannot see its volumes at their paths.

Texts that name such a path are rewritten, and instead of the ServiceAccount's files the program is given a kubeconfig.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runbook_sandbox.kubernetes.node.process import Mount

if TYPE_CHECKING:
    from runbook_sandbox.kubernetes.node.pod import Pod

ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"


def write_kubeconfig(pod: Pod) -> Path | None:
    """A kubeconfig that reads the pod's own token from its file, so that renewals are seen; None if it has no token mounted."""
    mounts = (mount for container in pod.pod["spec"]["containers"] for mount in container.get("volumeMounts", []))
    name = next((mount["name"] for mount in mounts if mount["mountPath"] == ACCOUNT), None)
    if name is None:
        return None
    account = pod.volumes.path(name)
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": {"server": pod.api.server, "certificate-authority": str(account / "ca.crt")}}],
        "users": [{"name": "pod", "user": {"tokenFile": str(account / "token")}}],
        "contexts": [{"name": "pod", "context": {"cluster": "sandbox", "user": "pod", "namespace": pod.pod["metadata"]["namespace"]}}],
        "current-context": "pod",
    }
    path = pod.directory / "kubeconfig"
    path.write_text(json.dumps(config, indent=2))
    return path


def as_on_machine(text: str, mounts: Sequence[Mount]) -> str:
    """An argument, variable or script with the paths of volumes replaced by where the machine has them.

    A program that makes up such a path itself still does not find it.
    """
    for mount in sorted(mounts, key=lambda mount: -len(mount.target)):
        whole_path = rf"(?<![\w/.-]){re.escape(mount.target.rstrip('/'))}(?![\w.-])"
        text = re.sub(whole_path, lambda _, source=mount.source: str(source), text)
    return text
