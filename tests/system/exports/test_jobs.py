"""A DatabaseBackup with `export` on a whole sandbox: the operator makes the Job, Kubernetes runs it, and its word is told."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from places import Place
from runbook_sandbox.clocked.account import ACCOUNT, OPERATOR_USER, REGION, Account
from runbook_sandbox.clocked.database import Database, certificate_authority
from runbook_sandbox.clocked.installation import CHART, NAMESPACE, RELEASE, condition, until
from runbook_sandbox.harness import Sandbox
from runbook_sandbox.postgres import binaries

from exports.exporter import EXPORTER, Bucket

pytestmark = pytest.mark.xdist_group("exports")
DATABASE, USABLE = "export-jobs", "ops.clocked.app/usable"


class Shop(Place):
    """A namespace that may export one database into one bucket."""

    def __init__(self, place: Place, database: Database, bucket: Bucket) -> None:
        super().__init__(place.client, place.account, place.name)
        self.database, self.bucket = database, bucket

    def grant_it(self, *resources: str) -> None:
        """Creates or changes the AwsAccount: the verb export on these."""
        self.grant(grants=[{"namespaces": [self.namespace], "verbs": ["export"], "resources": list(resources)}])

    def prepare(self) -> None:
        """What people make before they export: a Secret, a ServiceAccount, and here the sandbox's authority."""
        meta = {"namespace": self.namespace}
        secret = {"username": self.database.user, "password": self.database.password, "dbname": self.database.name}
        authority = {"ca.crt": certificate_authority(self.account).read_text()}
        core = {"apiVersion": "v1"}
        self.client.apply(
            core | {"kind": "Secret", "metadata": meta | {"name": "connection", "labels": {USABLE: "true"}}, "stringData": secret},
            core | {"kind": "Secret", "metadata": meta | {"name": "unlabelled"}, "stringData": secret},
            core | {"kind": "ServiceAccount", "metadata": meta | {"name": "exporter"}},
            core | {"kind": "ConfigMap", "metadata": meta | {"name": "authority"}, "data": authority},
        )

    def export(self, name: str, **changes: Any) -> None:
        """Applies an export of two tables."""
        export = {
            "source": "Primary",
            "tables": ["users", "sessions"],
            "connection": {"secretRef": {"name": "connection"}, "caConfigMapRef": {"name": "authority"}},
            "serviceAccountName": "exporter",
            "s3": {"bucket": self.bucket.name, "prefix": "database/"},
        }
        spec = {"accountRef": {"name": self.name}, "source": {"rdsInstance": DATABASE}, "export": export | changes}
        metadata = {"name": name, "namespace": self.namespace}
        self.client.apply({"apiVersion": "ops.clocked.app/v1alpha1", "kind": "DatabaseBackup", "metadata": metadata, "spec": spec})

    def show(self, name: str) -> dict[str, Any]:
        return self.client.get("databasebackup", name, f"--namespace={self.namespace}")

    def until(self, name: str, kind: str, reason: str | None = None) -> dict[str, Any]:
        """Waits for a condition, with a reason if that is given."""

        def holds(found: dict[str, Any]) -> bool:
            said = condition(found, kind)
            return said.get("status") == "True" and reason in (None, said["reason"])

        return until(f"{name} is {kind}", lambda: self.show(name), holds, 120)

    def jobs(self) -> list[dict[str, Any]]:
        return self.client.get("jobs", f"--namespace={self.namespace}")["items"]


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


def test_an_export_is_made_by_a_job_and_told(shop: Shop):
    shop.export("good")
    found = shop.until("good", "Complete")
    told = found["status"]["export"]
    assert (told["tables"], told["rows"]) == (2, 40 + 120)
    key = told["location"].removeprefix(f"s3://{shop.bucket.name}/")
    manifest = json.loads(shop.bucket.read(f"{key}.manifest.json"))
    assert manifest["owner"] == f"sandbox/{shop.namespace}/databasebackups/good"
    assert manifest["object"]["sha256"] == told["sha256"]
    (job,) = shop.jobs()
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("DatabaseBackup", found["metadata"]["uid"])
    assert shop.database.password not in json.dumps(job)


def test_what_is_wrong_is_told(shop: Shop):
    shop.export("unlabelled", connection={"secretRef": {"name": "unlabelled"}})
    shop.until("unlabelled", "Stalled", "SecretNotUsable")
    shop.export("missing", connection={"secretRef": {"name": "missing"}})
    shop.until("missing", "Stalled", "SecretNotFound")
    shop.export("elsewhere", s3={"bucket": shop.bucket.name, "prefix": "elsewhere/"})
    shop.until("elsewhere", "Stalled", "NotGranted")
    assert shop.jobs() == []
    shop.export("table", tables=["no_such"])
    failed = shop.until("table", "Failed", "TableNotFound")
    assert "no_such" in condition(failed, "Failed")["message"]
    # What does not pass by itself is tried once.
    (job,) = shop.jobs()
    assert job["status"]["failed"] == 1
    # Once it may be used, it is.
    shop.client.kubectl("label", "secret", "unlabelled", f"{USABLE}=true", f"--namespace={shop.namespace}")
    shop.until("unlabelled", "Failed", "TlsFailed")
