"""Crashes and lost answers: one restore, one verdict, and never an instance that is left."""

from __future__ import annotations

import pytest
from runbook_sandbox.clocked.installation import until

from restores.source import GOOD
from restores.workshop import VERIFIED

MOMENTS = ["RestoreDBInstanceFromDBSnapshot", "ModifyDBInstance", "DeleteDBInstance", "AddTagsToResource"]


@pytest.mark.parametrize("operation", MOMENTS)
def test_an_operator_that_is_killed_ends_what_it_began(shop, operation):
    # The write has its effect, and who made it never hears of it.
    shop.fault(operation)
    shop.apply(shop.backup(), shop.verify({"backupRef": {"name": "db"}}))
    asked = lambda: [call for call in shop.account.operator_calls(operation) if call["effect"]]  # noqa: E731
    before = len(asked())
    until(f"{operation} was made", asked, lambda found: len(found) > before, 90)
    shop.kill()
    status = shop.complete("good", seconds=180)["status"]
    instance = status["rdsInstance"]
    assert status["verification"]["result"] == "Passed"
    assert shop.instances("rbv-good-") == {}
    assert len([call for call in shop.restores(instance) if call["effect"]]) == 1
    assert shop.writes(instance).count("DeleteDBInstance") == 1
    # A password that may have been lost is set anew.
    assert shop.writes(instance).count("ModifyDBInstance") == (2 if operation == "ModifyDBInstance" else 1)
    assert VERIFIED in shop.snapshots()[shop.named("db")]


def test_a_restore_whose_answer_is_lost_is_made_once(shop):
    shop.fault("RestoreDBInstanceFromDBSnapshot")
    shop.apply(shop.keep({"snapshotIdentifier": GOOD}))
    shop.complete("again")
    assert len([call for call in shop.restores(shop.named("again")) if call["effect"]]) == 1


def test_an_outage_of_aws_ends_nothing(shop):
    shop.account.control("PUT", "/pace", {"rds_restore": 3.0})
    shop.apply(shop.verify({"snapshotIdentifier": GOOD}))
    until("RDS restores it", lambda: shop.instances("rbv-good-"), bool)
    shop.account.control("POST", "/faults", {"service": "rds", "operation": "Describe*", "kind": "error503", "when": "before"})
    shop.reconciled_again("good", 1)
    status = shop.show("good")["status"]
    assert status["phase"] in ("Pending", "Restoring")
    assert {one["type"]: one["status"] for one in status["conditions"]}["Failed"] == "False"
    shop.account.control("DELETE", "/faults")
    assert shop.complete("good")["status"]["verification"]["result"] == "Passed"
    assert shop.instances("rbv-good-") == {}
