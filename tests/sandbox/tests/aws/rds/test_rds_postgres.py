"""A real PostgreSQL behind instances, where the control API was asked for one."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from runbook_sandbox.clocked.database import Database, certificate_authority
from runbook_sandbox.kubernetes.certificates import Authority
from runbook_sandbox.postgres.server import Server
from runbook_sandbox.processes import ProcessError, wait_until


def _snapshot(aws, account, identifier: str = "clocked-db", name: str = "snap") -> None:
    account.rds.create_db_snapshot(DBInstanceIdentifier=identifier, DBSnapshotIdentifier=name)
    aws.clock.advance(30)


def _restore(aws, account, snapshot: str = "snap", identifier: str = "again") -> Database:
    account.rds.restore_db_instance_from_db_snapshot(DBInstanceIdentifier=identifier, DBSnapshotIdentifier=snapshot)
    aws.clock.advance(30)
    return Database(account, identifier)


def test_an_instance_that_is_available_takes_connections(aws, account):
    made = Database(account)
    made.create()
    assert "Endpoint" not in made.show()
    aws.clock.advance(30)
    assert made.show()["DBInstanceStatus"] == "available"
    assert made.show()["Endpoint"]["Address"] == "localhost"
    assert made.query("SELECT current_user, current_database()") == [("clocked", "clocked")]
    assert made.query("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()") == [(True,)]


def test_the_rest_has_no_server(aws, account, instance):
    """Nobody pays for what was not asked for."""
    assert instance()["Endpoint"]["Address"].endswith(".rds.amazonaws.com")
    assert account.control("GET", "/rds/postgres")["instances"] == []
    account.control("PUT", "/rds/postgres", {"enabled": True})
    assert instance("mine", Engine="mysql")["Endpoint"]["Port"] == 3306
    assert instance("all")["Endpoint"]["Address"] == "localhost"
    assert account.control("GET", "/rds/postgres")["instances"] == ["all"]


def test_a_snapshot_holds_what_was_there_when_it_was_taken(aws, account, database):
    made = database()
    made.fill(users=40)
    _snapshot(aws, account)
    made.query("DELETE FROM users WHERE id <= 10")
    restored = _restore(aws, account)
    assert made.query("SELECT count(*) FROM users") == [(30,)]
    assert restored.query("SELECT count(*) FROM users") == [(40,)]
    assert restored.query("SELECT count(*) FROM group_members") == [(30,)]
    assert restored.query("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == [(40,)]
    restored.query("TRUNCATE users CASCADE")
    assert made.query("SELECT count(*) FROM users") == [(30,)]


def test_a_restored_instance_has_the_old_password_until_it_is_reset(aws, account, database):
    """ModifyDBInstance, MasterUserPassword: "Changing this parameter ... is asynchronously applied as soon as possible"."""
    database()
    _snapshot(aws, account)
    old = _restore(aws, account)
    new = Database(account, "again", password="another-word")
    account.rds.modify_db_instance(DBInstanceIdentifier="again", MasterUserPassword="another-word")
    assert old.show()["PendingModifiedValues"] == {"MasterUserPassword": "****"}
    aws.clock.advance(0.1)
    assert old.show()["DBInstanceStatus"] == "resetting-master-credentials"
    assert old.query("SELECT 1") == [(1,)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        new.query("SELECT 1")
    aws.clock.advance(30)
    assert new.query("SELECT 1") == [(1,)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        old.query("SELECT 1")


def test_only_encrypted_connections_of_a_verified_host(aws, account, database, tmp_path):
    """User Guide, "Requiring an SSL connection to a PostgreSQL DB instance": rds.force_ssl is 1 by default."""
    made = database()
    with pytest.raises(psycopg.OperationalError, match="no encryption"):
        made.connect(sslmode="disable")
    made.connect(host="127.0.0.1").close()
    another = Authority(tmp_path).certificate
    with pytest.raises(psycopg.OperationalError, match="certificate verify failed"):
        made.connect(sslrootcert=str(another))
    assert certificate_authority(account).read_text().startswith("-----BEGIN CERTIFICATE-----")


def test_the_master_user_is_no_superuser(aws, account, database):
    """User Guide, "Understanding the rds_superuser role"."""
    made = database()
    assert made.query("SELECT rolsuper, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles WHERE rolname = 'clocked'") == [
        (False, True, True, False)
    ]
    assert made.query("SELECT pg_has_role('rds_superuser', 'MEMBER'), pg_has_role('pg_monitor', 'MEMBER')") == [(True, True)]
    made.query("CREATE ROLE reporting LOGIN PASSWORD 'reporting-word'")
    made.query("GRANT USAGE ON SCHEMA public TO reporting")
    assert Database(account, user="reporting", password="reporting-word").query("SELECT 1") == [(1,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        made.query("COPY (SELECT 1) TO PROGRAM 'cat'")
    with pytest.raises(psycopg.OperationalError, match="rejects connection"):
        made.connect(user="rdsadmin")
    with pytest.raises(psycopg.OperationalError, match="rejects connection"):
        made.connect(dbname="rdsadmin")


def test_stop_start_and_reboot(aws, account, database):
    made = database()
    made.fill()
    endpoint = made.show()["Endpoint"]
    connection = made.connect()
    account.rds.reboot_db_instance(DBInstanceIdentifier="clocked-db")
    aws.clock.advance(30)
    with pytest.raises(psycopg.OperationalError):
        connection.execute("SELECT 1")
    assert made.query("SELECT count(*) FROM users") == [(40,)]
    account.rds.stop_db_instance(DBInstanceIdentifier="clocked-db", DBSnapshotIdentifier="before")
    aws.clock.advance(30)
    assert made.show()["DBInstanceStatus"] == "stopped"
    with pytest.raises(psycopg.OperationalError, match="refused"):
        made.query("SELECT 1")
    assert _restore(aws, account, "before").query("SELECT count(*) FROM users") == [(40,)]
    account.rds.start_db_instance(DBInstanceIdentifier="clocked-db")
    aws.clock.advance(30)
    assert made.show()["Endpoint"] == endpoint
    assert made.query("SELECT count(*) FROM users") == [(40,)]


def test_a_deletion_removes_server_and_data_and_leaves_the_final_snapshot(aws, account, database):
    made = database()
    made.fill()
    endpoint, root = made.show()["Endpoint"], certificate_authority(account).parents[1]
    account.rds.delete_db_instance(DBInstanceIdentifier="clocked-db", FinalDBSnapshotIdentifier="final")
    aws.clock.advance(30)
    with pytest.raises(psycopg.OperationalError, match="refused"):
        made.connect_to(endpoint)
    assert [path.name for path in root.glob("clocked-db-*")] == []
    assert account.control("GET", "/rds/postgres")["snapshots"] == ["final"]
    assert _restore(aws, account, "final").query("SELECT count(*) FROM users") == [(40,)]
    account.rds.delete_db_snapshot(DBSnapshotIdentifier="final")
    account.rds.delete_db_instance(DBInstanceIdentifier="again", SkipFinalSnapshot=True)
    aws.clock.advance(30)
    wait_until(lambda: not list(root.glob("*-*")), 60, "all data to be removed")


def test_a_copy_outlives_its_source(aws, account, database):
    database().fill()
    _snapshot(aws, account)
    account.rds.copy_db_snapshot(SourceDBSnapshotIdentifier="snap", TargetDBSnapshotIdentifier="copy")
    aws.clock.advance(30)
    account.rds.delete_db_snapshot(DBSnapshotIdentifier="snap")
    assert _restore(aws, account, "copy").query("SELECT count(*) FROM users") == [(40,)]


def test_to_a_point_in_time(aws, account, database):
    """The latest is what the instance holds at the call; another time is the newest backup before it."""
    made = database(BackupRetentionPeriod=7)
    made.fill(users=10)
    _snapshot(aws, account)
    taken = made.account.rds.describe_db_snapshots(DBSnapshotIdentifier="snap")["DBSnapshots"][0]["SnapshotCreateTime"]
    made.query("DELETE FROM users")
    aws.clock.advance(3600)

    def restore(identifier: str, **when) -> Database:
        account.rds.restore_db_instance_to_point_in_time(
            SourceDBInstanceIdentifier="clocked-db", TargetDBInstanceIdentifier=identifier, **when
        )
        aws.clock.advance(30)
        return Database(account, identifier)

    assert restore("latest", UseLatestRestorableTime=True).query("SELECT count(*) FROM users") == [(0,)]
    assert restore("then", RestoreTime=taken + timedelta(minutes=1)).query("SELECT count(*) FROM users") == [(10,)]


def test_a_retained_backup_is_restored(aws, account, database):
    """DeleteDBInstance, DeleteAutomatedBackups=false: what the newest automated backup holds can be had until it expires."""
    made = database(BackupRetentionPeriod=3)
    resource = made.show()["DbiResourceId"]
    made.fill(users=10)
    aws.clock.advance(86400)
    account.rds.delete_db_instance(DBInstanceIdentifier="clocked-db", SkipFinalSnapshot=True, DeleteAutomatedBackups=False)
    aws.clock.advance(30)
    account.rds.restore_db_instance_to_point_in_time(
        SourceDbiResourceId=resource, TargetDBInstanceIdentifier="again", UseLatestRestorableTime=True
    )
    aws.clock.advance(30)
    assert Database(account, "again").query("SELECT count(*) FROM users") == [(10,)]
    aws.clock.advance(4 * 86400)
    assert not [name for name in account.control("GET", "/rds/postgres")["snapshots"] if name.startswith("rds:clocked-db-")]


def test_a_server_that_does_not_start_is_a_failed_instance(aws, account, database, monkeypatch):
    """Also it can be deleted."""
    monkeypatch.setattr(Server, "start", lambda self: (_ for _ in ()).throw(ProcessError("no")))
    aws.internal_errors_expected = True
    made = database()
    assert made.show()["DBInstanceStatus"] == "failed"
    account.rds.delete_db_instance(DBInstanceIdentifier="clocked-db", SkipFinalSnapshot=True)
    aws.clock.advance(30)
    assert account.rds.describe_db_instances()["DBInstances"] == []


def test_a_reset_ends_everything(aws, account, database):
    made = database()
    endpoint, root = made.show()["Endpoint"], certificate_authority(account).parents[1]
    _snapshot(aws, account)
    aws.reset()
    assert list(root.glob("*-*")) == []
    with pytest.raises(psycopg.OperationalError, match="refused"):
        made.connect_to(endpoint)
