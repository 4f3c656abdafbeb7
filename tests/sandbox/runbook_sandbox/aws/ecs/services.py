"""Services: create, update, delete, describe, list.

Source: Amazon ECS API Reference, the actions of these names.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from runbook_sandbox.aws.calls import current_caller
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs import arns, deployments, scheduler, tags, task_definitions, validation
from runbook_sandbox.aws.ecs.errors import invalid, service_not_active, service_not_found
from runbook_sandbox.aws.ecs.service_view import service_view
from runbook_sandbox.aws.ecs.state import Cluster, Service, is_fargate, region_of
from runbook_sandbox.aws.ecs.table import active_cluster, at_most, known_cluster, max_results, operations, page, region
from runbook_sandbox.aws.modelled import Call

#: What a revision holds besides its task definition: a change of any of it starts a deployment.
REVISED = (
    "launchType", "capacityProviderStrategy", "platformVersion", "networkConfiguration", "loadBalancers", "serviceRegistries",
    "serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations",
)  # fmt: skip
#: What UpdateService changes without a deployment.
_KEPT = (
    "placementConstraints", "placementStrategy", "healthCheckGracePeriodSeconds", "enableECSManagedTags", "propagateTags",
    "enableExecuteCommand", "availabilityZoneRebalancing",
)  # fmt: skip


def find(cluster: Cluster, identifier: str | None) -> Service | None:
    """A service of the cluster by name or ARN, of any status."""
    if not identifier:
        raise invalid("Service cannot be blank.")
    return cluster.services.get(arns.scoped_name(identifier, "service", cluster.name))


def lookup(account_id: str, region_name: str, cluster_name: str, name: str) -> Service | None:
    """For other services of AWS: the ACTIVE service of these names."""
    cluster = region_of(account_id, region_name).clusters.get(cluster_name)
    service = cluster.services.get(name) if cluster else None
    return service if service is not None and service.status == "ACTIVE" else None


def set_desired(service: Service, count: int) -> None:
    """Change the desired count; no deployment starts."""
    if count != service.desired:
        service.desired = count
        scheduler.unsettle(service)


def _settings(call: Call, cluster: Cluster) -> dict[str, Any]:
    settings = {name: deepcopy(call.get(name)) for name in REVISED if call.get(name)}
    if not settings.get("launchType") and not settings.get("capacityProviderStrategy"):
        if cluster.defaultCapacityProviderStrategy:
            settings["capacityProviderStrategy"] = deepcopy(cluster.defaultCapacityProviderStrategy)
        else:
            settings["launchType"] = "EC2"
    return settings


def _configuration(call: Call, scheduling: str, before: dict[str, Any] | None = None) -> dict[str, Any]:
    daemon = scheduling == "DAEMON"
    default = {
        "deploymentCircuitBreaker": {"enable": False, "rollback": False},
        "maximumPercent": 100 if daemon else 200,
        "minimumHealthyPercent": 0 if daemon else 100,
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
    }
    return (before or default) | deepcopy(call.get("deploymentConfiguration") or {})


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
    given_tags = tags.read(call.get("tags"))
    scheduling = call.get("schedulingStrategy") or "REPLICA"
    controller = (call.get("deploymentController") or {}).get("type", "ECS")
    existing = cluster.services.get(name)
    if existing is not None and existing.status != "INACTIVE":
        return _again(existing, call.params)

    validation.launch(call.get("launchType"), call.get("capacityProviderStrategy"), cluster)
    validation.desired_count(call.get("desiredCount"), scheduling, required=controller != "EXTERNAL")
    settings = _settings(call, cluster) if controller != "EXTERNAL" else {}
    fargate = is_fargate(settings)
    definition = None
    if controller == "EXTERNAL":
        if call.get("taskDefinition") or call.get("launchType") or call.get("networkConfiguration"):
            raise invalid(
                "Task definition, launch type and network configuration belong to the task sets of a service with an EXTERNAL "
                "deployment controller."
            )
    else:
        if not call.get("taskDefinition"):
            raise invalid("TaskDefinition can not be blank.")
        definition = task_definitions.usable(region(call), call.get("taskDefinition"))
        validation.platform(call.get("platformVersion"), fargate)
        validation.network(definition, settings, fargate)
    if scheduling == "DAEMON":
        validation.daemon(call.params, controller, fargate)
    validation.placement(call.params, fargate)
    configuration = _configuration(call, scheduling)
    validation.deployment_configuration(configuration, scheduling, controller)
    validation.load_balancers(call.get("loadBalancers"), definition, call.get("healthCheckGracePeriodSeconds"))
    if len(cluster.active_services) >= validation.MAX_SERVICES:
        raise invalid(f"The maximum number of services per cluster ({validation.MAX_SERVICES}) was reached.")

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
        options=_options(call, configuration, scheduling, controller),
        tags=given_tags,
        request=call.params,
    )
    cluster.services[name] = service
    cluster.active_services.add(name)
    if controller != "EXTERNAL":
        deployments.begin(service, revision)
        scheduler.wake(service)
    return {"service": service_view(service, ["TAGS"])}


def _options(call: Call, configuration: dict[str, Any], scheduling: str, controller: str) -> dict[str, Any]:
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
        options["roleArn"] = call.get("role") or (
            f"arn:aws:iam::{call.account_id}:role/aws-service-role/ecs.amazonaws.com/AWSServiceRoleForECS"
        )
    return options


@operations("UpdateService")
def update_service(call: Call) -> dict[str, Any]:
    cluster = active_cluster(call, call.get("cluster"))
    service = find(cluster, call.get("service"))
    if service is None:
        raise service_not_found()
    if service.status != "ACTIVE":
        raise service_not_active()
    validation.desired_count(call.get("desiredCount"), service.scheduling, required=False)
    controller = (call.get("deploymentController") or {}).get("type", service.controller)
    if controller not in ("ECS", service.controller):
        raise invalid(f"A service with the {service.controller} deployment controller cannot be changed to {controller}.")
    validation.changes_under(controller, call.params)
    force = bool(call.get("forceNewDeployment"))
    settings = service.revision.settings | {name: deepcopy(call.get(name)) for name in REVISED if call.get(name) is not None}
    if call.get("capacityProviderStrategy") is not None:
        validation.check_strategy(call.get("capacityProviderStrategy"), cluster)
        if call.get("capacityProviderStrategy") != service.revision.settings.get("capacityProviderStrategy"):
            if not force:
                raise invalid(
                    "When switching from launch type to capacity provider strategy on an existing service, or making a change to a "
                    "capacity provider strategy on a service that is already using one, you must force a new deployment."
                )
            settings.pop("launchType", None)
    fargate = is_fargate(settings)
    definition = service.revision.task_definition
    if call.get("taskDefinition"):
        definition = task_definitions.usable(region(call), call.get("taskDefinition"))
    if definition is not None and controller == "ECS":
        validation.platform(call.get("platformVersion"), fargate)
        validation.network(definition, settings, fargate)
    if service.scheduling == "DAEMON":
        validation.daemon(call.params, controller, fargate)
    validation.placement(call.params, fargate)
    configuration = _configuration(call, service.scheduling, service.configuration)
    validation.deployment_configuration(configuration, service.scheduling, controller)
    balancers = service.options["loadBalancers"] if call.get("loadBalancers") is None else call.get("loadBalancers")
    validation.load_balancers(balancers, definition, call.get("healthCheckGracePeriodSeconds"))

    # Nothing was refused: from here on the service changes.
    service.controller = controller
    service.configuration = configuration
    service.options |= {name: call.get(name) for name in _KEPT if call.get(name) is not None}
    for name in ("loadBalancers", "serviceRegistries"):
        if call.get(name) is not None:
            service.options[name] = call.get(name)
    if call.get("desiredCount") is not None:
        set_desired(service, call.get("desiredCount"))
    moved = service.primary is None and definition is not None
    changed = moved or definition is not service.revision.task_definition or settings != service.revision.settings
    if not service.is_task_set_based and (force or changed):
        path = f"{cluster.name}/{service.name}"
        deployments.begin(service, deployments.new_revision(path, call.account_id, call.region, definition, settings))
        scheduler.unsettle(service)
    return {"service": service_view(service, ["TAGS"])}


@operations("DeleteService")
def delete_service(call: Call) -> dict[str, Any]:
    """DRAINING until its tasks have stopped, then INACTIVE, in which it stays describable."""
    cluster = active_cluster(call, call.get("cluster"))
    service = find(cluster, call.get("service"))
    if service is None or service.status == "INACTIVE":
        raise service_not_found()
    if service.status == "ACTIVE":
        if service.scheduling == "REPLICA" and service.desired > 0 and not call.get("force"):
            raise invalid("The service cannot be stopped while it is scaled above 0.")
        service.status = "DRAINING"
        service.desired = 0
        cluster.active_services.discard(service.name)
        scheduler.unsettle(service)
    return {"service": service_view(service, ["TAGS"])}


@operations("DescribeServices")
def describe_services(call: Call) -> dict[str, Any]:
    wanted = at_most(call.get("services"), 10, "Services")
    cluster = known_cluster(call, call.get("cluster"))
    include = call.get("include") or []
    found, failures = [], []
    for identifier in wanted:
        service = find(cluster, identifier)
        if service is None:
            name = arns.scoped_name(identifier, "service", cluster.name)
            failures.append({"arn": region(call).arn(f"service/{cluster.name}/{name}"), "reason": "MISSING"})
        else:
            found.append(service_view(service, include))
    return {"services": found, "failures": failures}


@operations("ListServices")
def list_services(call: Call) -> dict[str, Any]:
    """ACTIVE services of exactly this cluster, 10 a page unless said."""
    cluster = active_cluster(call, call.get("cluster"))
    launch_type, scheduling, manager = call.get("launchType"), call.get("schedulingStrategy"), call.get("resourceManagementType")

    def fits(name: str) -> str | None:
        service = cluster.services[name]
        if launch_type and service.revision.settings.get("launchType") != launch_type:
            return None
        if scheduling and service.scheduling != scheduling:
            return None
        return service.arn if manager in (None, service.managed_by) else None

    query = f"ListServices/{cluster.name}/{launch_type}/{scheduling}/{manager}"
    found, token = page(query, cluster.active_services, call, max_results(call, 10), fits)
    return {"serviceArns": found, "nextToken": token}


@operations("ListServicesByNamespace")
def list_services_by_namespace(call: Call) -> dict[str, Any]:
    """Services with a Service Connect configuration in the namespace."""
    namespace = call.get("namespace")
    found = {}
    for cluster in region(call).clusters.values():
        for service in cluster.services.values():
            connect = service.revision.settings.get("serviceConnectConfiguration") or {}
            if service.status == "ACTIVE" and connect.get("enabled") and connect.get("namespace") == namespace:
                found[service.arn] = service.arn
    arns_, token = page(f"namespace/{namespace}", list(found), call, max_results(call, 10), found.get)
    return {"serviceArns": arns_, "nextToken": token}
