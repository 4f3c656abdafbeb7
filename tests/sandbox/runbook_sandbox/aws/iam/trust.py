"""A role's trust policy: who may assume it ("IAM JSON policy elements: Principal")."""

from __future__ import annotations

import re
from enum import Enum

from runbook_sandbox.aws.context import Caller
from runbook_sandbox.aws.iam import conditions
from runbook_sandbox.aws.iam.patterns import Context
from runbook_sandbox.aws.iam.policies import action_matches, parse


class Trust(Enum):
    """What a trust policy says of a caller."""

    NONE = "none"
    DENIED = "denied"
    #: Trusted through their account: the account must allow the action too.
    ACCOUNT = "account"
    #: Named themselves: inside one account that is permission enough.
    NAMED = "named"


def judge(document: str, action: str, caller: Caller | None, context: Context, federated: str | None = None) -> Trust:
    """The trust of `caller` (an AWS principal) or of `federated` (the ARN or name of an identity provider)."""
    trust = Trust.NONE
    for statement in parse(document):
        if not action_matches(statement, action) or not conditions.satisfied(statement.get("Condition"), context):
            continue
        found = _principal(statement, caller, federated)
        if found is Trust.NONE:
            continue
        if statement.get("Effect") == "Deny":
            return Trust.DENIED
        if statement.get("Effect") == "Allow" and trust is not Trust.NAMED:
            trust = found
    return trust


def _principal(statement: dict, caller: Caller | None, federated: str | None) -> Trust:
    if "NotPrincipal" in statement:
        found = _listed(statement["NotPrincipal"], caller, federated)
        return Trust.ACCOUNT if found is Trust.NONE else Trust.NONE
    return _listed(statement.get("Principal"), caller, federated)


def _listed(principal: object, caller: Caller | None, federated: str | None) -> Trust:
    if principal == "*":
        return Trust.ACCOUNT
    if not isinstance(principal, dict):
        return Trust.NONE
    if federated is not None:
        return Trust.NAMED if federated in conditions.listed(principal.get("Federated", [])) else Trust.NONE
    trust = Trust.NONE
    for wanted in conditions.listed(principal.get("AWS", [])):
        found = _aws(wanted, caller)
        if found is Trust.NAMED:
            return found
        if found is Trust.ACCOUNT:
            trust = found
    return trust


def _aws(wanted: str, caller: Caller | None) -> Trust:
    if caller is None:
        return Trust.NONE
    if wanted in (caller.arn, caller.role_arn):
        return Trust.NAMED
    if wanted in ("*", caller.account_id) or re.fullmatch(rf"arn:aws[\w-]*:iam::{caller.account_id}:root", wanted):
        return Trust.ACCOUNT
    return Trust.NONE
