"""Tasks as the API shows them."""

from __future__ import annotations

import hashlib
from typing import Any

from runbook_sandbox.aws.ecs import tags
from runbook_sandbox.aws.ecs.arns import arn
from runbook_sandbox.aws.ecs.state import STARTING, Task


def _digits(task: Task, purpose: str, length: int) -> str:
    """Stable hexadecimal digits of a task, for identifiers of its containers and network interface."""
    return hashlib.sha256(f"{task.id}/{purpose}".encode()).hexdigest()[:length]


def address(task: Task) -> str:
    """The private IPv4 address of a task with a network interface of its own."""
    raw = bytes.fromhex(_digits(task, "address", 6))
    return f"10.{raw[0]}.{raw[1]}.{raw[2] % 250 + 4}"


def _network(task: Task) -> dict[str, Any]:
    return (task.settings.get("networkConfiguration") or {}).get("awsvpcConfiguration") or {}


def _attachments(task: Task) -> list[dict[str, Any]]:
    if not task.task_definition.is_awsvpc:
        return []
    status = "PRECREATED" if task.last_status == "PROVISIONING" else "DELETED" if task.last_status == "STOPPED" else "ATTACHED"
    details = []
    if status != "PRECREATED":
        mac, ip = _digits(task, "mac", 10), address(task)
        subnets = _network(task).get("subnets") or [""]
        details = [
            {"name": "subnetId", "value": subnets[int(_digits(task, "subnet", 4), 16) % len(subnets)]},
            {"name": "networkInterfaceId", "value": f"eni-0{_digits(task, 'eni', 16)}"},
            {"name": "macAddress", "value": "02:" + ":".join(mac[index : index + 2] for index in range(0, 10, 2))},
            {"name": "privateDnsName", "value": f"ip-{ip.replace('.', '-')}.{task.cluster.region}.compute.internal"},
            {"name": "privateIPv4Address", "value": ip},
        ]
    return [{"id": _uuid(task, "attachment"), "type": "ElasticNetworkInterface", "status": status, "details": details}]


def _uuid(task: Task, purpose: str) -> str:
    text = _digits(task, purpose, 32)
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def _containers(task: Task) -> list[dict[str, Any]]:
    # A container is PENDING until its task runs, and STOPPED once the task is being taken apart.
    status = "PENDING" if task.last_status in STARTING else "STOPPED"
    if task.last_status in ("RUNNING", "DEACTIVATING"):
        status = "RUNNING"
    shown = []
    for container in task.task_definition.containers:
        name = container["name"]
        entry = {
            "containerArn": arn(
                task.cluster.account_id, task.cluster.region, f"container/{task.cluster.name}/{task.id}/{_uuid(task, 'container/' + name)}"
            ),
            "taskArn": task.arn,
            "name": name,
            "image": container["image"],
            "lastStatus": status,
            "networkBindings": [],
            "networkInterfaces": [],
            "healthStatus": _health(task, container),
            "cpu": str(container.get("cpu", 0)),
            "memory": str(container["memory"]) if container.get("memory") else None,
            "memoryReservation": str(container["memoryReservation"]) if container.get("memoryReservation") else None,
        }
        if task.task_definition.is_awsvpc and task.last_status != "PROVISIONING":
            entry["networkInterfaces"] = [{"attachmentId": _uuid(task, "attachment"), "privateIpv4Address": address(task)}]
        if status != "PENDING":
            entry["runtimeId"] = f"{task.id}-{int(_digits(task, name, 8), 16)}"
            entry["imageDigest"] = f"sha256:{hashlib.sha256(container['image'].encode()).hexdigest()}"
        if status == "STOPPED" and task.exit_code is not None:
            entry["exitCode"] = task.exit_code
        if task.stop_code == "TaskFailedToStart":
            entry["reason"] = task.stopped_reason
        if task.execute_command and status == "RUNNING":
            started = task.started_at
            entry["managedAgents"] = [{"name": "ExecuteCommandAgent", "lastStatus": "RUNNING", "lastStartedAt": started}]
        shown.append(entry)
    return shown


def _overrides(task: Task) -> dict[str, Any]:
    """Every container of the task is named, also where nothing of it is overridden."""
    given = {item["name"]: item for item in (task.overrides or {}).get("containerOverrides") or []}
    containers = [given.get(item["name"], {"name": item["name"]}) for item in task.task_definition.containers]
    return {"inferenceAcceleratorOverrides": []} | (task.overrides or {}) | {"containerOverrides": containers}


def _health(task: Task, container: dict[str, Any]) -> str:
    return "HEALTHY" if container.get("healthCheck") and task.last_status == "RUNNING" else "UNKNOWN"


def render(task: Task, include: list[str]) -> dict[str, Any]:
    """The API's Task; tags only when they were asked for."""
    healths = {_health(task, container) for container in task.task_definition.containers if container.get("healthCheck")}
    view = {
        "taskArn": task.arn,
        "clusterArn": task.cluster.arn,
        "taskDefinitionArn": task.task_definition.arn,
        "attachments": _attachments(task),
        "attributes": [{"name": "ecs.cpu-architecture", "value": "x86_64"}],
        "availabilityZone": task.zone,
        "capacityProviderName": task.capacity_provider,
        "connectivity": "CONNECTED" if task.connected_at else None,
        "connectivityAt": task.connected_at,
        "containers": _containers(task),
        "cpu": (task.overrides or {}).get("cpu") or task.task_definition.body.get("cpu"),
        "memory": (task.overrides or {}).get("memory") or task.task_definition.body.get("memory"),
        "createdAt": task.created_at,
        "desiredStatus": task.desired_status,
        "enableExecuteCommand": task.execute_command,
        "group": task.group,
        "healthStatus": next(iter(healths)) if healths else "UNKNOWN",
        "lastStatus": task.last_status,
        "launchType": task.launch_type,
        "overrides": _overrides(task),
        "platformVersion": "1.4.0" if task.fargate else None,
        "platformFamily": "Linux" if task.fargate else None,
        "ephemeralStorage": (task.task_definition.body.get("ephemeralStorage") or {"sizeInGiB": 20}) if task.fargate else None,
        "pullStartedAt": task.pull_started_at,
        "pullStoppedAt": task.pull_stopped_at,
        "startedAt": task.started_at,
        "startedBy": task.started_by or None,
        "stopCode": task.stop_code,
        "stoppedReason": task.stopped_reason,
        "stoppingAt": task.stopping_at,
        "stoppedAt": task.stopped_at,
        "executionStoppedAt": task.stopped_at if task.started_at else None,
        "version": task.version,
    }
    # DescribeTasks shows an empty list where tags were not asked for.
    view["tags"] = tags.write(task.tags) if "TAGS" in include else []
    return view
