"""Composite alarms: a rule over the states of other alarms.

Source: Amazon CloudWatch API Reference, PutCompositeAlarm (AlarmRule: ALARM(), OK(), INSUFFICIENT_DATA(), TRUE, FALSE,
AND, OR, NOT, parentheses; at most 100 children); User Guide, "Combining alarms".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from runbook_sandbox.aws.cloudwatch import errors
from runbook_sandbox.aws.cloudwatch.alarm import ALARM, OK, Alarm, StateChange
from runbook_sandbox.aws.cloudwatch.store import Store

_TOKEN = re.compile(
    r"\s*(?:(?P<paren>[()])|(?P<word>AND|OR|NOT|TRUE|FALSE)\b|(?P<state>ALARM|OK|INSUFFICIENT_DATA)\s*\(\s*"
    r"(?:\"(?P<quoted>(?:[^\"\\]|\\.)+)\"|'(?P<single>(?:[^'\\]|\\.)+)'|(?P<plain>[^()\"'\s]+))\s*\))"
)


@dataclass(frozen=True)
class Rule:
    """`kind` is state, constant, not, and, or."""

    kind: str
    value: str = ""
    name: str = ""
    children: tuple[Rule, ...] = ()


def parse(text: str) -> Rule:
    """Raises ValidationError with the place that can't be read."""
    tokens: list[tuple[str, str, str]] = []
    position = 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if not match:
            raise errors.validation(f"AlarmRule must not contain '{text[position:].strip()[:20]}': error at position {position}.")
        position = match.end()
        if match["state"]:
            name = match["quoted"] or match["single"] or match["plain"]
            tokens.append(("state", match["state"], re.sub(r"\\(.)", r"\1", name)))
        else:
            tokens.append(("token", match["paren"] or match["word"], ""))
    rule, rest = _either(tokens, 0)
    if rest != len(tokens):
        raise errors.validation(f"AlarmRule has an unexpected '{tokens[rest][1]}'.")
    if len({name for name in names(rule)}) > 100:
        raise errors.validation("AlarmRule can't name more than 100 alarms.")
    return rule


def _either(tokens: list[Any], at: int) -> tuple[Rule, int]:
    left, at = _both(tokens, at)
    while at < len(tokens) and tokens[at][1] == "OR" and tokens[at][0] == "token":
        right, at = _both(tokens, at + 1)
        left = Rule("or", children=(left, right))
    return left, at


def _both(tokens: list[Any], at: int) -> tuple[Rule, int]:
    left, at = _single(tokens, at)
    while at < len(tokens) and tokens[at][1] == "AND":
        right, at = _single(tokens, at + 1)
        left = Rule("and", children=(left, right))
    return left, at


def _single(tokens: list[Any], at: int) -> tuple[Rule, int]:
    if at >= len(tokens):
        raise errors.validation("AlarmRule ends too early.")
    kind, value, name = tokens[at]
    if kind == "state":
        return Rule("state", value, name), at + 1
    if value in ("TRUE", "FALSE"):
        return Rule("constant", value), at + 1
    if value == "NOT":
        inner, at = _single(tokens, at + 1)
        return Rule("not", children=(inner,)), at
    if value == "(":
        inner, at = _either(tokens, at + 1)
        if at >= len(tokens) or tokens[at][1] != ")":
            raise errors.validation("AlarmRule lacks a closing parenthesis.")
        return inner, at + 1
    raise errors.validation(f"AlarmRule has an unexpected '{value}'.")


def names(rule: Rule) -> Iterator[str]:
    """The alarms that a rule names, as written: names or ARNs."""
    if rule.kind == "state":
        yield rule.name
    for child in rule.children:
        yield from names(child)


def child(store: Store, name: str) -> Alarm | None:
    """An alarm by name or ARN."""
    return store.alarms.get(name.split(":alarm:", 1)[1] if name.startswith("arn:") and ":alarm:" in name else name)


def parents(store: Store, name: str) -> list[str]:
    """The composite alarms whose rules name this alarm, in order of name."""
    found = store.alarms.get(name)
    return [
        parent
        for parent in sorted(store.composites)
        if any(child(store, wanted) is found for wanted in names(parse(store.alarms[parent].rule or "FALSE")))
    ]


def holds(rule: Rule, store: Store) -> bool:
    """Whether the rule is true now. An alarm that was deleted is in no state."""
    match rule.kind:
        case "constant":
            return rule.value == "TRUE"
        case "state":
            found = child(store, rule.name)
            return found is not None and found.state == rule.value
        case "not":
            return not holds(rule.children[0], store)
        case "and":
            return all(holds(item, store) for item in rule.children)
        case _:
            return any(holds(item, store) for item in rule.children)


def check_children(rule: Rule, store: Store, name: str) -> None:
    """Raises ValidationError on an alarm that does not exist, or a rule that leads back to this alarm."""
    for wanted in names(rule):
        found = child(store, wanted)
        if found is None:
            raise errors.validation(f"AlarmRule names an alarm that does not exist: {wanted}.")
        if found.name == name or (found.rule and name in _descendants(found)):
            raise errors.validation(f"AlarmRule of {name} leads back to itself through {wanted}.")


def _descendants(alarm: Alarm) -> set[str]:
    found: set[str] = set()
    for wanted in names(parse(alarm.rule or "TRUE")):
        item = child(alarm.store, wanted)
        if item is not None and item.name not in found:
            found.add(item.name)
            if item.rule:
                found |= _descendants(item)
    return found


def evaluate(alarm: Alarm, cause: StateChange | None = None) -> None:
    """ALARM when the rule holds, OK otherwise."""
    state = ALARM if holds(parse(alarm.rule or "FALSE"), alarm.store) else OK
    if state == alarm.state:
        return
    if cause is None:
        reason, data = f"{alarm.alarm_arn} was created and its alarm rule evaluates to {state}", None
    else:
        when = f"{cause.alarm.state_updated:%A %d %B, %Y %H:%M:%S UTC}"
        reason = f"{cause.alarm.alarm_arn} transitioned to {cause.state} at {when}"
        trigger = {
            "arn": cause.alarm.alarm_arn,
            "state": {"value": cause.state, "timestamp": cause.alarm.state_updated.strftime("%Y-%m-%dT%H:%M:%S.000+0000")},
        }
        data = {"triggeringAlarms": [trigger]}
    alarm.set_state(state, reason, data)


def react(change: StateChange) -> None:
    """Evaluate the composite alarms that name the one that changed."""
    store = change.alarm.store
    for name in parents(store, change.alarm.name):
        evaluate(store.alarms[name], change)
