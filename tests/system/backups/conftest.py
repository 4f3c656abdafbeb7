"""A database for each test, in a sandbox whose RDS does not take its time."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from backups.database import Database

QUICK = {"rds_create": 0.5, "rds_modify": 1.0, "rds_snapshot": 1.0, "rds_delete": 0.5}


@pytest.fixture
def place(place) -> Iterator[Database]:
    """A place with a database, not yet made, which the operator is granted, and allowed, to back up."""
    usual = place.account.control("GET", "/pace")
    quotas = place.account.control("GET", "/rds/quotas")
    place.account.control("PUT", "/pace", QUICK)
    made = Database(place)
    made.grant_it("snapshot", "deleteSnapshot")
    made.allow()
    yield made
    made.forbid()
    place.account.control("PUT", "/rds/quotas", quotas)
    place.account.control("PUT", "/pace", {name: usual[name] for name in QUICK})


@pytest.fixture
def database(place) -> Database:
    """The same, with the instance there."""
    place.create()
    return place
