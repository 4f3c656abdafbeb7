"""Permissions that a service asks for besides the operation's own, while it answers a request."""

from __future__ import annotations

from runbook_sandbox.aws import context
from runbook_sandbox.aws.iam import evaluate
from runbook_sandbox.aws.iam.enforcement import enforcement


def refusal(action: str, resource: str, keys: dict[str, str | list[str]]) -> str | None:
    """Why the caller of the request being handled may not do `action`; None when it may, or IAM is not enforced.

    `keys` are condition keys besides the request's own.
    """
    request = context.current.get()
    if request is None or not enforcement.enabled:
        return None
    found = evaluate.context_of(request)
    found |= {name.lower(): [value] if isinstance(value, str) else value for name, value in keys.items()}
    denial = evaluate.check_one(request.caller, action, resource, found, request.partition)
    return denial.message if denial else None
