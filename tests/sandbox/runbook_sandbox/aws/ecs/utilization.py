"""CPU and memory utilization of services, published each minute where a test asked for it.

ECS publishes `AWS/ECS` CPUUtilization and MemoryUtilization with the dimensions ClusterName *and* ServiceName, while
tasks run (Amazon ECS Developer Guide, "Amazon ECS CloudWatch metrics").
"""

from __future__ import annotations

from runbook_sandbox.aws import cloudwatch
from runbook_sandbox.aws.clock import Appointment, clock
from runbook_sandbox.aws.ecs.state import Service

#: What is asked for -> (metric, whether it is shared by the running tasks).
_KINDS = {
    "cpu": ("CPUUtilization", False),
    "memory": ("MemoryUtilization", False),
    "cpuLoad": ("CPUUtilization", True),
    "memoryLoad": ("MemoryUtilization", True),
}
_published: dict[str, tuple[dict[str, float], Appointment | None]] = {}


def publish(service: Service, values: dict[str, float]) -> None:
    """From now on, each minute, in percent: of each task (`cpu`), or of all tasks together (`cpuLoad`), so that more tasks help.

    Several calls add up.
    """
    unknown = set(values) - set(_KINDS)
    if unknown:
        raise ValueError(f"unknown utilization {', '.join(sorted(unknown))}; known are {', '.join(_KINDS)}")
    merged = _published.get(service.arn, ({}, None))[0] | values
    stop(service)
    _published[service.arn] = (merged, None)
    _tick(service)


def stop(service: Service) -> None:
    """No datapoints any more."""
    _, appointment = _published.pop(service.arn, ({}, None))
    if appointment is not None:
        appointment.cancel()


def _tick(service: Service) -> None:
    if service.arn not in _published or service.status != "ACTIVE":
        _published.pop(service.arn, None)
        return
    values, _ = _published[service.arn]
    if service.running:
        _put(service, values)
    _published[service.arn] = (values, clock.call_later(60, lambda: _tick(service), f"utilization of {service.name}"))


def _put(service: Service, values: dict[str, float]) -> None:
    cluster = service.cluster
    dimensions = {"ClusterName": cluster.name, "ServiceName": service.name}
    for name, value in values.items():
        metric, shared = _KINDS[name]
        percent = value / service.running if shared else value
        cloudwatch.publish(cluster.account_id, cluster.region, "AWS/ECS", metric, dimensions, percent, unit="Percent")


def reset() -> None:
    _published.clear()
