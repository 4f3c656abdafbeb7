"""The service-linked roles by which Application Auto Scaling acts.

Source: Application Auto Scaling User Guide, "Service-linked roles for Application Auto Scaling": the role is made when
the first resource of its service is registered, with the caller's permission `iam:CreateServiceLinkedRole`.
"""

from __future__ import annotations

import json

from moto.iam.models import iam_backends

from runbook_sandbox.aws.autoscaling import namespaces, permissions
from runbook_sandbox.aws.autoscaling.errors import validation
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
        principal = namespaces.service_principal(namespace)
        permissions.ask("iam:CreateServiceLinkedRole", arn, {"iam:AWSServiceName": principal})
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
