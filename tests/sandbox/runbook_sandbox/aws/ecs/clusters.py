"""Clusters.

Source: Amazon ECS API Reference, CreateCluster, DeleteCluster, DescribeClusters.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from moto.ecs.models import Cluster as MotoCluster
from moto.ecs.models import ecs_backends

from runbook_sandbox.aws.ecs import arns, capacity_providers, tags
from runbook_sandbox.aws.ecs.container_instances import registered
from runbook_sandbox.aws.ecs.errors import error, invalid
from runbook_sandbox.aws.ecs.state import Cluster
from runbook_sandbox.aws.ecs.table import active_cluster, max_results, operations, page, region
from runbook_sandbox.aws.modelled import Call

_INSIGHTS = ("enhanced", "enabled", "disabled")


def _statistics(cluster: Cluster) -> list[dict[str, str]]:
    kinds = {True: "Fargate", False: "EC2"}
    services = Counter((service.status, service.fargate) for service in cluster.services.values())
    numbers = {}
    for fargate, kind in kinds.items():
        numbers[f"running{kind}TasksCount"] = cluster.count("running", fargate)
        numbers[f"pending{kind}TasksCount"] = cluster.count("pending", fargate)
        numbers[f"active{kind}ServiceCount"] = services[("ACTIVE", fargate)]
        numbers[f"draining{kind}ServiceCount"] = services[("DRAINING", fargate)]
    return [{"name": name, "value": str(value)} for name, value in numbers.items()]


def render(cluster: Cluster, include: list[str]) -> dict[str, Any]:
    """The API's Cluster; settings, statistics, tags and configuration only when they were asked for."""
    return {
        "clusterArn": cluster.arn,
        "clusterName": cluster.name,
        "status": cluster.status,
        "registeredContainerInstancesCount": len(registered(cluster)),
        "runningTasksCount": cluster.count("running"),
        "pendingTasksCount": cluster.count("pending"),
        "activeServicesCount": len(cluster.active_services),
        "statistics": _statistics(cluster) if "STATISTICS" in include else [],
        "tags": tags.write(cluster.tags) if "TAGS" in include else [],
        "settings": cluster.settings if "SETTINGS" in include else [],
        "configuration": cluster.configuration if "CONFIGURATIONS" in include else None,
        "capacityProviders": cluster.capacityProviders,
        "defaultCapacityProviderStrategy": capacity_providers.complete(cluster.defaultCapacityProviderStrategy),
        "serviceConnectDefaults": cluster.serviceConnectDefaults,
    }


def _check_providers(call: Call, providers: list[str], strategy: list[dict[str, Any]]) -> None:
    known = capacity_providers.providers(region(call))
    for name in providers:
        if name.split("/")[-1] not in known:
            raise invalid(f"The specified capacity provider '{name}' was not found. Specify a valid name or ARN and try again.")
    for item in strategy:
        if item["capacityProvider"] not in providers:
            raise invalid(
                "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. "
                "Associate the capacity provider with the cluster and try again."
            )


def _check_settings(settings: list[dict[str, str]]) -> None:
    """containerInsights is the only setting; its values are of the API Reference's ClusterSetting."""
    for item in settings:
        if item.get("name", "containerInsights") != "containerInsights" or item.get("value") not in _INSIGHTS:
            raise invalid(
                f"Invalid cluster setting: {item.get('name')} cannot be {item.get('value')}. Valid values are {', '.join(_INSIGHTS)}."
            )


@operations("CreateCluster")
def create_cluster(call: Call) -> dict[str, Any]:
    name = call.get("clusterName") or "default"
    if not arns.NAME.match(name):
        raise invalid(
            f"Invalid clusterName: {name}. Up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens are allowed."
        )
    given = tags.on_creation(call, f"cluster/{name}")
    providers, strategy = call.get("capacityProviders") or [], call.get("defaultCapacityProviderStrategy") or []
    _check_providers(call, providers, strategy)
    _check_settings(call.get("settings") or [])
    state = region(call)
    cluster = state.clusters.get(name)
    if cluster is None or cluster.status == "INACTIVE":
        cluster = Cluster(
            name=name,
            arn=state.arn(f"cluster/{name}"),
            account_id=call.account_id,
            region=call.region,
            settings=call.get("settings") or [{"name": "containerInsights", "value": "disabled"}],
            configuration=call.get("configuration"),
            serviceConnectDefaults=call.get("serviceConnectDefaults"),
            capacityProviders=providers,
            defaultCapacityProviderStrategy=strategy,
            tags=given,
        )
        state.clusters[name] = cluster
        # moto's container instances, attributes and CloudFormation look clusters up in moto's own table.
        ecs_backends[call.account_id][call.region].clusters[name] = MotoCluster(name, call.account_id, call.region)
    return {"cluster": render(cluster, ["SETTINGS", "TAGS", "CONFIGURATIONS"])}


@operations("UpdateCluster")
def update_cluster(call: Call) -> dict[str, Any]:
    cluster = active_cluster(call, call.get("cluster"))
    if call.get("settings"):
        _check_settings(call.get("settings"))
        cluster.settings = call.get("settings")
    if call.get("configuration"):
        cluster.configuration = call.get("configuration")
    if call.get("serviceConnectDefaults"):
        cluster.serviceConnectDefaults = call.get("serviceConnectDefaults")
    return {"cluster": render(cluster, ["SETTINGS", "TAGS", "CONFIGURATIONS"])}


@operations("UpdateClusterSettings")
def update_cluster_settings(call: Call) -> dict[str, Any]:
    cluster = active_cluster(call, call.get("cluster"))
    _check_settings(call.get("settings") or [])
    changed = {item["name"]: item["value"] for item in call.get("settings") or []}
    cluster.settings = [
        {"name": name, "value": value} for name, value in ({i["name"]: i["value"] for i in cluster.settings} | changed).items()
    ]
    return {"cluster": render(cluster, ["SETTINGS", "TAGS"])}


@operations("PutClusterCapacityProviders")
def put_cluster_capacity_providers(call: Call) -> dict[str, Any]:
    cluster = active_cluster(call, call.get("cluster"))
    providers, strategy = call.get("capacityProviders") or [], call.get("defaultCapacityProviderStrategy") or []
    _check_providers(call, providers, strategy)
    used = {
        item["capacityProvider"]
        for service in cluster.services.values()
        if service.status != "INACTIVE"
        for item in service.revision.settings.get("capacityProviderStrategy") or []
    }
    if missing := used - set(providers):
        raise error(
            "ResourceInUseException",
            f"The specified capacity provider is in use and cannot be removed: {', '.join(sorted(missing))}.",
        )
    cluster.capacityProviders, cluster.defaultCapacityProviderStrategy = providers, strategy
    return {"cluster": render(cluster, ["SETTINGS", "TAGS"])}


@operations("DeleteCluster")
def delete_cluster(call: Call) -> dict[str, Any]:
    """Refused while anything is in it; a deleted cluster stays describable as INACTIVE."""
    cluster = active_cluster(call, call.get("cluster"))
    if any(service.status != "INACTIVE" for service in cluster.services.values()):
        raise error("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
    if registered(cluster):
        raise error(
            "ClusterContainsContainerInstancesException", "The Cluster cannot be deleted while Container Instances are active or draining."
        )
    if any(task.last_status != "STOPPED" for task in cluster.tasks.values()):
        raise error("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    cluster.status = "INACTIVE"
    return {"cluster": render(cluster, ["SETTINGS", "TAGS"])}


@operations("DescribeClusters")
def describe_clusters(call: Call) -> dict[str, Any]:
    wanted = call.get("clusters") or ["default"]
    if len(wanted) > 100:
        raise invalid("Clusters cannot have more than 100 elements.")
    state = region(call)
    found, failures = [], []
    for identifier in wanted:
        name = arns.cluster_name(identifier)
        cluster = state.clusters.get(name)
        if cluster is None:
            failures.append({"arn": state.arn(f"cluster/{name}"), "reason": "MISSING"})
        else:
            found.append(render(cluster, call.get("include") or []))
    return {"clusters": found, "failures": failures}


@operations("ListClusters")
def list_clusters(call: Call) -> dict[str, Any]:
    clusters = region(call).clusters

    def find(name: str) -> str | None:
        return clusters[name].arn if clusters[name].status != "INACTIVE" else None

    found, token = page("ListClusters", list(clusters), call, max_results(call, 100), find)
    return {"clusterArns": found, "nextToken": token}
