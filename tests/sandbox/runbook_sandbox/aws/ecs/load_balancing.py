"""Tasks as targets of load balancers, and the service events that tell of it.

Source: Amazon ECS Developer Guide, "Use load balancing to distribute Amazon ECS service traffic". Target groups are
moto's, their targets' health is `elbv2`'s; one that is not there is only talked about. Only tasks with an address of
their own (awsvpc) are registered.
"""

from __future__ import annotations

from typing import Any

from moto.elbv2.models import elbv2_backends

from runbook_sandbox.aws.ecs import notifications
from runbook_sandbox.aws.ecs.errors import invalid
from runbook_sandbox.aws.ecs.state import Service, Task, TaskDefinition
from runbook_sandbox.aws.ecs.task_view import address


def check(account_id: str, region: str, balancers: list[dict[str, Any]], definition: TaskDefinition) -> None:
    """A target group that is there hangs on a load balancer. It takes addresses or instances, and tasks are one or the other."""
    groups = elbv2_backends[account_id][region].target_groups
    for balancer in balancers:
        group = groups.get(balancer.get("targetGroupArn") or "")
        if group is None:
            continue
        needed = "ip" if definition.is_awsvpc else "instance"
        if group.target_type != needed:
            raise invalid(
                f"The provided target group {group.arn} has target type {group.target_type}, which is incompatible with the "
                f"{definition.body['networkMode']} network mode specified in the task definition."
            )
        if not group.load_balancer_arns:
            raise invalid(f"The target group with targetGroupArn {group.arn} does not have an associated load balancer.")


def register(service: Service, task: Task) -> None:
    """A task runs: it becomes a target."""
    for balancer in _groups(service):
        group = _group(task, balancer)
        if group is not None:
            group.register([{"Id": address(task), "Port": balancer["containerPort"]}])
        notifications.say(service, f"registered 1 targets in (target-group {balancer['targetGroupArn']})")


def drain(service: Service, tasks: list[Task]) -> None:
    """Tasks are about to stop: they are targets no more."""
    if not service.options.get("loadBalancers"):
        return
    notifications.say(service, f"has begun draining connections on {len(tasks)} tasks.")
    for balancer in _groups(service):
        for task in tasks:
            group = _group(task, balancer)
            if group is not None and address(task) in group.targets:
                group.deregister([{"Id": address(task)}])
        notifications.say(service, f"deregistered {len(tasks)} targets in (target-group {balancer['targetGroupArn']})")


def _groups(service: Service) -> list[dict[str, Any]]:
    return [item for item in service.options.get("loadBalancers") or [] if item.get("targetGroupArn")]


def _group(task: Task, balancer: dict[str, Any]) -> Any:
    if not task.task_definition.is_awsvpc:
        return None
    return elbv2_backends[task.cluster.account_id][task.cluster.region].target_groups.get(balancer["targetGroupArn"])
