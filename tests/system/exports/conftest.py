"""An AWS with S3 and a real PostgreSQL behind RDS, without a cluster: what the Job of an export meets."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from places import Place
from runbook_sandbox.clocked.account import ACCOUNT, ADMINISTRATOR, OPERATOR_USER, REGION, Account
from runbook_sandbox.clocked.database import Database
from runbook_sandbox.clocked.installation import CHART, NAMESPACE, RELEASE
from runbook_sandbox.harness import Sandbox
from runbook_sandbox.postgres import binaries
from runbook_sandbox.processes import wait_until

from exports.exporter import EXPORTER, Bucket, Exporter
from exports.exporter import program as built
from exports.shop import DATABASE, Shop

_numbers = itertools.count(1)
PACE = {"rds_create": 0.2, "rds_modify": 0.2, "rds_delete": 0.2}


@pytest.fixture(scope="session")
def program() -> str:
    """The exporter."""
    if not built().is_file():
        pytest.fail("RUNBOOK_EXPORT must name the exporter's program: `make test-system` builds it and sets it")
    return str(built())


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account of its own, in which IAM is enforced."""
    ready = tmp_path_factory.mktemp("aws") / "ready"
    server = subprocess.Popen([sys.executable, "-m", "runbook_sandbox.aws.server", "--ready-file", str(ready), "--no-throttling"])
    try:
        wait_until(lambda: ready.exists() or server.poll() is not None, 60, "the AWS sandbox")
        account = Account(ready.read_text().strip())
        account.control("PUT", "/pace", PACE)
        account.control("PUT", "/rds/postgres", {"enabled": True})
        account.control("PUT", "/iam", {"enforce": True, "administrators": [ADMINISTRATOR]})
        yield account
        assert account.control("GET", "/internal-errors")["errors"] == []
    finally:
        server.terminate()
        server.wait(30)


@pytest.fixture(scope="session")
def filled(aws: Account) -> Database:
    """The application's database with 40 users."""
    database = Database(aws, "export-source")
    database.create()
    database.available()
    database.fill()
    return database


@pytest.fixture(scope="session")
def empty_server(aws: Account) -> Database:
    """Another server, for databases that are restored into."""
    database = Database(aws, "export-target")
    database.create()
    database.available()
    return database


@pytest.fixture
def empty(empty_server: Database) -> Database:
    """An empty database."""
    made = Database(empty_server.account, empty_server.identifier, name=f"restored_{next(_numbers)}")
    with empty_server.connect(autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {made.name}")
    return made


@pytest.fixture
def bucket(aws: Account) -> Iterator[Bucket]:
    yield Bucket(aws, f"clocked-backups-{next(_numbers)}")
    aws.control("DELETE", "/faults")


@pytest.fixture
def exporter(program: str, filled: Database, bucket: Bucket, tmp_path: Path) -> Exporter:
    return Exporter(program, filled, bucket, tmp_path)


@pytest.fixture
def shop(exporting: tuple[Database, Bucket], place: Place) -> Iterator[Shop]:
    database, bucket = exporting
    made = Shop(place, database, bucket)
    made.prepare()
    made.grant_it(f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{DATABASE}", f"arn:aws:s3:::{bucket.name}/database/*")
    flags = [f"--set=exports.image={EXPORTER}", f"--set-json=exports.namespaces={json.dumps([place.namespace])}"]
    place.client.helm("upgrade", RELEASE, str(CHART), f"--namespace={NAMESPACE}", "--reuse-values", "--wait", "--timeout=3m", *flags)
    yield made
    # Whatever other tests have set stays.
    place.client.helm("rollback", RELEASE, f"--namespace={NAMESPACE}", "--wait", "--timeout=3m")


@pytest.fixture(scope="session")
def exporting(operator: Sandbox, account: Account, tmp_path_factory: pytest.TempPathFactory) -> tuple[Database, Bucket]:
    """A database, and a bucket whose user the exporter is."""
    database = Database(account, DATABASE)
    database.create()
    database.available()
    database.fill()
    bucket = Bucket(account, "clocked-jobs")
    reading = {"Effect": "Allow", "Action": "rds:DescribeDBInstances", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [reading]})
    account.client("iam").put_user_policy(UserName=OPERATOR_USER, PolicyName="exports", PolicyDocument=document)
    postgres = binaries.ensure()
    environment = {"AWS_ACCESS_KEY_ID": bucket.key[0], "AWS_SECRET_ACCESS_KEY": bucket.key[1], "AWS_ENDPOINT_URL": account.endpoint}
    environment |= postgres.environment() | {"RUNBOOK_PG_DUMP": str(postgres["pg_dump"])}
    folder = next(tmp_path_factory.getbasetemp().glob("exporter*"))
    (folder / "environment").write_text("".join(f"export {name}='{value}'\n" for name, value in environment.items()))
    return database, bucket
