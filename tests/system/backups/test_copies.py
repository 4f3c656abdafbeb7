"""Copies in another region and in another account: made, kept, and shared for no longer than it takes."""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import yaml
from runbook_sandbox.clocked.account import ACCOUNT, OPERATOR_USER, REGION
from runbook_sandbox.clocked.installation import condition, until

from backups.database import NEVER, OWN_ARN, OWNER, SLOT, Database, begun, cron
from backups.test_survival import kill

ABROAD, VAULT = "eu-west-1", "333333333333"
QUICK = {"rds_copy": 0.5, "rds_snapshot": 0.5}


class Copied:
    """A database, encrypted under the default key, whose snapshots are copied."""

    def __init__(self, database: Database) -> None:
        self.database, self.account = database, database.account
        self.vault = f"{database.name}-vault"
        self.abroad = self.account.client("rds", ABROAD)
        self.there = self.account.client("rds", key=VAULT)
        key = lambda region, **options: self.account.client("kms", region, **options).create_key()["KeyMetadata"]["Arn"]  # noqa: E731
        self.key_abroad, self.key_shared = key(ABROAD), key(REGION)
        self.key_there = key(REGION, key=VAULT)
        self.dublin = {"name": "dublin", "region": ABROAD, "kmsKeyId": self.key_abroad, "retention": {"keepLast": 2}}
        self.kept = {
            "name": "vault",
            "accountRef": {"name": self.vault},
            "kmsKeyId": self.key_there,
            "shareKmsKeyId": self.key_shared,
            "deletion": "External",
        }

    def accounts(self, role: str) -> list[dict[str, Any]]:
        """The AwsAccounts: the own one, with two regions, and the other."""

        def one(name: str, verbs: list[str], **spec: Any) -> dict[str, Any]:
            resources = [f"arn:aws:rds:*:*:db:{self.database.identifier}", "arn:aws:kms:*:*:key/*"]
            grants = [{"namespaces": [self.database.namespace], "verbs": verbs, "resources": resources}]
            about = {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "AwsAccount", "metadata": {"name": name}}
            return about | {"spec": {"mode": "Enforce", "grants": grants} | spec}

        return [
            one(self.database.name, ["snapshot", "deleteSnapshot"], accountId=ACCOUNT, regions=[REGION, ABROAD]),
            one(self.vault, ["snapshot"], accountId=VAULT, regions=[REGION], assumeRole={"roleArn": role}),
        ]

    def allow(self, policy: dict[str, Any], role_name: str, accounts: list[dict[str, Any]]) -> None:
        """What `kubectl runbook iam-policy` says that each role needs, and no more."""
        files = yaml.safe_dump_all([*accounts, policy])
        for account in accounts:
            name = account["metadata"]["name"]
            command = [os.environ["RUNBOOK_CLI"], "iam-policy", "--filename=-", f"--account={name}", "--output=json"]
            said = subprocess.run(command, input=files, capture_output=True, text=True, check=False, timeout=60)
            assert said.returncode == 0, said.stderr
            if name == self.vault:
                assert "rds:Delete" not in said.stdout, "the role of the other account deletes nothing"
                iam = self.account.client("iam", key=VAULT)
                iam.put_role_policy(RoleName=role_name, PolicyName="copies", PolicyDocument=said.stdout)
            else:
                iam = self.account.client("iam")
                iam.put_user_policy(UserName=OPERATOR_USER, PolicyName=self.database.identifier, PolicyDocument=said.stdout)

    def role(self) -> tuple[str, str]:
        """A role of the other account that the operator may assume: its name and ARN."""
        name = f"copies-{self.database.name}".replace("-", "")
        principal = {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{OPERATOR_USER}"}
        trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
        iam = self.account.client("iam", key=VAULT)
        arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        allowed = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}]}
        self.account.client("iam").put_user_policy(UserName=OPERATOR_USER, PolicyName=name, PolicyDocument=json.dumps(allowed))
        return name, arn

    def policy(self, *copies: dict[str, Any], **snapshots: Any) -> dict[str, Any]:
        return self.database.backup(snapshots={"schedule": NEVER, "copies": list(copies)} | snapshots)

    def listed(self, client: Any) -> dict[str, dict[str, Any]]:
        """The manual snapshots of the database where this client asks, by identifier."""
        pages = client.get_paginator("describe_db_snapshots").paginate(DBInstanceIdentifier=self.database.identifier, SnapshotType="manual")
        return {item["DBSnapshotIdentifier"]: item for page in pages for item in page["DBSnapshots"]}

    def shared(self) -> list[str]:
        """What the other account sees of this one's."""
        found = self.there.describe_db_snapshots(SnapshotType="shared")["DBSnapshots"]
        return [one["DBSnapshotArn"] for one in found if self.database.identifier in one["DBSnapshotArn"]]

    def available(self, client: Any, *identifiers: str, seconds: float = 120) -> dict[str, dict[str, Any]]:
        """Waits until these are there, and nothing else, and are available."""

        def right(found: dict[str, dict[str, Any]]) -> bool:
            return set(found) == set(identifiers) and {one["Status"] for one in found.values()} <= {"available"}

        return until(f"copies {', '.join(identifiers)} are available", lambda: self.listed(client), right, seconds)

    def status(self, name: str) -> dict[str, Any]:
        """What the policy's status says of copies."""
        found = self.database.get("db").get("status", {}).get("copies", [])
        return next((one for one in found if one["name"] == name), {})


@pytest.fixture
def copied(place):
    """The database, with everything that copies need."""
    place.account.control("PUT", "/pace", QUICK)
    place.create(StorageEncrypted=True)
    made = Copied(place)
    name, role = made.role()
    accounts = made.accounts(role)
    place.apply(*accounts)
    made.allow(made.policy(made.dublin, made.kept, retention={"keepLast": 9}), name, accounts)
    yield made
    iam = place.account.client("iam", key=VAULT)
    iam.delete_role_policy(RoleName=name, PolicyName="copies")
    iam.delete_role(RoleName=name)
    place.account.client("iam").delete_user_policy(UserName=OPERATOR_USER, PolicyName=name)


def earlier(hours: int) -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=hours)


def tags(snapshot: dict[str, Any]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in snapshot["TagList"]}


def test_a_snapshot_is_copied_to_another_region_and_its_copies_are_kept_by_rules_of_their_own(copied):
    database = copied.database
    old = [database.put_own(earlier(hours)) for hours in (26, 25, 24)]
    database.apply(copied.policy(copied.dublin))
    found = copied.available(copied.abroad, *old[1:])
    for identifier, one in found.items():
        assert (one["Encrypted"], one["KmsKeyId"]) == (True, copied.key_abroad)
        said = tags(one)
        assert said[OWN_ARN] == one["DBSnapshotArn"] and ABROAD in one["DBSnapshotArn"]
        assert said[OWNER] == f"sandbox/{database.namespace}/db"
        assert said[SLOT] == database.snapshots()[identifier][SLOT]
    database.in_sync("db")
    assert copied.status("dublin")["lastCopy"]["snapshotIdentifier"] == old[2]
    # Somebody's own copy there stays, whatever it is called.
    copied.abroad.copy_db_snapshot(
        SourceDBSnapshotIdentifier=database.snapshot_arn(old[0]),
        TargetDBSnapshotIdentifier=f"{database.prefix}-by-hand",
        KmsKeyId=copied.key_abroad,
    )
    new = database.put_own(earlier(1))
    database.reconciled_again("db")
    copied.available(copied.abroad, old[2], new, f"{database.prefix}-by-hand")
    database.in_sync("db", seconds=120)
    database.reconciled_again("db")
    assert [entry["step"] for entry in database.get("db")["status"]["history"]].count("DeleteCopy") == 1
    assert set(database.snapshots()) == {*old, new}, "nothing here is deleted"


def test_a_snapshot_is_copied_to_another_account_and_shared_for_no_longer_than_it_takes(copied):
    database = copied.database
    slot = database.put_own(earlier(24))
    database.apply(copied.policy(copied.kept))
    found = copied.available(copied.there, slot)[slot]
    assert (found["Encrypted"], found["KmsKeyId"]) == (True, copied.key_there)
    assert tags(found)[OWN_ARN] == found["DBSnapshotArn"] and VAULT in found["DBSnapshotArn"]
    copied.available(database.rds, slot)
    assert copied.shared() == []
    database.in_sync("db", seconds=120)
    database.reconciled_again("db")
    steps = [entry["step"] for entry in database.get("db")["status"]["history"]]
    assert steps == ["DeleteShared", "CopySnapshot", "ShareSnapshot", "CopySnapshot"], "newest first"
    # Whoever keeps the copies may delete them: what was copied is not copied again.
    copied.there.delete_db_snapshot(DBSnapshotIdentifier=slot)
    database.reconciled_again("db", 3)
    assert copied.listed(copied.there) == {}


@pytest.mark.parametrize("operation", ["CopyDBSnapshot", "ModifyDBSnapshotAttribute", "DeleteDBSnapshot"])
def test_an_operator_that_is_killed_on_the_way_goes_on(copied, operation):
    database = copied.database
    slot = database.put_own(earlier(24))
    fault = {"service": "rds", "operation": operation, "kind": "reset", "when": "after", "count": 1}
    copied.account.control("POST", "/faults", fault)
    try:
        database.apply(copied.policy(copied.kept))
        tried = lambda: [call for call in copied.account.operator_calls(operation) if slot in json.dumps(call["params"])]  # noqa: E731
        until(f"{operation} is asked for", tried, bool, 120)
        kill(database)
        copied.available(copied.there, slot, seconds=240)
        copied.available(database.rds, slot, seconds=240)
        assert copied.shared() == []
        copies = [call for call in copied.account.operator_calls("CopyDBSnapshot") if call["effect"] and slot in json.dumps(call["params"])]
        assert len(copies) == 2, "one to be shared, and one of that"
    finally:
        copied.account.control("DELETE", "/faults")


def test_a_region_that_does_not_answer_keeps_snapshots_from_being_deleted_and_not_from_being_taken(copied):
    database, due = copied.database, begun()
    old = [database.put_own(earlier(hours)) for hours in (25, 24)]
    fault = {"service": "rds", "operation": "DescribeDBSnapshots", "region": ABROAD, "kind": "error500", "when": "before"}
    copied.account.control("POST", "/faults", fault)
    try:
        database.apply(copied.policy(copied.dublin, schedule=cron(due), retention={"keepLast": 1}))
        new = f"{database.prefix}-{due:%Y%m%d-%H%M%S}"
        until("the snapshot is taken", database.snapshots, lambda found: new in found, 120)
        database.wait("db", lambda policy: condition(policy, "Synced").get("status") == "Unknown", "says that AWS cannot be read", 120)
        database.reconciled_again("db")
        assert set(database.snapshots()) == {*old, new}
    finally:
        copied.account.control("DELETE", "/faults")
    copied.available(copied.abroad, old[1], new, seconds=240)
    until("and what no rule keeps goes", database.snapshots, lambda found: set(found) == {new}, 240)


def test_without_a_grant_nothing_is_copied_and_the_snapshot_is_taken(copied):
    database, due = copied.database, begun()
    old = database.put_own(earlier(24))
    database.grant_it("snapshot", "deleteSnapshot")
    database.apply(copied.policy(copied.dublin, schedule=cron(due)))
    new = f"{database.prefix}-{due:%Y%m%d-%H%M%S}"
    until("the snapshot is taken", database.snapshots, lambda found: new in found, 120)
    said = database.stalled("db", "RegionNotAllowed")["message"]
    assert "snapshots.copies dublin" in said and ABROAD in said
    assert copied.listed(copied.abroad) == {} and set(database.snapshots()) == {old, new}
