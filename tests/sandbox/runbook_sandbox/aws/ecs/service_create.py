"""Creating services.

Source: Amazon ECS API Reference, CreateService.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from runbook_sandbox.aws.calls import current_caller
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs import deployments, load_balancing, scheduler, tags, task_definitions, validation
from runbook_sandbox.aws.ecs.errors import invalid
from runbook_sandbox.aws.ecs.service_view import service_view
from runbook_sandbox.aws.ecs.services import REVISED
from runbook_sandbox.aws.ecs.state import Cluster, Service, TaskDefinition, is_fargate
from runbook_sandbox.aws.ecs.table import active_cluster, operations, region
from runbook_sandbox.aws.modelled import Call


def _settings(call: Call, cluster: Cluster, controller: str) -> dict[str, Any]:
    """What the first revision holds; task sets bring their own where the controller is EXTERNAL."""
    if controller == "EXTERNAL":
        return {}
    settings = {name: deepcopy(call.get(name)) for name in REVISED if call.get(name)}
    if not settings.get("launchType") and not settings.get("capacityProviderStrategy"):
        if cluster.defaultCapacityProviderStrategy:
            settings["capacityProviderStrategy"] = deepcopy(cluster.defaultCapacityProviderStrategy)
        else:
            settings["launchType"] = "EC2"
    return settings


def _configuration(call: Call, scheduling: str) -> dict[str, Any]:
    daemon = scheduling == "DAEMON"
    default = {
        "deploymentCircuitBreaker": {"enable": False, "rollback": False},
        "maximumPercent": 100 if daemon else 200,
        "minimumHealthyPercent": 0 if daemon else 100,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
    }
    return default | deepcopy(call.get("deploymentConfiguration") or {})


def _definition(call: Call, controller: str, settings: dict[str, Any]) -> TaskDefinition | None:
    if controller == "EXTERNAL":
        if call.get("taskDefinition") or call.get("launchType") or call.get("networkConfiguration"):
            raise invalid(
                "Task definition, launch type and network configuration belong to the task sets of a service with an EXTERNAL "
                "deployment controller."
            )
        return None
    if not call.get("taskDefinition"):
        raise invalid("TaskDefinition can not be blank.")
    definition = task_definitions.usable(region(call), call.get("taskDefinition"))
    fargate = is_fargate(settings)
    validation.platform(call.get("platformVersion"), fargate)
    validation.network(definition, settings, fargate)
    load_balancing.check(call.account_id, call.region, call.get("loadBalancers") or [], definition)
    return definition


def _again(service: Service, request: dict[str, Any]) -> dict[str, Any]:
    """The name is taken: only a repetition with the client token of the first request is answered with its service."""
    if service.status == "DRAINING":
        raise invalid("Unable to Start a service that is still Draining.")
    if request.get("clientToken") and service.request == request:
        return {"service": service_view(service, ["TAGS"])}
    raise invalid("Creation of service was not idempotent.")


@operations("CreateService")
def create_service(call: Call) -> dict[str, Any]:
    name = validation.service_name(call.get("serviceName"))
    validation.client_token(call.get("clientToken"), 36)
    cluster = active_cluster(call, call.get("cluster"))
    given_tags = tags.on_creation(call, f"service/{cluster.name}/{name}")
    scheduling = call.get("schedulingStrategy") or "REPLICA"
    controller = (call.get("deploymentController") or {}).get("type", "ECS")
    existing = cluster.services.get(name)
    if existing is not None and existing.status != "INACTIVE":
        return _again(existing, call.params)

    validation.launch(call.get("launchType"), call.get("capacityProviderStrategy"), cluster)
    validation.desired_count(call.get("desiredCount"), scheduling, required=controller != "EXTERNAL")
    settings = _settings(call, cluster, controller)
    fargate = is_fargate(settings)
    definition = _definition(call, controller, settings)
    if scheduling == "DAEMON":
        validation.daemon(call.params, controller, fargate)
    validation.placement(call.params, fargate)
    configuration = _configuration(call, scheduling)
    validation.deployment_configuration(configuration, scheduling, controller)
    validation.load_balancers(call.get("loadBalancers"), definition, call.get("healthCheckGracePeriodSeconds"))
    if len(cluster.active_services) >= validation.quotas.services_per_cluster:
        raise invalid(f"The maximum number of services per cluster ({validation.quotas.services_per_cluster}) was reached.")

    revision = deployments.new_revision(f"{cluster.name}/{name}", call.account_id, call.region, definition, settings)
    service = Service(
        name=name,
        arn=region(call).arn(f"service/{cluster.name}/{name}"),
        cluster=cluster,
        created_at=clock.now(),
        created_by=current_caller() or f"arn:aws:iam::{call.account_id}:root",
        desired=call.get("desiredCount") or 0,
        scheduling=scheduling,
        controller=controller,
        configuration=configuration,
        revision=revision,
        options=_options(call, configuration, scheduling, controller, definition),
        tags=given_tags,
        request=call.params,
    )
    cluster.services[name] = service
    cluster.active_services.add(name)
    if controller != "EXTERNAL":
        deployments.begin(service, revision)
        scheduler.wake(service)
    return {"service": service_view(service, ["TAGS"])}


def _options(
    call: Call, configuration: dict[str, Any], scheduling: str, controller: str, definition: TaskDefinition | None
) -> dict[str, Any]:
    balancers = call.get("loadBalancers") or []
    classic = any(item.get("loadBalancerName") for item in balancers)
    can_rebalance = scheduling == "REPLICA" and controller == "ECS" and configuration["maximumPercent"] > 100 and not classic
    options = {
        "loadBalancers": balancers,
        "serviceRegistries": call.get("serviceRegistries") or [],
        "placementConstraints": call.get("placementConstraints") or [],
        "placementStrategy": call.get("placementStrategy") or [],
        "enableECSManagedTags": bool(call.get("enableECSManagedTags")),
        "propagateTags": call.get("propagateTags") or "NONE",
        "enableExecuteCommand": bool(call.get("enableExecuteCommand")),
        # "When no value is specified ... defaults the value to ENABLED" (CreateService), where it is possible at all.
        "availabilityZoneRebalancing": call.get("availabilityZoneRebalancing") or ("ENABLED" if can_rebalance else "DISABLED"),
    }
    if balancers:
        options["healthCheckGracePeriodSeconds"] = call.get("healthCheckGracePeriodSeconds") or 0
    if balancers or (definition is not None and definition.is_awsvpc):
        # By it ECS registers targets and creates network interfaces.
        options["roleArn"] = call.get("role") or (
            f"arn:{call.partition}:iam::{call.account_id}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
        )
    return options
