"""A database in the course of a soak: a snapshot each minute, a verification every other, and what people and AWS do to them."""

from __future__ import annotations

import json
import random
from typing import Any

from botocore.exceptions import ClientError

from runbook_sandbox.clocked.account import ACCOUNT, DATABASE, OPERATOR_USER, REGION, Account
from runbook_sandbox.clocked.database import Database, certificate_authority
from runbook_sandbox.clocked.installation import is_in_sync, trust, until
from runbook_sandbox.harness import Client

#: What docs/iam.md lets the operator do it may do for objects of this namespace, to this database and to snapshots of this prefix.
NAMESPACE, PREFIX = "clocked", "clocked-manual"
GRANT = {
    "namespaces": [NAMESPACE],
    "verbs": ["snapshot", "deleteSnapshot", "restore"],
    "resources": [f"arn:aws:rds:{REGION}:{ACCOUNT}:db:*"],
}
KEEP = 3
#: maxDeletesPerDay of an AwsAccount, where it says nothing.
DELETES = 20
EACH_MINUTE, EVERY_OTHER, NEVER = "* * * * *", "*/2 * * * *", "0 0 29 2 *"
#: Seconds until the last verification has ended and its instance is gone, backoff after faults included.
PATIENCE = 300
_OWNER, _SLOT = "ops.clocked.app/owner", "ops.clocked.app/slot"
_PACE = dict.fromkeys(("rds_create", "rds_snapshot", "rds_modify", "rds_restore", "rds_delete"), 2.0)


class Backups:
    """One database with a real PostgreSQL behind it, and its BackupPolicy."""

    def __init__(self, client: Client, account: Account, account_name: str, dice: random.Random) -> None:
        self._client, self._account, self._account_name, self._dice = client, account, account_name, dice
        self._database = Database(account)
        self._by_hand: set[str] = set()
        self._deleted = 0
        self._number = 0

    def settings(self) -> tuple[str, ...]:
        """Creates the database, and tells what the chart is told so that the operator may ask it."""
        self._account.control("PUT", "/pace", _PACE)
        self._database.create()
        self._database.available()
        self._database.fill()
        return trust(self._client, certificate_authority(self._account))

    def begin(self) -> None:
        """The namespace and the policy."""
        self._client.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
        self._apply(EACH_MINUTE, EVERY_OTHER)

    def take_by_hand(self) -> str:
        """A colleague takes a snapshot; nobody may delete it."""
        self._number += 1
        name = f"by-hand-{self._number}"
        try:
            self._account.rds.create_db_snapshot(DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier=name)
        except ClientError as error:
            return f"a snapshot by hand: {error.response['Error']['Code']}"
        self._by_hand.add(name)
        return f"snapshot {name} by hand"

    def delete_one(self) -> str:
        """A colleague deletes a snapshot of the policy."""
        own = sorted(self._own())
        if not own:
            return "there is no snapshot to delete"
        name = self._dice.choice(own)
        try:
            self._account.rds.delete_db_snapshot(DBSnapshotIdentifier=name)
        except ClientError as error:
            return f"delete {name}: {error.response['Error']['Code']}"
        self._deleted += 1
        return f"somebody deletes {name}"

    def modify(self) -> str:
        """A colleague changes how the database is backed up."""
        days = self._dice.randint(1, 9)
        try:
            self._account.rds.modify_db_instance(DBInstanceIdentifier=DATABASE, BackupRetentionPeriod=days, ApplyImmediately=True)
        except ClientError as error:
            return f"modify {DATABASE}: {error.response['Error']['Code']}"
        return f"somebody keeps automated backups for {days} days"

    def suspend(self) -> str:
        """The policy is suspended, or goes on."""
        value = self._dice.random() < 0.3
        self._patch({"spec": {"suspend": value}})
        return f"suspend the backups: {value}"

    def drop_restores(self) -> str:
        """Somebody deletes every DatabaseRestore, whatever it is doing."""
        self._client.kubectl("delete", "databaserestores", "--all", f"--namespace={NAMESPACE}", "--wait=false")
        return "delete all DatabaseRestores"

    def calm_down(self) -> None:
        """Nothing falls due any more; what has begun ends, and the instances of verifications go."""
        self._apply(NEVER, NEVER, suspend=False)
        until("no verification is under way, and no instance of one is left", self._left, lambda left: not left, PATIENCE)
        until("the BackupPolicy is in sync", self._policy, is_in_sync, PATIENCE)

    def check(self) -> list[str]:
        """What does not hold."""
        problems = [f"{name}, which was taken by hand, is gone" for name in sorted(self._by_hand - self._account.snapshots().keys())]
        own = self._own()
        slots = [tags.get(_SLOT) for tags in own.values()]
        problems += [f"slot {slot} has {slots.count(slot)} snapshots" for slot in sorted(set(map(str, slots))) if slots.count(slot) > 1]
        writes = [call for call in self._calls() if call["effect"]]
        taken = [call["params"]["DBSnapshotIdentifier"] for call in writes if call["operation"] == "CreateDBSnapshot"]
        problems += [f"{name} was taken {taken.count(name)} times" for name in sorted(set(taken)) if taken.count(name) > 1]
        problems += [f"{name} is of no policy" for name in taken if not name.startswith(f"{PREFIX}-")]
        gone = [call["params"]["DBSnapshotIdentifier"] for call in writes if call["operation"] == "DeleteDBSnapshot"]
        problems += [f"{name} was deleted" for name in gone if not name.startswith(f"{PREFIX}-")]
        # A soak that lasts for long comes to the limit of a day.
        most = KEEP if len(gone) < DELETES else len(own)
        if not KEEP - self._deleted <= len(own) <= most:
            problems.append(f"{len(own)} snapshots are there, {KEEP} are kept: {sorted(own)}")
        instances = [call["params"]["DBInstanceIdentifier"] for call in writes if call["operation"] == "DeleteDBInstance"]
        problems += [f"instance {name} was deleted" for name in instances if not name.startswith("rbv-")]
        days = self._account.database()["BackupRetentionPeriod"]
        if days != 7:
            problems.append(f"automated backups are kept for {days} days, 7 are declared")
        restored = sum(call["operation"] == "RestoreDBInstanceFromDBSnapshot" for call in writes)
        verified = self._policy()["status"].get("lastVerified")
        print(f"{len(taken)} snapshots taken, {len(gone)} deleted, {restored} restored; last verified: {verified}", flush=True)
        return problems

    def _own(self) -> dict[str, dict[str, str]]:
        found = self._account.snapshots()
        return {name: tags for name, tags in found.items() if tags.get(_OWNER, "").endswith(f"/{NAMESPACE}/{DATABASE}")}

    def _calls(self) -> list[dict[str, Any]]:
        operations = ("CreateDBSnapshot", "DeleteDBSnapshot", "DeleteDBInstance", "RestoreDBInstanceFromDBSnapshot")
        return [call for operation in operations for call in self._account.calls_of(OPERATOR_USER, operation)]

    def _left(self) -> list[str]:
        instances = self._account.rds.describe_db_instances()["DBInstances"]
        left = [one["DBInstanceIdentifier"] for one in instances if one["DBInstanceIdentifier"].startswith("rbv-")]
        slots = self._policy().get("status", {}).get("verifications", [])
        return left + [f"slot {slot['time']}" for slot in slots if slot["state"] == "Running"]

    def _policy(self) -> dict[str, Any]:
        return self._client.get("backuppolicy", DATABASE, f"--namespace={NAMESPACE}")

    def _patch(self, patch: dict[str, Any]) -> None:
        self._client.kubectl("patch", "backuppolicy", DATABASE, f"--namespace={NAMESPACE}", "--type=merge", f"--patch={json.dumps(patch)}")

    def _apply(self, schedule: str, verify: str, **more: Any) -> None:
        check = {"name": "users", "sql": "SELECT count(*) FROM users", "expect": "value == 40"}
        spec = {
            "accountRef": {"name": self._account_name},
            "source": {"rdsInstance": DATABASE},
            "automated": {"retentionDays": 7},
            "snapshots": {"schedule": schedule, "namePrefix": PREFIX, "retention": {"keepLast": KEEP}},
            "verification": {"schedule": verify, "checks": [check]},
        }
        metadata = {"name": DATABASE, "namespace": NAMESPACE}
        about = {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "BackupPolicy", "metadata": metadata}
        self._client.apply(about | {"spec": spec | more})
