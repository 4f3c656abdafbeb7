"""The part of the demo about the database: its settings, a snapshot by schedule, whether it is good, and what becomes of old ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from runbook_sandbox.clocked.account import ACCOUNT, CLUSTER_ID, DATABASE, OPERATOR_USER, REGION, Account
from runbook_sandbox.clocked.database import Database, certificate_authority
from runbook_sandbox.clocked.installation import EXAMPLES, condition, is_in_sync, trust
from runbook_sandbox.demo.stage import Stage
from runbook_sandbox.harness import Client

GET = "kubectl get backuppolicies --namespace=clocked"
OWNER = f"{CLUSTER_ID}/clocked/{DATABASE}"
BY_HAND = "before-the-migration"
VERIFIED = "ops.clocked.app/verified-at"
USERS = 40


class Backups:
    """One database, and the policy of the same name."""

    def __init__(self, stage: Stage, client: Client, account: Account) -> None:
        self.stage, self.client, self.account = stage, client, account
        self.database = Database(account)
        self.due = datetime.now(UTC)
        self.snapshot = self.recent = ""

    def policy(self) -> dict[str, Any]:
        """The BackupPolicy as the API server shows it."""
        return self.client.get("backuppolicy", DATABASE, "--namespace=clocked")

    def settings(self) -> tuple[int, str, bool]:
        """Days of retention, backup window, and whether the instance is protected from deletion."""
        found = self.account.database()
        return found["BackupRetentionPeriod"], found["PreferredBackupWindow"], found["DeletionProtection"]

    def in_sync(self) -> None:
        """Waits until the policy is in line with AWS."""
        self.stage.expect(f"BackupPolicy {DATABASE} is in sync", self.policy, is_in_sync)

    def set_the_scene(self) -> None:
        """A database as people make it who think of backups later."""
        # What takes RDS minutes takes the sandbox seconds; here it takes one.
        self.account.control("PUT", "/pace", dict.fromkeys(("rds_create", "rds_snapshot", "rds_modify", "rds_restore", "rds_delete"), 1.0))
        self.database.create()

    def settings_of_the_chart(self) -> tuple[str, ...]:
        """By which the operator may ask a database that listens on this machine."""
        return trust(self.client, certificate_authority(self.account))

    def look_first(self) -> None:
        """What the operator would write, while the account is in mode Observe."""
        stage = self.stage
        stage.expect("the database is available", self.account.database, lambda found: found["DBInstanceStatus"] == "available")
        self.database.fill(users=USERS)
        stage.say(f"    it is a real PostgreSQL, with {USERS} users in its tables")
        stage.run(self.client, f"kubectl apply --filename={EXAMPLES / 'backups.yaml'}")
        found = stage.expect(f"{DATABASE} has a plan", self.policy, lambda policy: "plan" in policy.get("status", {}))
        for step in found["status"]["plan"]["steps"]:
            stage.say(f"    would {step['description']}")

    def converge(self) -> None:
        """The account has just been set to Enforce."""
        self.in_sync()
        settings = self.settings()
        self.stage.check("RDS keeps 7 days of backups, and the database is protected", settings == (7, "03:00-04:00", True), settings)

    def ask_for_a_snapshot(self) -> None:
        """A slot at the next full minute; the other steps go on meanwhile."""
        stage = self.stage
        self.due = (datetime.now(UTC) + timedelta(seconds=70)).replace(second=0, microsecond=0)
        stage.title(f"Snapshots by schedule: the next one is due at {self.due:%H:%M}; we look at it later")
        changes = {"schedule": f"{self.due.minute} {self.due.hour} * * *", "timeZone": "UTC", "jitter": None}
        patch = json.dumps({"spec": {"snapshots": changes}})
        self.client.kubectl("patch", "backuppolicy", DATABASE, "--namespace=clocked", "--type=merge", f"--patch={patch}")
        told = f"{self.due:%Y-%m-%dT%H:%M:%SZ}"
        stage.expect("the policy says when", lambda: self.policy()["status"].get("nextBackupTime"), lambda next_time: next_time == told)

    def correct_a_manual_change(self) -> None:
        """What somebody does in the console."""
        stage = self.stage
        stage.title("Drift: somebody lowers the retention of automated backups to 1 day, and takes the deletion protection off")
        self.account.rds.modify_db_instance(DBInstanceIdentifier=DATABASE, BackupRetentionPeriod=1, DeletionProtection=False)
        stage.expect("both are put back", self.settings, lambda settings: settings == (7, "03:00-04:00", True))

    def look_at_the_snapshot(self) -> None:
        """The slot, as the policy and AWS tell of it."""
        stage, identifier = self.stage, f"clocked-manual-{self.due:%Y%m%d-%H%M%S}"
        self.snapshot = identifier
        stage.title(f"The snapshot of {self.due:%H:%M}")

        def state() -> str:
            slots = self.policy()["status"].get("slots", [])
            return next((slot["state"] for slot in slots if slot.get("snapshotIdentifier") == identifier), "not there yet")

        stage.expect(f"{identifier} is complete", state, lambda found: found == "Complete", 120)
        self.in_sync()
        stage.run(self.client, GET)
        for key, value in sorted(self.account.snapshots()[identifier].items()):
            stage.say(f"    {key} = {value}")
        taken = [call for call in self.account.operator_calls("CreateDBSnapshot") if call["effect"]]
        stage.check("it was taken once", len(taken) == 1, taken)

    def scratch(self) -> list[str]:
        """The DB instances that were restored to be verified."""
        found = self.account.rds.describe_db_instances()["DBInstances"]
        return [one["DBInstanceIdentifier"] for one in found if one["DBInstanceIdentifier"].startswith("rbv-")]

    def verification(self) -> dict[str, Any]:
        """The newest slot of the verifications, as the policy tells of it."""
        return next(iter(self.policy()["status"].get("verifications", [])), {})

    def verify_the_snapshot(self, cli: Path) -> None:
        """A restore of the snapshot, asked by SQL, and deleted again."""
        stage = self.stage
        stage.title("Is it a backup? By schedule it is restored beside the database, asked by SQL, and deleted again")
        for check in self.policy()["spec"]["verification"]["checks"]:
            stage.say(f"    {check['name']}: {check['sql']} must give {check['expect']}")
        self._allow(stage, cli)
        due = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(minutes=1)
        patch = json.dumps({"spec": {"verification": {"schedule": f"{due.minute} {due.hour} * * *", "timeZone": "UTC"}}})
        self.client.kubectl("patch", "backuppolicy", DATABASE, "--namespace=clocked", "--type=merge", f"--patch={patch}")
        told = f"{due:%Y-%m-%dT%H:%M:%SZ}"
        stage.expect(f"it is due at {due:%H:%M}", lambda: self.policy()["status"].get("nextVerificationTime"), lambda time: time == told)

    def look_at_the_verdict(self) -> None:
        """What came of it, while the other steps went on."""
        stage = self.stage
        stage.title(f"What the restored {self.snapshot} answered")
        slot = stage.expect("it was restored and asked", self.verification, lambda found: found.get("state") == "Passed", 120)
        done = self.client.get("databaserestore", slot["restore"], "--namespace=clocked")
        for entry in reversed(done["status"]["history"]):
            stage.say(f"    {entry['time']}  {entry['description']}")
        verdict = done["status"]["verification"]
        answers = ", ".join(f"{check['name']} {'passed' if check['passed'] else 'failed'}" for check in verdict["checks"])
        stage.check(f"it was asked: {answers}", verdict["result"] == "Passed", verdict)
        stage.check("the instance is deleted", not self.scratch(), self.scratch())
        verified = self.account.snapshots()[self.snapshot].get(VERIFIED)
        stage.check(f"and the snapshot says so: {VERIFIED} = {verified}", verified == verdict["time"], verified)
        stage.run(self.client, "kubectl get databaserestores --namespace=clocked")
        stage.run(self.client, GET)

    def notice_what_is_missing(self) -> None:
        """Somebody deletes a snapshot of the policy."""
        stage = self.stage
        stage.title(f"Somebody deletes {self.recent} in the console")
        self.account.rds.delete_db_snapshot(DBSnapshotIdentifier=self.recent)

        def state() -> str:
            slots = self.policy()["status"].get("slots", [])
            return next((slot["state"] for slot in slots if slot.get("snapshotIdentifier") == self.recent), "not there")

        # No event is sent here: somebody asks.
        self.client.kubectl(
            "annotate", "backuppolicy", DATABASE, "--namespace=clocked", "--overwrite", "ops.clocked.app/reconcile-requested-at=now"
        )
        stage.expect("the policy says that it is lost", state, lambda found: found == "Lost")
        stage.say(f"    {condition(self.policy(), 'Synced')['message']}")

    def _allow(self, stage: Stage, cli: Path) -> None:
        """Gives the operator's role what the command line says that the policy needs."""
        files = (f"--filename={EXAMPLES / 'account.yaml'}", f"--filename={EXAMPLES / 'backups.yaml'}")
        document = self.client.run(str(cli), "iam-policy", *files)
        self.account.client("iam").put_user_policy(UserName=OPERATOR_USER, PolicyName=DATABASE, PolicyDocument=document)
        actions = sorted({action for one in json.loads(document)["Statement"] for action in _listed(one["Action"])})
        stage.say("    the operator's role gets what `kubectl runbook iam-policy` says that it needs:")
        stage.say(f"    {', '.join(action for action in actions if 'Describe' not in action)}")

    def let_old_ones_go(self) -> None:
        """Retention: by the tags that AWS keeps, so what an operator in a lost cluster took counts as well."""
        stage = self.stage
        stage.title("Retention: the policy keeps no snapshot for more than 400 days, and deletes none that it has not taken")
        now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        recent, old = (self._left_behind(now - timedelta(days=days)) for days in (3, 401))
        self.recent = recent
        self._take(BY_HAND, {})
        stage.say(f"    {old} is of 401 days ago, {recent} of 3, and {BY_HAND} is somebody's own")
        left = stage.expect("the oldest is deleted", self.account.snapshots, lambda found: old not in found)
        stage.check("the others are still there", {recent, BY_HAND} <= set(left), left)
        self.in_sync()
        kept = self.policy()["status"]["retention"]["snapshots"]
        stage.check("and the policy counts its own: 2", kept == 2, kept)
        entry = next(entry for entry in self.policy()["status"]["history"] if entry["step"] == "DeleteSnapshot")
        stage.say(f"    {entry['time']}  {entry['description']}  ({entry['reason']}, AWS request {entry['requestId']})")

    def _left_behind(self, slot: datetime) -> str:
        """A snapshot as the operator takes it, of a slot in the past."""
        identifier = f"clocked-manual-{slot:%Y%m%d-%H%M%S}"
        self._take(
            identifier,
            {
                "ops.clocked.app/owner": OWNER,
                "ops.clocked.app/resource-arn": f"arn:aws:rds:{REGION}:{ACCOUNT}:snapshot:{identifier}",
                "ops.clocked.app/slot": f"{slot:%Y-%m-%dT%H:%M:%SZ}",
            },
        )
        return identifier

    def _take(self, identifier: str, tags: dict[str, str]) -> None:
        """Takes a snapshot by hand, and waits for it."""
        given = [{"Key": key, "Value": value} for key, value in tags.items()]
        self.account.rds.create_db_snapshot(DBInstanceIdentifier=DATABASE, DBSnapshotIdentifier=identifier, Tags=given)
        self.account.rds.get_waiter("db_snapshot_available").wait(
            DBSnapshotIdentifier=identifier, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )


def _listed(value: str | list[str]) -> list[str]:
    """A value of an IAM policy that may be one or several."""
    return [value] if isinstance(value, str) else value
