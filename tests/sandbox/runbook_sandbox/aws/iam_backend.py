"""What moto's IAM lacks: AWS's managed policies without loading all of them, and permission boundaries of users."""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from moto.core.responses import EmptyResult
from moto.iam.models import AWSManagedPolicy, IAMBackend
from moto.iam.responses import IamResponse

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


def _put_user_permissions_boundary(response: IamResponse) -> EmptyResult:
    user = response.backend.get_user(response._get_param("UserName"))
    user.permissions_boundary_arn = response._get_param("PermissionsBoundary")
    return EmptyResult()


def _delete_user_permissions_boundary(response: IamResponse) -> EmptyResult:
    response.backend.get_user(response._get_param("UserName")).permissions_boundary_arn = None
    return EmptyResult()


def install() -> None:
    """Idempotent."""
    IAMBackend._init_managed_policies = _init_managed_policies
    for name in ("attach_role_policy", "attach_user_policy", "attach_group_policy"):
        method = getattr(IAMBackend, name)
        if not getattr(method, "named_first", False):
            setattr(IAMBackend, name, _named_first(method))
    IamResponse.put_user_permissions_boundary = _put_user_permissions_boundary
    IamResponse.delete_user_permissions_boundary = _delete_user_permissions_boundary
