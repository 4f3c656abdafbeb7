"""The service-linked roles by which Application Auto Scaling acts.

Source: Application Auto Scaling User Guide, "Service-linked roles for Application Auto Scaling": the role is made when
the first resource of its service is registered, with the caller's permission `iam:CreateServiceLinkedRole`.
"""

from __future__ import annotations

import json

from moto.iam.models import iam_backends

from runbook_sandbox.aws import context
from runbook_sandbox.aws.autoscaling import namespaces
from runbook_sandbox.aws.autoscaling.errors import error, validation
from runbook_sandbox.aws.iam import evaluate
from runbook_sandbox.aws.iam.enforcement import enforcement
from runbook_sandbox.aws.modelled import Call


def use(call: Call, namespace: str) -> str:
    """The ARN of the namespace's role, made when it is not there. EMR alone takes the caller's RoleARN."""
    arn = namespaces.service_linked_role(namespace, call.account_id, call.region)
    if arn is None:
        if not call.get("RoleARN"):
            raise validation(f"RoleARN is required for service namespace {namespace}")
        return call.get("RoleARN")
    name = arn.rsplit("/", 1)[1]
    backend = iam_backends[call.account_id][call.partition]
    if not any(role.name == name for role in backend.roles.values()):
        _ask(namespace, arn)
        principal = namespaces.service_principal(namespace)
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": [principal]}, "Action": ["sts:AssumeRole"]}],
        }
        backend.create_role(
            name,
            json.dumps(trust),
            f"/aws-service-role/{principal}/",
            permissions_boundary=None,
            description="",
            tags=[],
            max_session_duration="3600",
            linked_service=principal,
        )
    return arn


def _ask(namespace: str, role_arn: str) -> None:
    """Whether the caller may make the role."""
    request = context.current.get()
    if request is None or not enforcement.enabled:
        return
    keys = evaluate.context_of(request) | {"iam:awsservicename": [namespaces.service_principal(namespace)]}
    denial = evaluate.check_one(request.caller, "iam:CreateServiceLinkedRole", role_arn, keys, request.partition)
    if denial is not None:
        raise error("AccessDeniedException", denial.message)
