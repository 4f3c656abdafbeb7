"""Who an access key belongs to, and which policies speak for them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.models import iam_backends
from moto.utilities.utils import get_partition

from runbook_sandbox.aws.context import Caller

ROLE_ARN = re.compile(r"arn:(aws[\w-]*):iam::(\d{12}):role/(?:.*/)?([^/]+)")
_ACCOUNT = re.compile(r"\d{12}")


class UnknownKey(Exception):
    """No user, session or account has this access key."""


def administrator(account_id: str, access_key_id: str, partition: str = "aws") -> Caller:
    """Whoever comes with a key that the sandbox never issued."""
    return Caller(
        arn=f"arn:{partition}:iam::{account_id}:user/administrator",
        account_id=account_id,
        user_id="AIDASANDBOXADMINISTRA",
        kind="administrator",
        access_key_id=access_key_id,
        name="administrator",
    )


def anonymous(access_key_id: str) -> Caller:
    """A caller who is not let in; the call counts for the default account."""
    return Caller("anonymous", DEFAULT_ACCOUNT_ID, "anonymous", "anonymous", access_key_id)


def user_of(access_key_id: str, region: str) -> Caller | None:
    """The IAM user to whom moto's IAM issued this key."""
    partition = get_partition(region)
    for account_id, account in list(iam_backends.items()):
        key = account[partition].access_keys.get(access_key_id)
        if key is None or not key.user_name:
            continue
        if key.status != "Active":
            raise UnknownKey(access_key_id)
        user = account[partition].get_user(key.user_name)
        tags = {tag["Key"]: tag["Value"] for tag in (user.tags or [])}
        return Caller(user.arn, account_id, user.id, "user", access_key_id, name=user.name, tags=tags)
    return None


def secret_of(access_key_id: str, region: str) -> str | None:
    """The secret that moto's IAM issued with this key."""
    partition = get_partition(region)
    keys = (account[partition].access_keys.get(access_key_id) for _, account in list(iam_backends.items()))
    return next((str(key.secret_access_key) for key in keys if key is not None), None)


def principal_of(arn: str) -> Caller | None:
    """The user or role of this ARN as a caller, None when there is none."""
    role = role_by_arn(arn)
    if role is not None:
        return Caller(arn, role.account_id, role.id, "role", "", name=role.name, role_arn=role.arn)
    match = re.fullmatch(r"arn:(aws[\w-]*):iam::(\d{12}):user/(?:.*/)?([^/]+)", arn)
    if match is None or match[2] not in iam_backends:
        return None
    user = iam_backends[match[2]][match[1]].users.get(match[3])
    return Caller(arn, match[2], user.id, "user", "", name=user.name) if user is not None and user.arn == arn else None


def account_of(access_key_id: str) -> str | None:
    """A key of twelve digits is an account's administrator."""
    return access_key_id if _ACCOUNT.fullmatch(access_key_id) else None


def default_account() -> str:
    return DEFAULT_ACCOUNT_ID


@dataclass
class Policies:
    """Policy documents that limit or allow a caller; None where there is no such limit."""

    identity: list[str] = field(default_factory=list)
    boundary: str | None = None
    session: list[str] | None = None


def policies_of(caller: Caller, partition: str) -> Policies:
    """Inline and managed policies of a user, their groups, or a role; boundary and session policy besides."""
    backend = iam_backends[caller.account_id][partition]
    if caller.kind == "user":
        user = backend.users.get(caller.name)
        if user is None:
            return Policies()
        holders: list[Any] = [user, *backend.get_groups_for_user(caller.name)]
        boundary = getattr(user, "permissions_boundary_arn", None) or getattr(user, "permissions_boundary", None)
    else:
        role = role_by_arn(caller.role_arn or "")
        if role is None:
            return Policies()
        holders, boundary = [role], role.permissions_boundary_arn
    documents: list[str] = []
    for holder in holders:
        documents += holder.policies.values()
        documents += [document_of(policy) for policy in holder.managed_policies.values()]
    return Policies(documents, _boundary(boundary, backend), caller.session_policies)


def _boundary(arn: Any, backend: Any) -> str | None:
    if not arn:
        return None
    policy = backend.managed_policies.get(arn if isinstance(arn, str) else arn.get("PermissionsBoundaryArn"))
    # A boundary whose policy is gone allows nothing.
    return document_of(policy) if policy else "{}"


def document_of(policy: Any) -> str:
    """The default version of a managed policy."""
    for version in policy.versions:
        if version.version_id == policy.default_version_id:
            return str(version.document)
    return "{}"


def role_by_arn(arn: str) -> Any | None:
    """moto's role, None when there is none of that ARN (path included, as IAM compares it)."""
    match = ROLE_ARN.fullmatch(arn)
    if match is None or match[2] not in iam_backends:
        return None
    for role in iam_backends[match[2]][match[1]].roles.values():
        if role.arn == arn:
            return role
    return None
