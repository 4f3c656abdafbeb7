"""Application Auto Scaling: targets that clamp, policies, scheduled actions that fire, activities. None of moto's is left."""

from __future__ import annotations

from moto.applicationautoscaling import urls

from runbook_sandbox.aws import cloudwatch
from runbook_sandbox.aws.autoscaling import (
    access,
    activities,
    control,  # noqa: F401 - registers its routes
    engine,
    policies,  # noqa: F401 - registers its operations
    scheduled,  # noqa: F401
    state,
    targets,
)
from runbook_sandbox.aws.autoscaling.table import operations
from runbook_sandbox.aws.ecs import scheduler, services
from runbook_sandbox.aws.modelled import ModelledResponse


class AutoScalingResponse(ModelledResponse):
    service = "application-autoscaling"
    operations = operations
    error_namespace = "com.amazonaws.applicationautoscaling"


def install() -> None:
    """Answer Application Auto Scaling from here. Idempotent."""
    urls.url_paths["{0}/$"] = AutoScalingResponse.dispatch
    if activities.service_is_steady not in scheduler.steady_listeners:
        scheduler.steady_listeners.append(activities.service_is_steady)
    if targets.service_is_deleted not in services.deleted_listeners:
        services.deleted_listeners.append(targets.service_is_deleted)
    cloudwatch.on_alarm_state(engine.react)
    access.install()


def reset() -> None:
    """No targets."""
    state.reset()
