"""A database for each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backups.database import Database


@pytest.fixture
def place(place) -> Iterator[Database]:
    """A place with a database, not yet made, which the operator is granted, and allowed, to back up."""
    usual = place.account.control("GET", "/pace")
    quotas = place.account.control("GET", "/rds/quotas")
    made = Database(place)
    made.grant_it("snapshot", "deleteSnapshot")
    made.allow()
    yield made
    made.forbid()
    place.account.control("PUT", "/rds/quotas", quotas)
    place.account.control("PUT", "/pace", usual)


@pytest.fixture
def database(place) -> Database:
    """The same, with the instance there."""
    place.create()
    return place
