"""The data directory that every new database begins as: made once a machine, then copied.

Roles as on RDS (Amazon RDS User Guide, "Understanding PostgreSQL roles and permissions"): ``rdsadmin`` is the superuser, the
master user is a member of ``rds_superuser``, which is none.
"""

from __future__ import annotations

import fcntl
import hashlib
import shutil
from pathlib import Path

import psycopg
from psycopg import sql

from runbook_sandbox.postgres.binaries import Binaries
from runbook_sandbox.postgres.owner import Owner
from runbook_sandbox.postgres.server import ADMINISTRATOR, Place, Server, run

_INITDB = (
    f"--username={ADMINISTRATOR}",
    "--auth=reject",
    "--encoding=UTF8",
    "--locale=C.UTF-8",
    "--data-checksums",
    # Small segments: an empty database is copied in a moment.
    "--wal-segsize=1",
    "--no-sync",
)
_ROLES = (
    "CREATE ROLE rds_superuser NOLOGIN",
    "CREATE ROLE rds_replication NOLOGIN",
    "CREATE ROLE rds_password NOLOGIN",
    "CREATE ROLE rds_iam NOLOGIN",
    "CREATE ROLE rds_ad NOLOGIN",
    "GRANT pg_monitor, pg_signal_backend, rds_replication, rds_password TO rds_superuser WITH ADMIN OPTION",
    f"CREATE DATABASE {ADMINISTRATOR}",
)
#: Of PostgreSQL 15 and newer.
_ROLES_15 = ("GRANT pg_checkpoint TO rds_superuser WITH ADMIN OPTION",)


def ensure(binaries: Binaries, owner: Owner, cache: Path) -> Path:
    """The template of these programs, made if ``cache`` has none. Safe to call from several processes."""
    version = binaries.version()
    parts = repr((version, str(binaries.directory), owner, _INITDB, _ROLES, _ROLES_15))
    template = cache / f"template-{version}-{hashlib.sha256(parts.encode()).hexdigest()[:12]}"
    if template.exists():
        return template
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not template.exists():
            partial = template.with_name(f".{template.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(mode=0o700)
            owner.give([partial])
            sockets = owner.temporary()
            try:
                _make(Place(binaries, owner, None, sockets), partial)
            finally:
                shutil.rmtree(sockets)
            (partial / "data").replace(template)
            shutil.rmtree(partial)
    return template


def _make(place: Place, directory: Path) -> None:
    run(place, [place.binaries["initdb"], f"--pgdata={directory / 'data'}", *_INITDB], directory)
    server = Server(place, directory, "template")
    server.start()
    try:
        with server.administrator() as connection:
            for statement in (*_ROLES, *(_ROLES_15 if connection.info.server_version >= 150000 else ())):
                connection.execute(statement)
    finally:
        server.stop()


def create_master(connection: psycopg.Connection, user: str, password: str, database: str | None) -> None:
    """The master user and the first database, on a server that has none."""
    master = sql.Identifier(user)
    verifier = _verifier(connection, user, password)
    options = sql.SQL("LOGIN CREATEDB CREATEROLE PASSWORD {} VALID UNTIL 'infinity' IN ROLE rds_superuser").format(verifier)
    connection.execute(sql.SQL("CREATE ROLE {} ").format(master) + options)
    connection.execute(sql.SQL("ALTER DATABASE postgres OWNER TO {}").format(master))
    if database and database != "postgres":
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), master))


def set_password(connection: psycopg.Connection, user: str, password: str) -> None:
    """A new password of the master user; connections that it has stay."""
    verifier = _verifier(connection, user, password)
    connection.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(user), verifier))


def _verifier(connection: psycopg.Connection, user: str, password: str) -> sql.Literal:
    # As psql's \\password does: the password itself gets into no log.
    return sql.Literal(connection.pgconn.encrypt_password(password.encode(), user.encode(), b"scram-sha-256").decode())
