"""What ECS refuses of a service, beyond what the API's model says.

Source: Amazon ECS API Reference, CreateService and UpdateService; the texts are ECS's own where they are known.
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.ecs import arns
from runbook_sandbox.aws.ecs.errors import error, invalid
from runbook_sandbox.aws.ecs.state import Cluster, TaskDefinition

#: Service quota "Tasks per service".
MAX_DESIRED = 5000


class Quotas:
    """Quotas that AWS raises on request, as the control API does here ("Amazon ECS service quotas")."""

    services_per_cluster = 5000


quotas = Quotas()


#: What UpdateService may not send where ECS does not deploy, and how it names it when it refuses.
_DEPLOYED_ELSEWHERE = {
    "taskDefinition": "task definition",
    "networkConfiguration": "network parameters",
    "platformVersion": "platform version",
    "loadBalancers": "load balancers",
    "serviceRegistries": "service registries",
    "capacityProviderStrategy": "capacity provider strategy",
    "serviceConnectConfiguration": "Service Connect configuration",
    "volumeConfigurations": "volume configurations",
}
_ELSEWHERE_HINT = {
    "CODE_DEPLOY": "Use AWS CodeDeploy to trigger a new deployment.",
    "EXTERNAL": "Use the CreateTaskSet API to create a new task set.",
}


def service_name(name: str | None) -> str:
    if not name:
        raise invalid("Service name cannot be blank.")
    if not arns.NAME.match(name):
        raise invalid(
            f"Invalid service name: {name}. Up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens are allowed."
        )
    return name


def client_token(token: str | None, longest: int) -> None:
    if token is not None and (not 1 <= len(token) <= longest or any(not 33 <= ord(sign) <= 126 for sign in token)):
        raise invalid(f"clientToken must have 1 to {longest} ASCII characters in the range of 33-126.")


def desired_count(count: int | None, scheduling: str, *, required: bool) -> None:
    if scheduling == "DAEMON":
        if count is not None:
            raise invalid(
                "The daemon scheduling strategy does not support a desired count for services. Remove the desired count value and try again"
            )
        return
    if count is None:
        if required:
            raise invalid(
                "The replica scheduling strategy requires a desired count for services. Specify a desired count value and try again"
            )
        return
    if count < 0:
        raise invalid("desiredCount cannot be less than 0.")
    if count > MAX_DESIRED:
        raise invalid(f"desiredCount cannot be greater than {MAX_DESIRED}, the maximum number of tasks per service.")


def launch(launch_type: str | None, strategy: list[dict[str, Any]] | None, cluster: Cluster) -> None:
    """launchType and capacityProviderStrategy exclude each other; a strategy names providers of the cluster."""
    if launch_type and strategy:
        raise invalid("Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again.")
    check_strategy(strategy, cluster)


def check_strategy(strategy: list[dict[str, Any]] | None, cluster: Cluster) -> None:
    if not strategy:
        return
    if len(strategy) > 20:
        raise invalid("A capacity provider strategy can contain a maximum of 20 capacity providers.")
    names = [item["capacityProvider"] for item in strategy]
    if len(set(names)) != len(names):
        raise invalid("A capacity provider can only be used once in a capacity provider strategy.")
    for name in names:
        if name not in cluster.capacityProviders:
            raise invalid(
                "The specified capacity provider strategy cannot contain a capacity provider that is not associated with the cluster. "
                "Associate the capacity provider with the cluster and try again."
            )
    if sum(1 for item in strategy if item.get("base")) > 1:
        raise invalid("Only one capacity provider in a capacity provider strategy can have a base defined.")
    for item in strategy:
        if not 0 <= item.get("base", 0) <= 100000 or not 0 <= item.get("weight", 0) <= 1000:
            raise invalid("The base must be between 0 and 100000 and the weight between 0 and 1000.")
    if all(not item.get("weight") for item in strategy) and len(strategy) > 1:
        raise invalid("At least one capacity provider in a capacity provider strategy must have a weight greater than zero.")


def network(definition: TaskDefinition, settings: dict[str, Any], fargate: bool) -> None:
    """awsvpc tasks need a network configuration; others must have none. Security groups may be left out: the VPC's default."""
    given = settings.get("networkConfiguration")
    if fargate and "FARGATE" not in definition.body["compatibilities"]:
        raise invalid("Task definition does not support launch_type FARGATE.")
    if definition.is_awsvpc:
        vpc = (given or {}).get("awsvpcConfiguration")
        if not vpc:
            raise invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
        subnets, groups = vpc.get("subnets") or [], vpc.get("securityGroups") or []
        if not subnets:
            raise invalid("subnets can not be empty.")
        if len(subnets) > 16:
            raise invalid("subnets can have at most 16 items.")
        if len(groups) > 5:
            raise invalid("securityGroups can have at most 5 items.")
        if vpc.get("assignPublicIp") == "ENABLED" and not fargate:
            raise invalid("Assign public IP is not supported for this launch type.")
    elif given:
        raise invalid("Network Configuration is not valid for the given networkMode of this task definition.")


def platform(version: str | None, fargate: bool) -> None:
    if not version:
        return
    if not fargate:
        raise invalid("The platform version must be null when specifying an EC2 launch type.")
    if version not in ("LATEST", "1.4.0", "1.3.0"):
        raise error("PlatformUnknownException", f"The specified platform does not exist: {version}")


def deployment_configuration(configuration: dict[str, Any], scheduling: str, controller: str) -> None:
    """The whole configuration as it would hold, defaults included."""
    least, most = configuration["minimumHealthyPercent"], configuration["maximumPercent"]
    if least < 0 or most < 0:
        raise invalid("minimumHealthyPercent and maximumPercent cannot be negative.")
    if scheduling == "DAEMON":
        if most > 100:
            raise invalid(
                "The daemon scheduling strategy does not support values above 100 for maximumPercent on a deployment configuration. "
                "Change the maximumPercent value to 100, and try again"
            )
    elif most < 100:
        raise invalid("maximumPercent must be at least 100.")
    if least == most == 100:
        raise invalid("Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.")
    if least > most:
        raise invalid("minimumHealthyPercent cannot be greater than maximumPercent.")
    strategy = configuration.get("strategy", "ROLLING")
    if strategy != "ROLLING" and (controller != "ECS" or scheduling == "DAEMON"):
        raise invalid(f"The {strategy} deployment strategy requires the ECS deployment controller and the REPLICA scheduling strategy.")
    bake = configuration.get("bakeTimeInMinutes")
    if bake is not None and not 0 <= bake <= 1440:
        raise invalid("bakeTimeInMinutes must be between 0 and 1440.")
    if (configuration.get("deploymentCircuitBreaker") or {}).get("enable") and controller != "ECS":
        raise invalid("The deployment circuit breaker can only be used with the ECS deployment controller.")
    for member, owner in (("canaryConfiguration", "CANARY"), ("linearConfiguration", "LINEAR")):
        if configuration.get(member) and strategy != owner:
            raise invalid(f"{member} can only be used with the {owner} deployment strategy.")


def daemon(request: dict[str, Any], controller: str, fargate: bool) -> None:
    """What a DAEMON service cannot have."""
    if controller != "ECS":
        raise invalid(f"The daemon scheduling strategy does not support the {controller} deployment controller.")
    if fargate:
        raise invalid("The daemon scheduling strategy does not support the Fargate launch type.")
    if request.get("placementStrategy"):
        raise invalid("The daemon scheduling strategy does not support placement strategies.")
    if request.get("capacityProviderStrategy"):
        raise invalid("The daemon scheduling strategy does not support capacity provider strategies.")
    if request.get("availabilityZoneRebalancing") == "ENABLED":
        raise invalid("Availability Zone Rebalancing does not support the DAEMON scheduling strategy.")


def placement(request: dict[str, Any], fargate: bool) -> None:
    if fargate and (request.get("placementStrategy") or request.get("placementConstraints")):
        raise invalid("Placement strategies and constraints are not supported with FARGATE launch type.")
    if len(request.get("placementStrategy") or []) > 5:
        raise invalid("A service can have at most 5 placement strategies.")
    if len(request.get("placementConstraints") or []) > 10:
        raise invalid("A service can have at most 10 placement constraints.")


def load_balancers(balancers: list[dict[str, Any]] | None, definition: TaskDefinition | None, grace: int | None) -> None:
    if grace is not None:
        if not balancers:
            raise invalid("Health check grace period is only valid for services configured to use load balancers")
        if not 0 <= grace <= 2**31 - 1:
            raise invalid("healthCheckGracePeriodSeconds must be between 0 and 2147483647.")
    for balancer in balancers or []:
        if bool(balancer.get("targetGroupArn")) == bool(balancer.get("loadBalancerName")):
            raise invalid("A load balancer needs either a targetGroupArn or a loadBalancerName.")
        if definition is None:
            continue
        name, port = balancer.get("containerName"), balancer.get("containerPort")
        container = next((item for item in definition.containers if item["name"] == name), None)
        if container is None:
            raise invalid(f"The container {name} does not exist in the task definition.")
        if port not in [mapping.get("containerPort") for mapping in container["portMappings"]]:
            raise invalid(f"The container {name} did not have a container port {port} defined.")


def changes_under(controller: str, request: dict[str, Any]) -> None:
    """What UpdateService cannot change where CodeDeploy or somebody else deploys. desiredCount it always can."""
    if controller == "ECS":
        return
    hint = _ELSEWHERE_HINT[controller]
    if request.get("forceNewDeployment"):
        raise invalid(f"Cannot force a new deployment on services with a {controller} deployment controller. {hint}")
    for member, name in _DEPLOYED_ELSEWHERE.items():
        if request.get(member) is not None:
            raise invalid(f"Unable to update {name} on services with a {controller} deployment controller. {hint}")
    if controller == "EXTERNAL" and request.get("deploymentConfiguration") is not None:
        raise invalid(f"Unable to update deployment configuration on services with a {controller} deployment controller. {hint}")
