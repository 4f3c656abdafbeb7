"""The Condition element of a policy statement ("IAM JSON policy elements: Condition operators")."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from runbook_sandbox.aws.iam.patterns import Context, matches, matches_arn, plain, substitute

Test = Callable[[str, str], bool]


def _number(compare: Callable[[float, float], bool]) -> Test:
    def test(given: str, wanted: str) -> bool:
        try:
            return compare(float(given), float(plain(wanted)))
        except ValueError:
            return False

    return test


def _moment(text: str) -> datetime:
    try:
        return datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _date(compare: Callable[[datetime, datetime], bool]) -> Test:
    def test(given: str, wanted: str) -> bool:
        try:
            return compare(_moment(given), _moment(plain(wanted)))
        except ValueError:
            return False

    return test


def _ip(given: str, wanted: str) -> bool:
    try:
        return ipaddress.ip_address(given) in ipaddress.ip_network(plain(wanted), strict=False)
    except ValueError:
        return False


def _binary(given: str, wanted: str) -> bool:
    try:
        return base64.b64decode(given) == base64.b64decode(plain(wanted))
    except binascii.Error:
        return False


#: Operator in small letters: its test of one value, and whether it is the negation of that test.
_OPERATORS: dict[str, tuple[Test, bool]] = {
    "stringequals": (lambda given, wanted: given == plain(wanted), False),
    "stringnotequals": (lambda given, wanted: given == plain(wanted), True),
    "stringequalsignorecase": (lambda given, wanted: given.lower() == plain(wanted).lower(), False),
    "stringnotequalsignorecase": (lambda given, wanted: given.lower() == plain(wanted).lower(), True),
    "stringlike": (lambda given, wanted: matches(wanted, given), False),
    "stringnotlike": (lambda given, wanted: matches(wanted, given), True),
    "numericequals": (_number(lambda a, b: a == b), False),
    "numericnotequals": (_number(lambda a, b: a == b), True),
    "numericlessthan": (_number(lambda a, b: a < b), False),
    "numericlessthanequals": (_number(lambda a, b: a <= b), False),
    "numericgreaterthan": (_number(lambda a, b: a > b), False),
    "numericgreaterthanequals": (_number(lambda a, b: a >= b), False),
    "dateequals": (_date(lambda a, b: a == b), False),
    "datenotequals": (_date(lambda a, b: a == b), True),
    "datelessthan": (_date(lambda a, b: a < b), False),
    "datelessthanequals": (_date(lambda a, b: a <= b), False),
    "dategreaterthan": (_date(lambda a, b: a > b), False),
    "dategreaterthanequals": (_date(lambda a, b: a >= b), False),
    "bool": (lambda given, wanted: given.lower() == plain(wanted).lower(), False),
    "binaryequals": (_binary, False),
    "ipaddress": (_ip, False),
    "notipaddress": (_ip, True),
    "arnequals": (lambda given, wanted: matches_arn(wanted, given), False),
    "arnlike": (lambda given, wanted: matches_arn(wanted, given), False),
    "arnnotequals": (lambda given, wanted: matches_arn(wanted, given), True),
    "arnnotlike": (lambda given, wanted: matches_arn(wanted, given), True),
}


def listed(value: Any) -> list[str]:
    """One value or a list of them as texts, as JSON spells them."""
    values = value if isinstance(value, (list, tuple)) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in values]


def satisfied(condition: dict[str, Any] | None, context: Context) -> bool:
    """All operators and all keys must hold; the values of a key are alternatives (for negated operators: none may match)."""
    for operator, keys in (condition or {}).items():
        for key, wanted in keys.items():
            if not _holds(operator, context.get(key.lower()), listed(wanted), context):
                return False
    return True


def _holds(operator: str, given: list[str] | None, wanted: list[str], context: Context) -> bool:
    name = operator.lower()
    quantifier = ""
    if ":" in name:
        quantifier, name = name.split(":", 1)
    if_exists = name.endswith("ifexists")
    name = name.removesuffix("ifexists")
    if name == "null":
        return any((not given) == (value.lower() == "true") for value in wanted)
    if name not in _OPERATORS:
        return False  # IAM refuses to store such a policy; one that got here grants nothing
    test, negated = _OPERATORS[name]
    if not given:
        # ForAllValues is true of an empty set; a negated operator is true of a key that is absent.
        return if_exists or quantifier == "forallvalues" or (negated and quantifier != "foranyvalue")
    values = [text for text in (substitute(value, context) for value in wanted) if text is not None]
    outcomes = [any(test(one, value) for value in values) != negated for one in given]
    return any(outcomes) if quantifier == "foranyvalue" else all(outcomes)
