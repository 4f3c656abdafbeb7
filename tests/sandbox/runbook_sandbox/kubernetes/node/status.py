"""A pod's status from its containers: pure functions.

Source of the rules: Kubernetes' pkg/kubelet/kubelet_pods.go (getPhase) and pkg/kubelet/status/generate.go.
"""

from __future__ import annotations

from collections.abc import Sequence

from runbook_sandbox.kubernetes.node.api import Object
from runbook_sandbox.kubernetes.node.container import Container


def exit_code(container: Container) -> int | None:
    return container.state.fields["exitCode"] if container.state.kind == "terminated" else None


def phase(pod: Object, init: Sequence[Container], containers: Sequence[Container], stopping: bool) -> str:
    """Pending, Running, Succeeded or Failed (Pod lifecycle, "Pod phase")."""
    policy = pod["spec"].get("restartPolicy", "Always")
    final = stopping or policy == "Never"
    if any(exit_code(container) for container in init) and final:
        return "Failed"
    if any(exit_code(container) != 0 for container in init):
        return "Failed" if stopping else "Pending"
    codes = [exit_code(container) for container in containers]
    if all(code is not None for code in codes):
        if policy == "Always" and not stopping:
            return "Running"
        if all(code == 0 for code in codes):
            return "Succeeded"
        return "Failed" if final else "Running"
    if stopping and not any(container.state.kind == "running" for container in containers):
        return "Failed"
    untouched = any(container.state.kind == "waiting" and container.last is None for container in containers)
    return "Pending" if untouched else "Running"


def conditions(
    before: Sequence[Object], init: Sequence[Container], containers: Sequence[Container], current: str, moment: str
) -> list[Object]:
    """The kubelet's conditions; ``lastTransitionTime`` moves only when a status differs from ``before``."""
    done = current in ("Succeeded", "Failed")
    completed = {"reason": "PodCompleted"} if current == "Succeeded" else {"reason": "PodFailed"}
    waiting_init = [container.name for container in init if exit_code(container) != 0]
    unready = [container.name for container in containers if not container.ready]
    initialized = {"reason": "ContainersNotInitialized", "message": f"containers with incomplete status: [{' '.join(waiting_init)}]"}
    not_ready = completed if done else {"reason": "ContainersNotReady", "message": f"containers with unready status: [{' '.join(unready)}]"}
    started = any(container.state.kind != "waiting" or container.last for container in (*init, *containers))
    wanted: list[tuple[str, bool, Object]] = [
        ("PodReadyToStartContainers", started and not done, {}),
        ("Initialized", not waiting_init, initialized),
        ("Ready", not unready and not done, not_ready),
        ("ContainersReady", not unready and not done, not_ready),
    ]
    previous = {condition["type"]: condition for condition in before}
    result = []
    for kind, good, explanation in wanted:
        value, old = str(good), previous.get(kind, {})
        since = old.get("lastTransitionTime", moment) if old.get("status") == value else moment
        texts = {"reason": None, "message": None} | ({} if good else explanation)  # null removes what a strategic merge would keep
        result.append({"type": kind, "status": value, "lastTransitionTime": since, **texts})
    return result
