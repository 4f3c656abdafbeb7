"""Pages with opaque tokens, over keys that stay sorted while things come and go.

A token names the last key of its page, not a position, so a page read between two deletions loses nothing. It also
carries the query it belongs to: AWS refuses a token sent with other filters.
"""

from __future__ import annotations

import base64
import binascii
import json
from bisect import bisect_right, insort
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

Item = TypeVar("Item")


class BadToken(ValueError):
    """A token that this service never gave out, or not for this query."""


class SortedKeys:
    """Distinct strings in order."""

    def __init__(self) -> None:
        self._keys: list[str] = []
        self._known: set[str] = set()

    def add(self, key: str) -> None:
        if key not in self._known:
            self._known.add(key)
            insort(self._keys, key)

    def discard(self, key: str) -> None:
        if key in self._known:
            self._known.remove(key)
            del self._keys[bisect_right(self._keys, key) - 1]

    def after(self, key: str | None) -> Iterable[str]:
        """The keys greater than `key`, all of them for None."""
        for index in range(0 if key is None else bisect_right(self._keys, key), len(self._keys)):
            yield self._keys[index]

    def __len__(self) -> int:
        return len(self._keys)


def encode(query: str, last: str) -> str:
    """The token after `last` in the answer to `query`."""
    return base64.urlsafe_b64encode(json.dumps([query, last]).encode()).decode()


def decode(query: str, token: str | None) -> str | None:
    """The last key of the page before; None at the beginning. Raises `BadToken`."""
    if not token:
        return None
    try:
        made_for, last = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError, TypeError) as error:
        raise BadToken(token) from error
    if made_for != query or not isinstance(last, str):
        raise BadToken(token)
    return last


def page(
    query: str, keys: SortedKeys | Sequence[str], token: str | None, size: int, find: Callable[[str], Item | None]
) -> tuple[list[Item], str | None]:
    """Up to `size` items after `token`, in the order of `keys`; `find` gives a key's item, or None to leave it out."""
    last = decode(query, token)
    if isinstance(keys, SortedKeys):
        rest: Iterable[str] = keys.after(last)
    else:
        rest = sorted(key for key in keys if last is None or key > last)
    items: list[Item] = []
    at = ""
    for key in rest:
        item = find(key)
        if item is None:
            continue
        if len(items) == size:
            return items, encode(query, at)
        items.append(item)
        at = key
    return items, None
