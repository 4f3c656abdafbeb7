"""Metric math: the text of an expression as a tree.

Source: Amazon CloudWatch User Guide, "Using math expressions with CloudWatch metrics" (operators, functions, precedence).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<text>'[^']*'|\"[^\"]*\")"
    r"|(?P<op><=|>=|==|!=|&&|\|\||[-+*/^<>()\[\],]))"
)
#: From loosest to tightest.
_LEVELS = (("||", "OR"), ("&&", "AND"), ("==", "!=", "<", "<=", ">", ">="), ("+", "-"), ("*", "/"))


class ExpressionError(ValueError):
    """An expression that is not metric math, or that the sandbox does not know."""


@dataclass(frozen=True)
class Node:
    """`kind` is number, text, name, list, call, unary or binary; `value` the number, name or operator."""

    kind: str
    value: str | float
    children: tuple[Node, ...] = ()


def parse(text: str) -> Node:
    """Raises ExpressionError, saying where."""
    parser = _Parser(text)
    node = parser.level(0)
    if parser.peek() is not None:
        raise ExpressionError(f"unexpected '{parser.peek()}' in '{text}'")
    return node


def references(node: Node) -> Iterator[str]:
    """Ids of other queries that an expression uses."""
    if node.kind == "name":
        yield str(node.value)
    for child in node.children:
        yield from references(child)


def uses_all_metrics(node: Node) -> bool:
    """Whether METRICS() is in it."""
    return (node.kind == "call" and node.value == "METRICS") or any(uses_all_metrics(child) for child in node.children)


class _Parser:
    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(self._split(text))
        self._position = 0

    @staticmethod
    def _split(text: str) -> Iterator[tuple[str, str]]:
        position = 0
        while text[position:].strip():
            match = _TOKEN.match(text, position)
            if not match:
                raise ExpressionError(f"unexpected '{text[position:].strip()[0]}' in '{text}'")
            position = match.end()
            kind = match.lastgroup or ""
            yield kind, match[kind]

    def peek(self) -> str | None:
        return self._tokens[self._position][1] if self._position < len(self._tokens) else None

    def _next(self) -> tuple[str, str]:
        if self._position >= len(self._tokens):
            raise ExpressionError(f"'{self._text}' ends too early")
        token = self._tokens[self._position]
        self._position += 1
        return token

    def _expect(self, wanted: str) -> None:
        found = self._next()[1]
        if found != wanted:
            raise ExpressionError(f"expected '{wanted}' but found '{found}' in '{self._text}'")

    def level(self, depth: int) -> Node:
        if depth == len(_LEVELS):
            return self._unary()
        left = self.level(depth + 1)
        while self.peek() in _LEVELS[depth]:
            operator = {"AND": "&&", "OR": "||"}.get(self.peek() or "", self.peek() or "")
            self._next()
            left = Node("binary", operator, (left, self.level(depth + 1)))
        return left

    def _unary(self) -> Node:
        if self.peek() == "-":
            self._next()
            return Node("unary", "-", (self._unary(),))
        return self._power()

    def _power(self) -> Node:
        base = self._primary()
        if self.peek() == "^":
            self._next()
            return Node("binary", "^", (base, self._unary()))
        return base

    def _primary(self) -> Node:
        kind, value = self._next()
        if kind == "number":
            return Node("number", float(value))
        if kind == "text":
            return Node("text", value[1:-1])
        if kind == "name":
            if self.peek() == "(":
                self._next()
                return Node("call", value.upper(), self._items(")"))
            return Node("name", value)
        if value == "(":
            node = self.level(0)
            self._expect(")")
            return node
        if value == "[":
            return Node("list", "", self._items("]"))
        raise ExpressionError(f"unexpected '{value}' in '{self._text}'")

    def _items(self, end: str) -> tuple[Node, ...]:
        items: list[Node] = []
        while self.peek() != end:
            items.append(self.level(0))
            if self.peek() == ",":
                self._next()
            elif self.peek() != end:
                self._expect(end)
        self._next()
        return tuple(items)
