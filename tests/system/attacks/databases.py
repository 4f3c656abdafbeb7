"""Somebody who wants databases backed up, or backups deleted, that are another's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from backups.database import AT_ONCE, NEVER, OWN_ARN, OWNER, SLOT, Database, begun, cron, rfc3339
from runbook_sandbox.clocked.installation import until

from attacks.table import Scene, attack


def database(scene: Scene, *verbs: str) -> Database:
    """A database that is there, and granted to the place with these verbs, and to nobody without any."""
    made = Database(scene.place)
    if verbs:
        made.grant_it(*verbs)
    made.allow()
    made.create()
    return made


def stalled(scene: Scene, made: Database) -> None:
    """Waits until the policy is stalled for the row's reason, and looks on for a while."""
    made.stalled("db", scene.reason)
    made.reconciled_again("db")
    made.stalled("db", scene.reason)


@attack("has a database backed up that nobody has granted him, or one whose name begins like the granted one", "`NotGranted`", "not asked")
def _(scene: Scene) -> None:
    made = database(scene)
    beside = {"namespaces": [made.namespace], "verbs": ["snapshot"], "resources": [made.arn.removesuffix(made.name[-1])]}
    made.grant(grants=[beside])
    made.apply(made.backup(snapshots=AT_ONCE))
    stalled(scene, made)


@attack("has snapshots deleted where only `snapshot` is granted", "`NotGranted`", "only read")
def _(scene: Scene) -> None:
    made = database(scene, "snapshot")
    for hours in (24, 23):
        made.put_own(datetime.now(UTC).replace(microsecond=0) - timedelta(hours=hours))
    made.apply(made.backup(snapshots={"schedule": NEVER, "retention": {"keepLast": 1}}))
    stalled(scene, made)


@attack("copies the tags of a policy's snapshot to another's, to have that deleted", "harmless", "as declared")
def _(scene: Scene) -> None:
    made = database(scene, "snapshot", "deleteSnapshot")
    slot = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=24)
    oldest, newest = made.put_own(slot), made.put_own(slot + timedelta(hours=1))
    others = f"others-{made.name}"
    made.put_snapshot(others, **{OWNER: f"sandbox/{made.namespace}/db", OWN_ARN: made.snapshot_arn(oldest), SLOT: rfc3339(slot)})
    made.apply(made.backup(snapshots={"schedule": NEVER, "retention": {"keepLast": 1}}))
    until("the policy's own is deleted", made.snapshots, lambda found: set(found) == {newest, others})
    made.reconciled_again("db")
    assert set(made.snapshots()) == {newest, others}


@attack("gives a snapshot of his own the name that the next slot will have", "`NameTaken`", "as declared")
def _(scene: Scene) -> None:
    made, due = database(scene, "snapshot"), begun()
    made.put_own(due - timedelta(days=1))
    made.put_snapshot(f"{made.prefix}-{due:%Y%m%d-%H%M%S}")
    made.apply(made.backup(snapshots={"schedule": cron(due)}))
    made.wait_slot("Waiting")
    stalled(scene, made)
    assert made.made() == []


@attack("turns automated backups off, which deletes them, without `allowOutage`", "refused", "only read")
def _(scene: Scene) -> None:
    made = database(scene, "snapshot")
    scene.refused(made.backup(automated={"retentionDays": 0}))
    made.apply(made.backup(automated={"retentionDays": 1}))
    made.in_sync("db")
    assert made.show()["BackupRetentionPeriod"] == 1
