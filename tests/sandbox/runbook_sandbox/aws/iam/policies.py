"""Policy documents and what they say of one action on one resource."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Any

from runbook_sandbox.aws.iam import conditions
from runbook_sandbox.aws.iam.patterns import Context, matches, substitute


class Effect(Enum):
    ALLOW = "Allow"
    DENY = "Deny"
    NONE = "None"


@dataclass(frozen=True)
class Question:
    """May this be done?"""

    action: str
    resource: str
    context: Context


@lru_cache(maxsize=1024)
def parse(document: str) -> tuple[dict[str, Any], ...]:
    """The statements of a policy document; a document that is no policy has none and grants nothing."""
    try:
        statements = json.loads(document).get("Statement", [])
    except (ValueError, AttributeError):
        return ()
    if isinstance(statements, dict):
        statements = [statements]
    return tuple(statement for statement in statements if isinstance(statement, dict))


def judge(documents: Iterable[str], question: Question) -> Effect:
    """An explicit Deny anywhere wins; otherwise one Allow is enough ("Policy evaluation logic")."""
    effect = Effect.NONE
    for document in documents:
        for statement in parse(document):
            if not applies(statement, question):
                continue
            if statement.get("Effect") == "Deny":
                return Effect.DENY
            if statement.get("Effect") == "Allow":
                effect = Effect.ALLOW
    return effect


def applies(statement: dict[str, Any], question: Question) -> bool:
    """Action, resource and condition of an identity policy's statement match."""
    return (
        action_matches(statement, question.action)
        and _resource_matches(statement, question)
        and conditions.satisfied(statement.get("Condition"), question.context)
    )


def action_matches(statement: dict[str, Any], action: str) -> bool:
    """Actions are compared without regard to case."""
    if "NotAction" in statement:
        return not any(matches(pattern, action, ignore_case=True) for pattern in conditions.listed(statement["NotAction"]))
    return any(matches(pattern, action, ignore_case=True) for pattern in conditions.listed(statement.get("Action", [])))


def _resource_matches(statement: dict[str, Any], question: Question) -> bool:
    negated = "NotResource" in statement
    patterns = conditions.listed(statement.get("NotResource" if negated else "Resource", []))
    found = any(
        pattern is not None and matches(pattern, question.resource)
        for pattern in (substitute(pattern, question.context) for pattern in patterns)
    )
    return found != negated
