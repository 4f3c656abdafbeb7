"""Faults at the wire, on demand and by seed.

A rule says which calls it is for, what happens to them, and whether before the operation is carried out or after it
(the effect is there and the answer is not). Whether a rule fires depends only on its seed and on how many calls have
matched it, so the same calls in the same order meet the same faults.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

KINDS = ("throttle", "error500", "error503", "timeout", "reset", "slow", "access_denied", "expired_token", "custom")
#: Wall-clock seconds that a `timeout` holds the line and a `slow` answer takes, unless the rule says otherwise.
DEFAULT_DELAY = {"timeout": 30.0, "slow": 2.0}
_FIELDS = {
    "service", "operation", "resource", "account", "region", "kind", "kinds", "when", "count", "skip",
    "probability", "rate", "seed", "delay", "code", "message", "status",
}  # fmt: skip


@dataclass(frozen=True)
class Fault:
    """What happens to one call."""

    kind: str
    when: str
    delay: float = 0.0
    code: str = ""
    message: str = ""
    status: int = 400
    rule_id: int = 0

    @property
    def name(self) -> str:
        return f"{self.kind}@{self.when}"


@dataclass
class Rule:
    """`kinds` are `kind` or `kind@after`; one of them is drawn by seed when there are several."""

    rule_id: int
    service: str = "*"
    operation: str = "*"
    resource: str = "*"
    account: str = "*"
    region: str = "*"
    kinds: list[str] = field(default_factory=list)
    when: str = "before"
    count: int | None = None
    skip: int = 0
    probability: float = 1.0
    seed: int = 0
    delay: float | None = None
    code: str = ""
    message: str = "Made by a fault rule of the sandbox."
    status: int = 400
    matched: int = 0
    fired: int = 0

    def meets(self, service: str, operation: str, resources: list[str], account: str, region: str) -> Fault | None:
        """The fault for a call, None when the rule is not for it, is used up, or the seed spares it."""
        if not (
            fnmatchcase(service, self.service)
            and fnmatchcase(operation, self.operation)
            and fnmatchcase(account, self.account)
            and fnmatchcase(region, self.region)
            and any(fnmatchcase(resource, self.resource) for resource in (resources or ["*"]))
        ):
            return None
        self.matched += 1
        if self.matched <= self.skip or (self.count is not None and self.fired >= self.count):
            return None
        # A generator for each call: what one call draws does not move the next one's luck.
        luck = random.Random(f"{self.seed}:{self.matched}")
        if luck.random() >= self.probability:
            return None
        self.fired += 1
        kind, _, when = luck.choice(self.kinds).partition("@")
        delay = self.delay if self.delay is not None else DEFAULT_DELAY.get(kind, 0.0)
        return Fault(kind, when or self.when, delay, self.code, self.message, self.status, self.rule_id)

    def as_dict(self) -> dict[str, Any]:
        return {"id": self.rule_id, **{name: value for name, value in self.__dict__.items() if name != "rule_id"}}


class Faults:
    """The rules, in the order in which they were made; the first that fires wins."""

    def __init__(self) -> None:
        self._rules: list[Rule] = []
        self._next_id = 1

    def add(self, values: Any) -> Rule:
        """A rule from JSON: see `Rule`; `rate` is another word for `probability`."""
        if not isinstance(values, dict):
            raise ValueError("a fault rule is a JSON object")
        unknown = set(values) - _FIELDS
        if unknown:
            raise ValueError(f"unknown in a fault rule: {', '.join(sorted(unknown))}; known are {', '.join(sorted(_FIELDS))}")
        given = dict(values)
        kinds = given.pop("kinds", None) or [given.pop("kind", None)]
        given.pop("kind", None)
        for kind in kinds:
            name, _, when = str(kind).partition("@")
            if name not in KINDS or when not in ("", "before", "after"):
                raise ValueError(f"unknown fault kind {kind!r}; known are {', '.join(KINDS)}, each also with @after")
        if "rate" in given:
            given["probability"] = given.pop("rate")
        rule = Rule(self._next_id, kinds=[str(kind) for kind in kinds], **given)
        _check(rule)
        self._next_id += 1
        self._rules.append(rule)
        return rule

    def remove(self, rule_id: int) -> bool:
        """False when there is no such rule."""
        before = len(self._rules)
        self._rules = [rule for rule in self._rules if rule.rule_id != rule_id]
        return len(self._rules) < before

    def clear(self) -> None:
        self._rules.clear()

    def decide(self, service: str, operation: str, resources: list[str], account: str, region: str) -> Fault | None:
        """What happens to this call. Every call is asked of every rule until one fires."""
        for rule in self._rules:
            fault = rule.meets(service, operation, resources, account, region)
            if fault is not None:
                return fault
        return None

    def as_list(self) -> list[dict[str, Any]]:
        return [rule.as_dict() for rule in self._rules]


def _check(rule: Rule) -> None:
    if rule.when not in ("before", "after"):
        raise ValueError('"when" must be "before" (no effect) or "after" (effect, but the answer is lost)')
    if not 0 <= rule.probability <= 1:
        raise ValueError('"probability" must be between 0 and 1')
    if rule.count is not None and (not isinstance(rule.count, int) or rule.count < 1):
        raise ValueError('"count" must be a whole number above 0; leave it out for every call')
    if any(kind.startswith("custom") for kind in rule.kinds) and not rule.code:
        raise ValueError('a "custom" fault needs "code", and may have "message" and "status"')
    if rule.delay is not None and not 0 <= rule.delay <= 600:
        raise ValueError('"delay" is wall-clock seconds between 0 and 600')


faults = Faults()
