"""The application's database, where a real PostgreSQL is behind the DB instance: its tables and rows, and SQL on it.

database = Database(account)
database.create()
database.available()
database.fill()
account.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier="again", DBSnapshotIdentifier=…)
restored = Database(account, "again")
restored.available()
restored.query("SELECT count(*) FROM users")
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from runbook_sandbox.clocked.account import DATABASE, Account
from runbook_sandbox.clocked.installation import until

USER, PASSWORD, NAME = "clocked", "secret-word", "clocked"
SCHEMA = """
CREATE TABLE users (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email text NOT NULL UNIQUE,
    name text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE TABLE groups (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE
);
CREATE TABLE group_members (
    group_id bigint NOT NULL REFERENCES groups ON DELETE CASCADE,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    PRIMARY KEY (group_id, user_id)
);
CREATE TABLE sessions (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id bigint NOT NULL REFERENCES users ON DELETE CASCADE,
    started_at timestamptz NOT NULL DEFAULT now(),
    ended_at timestamptz
);
"""
#: Three of four users are in a group; each has three sessions, of which the last is open.
ROWS = """
INSERT INTO users (email, name) SELECT format('user-%%s@example.com', n), format('User %%s', n) FROM generate_series(1, %(users)s) AS n;
INSERT INTO groups (name) SELECT format('Group %%s', n) FROM generate_series(1, greatest(1, %(users)s / 10)) AS n;
INSERT INTO group_members (group_id, user_id)
    SELECT 1 + users.id %% (SELECT count(*) FROM groups), users.id FROM users WHERE users.id %% 4 <> 0;
INSERT INTO sessions (user_id, started_at, ended_at)
    SELECT id, created_at - n * interval '1 hour', CASE WHEN n > 0 THEN created_at - n * interval '1 hour' + interval '20 minutes' END
    FROM users, generate_series(0, 2) AS n;
"""


class Database:
    """A DB instance of an account as somebody with its master user's credentials sees it; it need not exist yet.

    What it is asked by SQL goes to the endpoint that DescribeDBInstances shows, over TLS, and its certificate is verified.
    """

    def __init__(self, account: Account, identifier: str = DATABASE, user: str = USER, password: str = PASSWORD, name: str = NAME) -> None:
        self.account, self.identifier = account, identifier
        self.user, self.password, self.name = user, password, name

    def create(self, **settings: Any) -> None:
        """Creates the instance with a server behind it, and does not wait for it; `settings` are CreateDBInstance's."""
        self.account.control("PUT", f"/rds/instances/{self.identifier}/postgres", {"enabled": True})
        given = {"MasterUsername": self.user, "MasterUserPassword": self.password, "DBName": self.name}
        self.account.create_database(self.identifier, **(given | settings))

    def available(self, seconds: float = 60) -> None:
        """Waits until RDS says so: the server takes connections then."""
        until(f"{self.identifier} is available", self.show, lambda found: found["DBInstanceStatus"] == "available", seconds)

    def show(self) -> dict[str, Any]:
        """The instance as DescribeDBInstances shows it."""
        return self.account.database(self.identifier)

    def fill(self, users: int = 40) -> None:
        """The application's tables: `users`, `groups` (one for ten users), `group_members`, `sessions` (three of each user)."""
        with self.connect() as connection, psycopg.ClientCursor(connection) as cursor:
            cursor.execute(SCHEMA)
            cursor.execute(ROWS, {"users": users})

    def connect(self, **options: Any) -> psycopg.Connection:
        """A connection that commits when its block ends; `options` are libpq's. psycopg.OperationalError if it is refused."""
        return self.connect_to(self.show()["Endpoint"], **options)

    def connect_to(self, endpoint: dict[str, Any], **options: Any) -> psycopg.Connection:
        """The same, to an endpoint that RDS has shown before."""
        usual = self._options(endpoint) | {"password": self.password, "connect_timeout": 10}
        return psycopg.connect(**(usual | options))

    def _options(self, endpoint: dict[str, Any]) -> dict[str, Any]:
        return {
            "host": endpoint["Address"],
            "port": endpoint["Port"],
            "user": self.user,
            "dbname": self.name,
            "sslmode": "verify-full",
            "sslrootcert": str(certificate_authority(self.account)),
        }

    def command(self) -> str:
        """How a person asks it, as a command line for a shell; any server of the sandbox has the same certificate authority."""
        options = self._options(self.show()["Endpoint"])
        return f"PGPASSWORD={self.password} psql '{' '.join(f'{name}={value}' for name, value in options.items())}'"

    def query(self, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of one statement (none where it has none), on a connection of its own."""
        with self.connect() as connection:
            cursor = connection.execute(statement, parameters or None)  # type: ignore[arg-type]
            return cursor.fetchall() if cursor.description else []


def certificate_authority(account: Account) -> Path:
    """The file with the certificate that the servers' certificates are issued by. RuntimeError before any was asked for."""
    path = account.control("GET", "/rds/postgres")["certificateAuthority"]
    if path is None:
        raise RuntimeError("no DB instance with a server was asked for yet")
    return Path(path)
