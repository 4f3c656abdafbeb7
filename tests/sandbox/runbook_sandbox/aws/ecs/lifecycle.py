"""The life of a task, from PROVISIONING to STOPPED, on the clock.

Source: Amazon ECS Developer Guide, "Amazon ECS task lifecycle". Tasks started or stopped together share their
appointments, so ten thousand services do not mean ten thousand timers a step.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs import notifications
from runbook_sandbox.aws.ecs.arns import arn, new_task_id
from runbook_sandbox.aws.ecs.state import STARTING, Cluster, Deployment, Task, TaskDefinition
from runbook_sandbox.aws.pace import pace

STATES = (*STARTING, "RUNNING", "DEACTIVATING", "STOPPING", "DEPROVISIONING", "STOPPED")
_ORDER = {state: index for index, state in enumerate(STATES)}
#: DescribeTasks shows a stopped task "for at least one hour".
STOPPED_KEPT = timedelta(hours=1)
_ZONES = "abc"

#: Called with every task that changed its lastStatus; the service scheduler listens.
listeners: list[Callable[[Task], None]] = []


def create(
    cluster: Cluster, definition: TaskDefinition, settings: dict[str, Any], group: str, deployment: Deployment | None = None, **more: Any
) -> Task:
    """A new task in PROVISIONING, counted; `launch` makes it go on."""
    task_id = new_task_id()
    task = Task(
        id=task_id,
        arn=arn(cluster.account_id, cluster.region, f"task/{cluster.name}/{task_id}"),
        cluster=cluster,
        task_definition=definition,
        settings=settings,
        created_at=clock.now(),
        group=group,
        deployment=deployment,
        zone=cluster.region + _ZONES[len(cluster.tasks) % 3],
        **more,
    )
    cluster.tasks[task.id] = task
    cluster.task_ids.add(task.id)
    if deployment is not None:
        deployment.tasks[task.id] = task
    _count(task, "PROVISIONING", 1)
    notifications.task_changed(task)
    return task


def launch(tasks: list[Task]) -> None:
    """Take new tasks to RUNNING in `pace.ecs_task_start` seconds, or to STOPPED when they are doomed.

    Every other task takes half as long again: tasks of one launch do not become ready together.
    """
    for group, stretch in ((tasks[::2], 1.0), (tasks[1::2], 1.5)):
        if not group:
            continue
        for share, state in ((0.2, "PENDING"), (0.6, "ACTIVATING"), (1.0, "RUNNING")):
            seconds = pace.ecs_task_start * share * stretch
            clock.call_later(seconds, lambda group=group, state=state: _start_step(group, state), f"tasks {state}")


def _start_step(tasks: list[Task], state: str) -> None:
    for task in tasks:
        if task.desired_status == "STOPPED":
            continue
        if task.doom is not None and state != "PENDING":
            stop([task], "TaskFailedToStart", task.doom)
            continue
        now = clock.now()
        if state == "ACTIVATING":
            task.connected_at, task.pull_started_at = now, now
        elif state == "RUNNING":
            task.pull_stopped_at, task.started_at = now, now
        _move(task, state)


def stop(tasks: list[Task], code: str, reason: str, *, exit_code: int | None = None) -> None:
    """Take tasks to STOPPED in `pace.ecs_task_stop` seconds. Those already stopping are left as they are."""
    going = [task for task in tasks if task.desired_status != "STOPPED"]
    for task in going:
        task.desired_status = "STOPPED"
        task.stop_code, task.stopped_reason = code, reason
        task.stopping_at = clock.now()
        # A container that was asked to stop and obeyed exits with 143 - or was killed: 137. ECS's own examples show 137.
        if task.last_status not in STARTING:
            task.exit_code = 137 if exit_code is None else exit_code
        task.version += 1
        notifications.task_changed(task)
    for share, state in ((0.25, "DEACTIVATING"), (0.5, "STOPPING"), (0.75, "DEPROVISIONING"), (1.0, "STOPPED")):
        clock.call_later(pace.ecs_task_stop * share, lambda state=state: _stop_step(going, state), f"tasks {state}")


def _stop_step(tasks: list[Task], state: str) -> None:
    for task in tasks:
        # A task that never ran has nothing to deactivate.
        if state == "DEACTIVATING" and task.last_status in STARTING:
            continue
        if state == "STOPPED":
            task.stopped_at = clock.now()
            if task.deployment is not None:
                task.deployment.tasks.pop(task.id, None)
        _move(task, state)
    if state == "STOPPED" and tasks:
        clock.call_later(STOPPED_KEPT.total_seconds(), lambda: _forget(tasks), "stopped tasks are forgotten")


def _forget(tasks: list[Task]) -> None:
    for task in tasks:
        task.cluster.tasks.pop(task.id, None)
        task.cluster.task_ids.discard(task.id)


def _move(task: Task, state: str) -> None:
    """Forward only: a stop that overtakes a start wins."""
    if _ORDER[state] <= _ORDER[task.last_status]:
        return
    _count(task, task.last_status, -1)
    task.last_status = state
    task.version += 1
    _count(task, state, 1)
    notifications.task_changed(task)
    for listener in listeners:
        listener(task)


def _count(task: Task, state: str, by: int) -> None:
    kind = "running" if state == "RUNNING" else "pending" if state in STARTING else None
    if kind is None:
        return
    counts, key = task.cluster.counts, (kind, task.fargate)
    counts[key] = counts.get(key, 0) + by
    if task.deployment is not None:
        setattr(task.deployment, kind, getattr(task.deployment, kind) + by)
