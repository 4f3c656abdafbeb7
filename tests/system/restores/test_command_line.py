"""`kubectl runbook backup`, `backups` and `restore`."""

from __future__ import annotations

import json

from restores.source import GOOD


def policy(shop, **snapshots):
    spec = {"accountRef": {"name": shop.name}, "source": {"rdsInstance": shop.source}, "deletionProtection": True}
    if snapshots:
        spec["snapshots"] = {"schedule": "0 0 29 2 *"} | snapshots
    return shop._object("BackupPolicy", "db", spec)


def test_a_backup_is_taken_listed_and_restored_by_the_policys_name(shop, cli):
    shop.apply(policy(shop, namePrefix=shop.named("by-hand")))
    here = ("-n", shop.namespace)

    tried = cli("backup", "db", "--dry-run", *here)
    assert tried.code == 0 and "would be made" in tried.out and shop.named("by-hand-") in tried.out, tried
    assert not any(name.startswith(shop.named("")) for name in shop.snapshots())

    taken = cli("backup", "db", "--wait", "--timeout", "60s", *here)
    assert taken.code == 0 and "complete: snapshot " in taken.out, taken
    (snapshot,) = [name for name in shop.snapshots() if name.startswith(shop.named("by-hand-"))]

    listed = cli("backups", "db", *here, "-o", "json", "--endpoint-url", shop.account.endpoint)
    assert listed.code == 0, listed
    found = {one["snapshotIdentifier"]: one for one in json.loads(listed.out)["snapshots"]}
    assert found[snapshot]["owner"].startswith(f"sandbox/{shop.namespace}/databasebackups/db-")
    assert found[GOOD]["snapshotType"] == "manual" and "owner" not in found[GOOD], "one that was made elsewhere"
    shown = cli("backups", "db", *here, "--endpoint-url", shop.account.endpoint)
    assert shown.code == 0 and shown.out.startswith(f"DB instance {shop.source} can be restored to any time until "), shown

    into = shop.named("restored")
    restored = cli("restore", "db", "--to", into, "--snapshot", snapshot, "--wait", "--timeout", "60s", *here)
    assert restored.code == 0 and f"complete: DB instance {into} is available at " in restored.out, restored
    assert shop.instances(into)[into]["PubliclyAccessible"] is False

    again = cli("restore", "db", "--to", into, "--wait", "--timeout", "60s", *here)
    assert again.code == 1 and "it has failed, TargetExists" in again.err, again


def test_what_cannot_be_is_told_and_makes_nothing(shop, cli):
    shop.apply(policy(shop))
    here = ("-n", shop.namespace)
    for arguments, said in [
        (("backup", "absent"), "those that are there: db"),
        (("backup", "db", "--snapshot-identifier", "rds:mine"), "snapshotIdentifier must be"),
        (("restore", "db", "--to", "rbv-mine"), "kept for verifications"),
        (("restore", "db", "--to", "x", "--at", "yesterday"), "--at"),
        (("restore", "db", "--to", "x", "--snapshot", "y", "--at", "2026-03-01T00:00:00Z"), "cannot be used with"),
    ]:
        answer = cli(*arguments, *here)
        assert answer.code == 1 and said in answer.err, answer
    for kind in ("databasebackup", "databaserestore"):
        assert shop.client.kubectl("get", kind, "-n", shop.namespace, "-o", "name").strip() == ""


def test_without_a_cluster_both_are_made_from_here(shop, cli, tmp_path):
    account = shop.client.get("awsaccount", shop.name)
    spec = {name: value for name, value in account["spec"].items() if name not in ("endpointUrl", "assumeRole")}
    named = {"apiVersion": account["apiVersion"], "kind": "AwsAccount", "metadata": {"name": shop.name}}
    files = tmp_path / "objects.yaml"
    objects = [named | {"spec": spec}, policy(shop, namePrefix=shop.named("alone"))]
    files.write_text("---\n".join(json.dumps(one) + "\n" for one in objects))
    here = ("-f", str(files), "--endpoint-url", shop.account.endpoint, "--cluster-id", "sandbox")
    nowhere = {"KUBECONFIG": str(tmp_path / "none")}

    tried = cli("backup", "db", "--dry-run", *here, **nowhere)
    assert tried.code == 0 and tried.out.startswith("would take snapshot "), tried
    taken = cli("backup", "db", "--timeout", "60s", *here, **nowhere)
    assert taken.code == 0 and "complete: snapshot " in taken.out and "take snapshot " in taken.err, taken
    (snapshot,) = [name for name in shop.snapshots() if name.startswith(shop.named("alone-"))]
    assert shop.snapshots()[snapshot]["ops.clocked.app/owner"].startswith(f"sandbox/{shop.namespace}/databasebackups/db-")

    into = shop.named("alone")
    restored = cli("restore", "db", "--to", into, "--snapshot", snapshot, "--timeout", "60s", *here, **nowhere)
    assert restored.code == 0 and f"complete: DB instance {into} is available at " in restored.out, restored
    assert shop.instances(into)[into]["PubliclyAccessible"] is False
    again = cli("restore", "db", "--to", into, "--snapshot", snapshot, "--timeout", "60s", *here, **nowhere)
    assert again.code == 1 and "it has failed, TargetExists" in again.err, again

    for kind in ("databasebackup", "databaserestore"):
        assert shop.client.kubectl("get", kind, "-n", shop.namespace, "-o", "name").strip() == ""
    files.write_text(json.dumps(objects[1]))
    assert f"the files hold no AwsAccount {shop.name}" in cli("backup", "db", *here, **nowhere).err
    assert "the files hold no BackupPolicy other" in cli("backup", "other", *here, **nowhere).err
