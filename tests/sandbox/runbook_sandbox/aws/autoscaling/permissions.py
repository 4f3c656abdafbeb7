"""What a caller needs in other services for Application Auto Scaling to do as asked.

Sources: Application Auto Scaling User Guide, "Permissions validation for Application Auto Scaling API calls on target
resources" (the caller's own permissions in the target service and in CloudWatch are asked before a request proceeds) and
"Identity-based policy examples" (which ones); Amazon ECS Developer Guide, "IAM permissions required for Amazon ECS
service auto scaling".
"""

from __future__ import annotations

from moto.utilities.utils import get_partition

from runbook_sandbox.aws import rights
from runbook_sandbox.aws.autoscaling.errors import error
from runbook_sandbox.aws.autoscaling.state import Target
from runbook_sandbox.aws.ecs.arns import arn as ecs_arn

_PRINCIPAL = "application-autoscaling.amazonaws.com"


def ask(action: str, resource: str, keys: dict[str, str] | None = None) -> None:
    """Refuse the request when its caller may not do `action`; `keys` are condition keys of it."""
    refusal = rights.refusal(action, resource, {"aws:ViaAWSService": "true", "aws:CalledVia": _PRINCIPAL, **(keys or {})})
    if refusal is not None:
        raise error("AccessDeniedException", refusal)


def to_tag(resource: str, tags: dict[str, str]) -> None:
    """Tags on a new target: the right to tag, besides the right to register (User Guide, "Tagging support")."""
    keys: dict[str, str | list[str]] = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    refusal = rights.refusal("application-autoscaling:TagResource", resource, keys | {"aws:TagKeys": list(tags)})
    if refusal is not None:
        raise error("AccessDeniedException", refusal)


def to_scale(account_id: str, region: str, namespace: str, resource_id: str) -> None:
    """Registering a target: to read and change its capacity."""
    if namespace == "ecs":
        _, cluster, service = resource_id.split("/")
        for action in ("ecs:DescribeServices", "ecs:UpdateService"):
            resource = ecs_arn(account_id, region, f"service/{cluster}/{service}")
            ask(action, resource, {"ecs:cluster": ecs_arn(account_id, region, f"cluster/{cluster}")})
    elif namespace == "rds":
        base = f"arn:{get_partition(region)}:rds:{region}:{account_id}"
        ask("rds:DescribeDBClusters", f"{base}:{resource_id}")
        ask("rds:DescribeDBInstances", f"{base}:db:*")
        for action in ("rds:CreateDBInstance", "rds:DeleteDBInstance"):
            ask(action, f"{base}:db:application-autoscaling-*")


def to_track(target: Target, *, deleting: bool = False) -> None:
    """Target tracking: to make, read and delete the alarms that are AWS's own."""
    prefix = f"arn:{get_partition(target.region)}:cloudwatch:{target.region}:{target.account_id}:alarm"
    for action in ("DeleteAlarms",) if deleting else ("DescribeAlarms", "PutMetricAlarm", "DeleteAlarms"):
        ask(f"cloudwatch:{action}", f"{prefix}:TargetTracking-{target.resource_id}-AlarmHigh-*")
