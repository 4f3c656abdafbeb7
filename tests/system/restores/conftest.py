"""The application's database, a real PostgreSQL, and an operator that may connect to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from runbook_sandbox.clocked.account import Account
from runbook_sandbox.clocked.database import Database, certificate_authority
from runbook_sandbox.clocked.installation import helm, trust
from runbook_sandbox.harness import Sandbox

from restores.source import GOOD, SOURCE, create, take
from restores.workshop import QUICK, Workshop


@pytest.fixture(scope="session")
def source(operator: Sandbox, account: Account) -> Database:
    """The database with 40 users, in groups of its own, and its snapshot."""
    usual = account.control("GET", "/pace")
    account.control("PUT", "/pace", QUICK)
    database = create(account)
    take(account, GOOD)
    account.control("PUT", "/pace", {name: usual[name] for name in QUICK})
    return database


@pytest.fixture(scope="session")
def settings(operator: Sandbox, account: Account, source: Database) -> tuple[str, ...]:
    """What the chart is told where databases are the sandbox's: to connect to this host, and whose certificates to trust."""
    return trust(operator, certificate_authority(account))


@pytest.fixture(scope="session")
def trusting(operator: Sandbox, settings: tuple[str, ...]) -> Sandbox:
    """The operator, told so."""
    helm(operator, "upgrade", *settings)
    return operator


@pytest.fixture
def stranger(trusting: Sandbox, settings: tuple[str, ...]) -> Iterator[Sandbox]:
    """The same, allowed to connect and not told of the authority, for as long as the test runs."""
    helm(trusting, "upgrade", settings[0])
    yield trusting
    helm(trusting, "upgrade", *settings)


@pytest.fixture
def shop(trusting: Sandbox, place) -> Iterator[Workshop]:
    """A place whose namespace may back up and restore the database; what it made in RDS goes with it."""
    usual = place.account.control("GET", "/pace")
    place.account.control("PUT", "/pace", QUICK)
    made = Workshop(place, SOURCE)
    made.grant_it("snapshot", "deleteSnapshot", "restore")
    made.allow()
    yield made
    place.account.control("DELETE", "/faults")
    made.clear()
    made.forbid()
    place.account.control("PUT", "/pace", {name: usual[name] for name in QUICK})
