"""A running RDS for its tests, and short ways to an instance, a snapshot, a refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runbook_sandbox.aws.rds import hosting
from runbook_sandbox.clocked.account import Account
from runbook_sandbox.clocked.database import Database
from runbook_sandbox.postgres import binaries

PASSWORD = "correct-horse-battery"
INSTANCE = {
    "DBInstanceIdentifier": "app",
    "DBInstanceClass": "db.t4g.micro",
    "Engine": "postgres",
    "AllocatedStorage": 20,
    "MasterUsername": "clocked",
    "MasterUserPassword": PASSWORD,
}


@pytest.fixture(autouse=True)
def wednesday_noon(aws) -> None:
    """Every test begins at the same point of the week, far from the windows that RDS chooses by default."""
    now = aws.clock.now()
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    noon = midnight + timedelta(days=(2 - now.weekday()) % 7, hours=12)
    aws.clock.advance(((noon if noon > now else noon + timedelta(days=7)) - now).total_seconds())


@pytest.fixture
def rds(aws) -> Any:
    """The RDS client of the home region."""
    return aws.client("rds")


@pytest.fixture
def refused() -> Callable[..., Any]:
    """`with refused("Code", "words of the message"):` the call inside fails so, and not otherwise."""

    @contextmanager
    def expect(code: str, *words: str) -> Iterator[None]:
        with pytest.raises(ClientError) as raised:
            yield
        error = raised.value.response["Error"]
        assert error["Code"] == code, error
        for word in words:
            assert word in error["Message"], error

    return expect


@pytest.fixture
def instance(aws, rds) -> Callable[..., dict[str, Any]]:
    """Create an instance and let it become available."""

    def create(identifier: str = "app", client: Any = None, **more: Any) -> dict[str, Any]:
        client = client or rds
        client.create_db_instance(**(INSTANCE | {"DBInstanceIdentifier": identifier} | more))
        aws.clock.advance(30)
        return client.describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]

    return create


@pytest.fixture
def snapshot(aws, rds) -> Callable[..., dict[str, Any]]:
    """Take a manual snapshot and let it become available."""

    def take(of: str = "app", identifier: str = "snap", client: Any = None, **more: Any) -> dict[str, Any]:
        client = client or rds
        client.create_db_snapshot(DBInstanceIdentifier=of, DBSnapshotIdentifier=identifier, **more)
        aws.clock.advance(30)
        return client.describe_db_snapshots(DBSnapshotIdentifier=identifier)["DBSnapshots"][0]

    return take


@pytest.fixture
def show(rds) -> Callable[..., dict[str, Any]]:
    """An instance as it is now."""
    return lambda identifier="app", client=None: (client or rds).describe_db_instances(DBInstanceIdentifier=identifier)["DBInstances"][0]


@pytest.fixture(scope="session")
def _installed() -> Iterator[None]:
    """PostgreSQL, and no server left when the session ends."""
    binaries.ensure()
    yield
    hosting.close()


@pytest.fixture
def account(aws, _installed) -> Iterator[Account]:
    """The account, where PostgreSQL is at hand."""
    yield Account(aws.endpoint)
    aws.reset()


@pytest.fixture
def database(aws, account) -> Callable[..., Database]:
    """Create an instance with a server, and let it become available; without backups, which take their time."""

    def create(identifier: str = "clocked-db", **settings) -> Database:
        made = Database(account, identifier)
        made.create(**({"BackupRetentionPeriod": 0} | settings))
        aws.clock.advance(30)
        return made

    return create
