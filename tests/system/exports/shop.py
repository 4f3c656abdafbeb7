"""A namespace that may export one database into one bucket, and what is made in it."""

from __future__ import annotations

from typing import Any

from places import Place
from runbook_sandbox.clocked.database import Database, certificate_authority
from runbook_sandbox.clocked.installation import NAMESPACE, condition, until

from exports.exporter import Bucket

DATABASE, USABLE = "export-jobs", "ops.clocked.app/usable"
GROUP = "ops.clocked.app/v1alpha1"


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
        self.secret("connection")
        self.secret("unlabelled", usable=False)
        authority = {"ca.crt": certificate_authority(self.account).read_text()}
        core = {"apiVersion": "v1"}
        self.client.apply(
            core | {"kind": "ServiceAccount", "metadata": meta | {"name": "exporter"}},
            core | {"kind": "ConfigMap", "metadata": meta | {"name": "authority"}, "data": authority},
        )

    def two_tables(self, **changes: Any) -> dict[str, Any]:
        """An export of two tables."""
        return {
            "source": "Primary",
            "tables": ["users", "sessions"],
            "connection": {"secretRef": {"name": "connection"}, "caConfigMapRef": {"name": "authority"}},
            "serviceAccountName": "exporter",
            "s3": {"bucket": self.bucket.name, "prefix": "database/"},
        } | changes

    def export(self, name: str, **changes: Any) -> None:
        """Applies an export of two tables."""
        spec = {"accountRef": {"name": self.name}, "source": {"rdsInstance": DATABASE}, "export": self.two_tables(**changes)}
        metadata = {"name": name, "namespace": self.namespace}
        self.client.apply({"apiVersion": GROUP, "kind": "DatabaseBackup", "metadata": metadata, "spec": spec})

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

    def secret(self, name: str, usable: bool = True) -> None:
        """A Secret with the database's own user."""
        labels = {"labels": {USABLE: "true"}} if usable else {}
        secret = {"username": self.database.user, "password": self.database.password, "dbname": self.database.name}
        metadata = {"name": name, "namespace": self.namespace} | labels
        self.client.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": secret})

    def schedule(self, *exports: dict[str, Any], **spec: Any) -> None:
        """Applies a BackupPolicy with these exports."""
        said = {"accountRef": {"name": self.name}, "source": {"rdsInstance": DATABASE}, "exports": list(exports)} | spec
        metadata = {"name": "db", "namespace": self.namespace}
        self.client.apply({"apiVersion": GROUP, "kind": "BackupPolicy", "metadata": metadata, "spec": said})

    def policy(self) -> dict[str, Any]:
        return self.client.get("backuppolicy", "db", f"--namespace={self.namespace}")

    def slots(self) -> list[dict[str, Any]]:
        """What its status tells of the slots of its first export, newest first."""
        exports = self.policy().get("status", {}).get("exports", [])
        return exports[0].get("slots", []) if exports else []

    def slot(self, state: str, seconds: float = 180) -> dict[str, Any]:
        """Waits until a slot is in a state, and returns it."""
        newest = lambda: next((slot for slot in self.slots() if slot["state"] == state), {})  # noqa: E731
        return until(f"an export is {state}", newest, bool, seconds)

    def backups(self) -> list[dict[str, Any]]:
        """The DatabaseBackups of the policy."""
        return self.client.get("databasebackups", f"--namespace={self.namespace}", "--selector=ops.clocked.app/policy=db")["items"]

    def kill(self) -> None:
        """`kill -9` of the operator."""
        self.client.kubectl("delete", "pods", "--all", f"--namespace={NAMESPACE}", "--force", "--grace-period=0")
