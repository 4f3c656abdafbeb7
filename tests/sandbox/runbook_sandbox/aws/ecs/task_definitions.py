"""Task definitions: families and revisions.

Source: Amazon ECS API Reference, RegisterTaskDefinition and the actions beside it.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from runbook_sandbox.aws.calls import current_caller
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs import arns, tags, task_definition_rules
from runbook_sandbox.aws.ecs.errors import client, invalid
from runbook_sandbox.aws.ecs.state import Region, TaskDefinition
from runbook_sandbox.aws.ecs.table import max_results, operations, page, region
from runbook_sandbox.aws.modelled import Call


@operations("RegisterTaskDefinition")
def register_task_definition(call: Call) -> dict[str, Any]:
    family = call.get("family") or ""
    if not family:
        raise client("Family should not be null or empty.")
    if not arns.NAME.match(family):
        raise client(f"Invalid family name: {family}. Up to 255 letters, numbers, underscores, and hyphens are allowed.")
    wants = call.get("requiresCompatibilities") or []
    cpu, memory = task_definition_rules.units(call.get("cpu"), 1024, "cpu"), task_definition_rules.units(call.get("memory"), 1024, "memory")
    containers = deepcopy(call.get("containerDefinitions") or [])
    task_definition_rules.check_containers(containers, cpu, memory)
    if "FARGATE" in wants:
        task_definition_rules.check_fargate(call.params, cpu, memory)
    task_definition_rules.check_execution_role(call.params, containers, "FARGATE" in wants)
    mode = call.get("networkMode") or "bridge"
    task_definition_rules.check_references(containers, call.get("volumes") or [])
    task_definition_rules.check_ports(containers, mode)
    for container in containers:
        for field, value in (
            ("cpu", 0),
            ("portMappings", []),
            ("essential", True),
            ("environment", []),
            ("mountPoints", []),
            ("volumesFrom", []),
        ):
            container.setdefault(field, value)
        if check := container.get("healthCheck"):
            container["healthCheck"] = {"interval": 30, "timeout": 5, "retries": 3} | check
        for mapping in container["portMappings"]:
            mapping.setdefault("protocol", "tcp")
            mapping.setdefault("hostPort", mapping.get("containerPort") if mode in ("awsvpc", "host") else 0)
    given = tags.on_creation(call, f"task-definition/{family}:*")
    state = region(call)
    revisions = state.families.setdefault(family, {})
    revision = max(revisions, default=0) + 1
    fits_fargate = mode == "awsvpc" and cpu is not None and memory in task_definition_rules.FARGATE_SIZES.get(cpu, [])
    kept = (
        "taskRoleArn", "executionRoleArn", "placementConstraints", "volumes", "proxyConfiguration", "inferenceAccelerators",
        "runtimePlatform", "ipcMode", "pidMode", "ephemeralStorage", "enableFaultInjection", "requiresCompatibilities",
    )  # fmt: skip
    body = {name: call.get(name) for name in kept} | {
        "containerDefinitions": containers,
        "networkMode": mode,
        "cpu": None if cpu is None else str(cpu),
        "memory": None if memory is None else str(memory),
        "compatibilities": _compatibilities(mode, fits_fargate),
        "registeredAt": clock.now(),
        "registeredBy": current_caller() or f"arn:aws:iam::{call.account_id}:root",
        "volumes": call.get("volumes") or [],
        "placementConstraints": call.get("placementConstraints") or [],
    }
    definition = TaskDefinition(state.arn(f"task-definition/{family}:{revision}"), family, revision, body, given)
    revisions[revision] = definition
    return {"taskDefinition": render(definition), "tags": tags.write(given)}


def _compatibilities(mode: str, fits_fargate: bool) -> list[str]:
    """ECS Anywhere (EXTERNAL) has no awsvpc, Fargate has nothing else."""
    if mode == "awsvpc":
        return ["EC2", "FARGATE"] if fits_fargate else ["EC2"]
    return ["EXTERNAL", "EC2"]


def render(definition: TaskDefinition) -> dict[str, Any]:
    """The API's TaskDefinition."""
    return definition.body | {
        "taskDefinitionArn": definition.arn,
        "family": definition.family,
        "revision": definition.revision,
        "status": definition.status,
    }


def find(state: Region, identifier: str) -> TaskDefinition | None:
    """By `family` (its latest ACTIVE revision), `family:revision`, or either as an ARN."""
    arns.check_home(identifier)
    name = identifier.split("/")[-1] if identifier.startswith("arn:") else identifier
    family, colon, number = name.partition(":")
    revisions = state.families.get(family, {})
    if not colon:
        active = [revision for revision, item in revisions.items() if item.status == "ACTIVE"]
        return revisions[max(active)] if active else None
    if not number.isdigit():
        raise invalid(f"Invalid revision number. Number: {number}")
    return revisions.get(int(number))


def usable(state: Region, identifier: str) -> TaskDefinition:
    """The task definition for new tasks: known and ACTIVE."""
    definition = find(state, identifier)
    if definition is None:
        raise client("TaskDefinition not found.")
    if definition.status != "ACTIVE":
        raise client("TaskDefinition is inactive")
    return definition


@operations("DescribeTaskDefinition")
def describe_task_definition(call: Call) -> dict[str, Any]:
    definition = find(region(call), call.get("taskDefinition") or "")
    if definition is None:
        raise client("Unable to describe task definition.")
    answer = {"taskDefinition": render(definition)}
    if "TAGS" in (call.get("include") or []):
        answer["tags"] = tags.write(definition.tags)
    return answer


@operations("DeregisterTaskDefinition")
def deregister_task_definition(call: Call) -> dict[str, Any]:
    identifier = call.get("taskDefinition") or ""
    if ":" not in identifier.split("/")[-1]:
        raise client("Revision is missing.")
    definition = find(region(call), identifier)
    if definition is None:
        raise client("The specified task definition does not exist. Specify a valid account, family, revision and try again.")
    if definition.status == "ACTIVE":
        definition.status = "INACTIVE"
        definition.body["deregisteredAt"] = clock.now()
    return {"taskDefinition": render(definition)}


@operations("DeleteTaskDefinitions")
def delete_task_definitions(call: Call) -> dict[str, Any]:
    wanted = call.get("taskDefinitions") or []
    if not 1 <= len(wanted) <= 10:
        raise invalid("Size of TaskDefinition references list must be between 1 and 10")
    deleted, failures = [], []
    for identifier in wanted:
        definition = find(region(call), identifier) if ":" in identifier.split("/")[-1] else None
        if definition is None:
            reason = "The specified task definition does not exist. Specify a valid account, family, revision and try again."
            failures.append({"arn": identifier, "reason": reason})
        elif definition.status == "ACTIVE":
            reason = "The specified task definition is still in ACTIVE status. Please deregister the target and try again."
            failures.append({"arn": identifier, "reason": reason})
        else:
            definition.status = "DELETE_IN_PROGRESS"
            definition.body["deleteRequestedAt"] = clock.now()
            deleted.append(render(definition))
    return {"taskDefinitions": deleted, "failures": failures}


@operations("ListTaskDefinitions")
def list_task_definitions(call: Call) -> dict[str, Any]:
    """Sorted by family and revision; `familyPrefix` is, in spite of its name, a whole family name."""
    prefix, status = call.get("familyPrefix"), call.get("status") or "ACTIVE"
    families = region(call).families
    found = [
        (family, revision, item.arn)
        for family in ([prefix] if prefix else families)
        for revision, item in families.get(family, {}).items()
        if item.status == status
    ]
    found.sort(reverse=call.get("sort") == "DESC")
    order = {f"{index:09}": arn for index, (_, _, arn) in enumerate(found)}
    query = f"ListTaskDefinitions/{prefix}/{status}/{call.get('sort')}"
    arns_, token = page(query, list(order), call, max_results(call, 100), order.get)
    return {"taskDefinitionArns": arns_, "nextToken": token}


@operations("ListTaskDefinitionFamilies")
def list_task_definition_families(call: Call) -> dict[str, Any]:
    """Families that begin with `familyPrefix`, of any status unless one is named: INACTIVE have no ACTIVE revision."""
    prefix, status = call.get("familyPrefix") or "", call.get("status") or "ALL"

    def has(items: dict[int, TaskDefinition]) -> bool:
        statuses = {item.status for item in items.values()}
        return bool(statuses) if status == "ALL" else ("ACTIVE" in statuses) == (status == "ACTIVE")

    families = [family for family, items in region(call).families.items() if family.startswith(prefix) and has(items)]
    found, token = page(f"families/{prefix}/{status}", families, call, max_results(call, 100), str)
    return {"families": found, "nextToken": token}
