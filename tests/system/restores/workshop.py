"""A namespace that backs up and restores one database: its objects, what the operator did, and what is in RDS of it."""

from __future__ import annotations

import json
import re
from typing import Any

from places import Place
from runbook_sandbox.clocked.account import ACCOUNT, OPERATOR_USER, REGION
from runbook_sandbox.clocked.installation import NAMESPACE, condition, until

OWNER, OWN_ARN, RUN = "ops.clocked.app/owner", "ops.clocked.app/resource-arn", "ops.clocked.app/run"
VERIFIED = "ops.clocked.app/verified-at"
QUICK = {"rds_create": 0.5, "rds_modify": 0.5, "rds_snapshot": 0.5, "rds_restore": 0.5, "rds_delete": 0.5}
WRITES = re.compile("^(Create|Delete|Modify|AddTags|RemoveTags|Copy|Restore)")
RDS = f"arn:aws:rds:{REGION}:{ACCOUNT}"
#: Good of the database as it is made here.
USERS = {"name": "users", "sql": "SELECT count(*) FROM users", "expect": "value == 40"}
BACKUP, RESTORE = "databasebackup", "databaserestore"


class Workshop(Place):
    """A place that is granted one database, and new ones whose names begin with its own."""

    kind = RESTORE

    def __init__(self, place: Place, source: str) -> None:
        super().__init__(place.client, place.account, place.name)
        self.source = source
        self.rds = place.account.rds

    def named(self, what: str) -> str:
        """A name in RDS of this test's own."""
        return f"{self.source}-{self.name}-{what}"

    def grant_it(self, *verbs: str, resources: list[str] | None = None, **spec: Any) -> None:
        """Creates or changes the AwsAccount: these verbs on the database, its copies, and what is restored to be verified."""
        usual = [f"{RDS}:db:{self.source}", f"{RDS}:db:{self.source}-*", f"{RDS}:db:rbv-*"]
        grant = {"namespaces": [self.namespace], "verbs": list(verbs), "resources": resources or usual}
        self.grant(grants=[grant], **spec)

    def allow(self) -> None:
        """What docs/backups.md says that the operator's role needs for it, and no more."""

        def may(actions: list[str], *resources: str, **more: Any) -> dict[str, Any]:
            named = [f"{RDS}:{resource}" if ":" in resource else resource for resource in resources]
            return {"Effect": "Allow", "Action": [f"rds:{action}" for action in actions], "Resource": named} | more

        own = {"Condition": {"StringLike": {f"aws:ResourceTag/{OWNER}": f"sandbox/{self.namespace}/databasebackups/*"}}}
        source, copies, scratch, snapshots = f"db:{self.source}", f"db:{self.source}-*", "db:rbv-*", f"snapshot:{self.source}-*"
        groups = ["subgrp:*", "pg:*", "og:*"]
        statements = [
            may(["DescribeDBInstances", "DescribeDBSnapshots"], "db:*", "snapshot:*"),
            may(["DescribeAccountAttributes"], "*"),
            may(["CreateDBSnapshot"], source, snapshots),
            may(["AddTagsToResource"], snapshots, copies, scratch),
            may(["DeleteDBSnapshot"], snapshots, **own),
            may(["RestoreDBInstanceFromDBSnapshot"], snapshots, copies, scratch, *groups),
            may(["RestoreDBInstanceToPointInTime"], source, copies, scratch, *groups),
            may(["ModifyDBInstance", "DeleteDBInstance"], scratch),
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.account.client("iam").put_user_policy(UserName=OPERATOR_USER, PolicyName=self.name, PolicyDocument=document)

    def forbid(self) -> None:
        """Takes that back."""
        self.account.client("iam").delete_user_policy(UserName=OPERATOR_USER, PolicyName=self.name)

    def _object(self, kind: str, name: str, spec: dict[str, Any]) -> dict[str, Any]:
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": "ops.clocked.app/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}

    def backup(self, name: str = "db", **spec: Any) -> dict[str, Any]:
        """A DatabaseBackup, not yet applied."""
        usual = {"accountRef": {"name": self.name}, "source": {"rdsInstance": self.source}, "snapshotIdentifier": self.named(name)}
        return self._object("DatabaseBackup", name, usual | spec)

    def keep(self, source: dict[str, Any], name: str = "again", target: str | None = None, **more: Any) -> dict[str, Any]:
        """A DatabaseRestore that keeps what it restores, not yet applied."""
        into = {"rdsInstance": target or self.named(name)} | more
        return self._object(
            "DatabaseRestore", name, {"accountRef": {"name": self.name}, "source": source, "target": into, "outcome": "Keep"}
        )

    def verify(self, source: dict[str, Any], *checks: dict[str, str], name: str = "good", **more: Any) -> dict[str, Any]:
        """A DatabaseRestore that verifies, not yet applied."""
        verification = {"checks": list(checks or (USERS,))} | more
        spec = {"accountRef": {"name": self.name}, "source": source, "outcome": "Verify", "verification": verification}
        return self._object("DatabaseRestore", name, spec)

    def show(self, name: str, kind: str = RESTORE) -> dict[str, Any]:
        """An object as the API server shows it."""
        return self.client.get(kind, name, f"--namespace={self.namespace}")

    def ended(self, name: str, kind: str = RESTORE, seconds: float = 120) -> dict[str, Any]:
        """Waits until a run is Complete or Failed, and returns it."""

        def over(found: dict[str, Any]) -> bool:
            return any(condition(found, type_).get("status") == "True" for type_ in ("Complete", "Failed"))

        return until(f"{self.namespace}/{name} has ended", lambda: self.show(name, kind), over, seconds)

    def complete(self, name: str, kind: str = RESTORE, seconds: float = 120) -> dict[str, Any]:
        """Waits until a run is Complete, and returns it."""
        found = self.ended(name, kind, seconds)
        assert condition(found, "Complete")["status"] == "True", found["status"]
        return found

    def failed(self, name: str, reason: str, kind: str = RESTORE, seconds: float = 120) -> dict[str, Any]:
        """Waits until a run is Failed for this reason, and returns it."""
        found = self.ended(name, kind, seconds)
        told = condition(found, "Failed")
        assert (told["status"], told["reason"]) == ("True", reason), found["status"]
        return found

    def synced(self, name: str, reason: str, kind: str = RESTORE, seconds: float = 60) -> dict[str, Any]:
        """Waits until Synced has this reason, and returns the object."""
        what = f"{self.namespace}/{name} has Synced for the reason {reason}"
        return until(what, lambda: self.show(name, kind), lambda found: condition(found, "Synced").get("reason") == reason, seconds)

    def planned(self, name: str, kind: str = RESTORE) -> dict[str, Any]:
        """Waits until an object has a plan, and returns it."""
        return until(
            f"{name} has a plan", lambda: self.show(name, kind), lambda found: found.get("status", {}).get("plan", {}).get("steps")
        )["status"]["plan"]

    def begun(self, name: str) -> str:
        """Waits until the name of a restored instance is known, and returns it."""
        return until(
            f"{name} has an instance", lambda: self.show(name).get("status", {}).get("rdsInstance"), lambda found: found is not None
        )

    def delete(self, name: str, kind: str = RESTORE, seconds: int = 90) -> None:
        """`kubectl delete`, and waits until the object is gone."""
        self.client.kubectl("delete", kind, name, f"--namespace={self.namespace}", f"--timeout={seconds}s")

    def kill(self) -> None:
        """`kill -9` of the operator."""
        self.client.kubectl("delete", "pods", "--all", f"--namespace={NAMESPACE}", "--force", "--grace-period=0")

    def instances(self, prefix: str) -> dict[str, dict[str, Any]]:
        """The DB instances whose names begin so."""
        pages = self.rds.get_paginator("describe_db_instances").paginate()
        every = [instance for page in pages for instance in page["DBInstances"]]
        return {one["DBInstanceIdentifier"]: one for one in every if one["DBInstanceIdentifier"].startswith(prefix)}

    def snapshots(self) -> dict[str, dict[str, str]]:
        """The tags of the database's manual snapshots, by identifier."""
        return self.account.snapshots(self.source)

    def writes(self, about: str, operation: str | None = None) -> list[str]:
        """The operations by which the operator changed something in RDS of this name, oldest first."""
        calls = [call for call in self.account.operator_calls(operation) if call["service"] == "rds" and call["effect"]]
        return [call["operation"] for call in calls if WRITES.match(call["operation"]) and about in json.dumps(call["params"])]

    def restores(self, identifier: str) -> list[dict[str, Any]]:
        """The operator's requests, refused ones too, to restore into an instance of this name, oldest first."""
        asked = [call for call in self.account.operator_calls() if call["operation"].startswith("RestoreDBInstance")]
        return [call for call in asked if identifier in (call["params"].get(f"{of}DBInstanceIdentifier") for of in ("", "Target"))]

    def fault(self, operation: str, when: str = "after", kind: str = "reset") -> None:
        """The next answer to this operation is lost, or (before) the request."""
        self.account.control("POST", "/faults", {"service": "rds", "operation": operation, "kind": kind, "when": when, "count": 1})

    def clear(self) -> None:
        """Deletes what this test has left: its objects, then its instances and snapshots."""
        for kind in (RESTORE, BACKUP):
            self.client.kubectl("delete", kind, "--all", f"--namespace={self.namespace}", "--wait=true", "--timeout=90s")
        for identifier in self.instances(self.named("")):
            self.rds.delete_db_instance(DBInstanceIdentifier=identifier, SkipFinalSnapshot=True)
        for identifier in self.snapshots():
            if identifier.startswith(self.named("")):
                self.rds.delete_db_snapshot(DBSnapshotIdentifier=identifier)
