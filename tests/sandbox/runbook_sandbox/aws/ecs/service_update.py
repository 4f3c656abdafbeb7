"""Changing services, and which changes start a deployment.

Source: Amazon ECS API Reference, UpdateService.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from runbook_sandbox.aws.ecs import capacity_providers, deployments, load_balancing, scheduler, task_definitions, validation
from runbook_sandbox.aws.ecs.errors import invalid, service_not_active, service_not_found
from runbook_sandbox.aws.ecs.service_view import service_view
from runbook_sandbox.aws.ecs.services import REVISED, find, set_desired
from runbook_sandbox.aws.ecs.state import Cluster, Service, TaskDefinition, is_fargate
from runbook_sandbox.aws.ecs.table import active_cluster, operations, region
from runbook_sandbox.aws.modelled import Call

#: What changes without a deployment.
_KEPT = (
    "placementConstraints", "placementStrategy", "healthCheckGracePeriodSeconds", "enableECSManagedTags", "propagateTags",
    "enableExecuteCommand", "availabilityZoneRebalancing", "loadBalancers", "serviceRegistries",
)  # fmt: skip


@dataclass(frozen=True)
class _Change:
    """The service as it would be."""

    controller: str
    definition: TaskDefinition | None
    settings: dict[str, Any]
    configuration: dict[str, Any]


@operations("UpdateService")
def update_service(call: Call) -> dict[str, Any]:
    cluster = active_cluster(call, call.get("cluster"))
    service = find(cluster, call.get("service"))
    if service is None:
        raise service_not_found()
    if service.status != "ACTIVE":
        raise service_not_active()
    _apply(call, service, _checked(call, cluster, service))
    return {"service": service_view(service, ["TAGS"])}


def _checked(call: Call, cluster: Cluster, service: Service) -> _Change:
    """The change, or the refusal of it; nothing has happened yet."""
    validation.desired_count(call.get("desiredCount"), service.scheduling, required=False)
    controller = (call.get("deploymentController") or {}).get("type", service.controller)
    if controller not in ("ECS", service.controller):
        raise invalid(f"A service with the {service.controller} deployment controller cannot be changed to {controller}.")
    validation.changes_under(controller, call.params)
    settings = _settings(call, cluster, service)
    fargate = is_fargate(settings)
    definition = service.revision.task_definition
    if call.get("taskDefinition"):
        definition = task_definitions.usable(region(call), call.get("taskDefinition"))
    if definition is not None and controller == "ECS":
        validation.platform(call.get("platformVersion"), fargate)
        validation.network(definition, settings, fargate)
        load_balancing.check(call.account_id, call.region, call.get("loadBalancers") or [], definition)
    if service.scheduling == "DAEMON":
        validation.daemon(call.params, controller, fargate)
    validation.placement(call.params, fargate)
    configuration = service.configuration | deepcopy(call.get("deploymentConfiguration") or {})
    validation.deployment_configuration(configuration, service.scheduling, controller)
    balancers = service.options["loadBalancers"] if call.get("loadBalancers") is None else call.get("loadBalancers")
    validation.load_balancers(balancers, definition, call.get("healthCheckGracePeriodSeconds"))
    return _Change(controller, definition, settings, configuration)


def _settings(call: Call, cluster: Cluster, service: Service) -> dict[str, Any]:
    """What the revision would hold; changing the capacity provider strategy takes force."""
    before = service.revision.settings
    settings = before | {name: deepcopy(call.get(name)) for name in REVISED if call.get(name) is not None}
    strategy = call.get("capacityProviderStrategy")
    if strategy is not None:
        validation.check_strategy(strategy, cluster)
        if capacity_providers.complete(strategy) == capacity_providers.complete(before.get("capacityProviderStrategy") or []):
            settings["capacityProviderStrategy"] = before.get("capacityProviderStrategy")
        else:
            if not call.get("forceNewDeployment"):
                raise invalid(
                    "When switching from launch type to capacity provider strategy on an existing service, or making a change to a "
                    "capacity provider strategy on a service that is already using one, you must force a new deployment."
                )
            settings.pop("launchType", None)
    return settings


def _apply(call: Call, service: Service, change: _Change) -> None:
    taken_over = change.controller != service.controller
    service.controller, service.configuration = change.controller, change.configuration
    service.options |= {name: call.get(name) for name in _KEPT if call.get(name) is not None}
    if call.get("desiredCount") is not None:
        set_desired(service, call.get("desiredCount"))
    revision = service.revision
    changed = change.definition is not revision.task_definition or change.settings != revision.settings
    # A service that ECS takes over from EXTERNAL may have no PRIMARY to go on with.
    orphaned = taken_over and service.primary is None and change.definition is not None
    if not service.is_task_set_based and (call.get("forceNewDeployment") or changed or orphaned):
        path = f"{service.cluster.name}/{service.name}"
        begun = deployments.new_revision(path, call.account_id, call.region, change.definition, change.settings)
        deployments.begin(service, begun)
        scheduler.unsettle(service)
