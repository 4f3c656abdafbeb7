"""The service scheduler: brings the tasks of a service, step by step, to what it should be.

A service has at most one round booked on the clock, and only while there is something to do; a task that changed its
state books one. `minimumHealthyPercent` (rounded up) and `maximumPercent` (rounded down) bound a rolling deployment;
without one they do not matter, as on AWS.
Source: Amazon ECS Developer Guide, "Amazon ECS service deployment" and "Service scheduler concepts".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs import capacity_providers, deployments, lifecycle, load_balancing, notifications
from runbook_sandbox.aws.ecs.container_instances import registered
from runbook_sandbox.aws.ecs.state import STARTING, Cluster, Deployment, Service, Task
from runbook_sandbox.aws.pace import pace

#: Tasks placed or stopped in one round; at the default pace near AWS's 500 launches a minute and service.
BATCH = 10
#: "unable to consistently start tasks" is said, and the delay grows, from this many failures in a row.
_IMPAIRED_AFTER = 5
_LONGEST_DELAY = 900.0

#: Called with every service that reaches a steady state.
steady_listeners: list[Callable[[Service], None]] = []


class Capacity:
    """EC2 capacity. Clusters are imagined to have instances enough, unless a test takes them away."""

    ec2_available = True


def wake(service: Service, delay: float | None = None) -> None:
    """Book a round, `pace.ecs_placement_interval` from now unless said; an earlier one that is booked stays."""
    seconds = pace.ecs_placement_interval if delay is None else delay
    due = clock.now() + timedelta(seconds=seconds)
    if service.round is not None:
        if service.round_due is not None and service.round_due <= due:
            return
        service.round.cancel()
    service.round_due = due
    service.round = clock.call_at(due, lambda: _run(service), f"scheduling round of {service.name}")


def unsettle(service: Service) -> None:
    """Something was asked of the service: it has to reach a steady state again."""
    service.steady = False
    if service.stabilizing is not None:
        service.stabilizing.cancel()
        service.stabilizing = None
    wake(service)


def desired_of(service: Service) -> int:
    """Tasks the service should have; a DAEMON has one on each ACTIVE container instance (one imagined when none is registered)."""
    if service.scheduling != "DAEMON":
        return service.desired
    if service.status != "ACTIVE":
        return 0
    instances = registered(service.cluster).values()
    return sum(instance.status == "ACTIVE" for instance in instances) if instances else 1


def instances_changed(cluster: Cluster) -> None:
    """A DAEMON follows the instances of its cluster."""
    for service in cluster.services.values():
        if service.scheduling == "DAEMON" and service.status == "ACTIVE":
            unsettle(service)


def _run(service: Service) -> None:
    service.round = service.round_due = None
    if service.status == "INACTIVE":
        return
    if service.status == "DRAINING":
        _drain(service)
    elif service.is_task_set_based:
        _converge_task_sets(service)
    else:
        _converge(service)


def _drain(service: Service) -> None:
    for deployment in service.deployments:
        _stop(service, deployment, deployment.live, "Service was deleted")
    if any(deployment.tasks for deployment in service.deployments):
        return
    service.status = "INACTIVE"
    service.deployments.clear()


def _converge(service: Service) -> None:
    primary = service.primary
    if primary is None:
        return
    desired = desired_of(service)
    _start(service, primary, _missing(service, primary, desired))
    _shrink_old(service, primary, desired)
    _shrink_primary(service, primary, desired)
    for old in [item for item in service.deployments if item is not primary and not item.tasks]:
        service.deployments.remove(old)
    if primary.retry_at is not None and primary.retry_at > clock.now():
        wake(service, (primary.retry_at - clock.now()).total_seconds())
    _settle(service)


def _missing(service: Service, primary: Deployment, desired: int) -> int:
    """Tasks to start for the PRIMARY deployment now; while another drains, `maximumPercent` is the ceiling of both."""
    ceiling = desired
    if len(service.deployments) > 1:
        share = 200 if deployments.strategy(service) != "ROLLING" else service.configuration.get("maximumPercent", 200)
        ceiling = math.floor(desired * share / 100)
    live = sum(len(item.live) for item in service.deployments)
    return min(desired - len(primary.live), ceiling - live)


def _start(service: Service, deployment: Deployment, missing: int) -> None:
    number = min(missing, BATCH)
    if number <= 0 or deployment.rollout_state == "FAILED":
        return
    if deployment.retry_at is not None and clock.now() < deployment.retry_at:
        return
    if not Capacity.ec2_available and not deployment.revision.fargate:
        _cannot_place(service)
        return
    running = (task.capacity_provider for task in deployment.live)
    shares = capacity_providers.Shares(deployment.revision.settings.get("capacityProviderStrategy"), running)
    started = [_new_task(service, deployment, shares.next()) for _ in range(number)]
    lifecycle.launch(started)
    service.steady = False
    notifications.say(service, f"has started {number} tasks: {notifications.name_tasks(started)}.")
    if missing > number:
        wake(service)


def _cannot_place(service: Service) -> None:
    service.steady = False
    reason = "No Container Instances were found in your cluster."
    message = f"was unable to place a task because no container instance met all of its requirements. Reason: {reason}"
    if not service.events or message not in service.events[0]["message"]:
        notifications.say(service, message)
        notifications.service_action(service, "SERVICE_TASK_PLACEMENT_FAILURE", "ERROR", "RESOURCE:MEMORY")
    wake(service, max(pace.ecs_placement_interval, 1.0) * 10)


def _new_task(service: Service, deployment: Deployment, capacity_provider: str | None) -> Task:
    definition = deployment.revision.task_definition
    assert definition is not None
    tags: dict[str, str] = {}
    if service.options.get("propagateTags") == "SERVICE":
        tags |= service.tags
    elif service.options.get("propagateTags") == "TASK_DEFINITION":
        tags |= definition.tags
    if service.options.get("enableECSManagedTags"):
        tags |= {"aws:ecs:clusterName": service.cluster.name, "aws:ecs:serviceName": service.name}
    task = lifecycle.create(
        service.cluster,
        definition,
        deployment.revision.settings,
        f"service:{service.name}",
        deployment,
        started_by=deployment.id,
        tags=tags,
        execute_command=bool(service.options.get("enableExecuteCommand")),
        capacity_provider=capacity_provider,
    )
    for fault in list(service.faults):
        if fault.task_definition in (None, definition.arn, f"{definition.family}:{definition.revision}"):
            task.doom = fault.reason
            if fault.remaining is not None:
                fault.remaining -= 1
                if fault.remaining <= 0:
                    service.faults.remove(fault)
            break
    return task


def _shrink_old(service: Service, primary: Deployment, desired: int) -> None:
    """Stop tasks of earlier deployments, never letting the healthy ones fall below the minimum."""
    old = [item for item in service.deployments if item is not primary]
    if not old:
        return
    if deployments.strategy(service) == "ROLLING" or desired == 0:
        floor = math.ceil(desired * service.configuration.get("minimumHealthyPercent", 100) / 100)
    else:
        if not _bake(service, primary, desired):
            return
        floor = desired
    spare = sum(1 for item in service.deployments for task in item.live if task.last_status == "RUNNING") - floor
    for deployment in old:
        waiting = [task for task in deployment.live if task.last_status != "RUNNING"]
        running = [task for task in deployment.live if task.last_status == "RUNNING"]
        free = _unprotected(service, running)
        # Under a failed deployment the earlier tasks are all there is; they stay.
        take = 0 if primary.rollout_state == "FAILED" else max(0, min(spare, len(free), BATCH))
        spare -= take
        _stop(service, deployment, waiting + free[:take], f"Scaling activity initiated by (deployment {primary.id})")


def _bake(service: Service, primary: Deployment, desired: int) -> bool:
    """Whether the old tasks of a blue/green, linear or canary deployment may go: all new ones run and have baked."""
    if primary.running < desired:
        return False
    seconds = deployments.bake_seconds(service)
    if primary.bake_until is None:
        primary.bake_until = clock.now() + timedelta(seconds=seconds)
        if primary.rollout is not None:
            primary.rollout.stage = "BAKE_TIME"
    if clock.now() < primary.bake_until:
        wake(service, (primary.bake_until - clock.now()).total_seconds())
        return False
    if primary.rollout is not None:
        primary.rollout.stage = "CLEAN_UP"
    return True


def _shrink_primary(service: Service, primary: Deployment, desired: int) -> None:
    live = primary.live
    surplus = len(live) - desired
    if surplus <= 0:
        service.scale_in_held = False
        return
    free = _unprotected(service, live)
    # Tasks that do not run yet go first, then the oldest.
    free.sort(key=lambda task: task.last_status == "RUNNING")
    chosen = free[: min(surplus, BATCH)]
    _stop(service, primary, chosen, f"Scaling activity initiated by (deployment {primary.id})")
    if surplus > len(chosen) and free[len(chosen) :]:
        wake(service)
    elif surplus > len(chosen) and not service.scale_in_held:
        service.scale_in_held = True
        held = f"(taskSet {primary.id}) was unable to scale in due to (reason {len(live) - len(free)} tasks under protection)"
        notifications.say(service, f"was unable to reach steady state because {held}")


def _unprotected(service: Service, tasks: list[Task]) -> list[Task]:
    now = clock.now()
    free = [task for task in tasks if task.protected_until is None or task.protected_until <= now]
    held = [task.protected_until for task in tasks if task.protected_until is not None and task.protected_until > now]
    if held:
        wake(service, (min(held) - now).total_seconds())
    return free


def _stop(service: Service, deployment: Deployment, tasks: list[Task], reason: str) -> None:
    going = [task for task in tasks if task.desired_status != "STOPPED"]
    if not going:
        return
    service.steady = False
    starting = [task for task in going if task.last_status in STARTING]
    running = [task for task in going if task not in starting]
    lifecycle.stop(going, "ServiceSchedulerInitiated", reason)
    if starting:
        notifications.say(service, f"stopped {len(starting)} pending tasks.")
    if running:
        load_balancing.drain(service, running)
        notifications.say(service, f"has stopped {len(running)} running tasks: {notifications.name_tasks(running)}.")


def _converge_task_sets(service: Service) -> None:
    """CODE_DEPLOY and EXTERNAL: each task set has its share of the desired count; ECS moves nothing between them."""
    for deployment in service.deployments:
        wanted = math.ceil(service.desired * deployment.scale / 100)
        _start(service, deployment, wanted - len(deployment.live))
        _shrink_primary(service, deployment, wanted)
    _settle(service)


def _at_rest(service: Service) -> bool:
    if service.is_task_set_based:
        wanted = sum(math.ceil(service.desired * item.scale / 100) for item in service.deployments)
    else:
        if len(service.deployments) != 1:
            return False
        wanted = desired_of(service)
    tasks = [task for item in service.deployments for task in item.tasks.values()]
    return len(tasks) == wanted and all(task.last_status == "RUNNING" and task.desired_status == "RUNNING" for task in tasks)


def _settle(service: Service) -> None:
    """Book the steady state; it is said only if nothing changed meanwhile."""
    if service.stabilizing is not None and not _at_rest(service):
        service.stabilizing.cancel()
        service.stabilizing = None
    if service.steady or service.stabilizing is not None or not _at_rest(service):
        return
    service.stabilizing = clock.call_later(pace.ecs_stabilize, lambda: _become_steady(service), f"steady state of {service.name}")


def _become_steady(service: Service) -> None:
    service.stabilizing = None
    if service.status != "ACTIVE" or not _at_rest(service):
        return
    primary = service.primary
    if primary is not None and primary.rollout_state == "IN_PROGRESS" and not service.is_task_set_based:
        deployments.complete(primary)
    service.steady = True
    notifications.say(service, "has reached a steady state.")
    notifications.service_action(service, "SERVICE_STEADY_STATE")
    for listener in steady_listeners:
        listener(service)


def _task_moved(task: Task) -> None:
    deployment = task.deployment
    if deployment is None:
        return
    service = deployment.service
    if task.last_status == "RUNNING":
        deployment.proven = True
        deployment.failed_tasks = deployment.failures_in_a_row = 0
        deployment.retry_at = None
        deployment.updated_at = clock.now()
        load_balancing.register(service, task)
        wake(service)
    elif task.last_status == "STOPPED":
        deployment.updated_at = clock.now()
        if task.stop_code == "TaskFailedToStart":
            _back_off(service, deployment)
        wake(service)
    elif task.last_status == "DEACTIVATING":
        wake(service)


def _back_off(service: Service, deployment: Deployment) -> None:
    """ "The service scheduler ... incrementally increases the time between restart attempts" (service throttle logic)."""
    deployments.failed_to_start(deployment)
    failures = deployment.failures_in_a_row
    if failures == _IMPAIRED_AFTER:
        notifications.say(
            service,
            "is unable to consistently start tasks successfully. For more information, see the Troubleshooting section.",
        )
        notifications.service_action(service, "SERVICE_TASK_START_IMPAIRED", "WARN")
    if failures >= _IMPAIRED_AFTER:
        # Never 0, which would try for ever within one settling of the clock.
        delay = min(max(pace.ecs_placement_interval, 1.0) * 2 ** min(failures - _IMPAIRED_AFTER + 1, 20), _LONGEST_DELAY)
        deployment.retry_at = clock.now() + timedelta(seconds=delay)


def install() -> None:
    """Listen to tasks. Idempotent."""
    if _task_moved not in lifecycle.listeners:
        lifecycle.listeners.append(_task_moved)
