"""What moto's IAM lacks: AWS's managed policies without loading all of them, boundaries of users, true names of linked roles,
judgement of trust policies, and AWS's words for what is not there."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from moto.core.responses import ActionResult, EmptyResult
from moto.iam.exceptions import MalformedPolicyDocument, NotFoundException
from moto.iam.models import AWSManagedPolicy, Group, IAMBackend, Role
from moto.iam.policy_validation import IAMPolicyDocumentValidator
from moto.iam.responses import IamResponse

from runbook_sandbox.aws.iam import identities
from runbook_sandbox.aws.iam.policies import Effect, Question, judge
from runbook_sandbox.aws.wire.errors import ApiError

_AWS_POLICY = re.compile(r"arn:aws[\w-]*:iam::aws:policy/(?:.*/)?([\w+=,.@-]+)")


@cache
def _documents() -> dict[str, Any]:
    from moto.iam.aws_managed_policies import aws_managed_policies_data

    return json.loads(aws_managed_policies_data)


class _Policies(dict):
    """Managed policies by ARN; AWS's own appear when somebody names them (moto would load 1,300 into every account)."""

    def __init__(self, backend: IAMBackend, known: dict[str, Any]) -> None:
        super().__init__(known)
        self._backend = backend

    def __missing__(self, arn: str) -> Any:
        match = _AWS_POLICY.fullmatch(arn)
        data = _documents().get(match[1]) if match else None
        if data is None:
            raise KeyError(arn)
        policy = AWSManagedPolicy.from_data(match[1], self._backend.account_id, self._backend.region_name, data)
        if policy.arn != arn:
            raise KeyError(arn)
        self[arn] = policy
        return policy

    def get(self, arn: str, default: Any = None) -> Any:
        try:
            return self[arn]
        except KeyError:
            return default

    def __contains__(self, arn: object) -> bool:
        return isinstance(arn, str) and self.get(arn) is not None


def _init_managed_policies(backend: IAMBackend) -> dict[str, Any]:
    return _Policies(backend, {policy.arn: policy for policy in backend.aws_managed_policies})


def _named_first(method: Any) -> Any:
    # moto's attach_* look through the values; naming the ARN first makes an AWS managed policy one of them.
    def attach(backend: IAMBackend, policy_arn: str, *args: Any, **kwargs: Any) -> Any:
        backend.managed_policies.get(policy_arn)
        return method(backend, policy_arn, *args, **kwargs)

    attach.named_first = True  # type: ignore[attr-defined]
    return attach


def _check_trust(document: str) -> None:
    """A trust policy says whom it trusts with what, and names no resource. Raises MalformedPolicyDocument.

    moto's own check refuses what IAM takes: a policy of version 2008-10-17, the action `sts:*`.
    """
    try:
        policy = json.loads(document)
    except ValueError as error:
        raise MalformedPolicyDocument("This policy contains invalid Json") from error
    statements = policy.get("Statement") if isinstance(policy, dict) else None
    statements = [statements] if isinstance(statements, dict) else statements
    if not isinstance(statements, list) or not statements:
        raise MalformedPolicyDocument("Syntax errors in policy.")
    for statement in statements:
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise MalformedPolicyDocument("Syntax errors in policy.")
        for name in ("Resource", "NotResource"):
            if name in statement:
                raise MalformedPolicyDocument(f"Has prohibited field {name}")
        for name in ("Principal", "Action"):
            if name not in statement and f"Not{name}" not in statement:
                raise MalformedPolicyDocument(f"Missing required field {name}")


def _validate_identity_policy(validator: IAMPolicyDocumentValidator) -> None:
    """A policy of an identity has no principal: it is whoever it is attached to. moto takes one."""
    _motos_validate_policy(validator)
    for statement in validator._statements:
        if "Principal" in statement or "NotPrincipal" in statement:
            raise MalformedPolicyDocument("Policy document should not specify a principal.")


def _create_role(backend: IAMBackend, role_name: str, assume_role_policy_document: str, *args: Any, **kwargs: Any) -> Role:
    _check_trust(assume_role_policy_document)
    return _motos_create_role(backend, role_name, assume_role_policy_document, *args, **kwargs)


def _update_assume_role_policy(backend: IAMBackend, role_name: str, policy_document: str) -> None:
    role = backend.get_role(role_name)
    _check_trust(policy_document)
    role.assume_role_policy_document = policy_document


def _get_role(backend: IAMBackend, role_name: str) -> Role:
    for role in backend.roles.values():
        if role.name == role_name:
            return role
    raise NotFoundException(f"The role with name {role_name} cannot be found.")


def _get_group(backend: IAMBackend, group_name: str) -> Group:
    if group_name not in backend.groups:
        raise NotFoundException(f"The group with name {group_name} cannot be found.")
    return backend.groups[group_name]


def _get_role_policy(backend: IAMBackend, role_name: str, policy_name: str) -> tuple[str, str]:
    found = backend.get_role(role_name).policies.get(policy_name)
    if found is None:
        raise NotFoundException(f"The role policy with name {policy_name} cannot be found.")
    return policy_name, found


def _create_user(response: IamResponse) -> Any:
    """CreateUser with the boundary that it names; moto drops it, and the user may do what the boundary forbids."""
    boundary = response._get_param("PermissionsBoundary")
    if boundary:
        _check_boundary(response.backend, boundary)
    answer = _motos_create_user(response)
    if boundary:
        response.backend.get_user(response._get_param("UserName")).permissions_boundary_arn = boundary
    return answer


def _check_boundary(backend: IAMBackend, arn: str) -> None:
    if arn not in backend.managed_policies:
        raise ApiError("NoSuchEntity", f"Scope ARN: {arn} does not exist or is not attachable.", 404)


def _put_user_permissions_boundary(response: IamResponse) -> EmptyResult:
    user, boundary = response.backend.get_user(response._get_param("UserName")), response._get_param("PermissionsBoundary")
    _check_boundary(response.backend, boundary)
    user.permissions_boundary_arn = boundary
    return EmptyResult()


def _delete_user_permissions_boundary(response: IamResponse) -> EmptyResult:
    response.backend.get_user(response._get_param("UserName")).permissions_boundary_arn = None
    return EmptyResult()


#: AWSServiceName: the role's name ("Using service-linked roles" of each service); moto guesses others.
_LINKED_ROLES = {
    "autoscaling.amazonaws.com": "AWSServiceRoleForAutoScaling",
    "ecs.amazonaws.com": "AWSServiceRoleForECS",
    "elasticache.amazonaws.com": "AWSServiceRoleForElastiCache",
    "elasticloadbalancing.amazonaws.com": "AWSServiceRoleForElasticLoadBalancing",
    "events.amazonaws.com": "AWSServiceRoleForCloudWatchEvents",
    "rds.amazonaws.com": "AWSServiceRoleForRDS",
}
_LINKED_BY_AUTO_SCALING = re.compile(r"([a-z-]+)\.application-autoscaling\.amazonaws\.com")


def _create_service_linked_role(backend: IAMBackend, service_name: str, description: str, suffix: str) -> Role:
    """CreateServiceLinkedRole with AWS's own names; a second one is refused."""
    name = _LINKED_ROLES.get(service_name)
    by_auto_scaling = _LINKED_BY_AUTO_SCALING.fullmatch(service_name)
    if by_auto_scaling:
        from runbook_sandbox.aws.autoscaling.namespaces import service_linked_role

        arn = service_linked_role(by_auto_scaling[1], backend.account_id, "us-east-1")
        name = arn.rsplit("/", 1)[-1] if arn else None
    if name is None:
        if not re.fullmatch(r"[a-z0-9.-]+\.amazonaws\.com", service_name):
            raise ApiError("InvalidInput", f"Service name {service_name} is not valid.", 400)
        return _motos_create_service_linked_role(backend, service_name, description, suffix)
    if suffix:
        raise ApiError("InvalidInput", f"Custom suffix is not allowed for {service_name}", 400)
    if any(role.name == name for role in backend.roles.values()):
        message = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise ApiError("InvalidInput", message, 400)
    statement = {"Effect": "Allow", "Principal": {"Service": service_name}, "Action": "sts:AssumeRole"}
    return backend.create_role(
        name,
        json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
        f"/aws-service-role/{service_name}/",
        permissions_boundary=None,
        description=description,
        tags=[],
        max_session_duration="3600",
        linked_service=service_name,
    )


def _simulate_principal_policy(response: IamResponse) -> ActionResult:
    """SimulatePrincipalPolicy: what the sandbox's own evaluator says; statements are not named."""
    arn = response._get_param("PolicySourceArn")
    documents = list(response._get_param("PolicyInputList", []))
    boundary: list[str] | None = response._get_param("PermissionsBoundaryPolicyInputList")
    caller = identities.principal_of(arn)
    if caller is None:
        raise ApiError("NoSuchEntity", f"The entity {arn} cannot be found.", 404)
    found = identities.policies_of(caller, caller.arn.split(":")[1])
    if boundary is None and found.boundary is not None:
        boundary = [found.boundary]
    context = {
        str(entry["ContextKeyName"]).lower(): [str(value) for value in entry.get("ContextKeyValues", [])]
        for entry in response._get_param("ContextEntries", [])
    }
    results = []
    for action in response._get_param("ActionNames", []):
        for resource in response._get_param("ResourceArns") or ["*"]:
            question = Question(action, resource, context)
            effects = [judge([*found.identity, *documents], question)]
            if boundary is not None:
                effects.append(judge(boundary, question))
            decision = "explicitDeny" if Effect.DENY in effects else "implicitDeny" if Effect.NONE in effects else "allowed"
            results.append({"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": decision})
    return ActionResult({"EvaluationResults": results, "IsTruncated": False})


_motos_validate_policy = IAMPolicyDocumentValidator.validate
_motos_create_user = IamResponse.create_user
_motos_create_role = IAMBackend.create_role
_motos_create_service_linked_role = IAMBackend.create_service_linked_role


def install() -> None:
    """Idempotent."""
    IAMBackend.create_service_linked_role = _create_service_linked_role
    IAMBackend.create_role = _create_role
    IAMBackend.update_assume_role_policy = _update_assume_role_policy
    IAMBackend.get_role = _get_role
    IAMBackend.get_group = _get_group
    IAMBackend.get_role_policy = _get_role_policy
    IAMBackend._init_managed_policies = _init_managed_policies
    for name in ("attach_role_policy", "attach_user_policy", "attach_group_policy"):
        method = getattr(IAMBackend, name)
        if not getattr(method, "named_first", False):
            setattr(IAMBackend, name, _named_first(method))
    IamResponse.simulate_principal_policy = _simulate_principal_policy
    IAMPolicyDocumentValidator.validate = _validate_identity_policy
    IamResponse.create_user = _create_user
    IamResponse.put_user_permissions_boundary = _put_user_permissions_boundary
    IamResponse.delete_user_permissions_boundary = _delete_user_permissions_boundary
