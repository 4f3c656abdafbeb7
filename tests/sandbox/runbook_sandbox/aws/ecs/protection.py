"""Scale-in protection of a service's tasks.

Source: Amazon ECS API Reference, UpdateTaskProtection and GetTaskProtection.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs import scheduler, tasks
from runbook_sandbox.aws.ecs.errors import invalid
from runbook_sandbox.aws.ecs.state import Cluster, Task
from runbook_sandbox.aws.ecs.table import active_cluster, at_most, operations
from runbook_sandbox.aws.modelled import Call

_DEFAULT_MINUTES, _MOST_MINUTES = 120, 2880


def _view(task: Task) -> dict[str, Any]:
    protected = task.protected_until is not None and task.protected_until > clock.now()
    view: dict[str, Any] = {"taskArn": task.arn, "protectionEnabled": protected}
    if protected:
        view["expirationDate"] = task.protected_until
    return view


def _sorted_out(cluster: Cluster, wanted: list[str]) -> tuple[list[Task], list[dict[str, str]]]:
    """Tasks that can be protected, and failures for those that cannot."""
    found, failures = [], []
    for identifier in wanted:
        task = tasks.find(cluster, identifier)
        if task is None:
            failures.append({"arn": identifier, "reason": "MISSING"})
        elif task.deployment is None or task.desired_status == "STOPPED":
            failures.append({"arn": task.arn, "reason": "TASK_NOT_VALID"})
        else:
            found.append(task)
    return found, failures


@operations("UpdateTaskProtection")
def update_task_protection(call: Call) -> dict[str, Any]:
    """For 2 hours unless said, 48 at most; only tasks of services."""
    minutes = call.get("expiresInMinutes")
    if minutes is not None and not 1 <= minutes <= _MOST_MINUTES:
        raise invalid(f"expiresInMinutes must be between 1 and {_MOST_MINUTES}.")
    cluster = active_cluster(call, call.get("cluster"))
    found, failures = _sorted_out(cluster, at_most(call.get("tasks"), 10, "Tasks"))
    for task in found:
        enabled = call.get("protectionEnabled")
        task.protected_until = clock.now() + timedelta(minutes=minutes or _DEFAULT_MINUTES) if enabled else None
        if task.deployment is not None:
            scheduler.wake(task.deployment.service)
    return {"protectedTasks": [_view(task) for task in found], "failures": failures}


@operations("GetTaskProtection")
def get_task_protection(call: Call) -> dict[str, Any]:
    cluster = active_cluster(call, call.get("cluster"))
    found, failures = _sorted_out(cluster, at_most(call.get("tasks"), 100, "Tasks"))
    return {"protectedTasks": [_view(task) for task in found], "failures": failures}
