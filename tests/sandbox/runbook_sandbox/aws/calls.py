"""The record of every AWS call that reached the sandbox."""

from __future__ import annotations

from runbook_sandbox.aws import context


def current_caller() -> str | None:
    """ARN of the caller of the request being handled; None outside a request, as in an appointment of the clock."""
    request = context.current.get()
    return request.caller.arn if request else None
