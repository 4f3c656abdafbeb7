"""Exports on the schedule of a BackupPolicy: each slot once, told on the policy, and a failure stops none of the next."""

from __future__ import annotations

import json

import pytest
from runbook_sandbox.clocked.installation import condition, until

from exports.shop import USABLE, Shop

pytestmark = pytest.mark.xdist_group("exports")
EACH_MINUTE = {"name": "user-data", "schedule": "* * * * *"}


@pytest.fixture
def shop(shop: Shop):
    yield shop
    shop.client.kubectl("delete", "backuppolicy", "--all", f"--namespace={shop.namespace}", "--timeout=60s")


@pytest.mark.long
def test_an_export_is_made_when_it_is_due_and_told(shop: Shop):
    shop.schedule(EACH_MINUTE | shop.two_tables())
    slot = shop.slot("Complete")
    found = shop.policy()
    (told,) = found["status"]["exports"]
    last = told["lastSucceeded"]
    assert (last["rows"], last["time"] >= slot["time"]) == (40 + 120, True)
    made = next(one for one in shop.backups() if one["metadata"]["name"] == slot["backup"])
    stamp = slot["time"].replace("-", "").replace(":", "").replace("T", "-").rstrip("Z")
    assert made["metadata"]["name"] == f"db.user-data-{stamp}"
    labels = {"ops.clocked.app/made-by": "operator", "ops.clocked.app/policy": "db", "ops.clocked.app/export": "user-data"}
    assert made["metadata"]["labels"] == labels
    location = made["status"]["export"]["location"]
    assert location == f"s3://{shop.bucket.name}/database/user-data-{stamp}.dump.zst"
    manifest = json.loads(shop.bucket.read(f"database/user-data-{stamp}.dump.zst.manifest.json"))
    assert (manifest["slot"], manifest["owner"]) == (slot["time"], f"sandbox/{shop.namespace}/databasebackups/{slot['backup']}")
    said = condition(found, "Exported")
    assert (said["status"], said["reason"]) == ("True", "Complete")
    entry = next(entry for entry in found["status"]["history"] if entry["step"] == "ExportDatabase")
    assert (entry["reason"], entry["outcome"], entry["resource"]) == ("Schedule", "Succeeded", "user-data")


@pytest.mark.long
def test_what_cannot_be_made_in_time_makes_room_for_the_next(shop: Shop):
    connection = shop.two_tables()["connection"] | {"secretRef": {"name": "unlabelled"}}
    shop.schedule(EACH_MINUTE | {"startingDeadline": "1m"} | shop.two_tables(connection=connection))
    begun = shop.slot("Running")
    failed = shop.slot("Failed")
    assert failed["time"] == begun["time"] and "unlabelled is not to be used" in failed["message"]
    found = shop.policy()
    assert condition(found, "Exported")["status"] == "False"
    assert condition(found, "Ready")["status"] == "True", "nothing else waits for it"
    assert condition(shop.show(failed["backup"]), "Failed")["reason"] == "ExportNotStarted"
    shop.client.kubectl("label", "secret", "unlabelled", f"{USABLE}=true", f"--namespace={shop.namespace}")
    made = shop.slot("Complete", 300)
    assert made["time"] > failed["time"]
    until("it is in order again", lambda: condition(shop.policy(), "Exported")["status"], lambda status: status == "True", 120)


@pytest.mark.long
def test_an_operator_that_is_killed_exports_each_slot_once(shop: Shop):
    shop.schedule(EACH_MINUTE | shop.two_tables())
    shop.slot("Running")
    shop.kill()
    shop.slot("Complete", 240)
    slots = [one["metadata"]["annotations"]["ops.clocked.app/slot"] for one in shop.backups()]
    assert len(set(slots)) == len(slots)
    owners = [job["metadata"]["ownerReferences"][0]["uid"] for job in shop.jobs()]
    assert len(set(owners)) == len(owners)


def test_a_missing_grant_is_said_at_once_and_nothing_is_made(shop: Shop):
    shop.schedule({"name": "user-data", "schedule": "0 0 29 2 *"} | shop.two_tables(s3={"bucket": "clocked-elsewhere"}))
    until("it is told", lambda: condition(shop.policy(), "Stalled"), lambda found: found.get("reason") == "NotGranted")
    assert "arn:aws:s3:::clocked-elsewhere/user-data-*" in condition(shop.policy(), "Stalled")["message"]
    assert shop.backups() == []
