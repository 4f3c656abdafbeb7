"""`AWS API Call via CloudTrail`: the events by which an account learns of changes that a service does not announce itself.

Sources: "AWS service events delivered via AWS CloudTrail" (EventBridge User Guide), "CloudTrail record contents".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from moto.utilities.utils import get_partition

from runbook_sandbox.aws import events
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.context import Caller, RequestContext
from runbook_sandbox.aws.pace import pace

#: botocore's service name: the host in `eventSource`. Application Auto Scaling records as `autoscaling` and says which
#: it is in `additionalEventData` ("Log Application Auto Scaling API calls using AWS CloudTrail").
_SOURCES = {"ecs": "ecs", "rds": "rds", "application-autoscaling": "autoscaling"}
_READS = re.compile(r"^(Describe|List|Get|Download|Discover|Submit)")
_SECRET = re.compile(r"password|secret(?!arn)", re.IGNORECASE)
HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"


def recorded(service: str, operation: str) -> bool:
    """Management write events of the services that the operator watches."""
    return service in _SOURCES and not _READS.match(operation)


def record(request: RequestContext, result: Callable[[], Any], error: tuple[str, str] | None) -> None:
    """Send the event of an API call `pace.cloudtrail_delay` from now. `error` is (code, message) of a refused one.

    `result` is asked only when a rule may want it: parsing every answer for nobody would cost more than the call.
    """
    _schedule(
        account_id=request.account_id,
        region=request.region,
        service=request.service,
        operation=request.operation,
        params=request.params,
        result=result,
        error=error,
        identity=_identity(request.caller),
        source_ip=request.source_ip,
        user_agent=request.user_agent,
        request_id=request.request_id,
    )


def record_service_call(
    account_id: str, region: str, service: str, operation: str, params: dict[str, Any], result: Any, invoked_by: str, role_name: str
) -> None:
    """The event of a call that one AWS service makes of another, as Application Auto Scaling does of ECS's UpdateService.

    `invoked_by` is its host (`ecs.application-autoscaling.amazonaws.com`), `role_name` its service-linked role.
    """
    host = invoked_by
    partition = get_partition(region)
    identity = {
        "type": "AssumedRole",
        "principalId": f"AROASANDBOXLINKEDROLE:{role_name}",
        "arn": f"arn:{partition}:sts::{account_id}:assumed-role/{role_name}/AutoScaling-{operation}",
        "accountId": account_id,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": "AROASANDBOXLINKEDROLE",
                "arn": f"arn:{partition}:iam::{account_id}:role/aws-service-role/{host}/{role_name}",
                "accountId": account_id,
                "userName": role_name,
            }
        },
        "invokedBy": host,
    }
    _schedule(
        account_id=account_id,
        region=region,
        service=service,
        operation=operation,
        params=params,
        result=lambda: result,
        error=None,
        identity=identity,
        source_ip=host,
        user_agent=host,
        request_id=str(uuid.uuid4()),
    )


def _schedule(
    *,
    account_id: str,
    region: str,
    service: str,
    operation: str,
    params: dict[str, Any],
    result: Callable[[], Any],
    error: tuple[str, str] | None,
    identity: dict[str, Any],
    source_ip: str,
    user_agent: str,
    request_id: str,
) -> None:
    name = _SOURCES[service]
    now = clock.now()
    detail: dict[str, Any] = {
        "eventVersion": "1.11",
        "userIdentity": identity,
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{name}.amazonaws.com",
        "eventName": operation,
        "awsRegion": region,
        "sourceIPAddress": source_ip,
        "userAgent": user_agent,
        "requestParameters": _said(params) or None,
        "responseElements": None,
        "requestID": request_id,
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": account_id,
        "eventCategory": "Management",
    }
    if service == "application-autoscaling":
        detail["additionalEventData"] = {"service": "application-autoscaling"}
    if error is not None:
        code, detail["errorMessage"] = error
        # CloudTrail writes one code for a missing permission, whatever the service calls it.
        detail["errorCode"] = "AccessDenied" if code.startswith("AccessDenied") else code

    def send() -> None:
        if not events.listened_to(account_id, region):
            return
        if error is None:
            said = _said(result())
            detail["responseElements"] = (_unwrapped(said) if service == "rds" else said) or None
        events.emit(account_id, region, f"aws.{name}", "AWS API Call via CloudTrail", [], detail, time=now)

    clock.call_later(pace.cloudtrail_delay, send, f"cloudtrail {operation}")


def _unwrapped(said: Any) -> Any:
    """What RDS answers is one element, and is told without it ("Amazon RDS log file entries", Amazon RDS User Guide)."""
    members = list(said.values()) if isinstance(said, dict) else []
    return members[0] if len(members) == 1 and isinstance(members[0], dict) else said


def _identity(caller: Caller) -> dict[str, Any]:
    base = {
        "principalId": caller.user_id,
        "arn": caller.arn,
        "accountId": caller.account_id,
        "accessKeyId": caller.access_key_id,
    }
    if caller.kind != "role":
        return {"type": "IAMUser", **base, "userName": caller.name}
    created = caller.session_created or clock.now()
    issuer = {
        "type": "Role",
        "principalId": caller.user_id.split(":")[0],
        "arn": caller.role_arn,
        "accountId": caller.account_id,
        "userName": caller.name,
    }
    attributes = {"creationDate": created.strftime("%Y-%m-%dT%H:%M:%SZ"), "mfaAuthenticated": "false"}
    return {"type": "AssumedRole", **base, "sessionContext": {"sessionIssuer": issuer, "attributes": attributes}}


def _said(value: Any, name: str = "") -> Any:
    """Parameters and results as CloudTrail writes them: members begin with a small letter, secrets are hidden."""
    if isinstance(value, dict):
        return {_small(str(key)): _said(item, str(key)) for key, item in value.items() if item is not None and key != "ResponseMetadata"}
    if _SECRET.search(name) and isinstance(value, str):
        return HIDDEN
    if isinstance(value, (list, tuple)):
        return [_said(item) for item in value]
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%b %-d, %Y %-I:%M:%S %p")
    return value


def _small(name: str) -> str:
    return name[:1].lower() + name[1:]
