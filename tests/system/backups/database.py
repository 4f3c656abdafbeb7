"""A database that is backed up: what it is in AWS, and what the operator did about it."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from places import Place
from runbook_sandbox.clocked.account import ACCOUNT, OPERATOR_USER, REGION
from runbook_sandbox.clocked.installation import condition, until

OWNER, OWN_ARN, SLOT = "ops.clocked.app/owner", "ops.clocked.app/resource-arn", "ops.clocked.app/slot"
#: A time at which no test is under way.
NEVER = "0 0 29 2 *"
AT_ONCE = {"schedule": NEVER, "runOnCreate": True}
WRITES = re.compile("^(Create|Delete|Modify|AddTags|RemoveTags|Copy|Restore)")


def cron(moment: datetime) -> str:
    """Every day at this minute."""
    return f"{moment.minute} {moment.hour} * * *"


def rfc3339(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def soon(seconds: float = 8) -> datetime:
    """The first full minute that is at least so far away, by the operator's clock."""
    return (datetime.now(UTC) + timedelta(seconds=seconds + 60)).replace(second=0, microsecond=0)


def begun() -> datetime:
    """The minute that it is: due at once to a policy whose snapshots show that it is not new."""
    return datetime.now(UTC).replace(second=0, microsecond=0)


class Database(Place):
    """A place with a DB instance of its own (not yet made), which is granted to it."""

    kind = "backuppolicy"

    def __init__(self, place: Place) -> None:
        super().__init__(place.client, place.account, place.name)
        self.identifier = f"db-{place.name}"
        self.arn = f"arn:aws:rds:{REGION}:{ACCOUNT}:db:{self.identifier}"
        self.prefix = f"{self.identifier}-scheduled"
        self.rds = place.account.rds

    def create(self, **more: Any) -> None:
        """Makes the instance, and waits until it is available."""
        settings = {"BackupRetentionPeriod": 1, "PreferredMaintenanceWindow": "sun:20:00-sun:21:00", "PreferredBackupWindow": "10:00-11:00"}
        self.rds.create_db_instance(
            DBInstanceIdentifier=self.identifier,
            Engine="postgres",
            DBInstanceClass="db.t4g.micro",
            AllocatedStorage=20,
            MasterUsername="clocked",
            MasterUserPassword="secret-word",
            **(settings | more),
        )
        self.available()

    def show(self) -> dict[str, Any]:
        """The instance as DescribeDBInstances shows it."""
        return self.account.database(self.identifier)

    def available(self) -> None:
        """Waits until it is."""
        until(f"{self.identifier} is available", self.show, lambda found: found["DBInstanceStatus"] == "available")

    def status(self, status: str) -> None:
        """Puts it into a status by the sandbox's own switch."""
        self.account.control("PUT", f"/rds/instances/{self.identifier}/status", {"status": status})

    def grant_it(self, *verbs: str, **spec: Any) -> None:
        """Creates or changes the AwsAccount, with a grant of these verbs on this database beside that of the services."""
        services = {"namespaces": [self.namespace], "verbs": ["scale"], "resources": [f"arn:aws:ecs:*:*:service/{self.cluster}/*"]}
        granted = {"namespaces": [self.namespace], "verbs": list(verbs), "resources": [self.arn, self.arn.replace(":db:", ":cluster:")]}
        self.grant(grants=[services, granted], **spec)

    def allow(self) -> None:
        """What docs/backups.md says that the operator's role needs for it, and no more."""
        rds = f"arn:aws:rds:{REGION}:{ACCOUNT}"

        def may(actions: list[str], resources: list[str], **more: Any) -> dict[str, Any]:
            return {"Effect": "Allow", "Action": [f"rds:{action}" for action in actions], "Resource": resources} | more

        databases = [f"{rds}:{kind}:{self.identifier}" for kind in ("db", "cluster")]
        snapshots = [f"{rds}:{kind}:{self.prefix}-*" for kind in ("snapshot", "cluster-snapshot")]
        own = {"Condition": {"StringLike": {f"aws:ResourceTag/{OWNER}": f"sandbox/{self.namespace}/*"}}}
        statements = [
            may(
                ["DescribeDBInstances", "DescribeDBClusters", "DescribeDBSnapshots", "DescribeDBClusterSnapshots"],
                [f"{rds}:{kind}:*" for kind in ("db", "cluster", "snapshot", "cluster-snapshot")],
            ),
            may(["DescribeAccountAttributes"], ["*"]),
            may(["ModifyDBInstance", "ModifyDBCluster"], databases),
            may(["CreateDBSnapshot", "CreateDBClusterSnapshot"], [*databases, *snapshots]),
            may(["AddTagsToResource"], snapshots),
            may(["DeleteDBSnapshot", "DeleteDBClusterSnapshot"], snapshots, **own),
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        self.account.client("iam").put_user_policy(UserName=OPERATOR_USER, PolicyName=self.identifier, PolicyDocument=document)

    def forbid(self) -> None:
        """Takes that back."""
        self.account.client("iam").delete_user_policy(UserName=OPERATOR_USER, PolicyName=self.identifier)

    def backup(self, name: str = "db", **spec: Any) -> dict[str, Any]:
        """A BackupPolicy of it, not yet applied; None takes a field out."""
        said = {"accountRef": {"name": self.name}, "source": {"rdsInstance": self.identifier}} | spec
        return {
            "apiVersion": "ops.clocked.app/v1alpha1",
            "kind": "BackupPolicy",
            "metadata": {"name": name, "namespace": self.namespace},
            "spec": {field: value for field, value in said.items() if value is not None},
        }

    def synced(self, name: str, reason: str) -> dict[str, Any]:
        """Waits until the condition Synced has this reason, and returns it."""

        def right(policy: dict[str, Any]) -> bool:
            return condition(policy, "Synced").get("reason") == reason

        return condition(self.wait(name, right, f"has Synced for the reason {reason}"), "Synced")

    def delete(self, name: str = "db") -> None:
        """`kubectl delete`."""
        self.client.kubectl("delete", "backuppolicy", name, f"--namespace={self.namespace}", "--timeout=30s")

    def slots(self, name: str = "db") -> list[dict[str, Any]]:
        """The slots that the status shows, newest first."""
        return self.get(name).get("status", {}).get("slots", [])

    def wait_slot(self, state: str, name: str = "db", seconds: float = 60) -> dict[str, Any]:
        """Waits until the newest slot is in this state, and returns it."""

        def newest() -> dict[str, Any]:
            return next(iter(self.slots(name)), {})

        return until(f"newest slot of {self.namespace}/{name} is {state}", newest, lambda slot: slot.get("state") == state, seconds)

    def snapshots(self) -> dict[str, dict[str, str]]:
        """The tags of its manual snapshots, by identifier."""
        return self.account.snapshots(self.identifier)

    def automated(self) -> list[str]:
        """The identifiers of those that RDS has taken."""
        found = self.rds.describe_db_snapshots(DBInstanceIdentifier=self.identifier, SnapshotType="automated")["DBSnapshots"]
        return [item["DBSnapshotIdentifier"] for item in found]

    def put_snapshot(self, identifier: str, **tags: str) -> None:
        """Takes a snapshot by hand, with tags, and waits until it is available."""
        given = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.rds.create_db_snapshot(DBInstanceIdentifier=self.identifier, DBSnapshotIdentifier=identifier, Tags=given)

        def status() -> str:
            return self.rds.describe_db_snapshots(DBSnapshotIdentifier=identifier)["DBSnapshots"][0]["Status"]

        until(f"snapshot {identifier} is available", status, lambda found: found == "available")
        self.available()

    def put_own(self, slot: datetime, policy: str = "db") -> str:
        """Takes the snapshot of a slot by hand as the operator does: what an operator in a lost cluster has left. Its identifier."""
        identifier = f"{self.prefix}-{slot:%Y%m%d-%H%M%S}"
        tags = {OWNER: f"sandbox/{self.namespace}/{policy}", OWN_ARN: self.snapshot_arn(identifier), SLOT: rfc3339(slot)}
        self.put_snapshot(identifier, **tags)
        return identifier

    def snapshot_arn(self, identifier: str) -> str:
        return f"arn:aws:rds:{REGION}:{ACCOUNT}:snapshot:{identifier}"

    def made(self, operation: str | None = None) -> list[dict[str, Any]]:
        """The operator's writes about it that had an effect, oldest first."""
        calls = self.account.operator_calls(operation)
        mine = [call for call in calls if call["effect"] and call["service"] == "rds" and self.identifier in json.dumps(call["params"])]
        return [call for call in mine if WRITES.match(call["operation"])]

    def asked(self) -> list[dict[str, Any]]:
        """The operator's calls that name it, reads too."""
        return [call for call in self.account.operator_calls() if self.identifier in json.dumps(call["params"])]
