"""What cannot be done is said, nothing is written then, and it goes on by itself when it can."""

from __future__ import annotations

from typing import Any

from runbook_sandbox.clocked.installation import condition, until

from backups.database import AT_ONCE

EVERYTHING = {"automated": {"retentionDays": 7}, "deletionProtection": True, "snapshots": AT_ONCE}


def test_a_database_that_is_not_there_is_said_and_taken_up_when_it_is(place):
    place.apply(place.backup(**EVERYTHING))
    assert place.identifier in place.stalled("db", "TargetNotFound")["message"]
    place.create()
    place.wait_slot("Complete")
    place.in_sync("db")


def test_a_database_that_is_not_granted_is_not_even_read(database):
    database.grant()
    database.apply(database.backup(**EVERYTHING))
    told = database.stalled("db", "NotGranted")["message"]
    assert "verb observe" in told and database.arn in told
    assert database.asked() == []
    database.grant_it("snapshot")
    database.wait_slot("Complete")
    database.in_sync("db")


def test_observing_it_is_granted_and_writing_is_not(database):
    database.grant_it("observe")
    database.apply(database.backup(**EVERYTHING))
    assert "snapshot" in database.stalled("db", "NotGranted")["message"]
    assert database.made() == []


def test_in_observe_the_plan_says_what_would_be_written(database):
    settings = {"automated": {"retentionDays": 7}, "deletionProtection": True}
    database.apply(database.backup(mode="Observe", **settings))
    plan = database.wait("db", lambda policy: "plan" in policy.get("status", {}), "has a plan")["status"]["plan"]
    assert [step["step"] for step in plan["steps"]] == ["ModifyBackupSettings"]
    assert "BackupRetentionPeriod 1 to 7, DeletionProtection false to true" in plan["steps"][0]["description"]
    # RDS takes one change at a time, and a snapshot that is due waits for none.
    database.apply(database.backup(mode="Observe", **EVERYTHING))

    def steps(policy: dict[str, Any]) -> list[str]:
        return [step["step"] for step in policy["status"].get("plan", {}).get("steps", [])]

    database.wait("db", lambda policy: steps(policy) == ["CreateSnapshot"], "plans the snapshot first")
    database.reconciled_again("db")
    assert database.made() == []


def test_iam_that_refuses_is_said(database):
    database.forbid()
    try:
        database.apply(database.backup(**EVERYTHING))
        assert "rds:" in database.stalled("db", "AwsAccessDenied")["message"]
    finally:
        database.allow()
    # What is denied is tried again later and later, or when somebody says so.
    database.reconciled_again("db", 1)
    database.wait_slot("Complete")


def test_a_member_of_a_cluster_is_not_backed_up_by_itself(place):
    rds, name = place.rds, f"{place.identifier}-cluster"
    rds.create_db_cluster(DBClusterIdentifier=name, Engine="aurora-postgresql", MasterUsername="me", MasterUserPassword="secret-word")
    status = lambda: rds.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]["Status"]  # noqa: E731
    until(f"{name} is available", status, lambda found: found == "available")
    rds.create_db_instance(
        DBInstanceIdentifier=place.identifier, DBClusterIdentifier=name, Engine="aurora-postgresql", DBInstanceClass="db.r6g.large"
    )
    place.available()
    place.apply(place.backup(**EVERYTHING))
    assert f"rdsCluster: {name}" in place.stalled("db", "MemberOfCluster")["message"]
    assert place.made() == []


def test_the_older_of_two_policies_has_the_database(database):
    database.apply(database.backup(**EVERYTHING))
    database.in_sync("db")
    database.apply(database.backup("rival", automated={"retentionDays": 9}))
    assert f"{database.namespace}/db" in database.stalled("rival", "TargetConflict")["message"]
    assert database.show()["BackupRetentionPeriod"] == 7
    database.delete()
    database.in_sync("rival")
    until("the younger has it", lambda: database.show()["BackupRetentionPeriod"], lambda days: days == 9)


def test_an_outage_of_aws_changes_nothing_and_fails_nothing(database):
    database.apply(database.backup(**EVERYTHING))
    database.in_sync("db")
    slots = database.slots()
    database.account.control("POST", "/faults", {"service": "rds", "operation": "Describe*", "kind": "error503", "when": "before"})
    found = database.wait("db", lambda policy: condition(policy, "Synced").get("status") == "Unknown", "says that AWS cannot be read")
    assert condition(found, "Ready")["status"] == "True"
    assert found["status"]["slots"] == slots, "a snapshot that cannot be seen is not lost"
    database.account.control("DELETE", "/faults")
    database.in_sync("db")


def test_a_schedule_that_cannot_be_read_is_said(database):
    database.apply(database.backup(snapshots={"schedule": "0 25 * * *"}))
    assert "25" in database.stalled("db", "InvalidExpression")["message"]
    database.apply(database.backup(snapshots={"schedule": "0 2 * * *", "timeZone": "Europe/Nowhere"}))
    until(
        "the zone is named",
        lambda: condition(database.get("db"), "Stalled"),
        lambda stalled: "Europe/Nowhere" in stalled.get("message", ""),
    )
    assert database.made() == []
