"""What ECS refuses of a task definition, beyond what the API's model says.

Source: Amazon ECS API Reference, RegisterTaskDefinition; Developer Guide, "Task definition parameters" and, for the
CPU and memory of Fargate, "Task size". The texts are ECS's own where they are known.
"""

from __future__ import annotations

import re
from typing import Any

from runbook_sandbox.aws.ecs import arns
from runbook_sandbox.aws.ecs.errors import client

#: Fargate's CPU units -> (least, most, step) of memory in MiB; the two smallest have lists of their own.
FARGATE_SIZES: dict[int, list[int]] = {
    256: [512, 1024, 2048],
    512: list(range(1024, 4097, 1024)),
    1024: list(range(2048, 8193, 1024)),
    2048: list(range(4096, 16385, 1024)),
    4096: list(range(8192, 30721, 1024)),
    8192: list(range(16384, 61441, 4096)),
    16384: list(range(32768, 122881, 8192)),
    32768: [61440, 124928, 188416, 249856],
}


#: Images of a private registry of Amazon ECR.
_ECR_IMAGE = re.compile(r"^\d{12}\.dkr[.-]ecr[\w.-]*\.(amazonaws\.com|on\.aws)")


def units(value: str | None, one: int, name: str) -> int | None:
    """`1024`, `1 vCPU` or `2GB` as units."""
    if value is None:
        return None
    text = value.strip().lower().replace(" ", "")
    for suffix in ("vcpu", "gb"):
        if text.endswith(suffix):
            text = text.removesuffix(suffix)
            try:
                return int(float(text) * one)
            except ValueError:
                break
    if not text.isdigit():
        raise client(f"Invalid '{name}' setting for task.")
    return int(text)


def check_containers(containers: list[dict[str, Any]], cpu: int | None, memory: int | None) -> None:
    """Each container by itself, and all of them within the size of the task."""
    if not containers:
        raise client("Container list cannot be empty.")
    names: set[str] = set()
    for container in containers:
        for field in ("name", "image"):
            if not container.get(field):
                raise client(f"Container.{field} should not be null or empty.")
        name = container["name"]
        if not arns.NAME.match(name):
            raise client(f"Invalid container name: {name}. Up to 255 letters, numbers, underscores, and hyphens are allowed.")
        if name in names:
            raise client(f"Duplicate container name: {name}")
        names.add(name)
        if not memory and not container.get("memory") and not container.get("memoryReservation"):
            raise client(f"Invalid setting for container '{name}'. At least one of 'memory' or 'memoryReservation' must be specified.")
        if container.get("memory") and container.get("memoryReservation", 0) > container["memory"]:
            raise client(f"Invalid setting for container '{name}'. 'memoryReservation' must be less than 'memory'.")
        if memory and max(container.get("memory") or 0, container.get("memoryReservation") or 0) > memory:
            raise client("The 'memory' setting for container is greater than for the task.")
    if cpu and sum(container.get("cpu") or 0 for container in containers) > cpu:
        raise client("The total 'cpu' of the containers is greater than for the task.")
    if not any(container.get("essential", True) for container in containers):
        raise client("At least one container must be marked as essential.")


def check_fargate(request: dict[str, Any], cpu: int | None, memory: int | None) -> None:
    """What FARGATE in requiresCompatibilities asks for."""
    if request.get("networkMode") != "awsvpc":
        raise client("Fargate only supports network mode ‘awsvpc’.")  # noqa: RUF001 - ECS's own quotation marks
    if cpu is None:
        raise client("Fargate requires that 'cpu' be defined at the task level.")
    if memory is None:
        raise client("Fargate requires that 'memory' be defined at the task level.")
    if cpu not in FARGATE_SIZES or memory not in FARGATE_SIZES[cpu]:
        raise client(
            f"No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. "
            "See the Amazon ECS documentation for the valid values."
        )
    size = (request.get("ephemeralStorage") or {}).get("sizeInGiB")
    if size is not None and not 21 <= size <= 200:
        raise client("Invalid ephemeralStorage setting. The supported values are between 21 and 200 GiB.")
    if request.get("pidMode") and request.get("pidMode") != "task":
        raise client(
            f"Tasks using the Fargate launch type do not support pidMode '{request.get('pidMode')}'. "
            "The supported value for pidMode is 'task'."
        )


def check_execution_role(request: dict[str, Any], containers: list[dict[str, Any]], fargate: bool) -> None:
    """Who pulls from ECR, writes to CloudWatch Logs and reads secrets: on Fargate nobody but the execution role can."""
    if request.get("executionRoleArn"):
        return
    logs = [item.get("logConfiguration") or {} for item in containers]
    if any(item.get("secrets") for item in containers) or any(item.get("secretOptions") for item in logs):
        raise client("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
    if not fargate:
        return
    if any(_ECR_IMAGE.match(item["image"]) for item in containers):
        raise client("Fargate requires task definition to have execution role ARN to support ECR images.")
    if any(item.get("logDriver") == "awslogs" for item in logs):
        raise client("Fargate requires task definition to have execution role ARN to support log driver awslogs.")


def check_references(containers: list[dict[str, Any]], volumes: list[dict[str, Any]]) -> None:
    """What a container names must be in the same task definition."""
    by_name, known = {item["name"]: item for item in containers}, {item.get("name") for item in volumes}
    for container in containers:
        for mount in container.get("mountPoints") or []:
            if mount.get("sourceVolume") not in known:
                raise client(f"Unknown volume '{mount.get('sourceVolume')}'.")
        for source in container.get("volumesFrom") or []:
            if source.get("sourceContainer") not in by_name:
                raise client(f"Invalid 'volumesFrom' setting. Unknown container: '{source.get('sourceContainer')}'.")
        for dependency in container.get("dependsOn") or []:
            other = by_name.get(dependency["containerName"])
            if other is None:
                raise client(f"Cannot depend on container + '{dependency['containerName']}' because it does not exist")
            if dependency["condition"] in ("SUCCESS", "COMPLETE") and other.get("essential", True):
                raise client("A dependency container with SUCCESS or COMPLETE condition cannot be an essential container")
            if dependency["condition"] == "HEALTHY" and not other.get("healthCheck"):
                raise client(f"The container '{dependency['containerName']}' that is to be HEALTHY has no health check.")


def check_ports(containers: list[dict[str, Any]], mode: str) -> None:
    """Without a network of the host's in between, the ports are the same."""
    if mode not in ("awsvpc", "host"):
        return
    for container in containers:
        for mapping in container.get("portMappings") or []:
            if mapping.get("hostPort") not in (None, 0, mapping.get("containerPort")):
                raise client(f"When networkMode={mode}, the host ports and container ports in port mappings must match.")
