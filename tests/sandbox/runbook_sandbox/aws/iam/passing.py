"""`iam:PassRole`: a caller that gives a role to a service must be allowed to ("Granting a user permissions to pass a role").

Source of the operations: the dependent actions in the Service Authorization Reference of each service.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.utilities.utils import get_partition

#: (service, operation): paths of members that hold a role's ARN or name, and the service that is to assume it.
_MEMBERS: dict[tuple[str, str], tuple[list[str], str]] = {
    ("ecs", "RegisterTaskDefinition"): (["taskRoleArn", "executionRoleArn"], "ecs-tasks.amazonaws.com"),
    ("ecs", "RunTask"): (["overrides.taskRoleArn", "overrides.executionRoleArn"], "ecs-tasks.amazonaws.com"),
    ("ecs", "StartTask"): (["overrides.taskRoleArn", "overrides.executionRoleArn"], "ecs-tasks.amazonaws.com"),
    ("ecs", "CreateService"): (["role"], "ecs.amazonaws.com"),
    ("application-autoscaling", "RegisterScalableTarget"): (["RoleARN"], "application-autoscaling.amazonaws.com"),
    ("rds", "CreateDBInstance"): (["MonitoringRoleArn"], "monitoring.rds.amazonaws.com"),
    ("rds", "ModifyDBInstance"): (["MonitoringRoleArn"], "monitoring.rds.amazonaws.com"),
    ("rds", "AddRoleToDBInstance"): (["RoleArn"], "rds.amazonaws.com"),
    ("rds", "AddRoleToDBCluster"): (["RoleArn"], "rds.amazonaws.com"),
    ("rds", "StartExportTask"): (["IamRoleArn"], "export.rds.amazonaws.com"),
    ("events", "PutRule"): (["RoleArn"], "events.amazonaws.com"),
}
#: Operations that run a task definition, and so pass its roles.
_RUNS_TASKS = {("ecs", "RunTask"), ("ecs", "StartTask"), ("ecs", "CreateService")}


def roles_of(service: str, operation: str, params: dict[str, Any], account_id: str, region: str) -> Iterator[tuple[str, str]]:
    """(ARN of the role, service it is passed to) for each role that a request passes."""
    paths, principal = _MEMBERS.get((service, operation), ([], ""))
    for path in paths:
        value: Any = params
        for name in path.split("."):
            value = value.get(name) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            yield _arn(value, account_id, region), principal
    if (service, operation) in _RUNS_TASKS or (operation == "UpdateService" and service == "ecs" and params.get("taskDefinition")):
        for role in _roles_of_task_definition(str(params.get("taskDefinition") or ""), account_id, region):
            yield _arn(role, account_id, region), "ecs-tasks.amazonaws.com"


def _arn(role: str, account_id: str, region: str) -> str:
    return role if role.startswith("arn:") else f"arn:{get_partition(region)}:iam::{account_id}:role/{role}"


def _roles_of_task_definition(given: str, account_id: str, region: str) -> list[str]:
    from runbook_sandbox.aws.ecs.state import region_of

    family, _, revision = given.rsplit("/", 1)[-1].partition(":")
    revisions = region_of(account_id, region).families.get(family, {})
    active = [number for number, found in revisions.items() if found.status == "ACTIVE"]
    number = int(revision) if revision.isdigit() else max(active, default=0)
    found = revisions.get(number)
    return [found.body[name] for name in ("taskRoleArn", "executionRoleArn") if found.body.get(name)] if found else []
