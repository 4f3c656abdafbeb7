"""Which resources the operations of ECS touch, for IAM.

Source: Service Authorization Reference, "Actions, resources, and condition keys for Amazon Elastic Container Service".
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.ecs.arns import arn
from runbook_sandbox.aws.ecs.state import region_of
from runbook_sandbox.aws.iam import resources

Params = dict[str, Any]


def _cluster_name(params: Params) -> str:
    return (params.get("cluster") or "default").split("/")[-1]


def _cluster_arn(params: Params, account: str, region: str) -> str:
    return arn(account, region, f"cluster/{_cluster_name(params)}")


def _scoped(kind: str, identifier: str, params: Params, account: str, region: str) -> str:
    return arn(account, region, f"{kind}/{_cluster_name(params)}/{identifier.split('/')[-1]}")


def _services(member: str) -> resources.Resolver:
    def resolve(params: Params, account: str, region: str) -> list[str]:
        given = params.get(member) or []
        return [_scoped("service", item, params, account, region) for item in ([given] if isinstance(given, str) else given)]

    return resolve


def _tasks(member: str) -> resources.Resolver:
    def resolve(params: Params, account: str, region: str) -> list[str]:
        given = params.get(member) or []
        return [_scoped("task", item, params, account, region) for item in ([given] if isinstance(given, str) else given)]

    return resolve


def _instances(params: Params, account: str, region: str) -> list[str]:
    return [_scoped("container-instance", item, params, account, region) for item in params.get("containerInstances") or []]


def _attribute_targets(params: Params, account: str, region: str) -> list[str]:
    targets = [item.get("targetId") or "*" for item in params.get("attributes") or []]
    return [_scoped("container-instance", item, params, account, region) for item in targets]


def _task_definition(params: Params, account: str, region: str) -> list[str]:
    """RunTask is allowed by task definition; a family alone is its latest revision."""
    given = params.get("taskDefinition") or ""
    name = given.split("/")[-1]
    if ":" not in name:
        revisions = region_of(account, region).families.get(name, {})
        active = [number for number, item in revisions.items() if item.status == "ACTIVE"]
        name = f"{name}:{max(active)}" if active else name
    return [arn(account, region, f"task-definition/{name}")]


def _clusters(params: Params, account: str, region: str) -> list[str]:
    return [arn(account, region, f"cluster/{item.split('/')[-1]}") for item in params.get("clusters") or ["default"]]


def _one_cluster(params: Params, account: str, region: str) -> list[str]:
    return [_cluster_arn(params, account, region)]


def _new_cluster(params: Params, account: str, region: str) -> list[str]:
    return [arn(account, region, f"cluster/{params.get('clusterName') or 'default'}")]


def _given_arn(member: str) -> resources.Resolver:
    def resolve(params: Params, account: str, region: str) -> list[str]:
        given = params.get(member) or []
        return [given] if isinstance(given, str) else list(given)

    return resolve


def _execute_command(params: Params, account: str, region: str) -> list[str]:
    # Both resource types are required: the cluster and the task.
    return [_cluster_arn(params, account, region), _scoped("task", params.get("task") or "", params, account, region)]


def _tags_of(resource_arn: str) -> dict[str, str]:
    fields = resource_arn.split(":", 5)
    if len(fields) != 6:
        return {}
    state = region_of(fields[4], fields[3])
    kind, *path = fields[5].split("/")
    cluster = state.clusters.get(path[0]) if path else None
    if cluster is None:
        return {}
    if kind == "cluster":
        return cluster.tags
    table = {"service": cluster.services, "task": cluster.tasks, "container-instance": cluster.instances}.get(kind)
    found = table.get(path[1]) if table is not None and len(path) > 1 else None
    return found.tags if found else {}


def _conditions(resolver: resources.Resolver) -> resources.ConditionResolver:
    def resolve(params: Params, account: str, region: str) -> dict[str, Any]:
        keys: dict[str, Any] = {"ecs:cluster": _cluster_arn(params, account, region)}
        if params.get("service"):
            keys["ecs:service"] = _scoped("service", params["service"], params, account, region)
        if params.get("task"):
            keys["ecs:task"] = _scoped("task", params["task"], params, account, region)
        if params.get("taskDefinition"):
            keys["ecs:task-definition"] = _task_definition(params, account, region)[0]
        if "enableExecuteCommand" in params:
            keys["ecs:enable-execute-command"] = str(params["enableExecuteCommand"]).lower()
        given = {tag["key"]: tag.get("value", "") for tag in params.get("tags") or [] if isinstance(tag, dict) and "key" in tag}
        keys |= {f"aws:RequestTag/{key}": value for key, value in given.items()}
        if given or params.get("tagKeys"):
            keys["aws:TagKeys"] = list(given) or list(params.get("tagKeys") or [])
        for resource in resolver(params, account, region):
            for key, value in _tags_of(resource).items():
                keys[f"aws:ResourceTag/{key}"] = keys[f"ecs:ResourceTag/{key}"] = value
        return keys

    return resolve


_RESOLVERS: dict[str, resources.Resolver] = {
    "CreateCluster": _new_cluster,
    "CreateService": _services("serviceName"),
    "UpdateService": _services("service"),
    "DeleteService": _services("service"),
    "DescribeServices": _services("services"),
    "ListServiceDeployments": _services("service"),
    "DescribeServiceDeployments": _given_arn("serviceDeploymentArns"),
    "DescribeServiceRevisions": _given_arn("serviceRevisionArns"),
    "StopServiceDeployment": _given_arn("serviceDeploymentArn"),
    "RunTask": _task_definition,
    "StartTask": _task_definition,
    "StopTask": _tasks("task"),
    "DescribeTasks": _tasks("tasks"),
    "GetTaskProtection": _tasks("tasks"),
    "UpdateTaskProtection": _tasks("tasks"),
    "ExecuteCommand": _execute_command,
    "DescribeClusters": _clusters,
    "DeleteCluster": _one_cluster,
    "UpdateCluster": _one_cluster,
    "UpdateClusterSettings": _one_cluster,
    "PutClusterCapacityProviders": _one_cluster,
    "RegisterContainerInstance": _one_cluster,
    "DeregisterContainerInstance": _one_cluster,
    "DescribeContainerInstances": _instances,
    "UpdateContainerInstancesState": _instances,
    "PutAttributes": _attribute_targets,
    "DeleteAttributes": _attribute_targets,
    "ListAttributes": _one_cluster,
    "TagResource": _given_arn("resourceArn"),
    "UntagResource": _given_arn("resourceArn"),
    "ListTagsForResource": _given_arn("resourceArn"),
    "DeleteTaskDefinitions": _given_arn("taskDefinitions"),
}
#: Evaluated against "*", with the cluster as a condition only.
_BY_CLUSTER_CONDITION = ("ListServices", "ListTasks", "ListContainerInstances")


def install() -> None:
    for operation, resolver in _RESOLVERS.items():
        resources.register("ecs", operation, resolver, conditions=_conditions(resolver))
    for operation in _BY_CLUSTER_CONDITION:
        resources.register_conditions("ecs", operation, _conditions(lambda params, account, region: []))
