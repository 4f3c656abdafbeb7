"""May this caller do this? ("Policy evaluation logic", IAM User Guide)"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.context import Caller, RequestContext
from runbook_sandbox.aws.iam import passing, resources
from runbook_sandbox.aws.iam.conditions import listed
from runbook_sandbox.aws.iam.identities import policies_of
from runbook_sandbox.aws.iam.patterns import Context
from runbook_sandbox.aws.iam.policies import Effect, Question, judge

#: IAM's prefixes where they differ from botocore's service names (Service Authorization Reference).
_PREFIXES = {
    "elbv2": "elasticloadbalancing",
    "elb": "elasticloadbalancing",
    "resourcegroupstaggingapi": "tag",
    "stepfunctions": "states",
    "ses": "ses",
}
#: Operations of STS that need no permission (API reference), and those that STS judges itself by the role's trust policy.
_FREE = {
    ("sts", operation)
    for operation in ("GetCallerIdentity", "GetSessionToken", "AssumeRole", "AssumeRoleWithWebIdentity", "AssumeRoleWithSAML")
}


@dataclass(frozen=True)
class Denial:
    """Why not, in AWS's words."""

    message: str
    explicit: bool


def actions_of(service: str, operation: str) -> list[str]:
    """The IAM actions an operation needs."""
    return resources.actions_of(service, operation) or [f"{_PREFIXES.get(service, service)}:{operation}"]


def check(request: RequestContext) -> Denial | None:
    """None when the request is allowed for every action, every resource it names, and every role it passes."""
    if request.caller.kind == "administrator" or (request.service, request.operation) in _FREE:
        return None
    context = context_of(request)
    for action in actions_of(request.service, request.operation):
        for resource in request.resources:
            own = resources.conditions_of_resource(request.service, resource)
            about = context | {name.lower(): listed(value) for name, value in own.items()}
            denial = check_one(request.caller, action, resource, about, request.partition)
            if denial is not None:
                return denial
    for role, principal in passing.roles_of(request.service, request.operation, request.params, request.account_id, request.region):
        passed = context | {"iam:passedtoservice": [principal]}
        denial = check_one(request.caller, "iam:PassRole", role, passed, request.partition)
        if denial is not None:
            return denial
    return None


def check_one(caller: Caller, action: str, resource: str, context: Context, partition: str) -> Denial | None:
    """One action on one resource: no explicit deny, and an allow in every kind of policy that is there."""
    if caller.kind == "administrator":
        return None
    found = policies_of(caller, partition)
    question = Question(action, resource, context)
    kinds = [("an identity-based policy", "no identity-based policy", found.identity)]
    if found.boundary is not None:
        kinds.append(("a permissions boundary", "no permissions boundary", [found.boundary]))
    if found.session is not None:
        kinds.append(("a session policy", "no session policy", found.session))
    judged = [(name, nothing, judge(documents, question)) for name, nothing, documents in kinds]
    said = f"User: {caller.arn} is not authorized to perform: {action} on resource: {resource}"
    for name, _, effect in judged:
        if effect is Effect.DENY:
            return Denial(f"{said} with an explicit deny in {name}", True)
    for _, nothing, effect in judged:
        if effect is Effect.NONE:
            return Denial(f"{said} because {nothing} allows the {action} action", False)
    return None


def context_of(request: RequestContext) -> Context:
    """The global condition keys of a request and those its service adds ("AWS global condition context keys")."""
    caller, now = request.caller, clock.now()
    keys: dict[str, Any] = {
        "aws:PrincipalArn": caller.role_arn or caller.arn,
        "aws:PrincipalAccount": caller.account_id,
        "aws:PrincipalType": "AssumedRole" if caller.kind == "role" else "User",
        "aws:userid": caller.user_id,
        "aws:SourceIp": request.source_ip,
        "aws:CurrentTime": now.isoformat(),
        "aws:EpochTime": str(int(now.timestamp())),
        # The sandbox listens in the clear in the place of an endpoint that would not.
        "aws:SecureTransport": "true",
        "aws:RequestedRegion": request.region,
        "aws:UserAgent": request.user_agent,
        "aws:ViaAWSService": "false",
        "aws:ResourceAccount": _account_of(request.resources) or request.account_id,
    }
    if caller.kind == "user":
        keys["aws:username"] = caller.name
    keys |= {f"aws:PrincipalTag/{name}": value for name, value in caller.tags.items()}
    tags = request_tags(request.params)
    if tags:
        keys |= {f"aws:RequestTag/{name}": value for name, value in tags.items()}
    if tags or _tag_keys(request.params):
        keys["aws:TagKeys"] = [*tags, *_tag_keys(request.params)]
    keys |= resources.conditions_of(request.service, request.operation, request.params, request.account_id, request.region)
    return {name.lower(): listed(value) for name, value in keys.items() if value is not None}


def request_tags(params: dict[str, Any]) -> dict[str, str]:
    """Tags in a request, however the service spells them."""
    given = params.get("tags") or params.get("Tags") or {}
    if isinstance(given, dict):
        return {str(name): str(value) for name, value in given.items()}
    tags = {}
    for tag in given:
        if isinstance(tag, dict):
            name = tag.get("key", tag.get("Key"))
            if name is not None:
                tags[str(name)] = str(tag.get("value", tag.get("Value", "")))
    return tags


def _tag_keys(params: dict[str, Any]) -> list[str]:
    return [str(name) for name in params.get("tagKeys") or params.get("TagKeys") or []]


def _account_of(arns: list[str]) -> str | None:
    for arn in arns:
        parts = arn.split(":", 5)
        if len(parts) == 6 and parts[4]:
            return parts[4]
    return None
