"""The control API of the sandbox's ECS, under `/_sandbox/ecs`.

    GET    /ecs/services/{cluster}/{service}                  what DescribeServices shows
    PUT    /ecs/services/{cluster}/{service}/start-failure    {"reason": "...", "taskDefinition": arn?, "count": n?}
    DELETE /ecs/services/{cluster}/{service}/start-failure
    POST   /ecs/services/{cluster}/{service}/crash            {"count": 1, "exitCode": 1}
    PUT    /ecs/services/{cluster}/{service}/utilization      {"cpu": 80, "memory": 40} or {"cpuLoad": 240}, until DELETE
    PUT    /ecs/services/{cluster}/{service}/managed          {"by": "ECS"} or {"by": "CUSTOMER"}
    PUT    /ecs/services/{cluster}/{service}/tags             {"aws:cloudformation:stack-name": "prod"}, null takes one away
    POST   /ecs/tasks/{cluster}/{task}/exit                   {"exitCode": 0}
    PUT    /ecs/capacity                                      {"ec2": false}
    PUT    /ecs/quotas                                        {"servicesPerCluster": 20000}

`account` and `region` are query parameters; without them the default account and eu-central-1.
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws import control
from runbook_sandbox.aws.ecs import lifecycle, scheduler, utilization, validation
from runbook_sandbox.aws.ecs.service_view import service_view
from runbook_sandbox.aws.ecs.state import Cluster, Service, TaskFault, region_of

_ACCOUNT, _REGION = "123456789012", "eu-central-1"


def _cluster(params: dict[str, str], name: str) -> Cluster:
    account, region = params.get("account", _ACCOUNT), params.get("region", _REGION)
    cluster = region_of(account, region).clusters.get(name)
    if cluster is None:
        raise control.ControlError(f"there is no ECS cluster {name} in account {account}, region {region}", 404)
    return cluster


def _service(params: dict[str, str], cluster: str, service: str) -> Service:
    found = _cluster(params, cluster).services.get(service)
    if found is None:
        raise control.ControlError(f"there is no ECS service {service} in cluster {cluster}", 404)
    return found


@control.route("/ecs/services/{cluster}/{service}", ["GET"])
def show(params: dict[str, str], body: Any, cluster: str, service: str) -> Any:
    return service_view(_service(params, cluster, service), ["TAGS"])


@control.route("/ecs/services/{cluster}/{service}/start-failure", ["PUT"])
def fail_to_start(params: dict[str, str], body: Any, cluster: str, service: str) -> Any:
    """New tasks of the service (of one task definition, or the next `count`) stop before they run, for `reason`."""
    found, wanted = _service(params, cluster, service), body or {}
    reason = wanted.get("reason") or "CannotPullContainerError: image not found"
    found.faults.append(TaskFault(reason, wanted.get("taskDefinition"), wanted.get("count")))
    return {"faults": len(found.faults)}


@control.route("/ecs/services/{cluster}/{service}/start-failure", ["DELETE"])
def start_again(params: dict[str, str], body: Any, cluster: str, service: str) -> Any:
    found = _service(params, cluster, service)
    found.faults.clear()
    return {}


@control.route("/ecs/services/{cluster}/{service}/crash", ["POST"])
def crash(params: dict[str, str], body: Any, cluster: str, service: str) -> Any:
    """Running tasks exit by themselves; the service replaces them."""
    found, wanted = _service(params, cluster, service), body or {}
    running = [task for item in found.deployments for task in item.live if task.last_status == "RUNNING"]
    chosen = running[: int(wanted.get("count", 1))]
    lifecycle.stop(chosen, "EssentialContainerExited", "Essential container in task exited", exit_code=int(wanted.get("exitCode", 1)))
    scheduler.unsettle(found)
    return {"tasks": [task.arn for task in chosen]}


@control.route("/ecs/services/{cluster}/{service}/utilization", ["PUT"])
def set_utilization(params: dict[str, str], body: Any, cluster: str, service: str) -> Any:
    found = _service(params, cluster, service)
    utilization.publish(found, {name: float(value) for name, value in (body or {}).items()})
    return {}


@control.route("/ecs/services/{cluster}/{service}/utilization", ["DELETE"])
def clear_utilization(params: dict[str, str], body: Any, cluster: str, service: str) -> Any:
    utilization.stop(_service(params, cluster, service))
    return {}


@control.route("/ecs/services/{cluster}/{service}/managed", ["PUT"])
def set_manager(params: dict[str, str], body: Any, cluster: str, service: str) -> Any:
    """resourceManagementType, as of a service that ECS Express Mode made."""
    by = (body or {}).get("by")
    if by not in ("ECS", "CUSTOMER"):
        raise ValueError('expected {"by": "ECS"} or {"by": "CUSTOMER"}')
    _service(params, cluster, service).managed_by = by
    return {"by": by}


@control.route("/ecs/services/{cluster}/{service}/tags", ["PUT"])
def set_tags(params: dict[str, str], body: Any, cluster: str, service: str) -> Any:
    """Tags behind the API, also those that AWS sets itself and refuses from callers."""
    found = _service(params, cluster, service)
    found.tags = {key: value for key, value in (found.tags | (body or {})).items() if value is not None}
    return {"tags": found.tags}


@control.route("/ecs/tasks/{cluster}/{task}/exit", ["POST"])
def exit_task(params: dict[str, str], body: Any, cluster: str, task: str) -> Any:
    """The task's essential container exits with `exitCode` (0)."""
    found = _cluster(params, cluster).tasks.get(task)
    if found is None:
        raise control.ControlError(f"there is no task {task} in cluster {cluster}", 404)
    code = int((body or {}).get("exitCode", 0))
    lifecycle.stop([found], "EssentialContainerExited", "Essential container in task exited", exit_code=code)
    return {"task": found.arn}


@control.route("/ecs/capacity", ["PUT"])
def set_capacity(params: dict[str, str], body: Any) -> Any:
    """Whether the imagined EC2 instances of all clusters take new tasks."""
    available = (body or {}).get("ec2")
    if not isinstance(available, bool):
        raise ValueError('expected {"ec2": true} or {"ec2": false}')
    scheduler.Capacity.ec2_available = available
    return {"ec2": available}


@control.route("/ecs/quotas", ["PUT"])
def set_quotas(params: dict[str, str], body: Any) -> Any:
    """Raise (or lower) the number of services that a cluster can have."""
    number = (body or {}).get("servicesPerCluster")
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ValueError('expected {"servicesPerCluster": <number>}')
    validation.quotas.services_per_cluster = number
    return {"servicesPerCluster": number}
