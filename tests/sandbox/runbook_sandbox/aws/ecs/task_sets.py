"""Task sets, by which EXTERNAL services are deployed.

Source: Amazon ECS API Reference, CreateTaskSet, UpdateTaskSet, UpdateServicePrimaryTaskSet, DeleteTaskSet, DescribeTaskSets.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs import arns, deployments, lifecycle, scheduler, services, tags, task_definitions, validation
from runbook_sandbox.aws.ecs.errors import error, invalid, service_not_active, service_not_found
from runbook_sandbox.aws.ecs.service_view import task_set_arn, task_set_view
from runbook_sandbox.aws.ecs.state import Deployment, Service, is_fargate
from runbook_sandbox.aws.ecs.table import active_cluster, operations, region
from runbook_sandbox.aws.modelled import Call


def _service(call: Call) -> Service:
    service = services.find(active_cluster(call, call.get("cluster")), call.get("service"))
    if service is None:
        raise service_not_found()
    if service.status != "ACTIVE":
        raise service_not_active()
    return service


def _task_set(service: Service, identifier: str | None) -> Deployment:
    for item in service.deployments:
        if identifier and service.is_task_set_based and (identifier == item.id or task_set_arn(item) == identifier):
            return item
    raise error("TaskSetNotFoundException", "The specified task set wasn't found.")


def _percent(scale: dict[str, Any] | None) -> float:
    value = float((scale or {}).get("value", 100.0))
    if not 0 <= value <= 100:
        raise invalid("The scale value must be between 0 and 100 percent.")
    return value


@operations("CreateTaskSet")
def create_task_set(call: Call) -> dict[str, Any]:
    service = _service(call)
    if service.controller != "EXTERNAL":
        raise invalid(f"Task sets can only be created for services with an EXTERNAL deployment controller, not {service.controller}.")
    validation.launch(call.get("launchType"), call.get("capacityProviderStrategy"), service.cluster)
    settings = {name: deepcopy(call.get(name)) for name in services.REVISED if call.get(name)}
    if not settings.get("launchType") and not settings.get("capacityProviderStrategy"):
        settings["launchType"] = "EC2"
    definition = task_definitions.usable(region(call), call.get("taskDefinition") or "")
    validation.network(definition, settings, is_fargate(settings))
    scale, given_tags = _percent(call.get("scale")), tags.on_creation(call, f"task-set/{service.cluster.name}/{service.name}/*")
    path = f"{service.cluster.name}/{service.name}"
    revision = deployments.new_revision(path, call.account_id, call.region, definition, settings)
    now = clock.now()
    task_set = Deployment(
        f"ecs-svc/{arns.new_number()}", service, revision, None, now, now,
        status="ACTIVE", scale=scale, external_id=call.get("externalId") or "", tags=given_tags,
    )  # fmt: skip
    service.deployments.append(task_set)
    scheduler.unsettle(service)
    return {"taskSet": task_set_view(task_set, ["TAGS"])}


@operations("UpdateTaskSet")
def update_task_set(call: Call) -> dict[str, Any]:
    service = _service(call)
    task_set = _task_set(service, call.get("taskSet"))
    task_set.scale, task_set.updated_at = _percent(call.get("scale")), clock.now()
    scheduler.unsettle(service)
    return {"taskSet": task_set_view(task_set, [])}


@operations("UpdateServicePrimaryTaskSet")
def update_service_primary_task_set(call: Call) -> dict[str, Any]:
    service = _service(call)
    chosen = _task_set(service, call.get("primaryTaskSet"))
    for item in service.deployments:
        item.status = "PRIMARY" if item is chosen else "ACTIVE"
    service.revision = chosen.revision
    return {"taskSet": task_set_view(chosen, [])}


@operations("DeleteTaskSet")
def delete_task_set(call: Call) -> dict[str, Any]:
    service = _service(call)
    task_set = _task_set(service, call.get("taskSet"))
    if task_set.scale > 0 and service.desired > 0 and not call.get("force"):
        raise invalid("The task set cannot be deleted while it is scaled above 0. Scale it to 0 or use force.")
    task_set.status = "DRAINING"
    view = task_set_view(task_set, [])
    service.deployments.remove(task_set)
    lifecycle.stop(list(task_set.tasks.values()), "ServiceSchedulerInitiated", "Task set was deleted")
    return {"taskSet": view}


@operations("DescribeTaskSets")
def describe_task_sets(call: Call) -> dict[str, Any]:
    service = _service(call)
    if not service.is_task_set_based:
        raise invalid("Task sets exist for services with a CODE_DEPLOY or EXTERNAL deployment controller only.")
    wanted, include = call.get("taskSets"), call.get("include") or []
    found, failures = [], []
    for item in service.deployments:
        if not wanted or item.id in wanted or task_set_arn(item) in wanted:
            found.append(task_set_view(item, include))
    for identifier in wanted or []:
        if not any(identifier in (item.id, task_set_arn(item)) for item in service.deployments):
            failures.append({"arn": identifier, "reason": "MISSING"})
    return {"taskSets": found, "failures": failures}
