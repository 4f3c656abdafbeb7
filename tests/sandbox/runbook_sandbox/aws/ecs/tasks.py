"""Tasks: run, start, stop, describe, list, and the shell into them.

Source: Amazon ECS API Reference, the actions of these names.
"""

from __future__ import annotations

import re
import secrets
from copy import deepcopy
from datetime import timedelta
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs import arns, capacity_providers, lifecycle, services, tags, task_definitions, validation
from runbook_sandbox.aws.ecs.errors import error, invalid, service_not_found
from runbook_sandbox.aws.ecs.scheduler import Capacity
from runbook_sandbox.aws.ecs.state import Cluster, Task, TaskDefinition, is_fargate
from runbook_sandbox.aws.ecs.table import active_cluster, at_most, known_cluster, max_results, operations, page, region
from runbook_sandbox.aws.ecs.task_view import render
from runbook_sandbox.aws.modelled import Call

#: How long a clientToken of RunTask is remembered.
_TOKEN_KEPT = timedelta(hours=24)
_STARTED_BY = re.compile(r"^[a-zA-Z0-9\-_/]{1,128}$")


def find(cluster: Cluster, identifier: str) -> Task | None:
    """A task of the cluster by id or ARN; stopped ones for an hour."""
    return cluster.tasks.get(arns.scoped_name(identifier, "task", cluster.name))


def _missing(call: Call, cluster: Cluster, identifier: str) -> dict[str, str]:
    task_id = arns.scoped_name(identifier, "task", cluster.name)
    return {"arn": region(call).arn(f"task/{cluster.name}/{task_id}"), "reason": "MISSING"}


def _check_run(call: Call, definition: TaskDefinition) -> None:
    if call.get("startedBy") and not _STARTED_BY.match(call.get("startedBy")):
        raise invalid("startedBy can have up to 128 letters (uppercase and lowercase), numbers, hyphens, forward slashes and underscores.")
    names = {container["name"] for container in definition.containers}
    for override in (call.get("overrides") or {}).get("containerOverrides") or []:
        if override.get("name") not in names:
            raise invalid(f"Override for container named {override.get('name')} is not a container in the TaskDefinition.")
    if (call.get("group") or "").startswith("service:"):
        raise invalid("The task group name cannot begin with 'service:', which is reserved for services.")


@operations("RunTask")
def run_task(call: Call) -> dict[str, Any]:
    """Starts up to 10 tasks of their own. The same clientToken with the same request answers the tasks of the first."""
    count = 1 if call.get("count") is None else call.get("count")
    if count < 1:
        raise invalid("count cannot be less than 1.")
    if count > 10:
        raise invalid("count cannot be greater than 10.")
    validation.client_token(call.get("clientToken"), 64)
    cluster = active_cluster(call, call.get("cluster"))
    given_tags = tags.on_creation(call, f"task/{cluster.name}/*")
    state, token = region(call), call.get("clientToken")
    known = state.run_tokens.get(token) if token else None
    if known is not None and clock.now() - known[2] < _TOKEN_KEPT:
        if known[0] != call.params:
            raise error("ConflictException", "The provided clientToken is already in use with a different RunTask request.")
        return {"tasks": [render(task, ["TAGS"]) for task in known[1]], "failures": []}
    validation.launch(call.get("launchType"), call.get("capacityProviderStrategy"), cluster)
    settings = {name: deepcopy(call.get(name)) for name in services.REVISED if call.get(name)}
    if not settings.get("launchType") and not settings.get("capacityProviderStrategy"):
        default = cluster.defaultCapacityProviderStrategy
        settings |= {"capacityProviderStrategy": deepcopy(default)} if default else {"launchType": "EC2"}
    definition = task_definitions.usable(state, call.get("taskDefinition") or "")
    fargate = is_fargate(settings)
    validation.platform(call.get("platformVersion"), fargate)
    validation.network(definition, settings, fargate)
    validation.placement(call.params, fargate)
    _check_run(call, definition)
    if not fargate and not Capacity.ec2_available:
        raise invalid("No Container Instances were found in your cluster.")
    tasks = _create(call, cluster, definition, settings, count, given_tags)
    if token:
        state.run_tokens[token] = (call.params, tasks, clock.now())
    return {"tasks": [render(task, ["TAGS"]) for task in tasks], "failures": []}


def _create(
    call: Call, cluster: Cluster, definition: TaskDefinition, settings: dict[str, Any], count: int, given_tags: dict[str, str]
) -> list[Task]:
    own = dict(definition.tags) if call.get("propagateTags") == "TASK_DEFINITION" else {}
    if call.get("enableECSManagedTags"):
        own["aws:ecs:clusterName"] = cluster.name
    shares = capacity_providers.Shares(settings.get("capacityProviderStrategy"))
    tasks = [
        lifecycle.create(
            cluster,
            definition,
            settings,
            call.get("group") or f"family:{definition.family}",
            started_by=call.get("startedBy") or "",
            overrides=deepcopy(call.get("overrides") or {}),
            tags=own | given_tags,
            execute_command=bool(call.get("enableExecuteCommand")),
            capacity_provider=shares.next(),
        )
        for _ in range(count)
    ]
    lifecycle.launch(tasks)
    return tasks


@operations("StartTask")
def start_task(call: Call) -> dict[str, Any]:
    """One task on each container instance named; the instances themselves are not looked at."""
    instances = at_most(call.get("containerInstances"), 10, "Container instances")
    cluster = active_cluster(call, call.get("cluster"))
    definition = task_definitions.usable(region(call), call.get("taskDefinition") or "")
    settings = {"launchType": "EC2", "networkConfiguration": call.get("networkConfiguration")}
    validation.network(definition, settings, fargate=False)
    _check_run(call, definition)
    tasks = _create(call, cluster, definition, settings, len(instances), tags.on_creation(call, f"task/{cluster.name}/*"))
    return {"tasks": [render(task, ["TAGS"]) for task in tasks], "failures": []}


@operations("StopTask")
def stop_task(call: Call) -> dict[str, Any]:
    cluster = active_cluster(call, call.get("cluster"))
    task = find(cluster, call.get("task") or "")
    if task is None:
        raise invalid("The referenced task was not found.")
    reason = call.get("reason")
    if reason is not None and len(reason) > 1024:
        raise invalid("reason can have at most 1024 characters.")
    lifecycle.stop([task], "UserInitiated", reason or "Task stopped by user")
    return {"task": render(task, [])}


@operations("DescribeTasks")
def describe_tasks(call: Call) -> dict[str, Any]:
    wanted = at_most(call.get("tasks"), 100, "Tasks")
    cluster = known_cluster(call, call.get("cluster"))
    found, failures = [], []
    for identifier in wanted:
        task = find(cluster, identifier)
        if task is None:
            failures.append(_missing(call, cluster, identifier))
        else:
            found.append(render(task, call.get("include") or []))
    return {"tasks": found, "failures": failures}


@operations("ListTasks")
def list_tasks(call: Call) -> dict[str, Any]:
    """Tasks whose *desired* status is RUNNING unless STOPPED is asked for; 100 a page unless said."""
    cluster = active_cluster(call, call.get("cluster"))
    family, started_by, launch_type = call.get("family"), call.get("startedBy"), call.get("launchType")
    desired = call.get("desiredStatus") or "RUNNING"
    if started_by and (call.get("serviceName") or family or call.get("containerInstance")):
        raise invalid("The startedBy filter cannot be combined with serviceName, family or containerInstance.")
    keys: Any = cluster.task_ids
    if call.get("serviceName"):
        service = services.find(cluster, call.get("serviceName"))
        if service is None:
            raise service_not_found()
        if desired == "RUNNING":
            keys = [task.id for deployment in service.deployments for task in deployment.tasks.values()]
        group = f"service:{service.name}"
    else:
        group = None

    def fits(task_id: str) -> str | None:
        task = cluster.tasks[task_id]
        wrong = (
            task.desired_status != desired
            or (group is not None and task.group != group)
            or (family and task.task_definition.family != family)
            or (started_by and task.started_by != started_by)
            or (launch_type and task.launch_type != launch_type)
            # Tasks of the imagined instances are on none that has a name.
            or call.get("containerInstance")
        )
        return None if wrong else task.arn

    query = f"ListTasks/{cluster.name}/{group}/{family}/{started_by}/{launch_type}/{desired}"
    found, token = page(query, keys, call, max_results(call, 100), fits)
    return {"taskArns": found, "nextToken": token}


@operations("ExecuteCommand")
def execute_command(call: Call) -> dict[str, Any]:
    """The answer a Session Manager plugin would go on from; nothing listens at its stream."""
    cluster = active_cluster(call, call.get("cluster"))
    if not call.get("interactive"):
        raise invalid("Interactive is the only mode supported currently.")
    task = find(cluster, call.get("task") or "")
    if task is None:
        raise invalid("The referenced task was not found.")
    if task.desired_status == "STOPPED":
        raise invalid("The execute command failed because the task is stopped or stopping.")
    if not task.execute_command:
        raise invalid(
            "The execute command failed because execute command was not enabled when the task was run or the execute command agent "
            "isn't running. Wait and try again or run a new task with execute command enabled and try again."
        )
    if task.last_status != "RUNNING":
        raise error("TargetNotConnectedException", "The execute command failed due to an internal error. Try again later.")
    shown = render(task, [])["containers"]
    name = call.get("container") or (shown[0]["name"] if len(shown) == 1 else None)
    if name is None:
        raise invalid("A container name must be specified for a task with more than one container.")
    container = next((item for item in shown if item["name"] == name), None)
    if container is None:
        raise invalid(f"The container {name} does not exist in the task.")
    session = f"ecs-execute-command-{secrets.token_hex(9)[:17]}"
    url = f"wss://ssmmessages.{call.region}.amazonaws.com/v1/data-channel/{session}?role=publish_subscribe"
    return {
        "clusterArn": cluster.arn,
        "taskArn": task.arn,
        "containerArn": container["containerArn"],
        "containerName": name,
        "interactive": True,
        "session": {"sessionId": session, "streamUrl": url, "tokenValue": secrets.token_urlsafe(48)},
    }
