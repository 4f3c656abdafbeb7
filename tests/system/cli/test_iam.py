"""`kubectl runbook iam-policy`."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from runbook_sandbox.clocked.account import (
    ACCOUNT,
    APP,
    CLUSTER,
    CLUSTER_ID,
    DATABASE,
    OPERATOR_USER,
    REGION,
    WORKER,
    documented_policy,
)
from runbook_sandbox.clocked.installation import EXAMPLES, REPOSITORY, condition, is_in_sync, until

from cli.files import BAND, text

KINDS = ("scalingpolicies", "backuppolicies")
SERVICE_LINKED_ROLE = "AWSServiceRoleForApplicationAutoScaling_ECSService"
#: In so many parts the statements of the policy are tried, so that several workers share them.
PARTS = 4


@pytest.fixture
def files(tmp_path):
    """The examples, with a snapshot each minute: what it takes to take one is needed at any time. Without verifications, of which
    tests/system/restores tries what they need."""
    for source in EXAMPLES.glob("*.yaml"):
        (tmp_path / source.name).write_text(source.read_text())
    backup = yaml.safe_load((EXAMPLES / "backups.yaml").read_text())
    backup["spec"]["snapshots"] |= {"schedule": "* * * * *", "timeZone": "UTC", "jitter": "0s"}
    del backup["spec"]["verification"], backup["spec"]["snapshots"]["retention"]["minVerified"]
    (tmp_path / "backups.yaml").write_text(yaml.safe_dump(backup))
    return tmp_path


@pytest.fixture
def examples(operator, account, files):
    """The examples, applied, on services and a database of their own; the operator's permissions as they were afterwards."""
    if DATABASE not in databases(account):  # an earlier part has made it
        account.create_services(APP, WORKER)
        account.create_database()
    available(account)
    others = set_aside(account)
    operator.kubectl("apply", f"--filename={files}/namespace.yaml", f"--filename={files}")
    yield operator
    allow(account, documented_policy(REPOSITORY, "*"))
    for name, document in others.items():
        account.client("iam").put_user_policy(UserName=OPERATOR_USER, PolicyName=name, PolicyDocument=json.dumps(document))
    operator.objects.delete_category("runbook", "clocked")
    operator.objects.delete("awsaccount", "default")


def databases(account) -> list[str]:
    return [database["DBInstanceIdentifier"] for database in account.rds.describe_db_instances()["DBInstances"]]


def set_aside(account) -> dict[str, dict]:
    """Takes away what other tests have allowed the operator besides, and returns it."""
    iam = account.client("iam")
    names = [name for name in iam.list_user_policies(UserName=OPERATOR_USER)["PolicyNames"] if name != OPERATOR_USER]
    others = {name: iam.get_user_policy(UserName=OPERATOR_USER, PolicyName=name)["PolicyDocument"] for name in names}
    for name in names:
        iam.delete_user_policy(UserName=OPERATOR_USER, PolicyName=name)
    return others


def available(account) -> None:
    """Waits until the database is."""
    until("the database is available", account.database, lambda found: found["DBInstanceStatus"] == "available")


def allow(account, policy: dict) -> None:
    """Gives the operator exactly this."""
    account.client("iam").put_user_policy(UserName=OPERATOR_USER, PolicyName=OPERATOR_USER, PolicyDocument=json.dumps(policy))


def unmade(account) -> None:
    """AWS as it was before the operator came, and not as the examples want it."""
    for service, desired in ((APP, 1), (WORKER, 1)):
        if account.scalable_target(service):
            account.autoscaling.deregister_scalable_target(
                ServiceNamespace="ecs", ScalableDimension="ecs:service:DesiredCount", ResourceId=f"service/{CLUSTER}/{service}"
            )
        account.set_desired(service, desired)
    available(account)
    account.rds.modify_db_instance(
        DBInstanceIdentifier=DATABASE, BackupRetentionPeriod=2, DeletionProtection=False, CopyTagsToSnapshot=False
    )
    # No snapshot of the minute that it is, which is therefore due; and one of the policy's that is too old to be kept.
    for identifier in account.snapshots():
        account.rds.delete_db_snapshot(DBSnapshotIdentifier=identifier)
    until("the snapshots are gone", account.snapshots, lambda found: not found)
    slot = datetime.now(UTC).replace(microsecond=0) - timedelta(days=500)
    identifier = f"clocked-manual-{slot:%Y%m%d-%H%M%S}"
    tags = {
        "owner": f"{CLUSTER_ID}/clocked/{DATABASE}",
        "resource-arn": f"arn:aws:rds:{REGION}:{ACCOUNT}:snapshot:{identifier}",
        "slot": f"{slot:%Y-%m-%dT%H:%M:%SZ}",
    }
    account.rds.create_db_snapshot(
        DBInstanceIdentifier=DATABASE,
        DBSnapshotIdentifier=identifier,
        Tags=[{"Key": f"ops.clocked.app/{name}", "Value": value} for name, value in tags.items()],
    )
    available(account)
    iam = account.client("iam")
    if any(role["RoleName"] == SERVICE_LINKED_ROLE for role in iam.list_roles()["Roles"]):
        iam.delete_role(RoleName=SERVICE_LINKED_ROLE)


def names(policy: dict) -> list[str]:
    return [statement["Sid"] for statement in policy["Statement"]]


@pytest.mark.long
@pytest.mark.parametrize("part", range(PARTS))
def test_the_policy_is_enough_and_none_of_it_too_much(examples, account, cli, files, part):
    policy = json.loads(cli("iam-policy", "-f", str(files)).out)
    assert len(names(policy)) == len(set(names(policy))) >= 9

    def begin_anew() -> None:
        # What is undone again and again would be contested, and put right later each time.
        examples.kubectl("delete", "scalingpolicies,backuppolicies", "--all", "--namespace=clocked")
        unmade(account)
        examples.kubectl("apply", f"--filename={files}")

    def look(stamp: str) -> list[dict]:
        annotation = f"ops.clocked.app/reconcile-requested-at={stamp}"
        for kind in KINDS:
            examples.kubectl("annotate", kind, "--all", "--namespace=clocked", "--overwrite", annotation)
        return until(
            f"{stamp}: the policies are looked at",
            policies,
            lambda items: all(item["status"].get("lastHandledReconcileAt") == stamp for item in items),
        )

    def policies() -> list[dict]:
        return [item for kind in KINDS for item in examples.get(kind, "--namespace=clocked")["items"]]

    def denied(items: list[dict]) -> list[str]:
        stalled = [condition(item, "Stalled") for item in items]
        return [one["message"] for one in stalled if one.get("status") == "True" and one["reason"] == "AwsAccessDenied"]

    for statement in policy["Statement"][part::PARTS]:
        allow(account, policy | {"Statement": [one for one in policy["Statement"] if one is not statement]})
        begin_anew()
        sid = statement["Sid"]
        look(f"without-{sid}")
        until(f"something is denied without {sid}", policies, denied, seconds=150)

        allow(account, policy)
        begin_anew()
        look(f"with-{sid}")
        everything = until(
            f"all is in sync with {sid}",
            policies,
            lambda items: all(is_in_sync(item) for item in items) and account.scalable_target(APP) is not None,
        )
        assert len(everything) == 3


def test_what_holds_for_a_while_takes_no_permission_away(place, cli, declared):
    policy = place.policy("web", autoscaling=BAND)
    freeze = [{"from": "1960-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "reason": "nobody is there"}]
    slow = {"scaleInStep": {"percent": 20, "every": "5m"}}
    ordinary = cli("iam-policy", "-f", "-", stdin=text(declared(), policy))
    overrides = (place.override("stop", "web", exactly=1), place.override("ended", "web", seconds=-5, atLeast=9))
    for_a_while = cli("iam-policy", "-f", "-", stdin=text(declared(freeze=freeze, safety=slow), policy, *overrides))
    assert (for_a_while.code, for_a_while.out) == (0, ordinary.out), for_a_while


def test_an_iam_policy_says_what_it_leaves_out(place, cli, declared):
    role = {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/runbook"}
    files = text(declared(assumeRole=role), place.policy("web", replicas=2), place.policy("broken", replica=2))
    answer = cli("iam-policy", "-f", "-", stdin=files)
    assert answer.code == 1
    assert "broken: left out" in answer.err and "sts:AssumeRole" in answer.err and role["roleArn"] in answer.err
    assert {statement["Sid"] for statement in json.loads(answer.out)["Statement"]} == {"ReadServices", "SetDesiredCount", "ReadAutoscaling"}
    assert not place.account.calls_of(cli.user)
