"""Wildcards and variables of IAM policies ("IAM JSON policy elements: Resource", "IAM policy elements: Variables and tags")."""

from __future__ import annotations

import re
from functools import lru_cache

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_DEFAULT = re.compile(r"^(?P<key>[^,]+?)\s*,\s*'(?P<default>[^']*)'$")

#: Request context: keys in small letters, each with its values.
Context = dict[str, list[str]]


@lru_cache(maxsize=4096)
def _compiled(pattern: str, ignore_case: bool) -> re.Pattern[str]:
    parts = []
    index = 0
    while index < len(pattern):
        char = pattern[index]
        if char == "\\" and index + 1 < len(pattern):
            parts.append(re.escape(pattern[index + 1]))
            index += 1
        elif char == "*":
            parts.append(".*")
        elif char == "?":
            parts.append(".")
        else:
            parts.append(re.escape(char))
        index += 1
    return re.compile("".join(parts), re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def matches(pattern: str, value: str, *, ignore_case: bool = False) -> bool:
    """`*` is any text and `?` any one character; a backslash takes the next character literally."""
    return _compiled(pattern, ignore_case).fullmatch(value) is not None


def matches_arn(pattern: str, value: str) -> bool:
    """As for the Arn condition operators: the six parts are compared one by one, so `*` does not cross a colon before the resource."""
    wanted, given = pattern.split(":", 5), value.split(":", 5)
    if len(wanted) != 6 or len(given) != 6:
        return pattern == "*"
    return all(matches(one, other) for one, other in zip(wanted, given, strict=True))


def substitute(text: str, context: Context) -> str | None:
    """Replace `${aws:username}` and the like; None when a variable has no value, which matches nothing.

    What is put in is taken literally: a `*` in a user's name is no wildcard.
    """
    if "${" not in text:
        return text
    unknown = False

    def value_of(match: re.Match[str]) -> str:
        nonlocal unknown
        name = match.group(1)
        if name in ("*", "?", "$"):
            return "$" if name == "$" else "\\" + name
        default = None
        with_default = _DEFAULT.match(name)
        if with_default:
            name, default = with_default["key"], with_default["default"]
        values = context.get(name.strip().lower(), [])
        value = values[0] if len(values) == 1 else default
        if value is None:
            unknown = True
            return ""
        return re.sub(r"([*?\\])", r"\\\1", value)

    replaced = _VARIABLE.sub(value_of, text)
    return None if unknown else replaced


def plain(text: str) -> str:
    """A substituted text for operators without wildcards: the backslashes that protected literals go."""
    return re.sub(r"\\(.)", r"\1", text)
