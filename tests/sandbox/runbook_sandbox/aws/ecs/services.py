"""Services: find, delete, describe, list.

Source: Amazon ECS API Reference, the actions of these names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from moto.servicediscovery.models import servicediscovery_backends

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.ecs import arns, scheduler
from runbook_sandbox.aws.ecs.errors import error, invalid, service_not_found
from runbook_sandbox.aws.ecs.service_view import service_view
from runbook_sandbox.aws.ecs.state import Cluster, Service, region_of
from runbook_sandbox.aws.ecs.table import active_cluster, at_most, known_cluster, max_results, operations, page, region
from runbook_sandbox.aws.modelled import Call

#: What a revision holds besides its task definition: a change of any of it starts a deployment.
REVISED = (
    "launchType", "capacityProviderStrategy", "platformVersion", "networkConfiguration", "loadBalancers", "serviceRegistries",
    "serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations",
)  # fmt: skip


#: Called with a service when it is deleted, for the services of AWS that hold something of it.
deleted_listeners: list[Callable[[Service], None]] = []


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
        for deployment in service.deployments[:1]:
            deployment.updated_at = clock.now()
        scheduler.unsettle(service)


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
        for listener in deleted_listeners:
            listener(service)
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


def _is_in_cloud_map(call: Call, namespace: str) -> bool:
    known = servicediscovery_backends[call.account_id][call.region].namespaces.values()
    return any(namespace in (item.name, item.arn) for item in known)


@operations("ListServicesByNamespace")
def list_services_by_namespace(call: Call) -> dict[str, Any]:
    """Services with a Service Connect configuration in the namespace, which Cloud Map must have or a service have named."""
    namespace = call.get("namespace")
    found, named = {}, _is_in_cloud_map(call, namespace)
    for cluster in region(call).clusters.values():
        for service in cluster.services.values():
            connect = service.revision.settings.get("serviceConnectConfiguration") or {}
            if connect.get("namespace") == namespace:
                named = True
                if service.status == "ACTIVE" and connect.get("enabled"):
                    found[service.arn] = service.arn
    if not named:
        raise error("NamespaceNotFoundException", f"The specified namespace {namespace} was not found.")
    arns_, token = page(f"namespace/{namespace}", list(found), call, max_results(call, 10), found.get)
    return {"serviceArns": arns_, "nextToken": token}
