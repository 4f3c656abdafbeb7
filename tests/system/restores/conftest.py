"""The application's database, a real PostgreSQL, and an operator that may connect to it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from runbook_sandbox.clocked.account import Account
from runbook_sandbox.clocked.database import Database, certificate_authority
from runbook_sandbox.clocked.installation import NAMESPACE, helm
from runbook_sandbox.harness import Sandbox

from restores.source import GOOD, SOURCE, create, take
from restores.workshop import QUICK, Workshop

#: What the chart is told where databases are the sandbox's: they listen on this host, under certificates of its own.
SANDBOX = ('--set-json=databases.allowedNetworks=["127.0.0.0/8","::1/128"]', "--set=databases.caConfigMap=sandbox-ca")


@pytest.fixture(scope="session")
def source(operator: Sandbox, account: Account) -> Database:
    """`clocked-db` with 40 users, in groups of its own, and its snapshot `clocked-db-good`."""
    usual = account.control("GET", "/pace")
    account.control("PUT", "/pace", QUICK)
    database = create(account)
    take(account, GOOD)
    account.control("PUT", "/pace", {name: usual[name] for name in QUICK})
    return database


@pytest.fixture(scope="session")
def trusting(operator: Sandbox, account: Account, source: Database) -> Sandbox:
    """The operator, told of the sandbox's certificate authority and allowed to connect to this host."""
    authority = certificate_authority(account).read_text()
    operator.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "sandbox-ca", "namespace": NAMESPACE},
            "data": {"ca.crt": authority},
        }
    )
    helm(operator, "upgrade", *SANDBOX)
    return operator


@pytest.fixture
def stranger(trusting: Sandbox) -> Iterator[Sandbox]:
    """The same, not told of the authority, for as long as the test runs."""
    helm(trusting, "upgrade", SANDBOX[0])
    yield trusting
    helm(trusting, "upgrade", *SANDBOX)


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
