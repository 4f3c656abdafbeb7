"""`kubectl runbook` against the sandbox's AWS and cluster."""

from __future__ import annotations

import json

import pytest
import yaml
from runbook_sandbox.clocked.account import (
    ACCOUNT,
    APP,
    CLUSTER,
    OPERATOR_USER,
    REGION,
    WORKER,
    documented_policy,
)
from runbook_sandbox.clocked.installation import (
    EXAMPLES,
    REPOSITORY,
    condition,
    is_in_sync,
    until,
)

CPU = {"name": "cpu", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": 60, "scaleOutCooldown": "90s"}
BAND = {"minCapacity": 2, "maxCapacity": 6, "targetTracking": [CPU]}
READS = ("Describe", "List", "Get")
SERVICE_LINKED_ROLE = "AWSServiceRoleForApplicationAutoScaling_ECSService"


def text(*objects: dict) -> str:
    """Objects as one file."""
    return yaml.safe_dump_all(objects)


@pytest.fixture
def declared(place):
    """The AwsAccount of the place as a file would have it."""

    def account(**spec) -> dict:
        arn = f"arn:aws:ecs:*:*:service/{place.cluster}/*"
        grants = [{"namespaces": [place.namespace], "verbs": ["scale"], "resources": [arn]}]
        default = {"accountId": ACCOUNT, "regions": [REGION], "mode": "Enforce", "grants": grants}
        return {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "AwsAccount", "metadata": {"name": place.name}, "spec": default | spec}

    return account


# Plan


def test_a_plan_says_what_would_be_written_and_writes_nothing(place, cli, declared, tmp_path):
    place.account.create_services("web", "worker", cluster=place.cluster)
    web, worker = place.policy("web", autoscaling=BAND), place.policy("worker", replicas=1)
    (tmp_path / "team").mkdir()
    (tmp_path / "account.yaml").write_text(text(declared()))
    (tmp_path / "team" / "policies.yaml").write_text(text(web, worker, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}))

    planned = cli("plan", "-f", str(tmp_path))
    assert planned.code == 2, planned
    assert f"+ register scalable target of {place.cluster}/web with minCapacity 2, maxCapacity 6" in planned.out
    assert f"+ create target tracking policy cpu of {place.cluster}/web" in planned.out
    assert "2 objects: 2 changes" in planned.out and "\x1b[" not in planned.out
    assert "ConfigMap" in planned.err

    report = json.loads(cli("plan", "-f", str(tmp_path), "-o", "json").out)
    steps = [step["step"] for thing in report["objects"] for step in thing["steps"]]
    assert steps == ["RegisterScalableTarget", "PutTargetTrackingPolicy"]
    assert report["summary"]["changes"] == 2

    calls = place.account.calls_of(cli.user)
    assert calls and all(call["operation"].startswith(READS) for call in calls), [call["operation"] for call in calls]
    assert place.account.scalable_target("web", place.cluster) is None


def test_after_applying_a_plan_is_empty(place, cli, declared):
    place.account.create_services("web", "worker", cluster=place.cluster)
    policies = [place.policy("web", autoscaling=BAND), place.policy("worker", replicas=3)]
    files = text(declared(), *policies)
    assert cli("plan", "-f", "-", stdin=files).code == 2
    place.apply(*policies)
    place.in_sync("web", "worker")
    planned = cli("plan", "-f", "-", stdin=files)
    assert planned.code == 0, planned
    assert "2 objects: 0 changes" in planned.out and "0 errors" in planned.out
    place.account.set_desired("worker", 1, place.cluster)
    # The operator corrects it meanwhile, or not: either way the plan is about what there is.
    assert cli("plan", "-f", "-", stdin=files).code in (0, 2)


def test_errors_are_told_for_each_object_and_stop_none_of_the_others(place, cli, declared):
    place.account.create_services("web", cluster=place.cluster)
    good = place.policy("web", replicas=4)
    files = [
        declared(),
        good,
        place.policy("gone", replicas=2),
        place.policy("misspelt", replica=2),
        place.policy("other", replicas=2, accountRef={"name": "nobody"}),
        place.policy("elsewhere", replicas=2, region="us-east-1"),
        good | {"metadata": good["metadata"] | {"namespace": "not-granted", "name": "foreign"}},
    ]
    planned = cli("plan", "-f", "-", stdin=text(*files))
    assert planned.code == 1
    assert f"~ set desiredCount of {place.cluster}/web from 1 to 4" in planned.out
    for said in (
        "has no service gone",
        'unknown field "spec.replica"',
        "no AwsAccount named nobody",
        "does not list region us-east-1",
        "does not grant namespace not-granted the verb",
        "6 objects: 1 change, 0 in sync, 5 errors",
    ):
        assert said in planned.out, planned.out


def test_two_policies_for_one_service_are_a_conflict(place, cli, declared):
    place.account.create_services("web", cluster=place.cluster)
    files = text(declared(), place.policy("one", "web", replicas=2), place.policy("two", "web", replicas=3))
    planned = cli("plan", "-f", "-", stdin=files)
    assert planned.code == 1
    assert f"named by {place.namespace}/two too" in planned.out and f"named by {place.namespace}/one too" in planned.out
    observing = text(declared(), place.policy("one", "web", replicas=1), place.policy("two", "web", replicas=3, mode="Observe"))
    planned = cli("plan", "-f", "-", stdin=observing)
    assert planned.code == 0 and "held: " in planned.out and "1 held" in planned.out, planned


def test_the_cluster_knows_the_account_the_holder_and_what_must_not_change(place, cli):
    place.account.create_services("web", "worker", cluster=place.cluster)
    place.apply(place.policy("web", replicas=1))
    place.in_sync("web")
    assert "no AwsAccount named" in cli("plan", "-f", "-", stdin=text(place.policy("web", replicas=2))).out
    known = cli("plan", "--cluster", "-f", "-", stdin=text(place.policy("web", replicas=2)))
    assert known.code == 2, known
    rival = cli("plan", "--cluster", "-f", "-", stdin=text(place.policy("rival", "web", replicas=2)))
    assert rival.code == 1 and f"already held by {place.namespace}/web" in rival.out, rival
    moved = cli("plan", "--cluster", "-f", "-", stdin=text(place.policy("web", "worker", replicas=2)))
    assert moved.code == 1 and "target cannot be changed" in moved.out, moved


def test_what_is_no_plan_is_an_error(cli, tmp_path):
    for arguments, said in [
        (["plan"], "--filename"),
        (["plan", "-f", str(tmp_path / "absent.yaml")], "absent.yaml cannot be read"),
        (["plan", "-f", str(tmp_path)], "holds no object of ops.clocked.app"),
        (["import", "ecs", "--cluster", "nowhere"], "ClusterNotFoundException"),
    ]:
        answer = cli(*arguments)
        assert (answer.code, answer.out) == (1, "") and said in answer.err, answer


def test_credentials_that_may_not_read_are_told_so(place, cli, declared):
    place.account.create_services("web", cluster=place.cluster)
    files = text(declared(), place.policy("web", replicas=2))
    answer = cli("plan", "-f", "-", stdin=files, AWS_ACCESS_KEY_ID="AKIAUNKNOWNUNKNOWN12")
    assert answer.code == 1 and "AwsAccessDenied" in answer.out and "InvalidClientTokenId" in answer.out, answer
    elsewhere = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    key, secret = place.account.create_user(f"nobody-{place.name}", {"Version": "2012-10-17", "Statement": [elsewhere]})
    answer = cli("plan", "-f", "-", stdin=files, AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
    assert answer.code == 1 and "ecs:DescribeServices" in answer.out, answer


def test_an_endpoint_in_a_file_needs_leave(place, cli, declared):
    place.account.create_services("web", cluster=place.cluster)
    files = text(declared(endpointUrl="http://127.0.0.1:9"), place.policy("web", replicas=2))
    refused = cli("plan", "-f", "-", stdin=files)
    assert refused.code == 1 and "endpointUrl" in refused.out, refused
    assert not place.account.calls_of(cli.user)
    own = cli("plan", "-f", "-", "--endpoint-url", place.account.endpoint, stdin=files, AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert own.code == 2, own


# Import


def test_a_plan_for_what_was_imported_is_empty(place, cli):
    account = place.account
    account.create_services("fixed", "band", "Odd_Name", cluster=place.cluster)
    account.create_services("stopped", cluster=place.cluster, desired=0)
    identity = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    for service in ("band", "Odd_Name"):
        target = identity | {"ResourceId": f"service/{place.cluster}/{service}"}
        account.autoscaling.register_scalable_target(
            **target, MinCapacity=1, MaxCapacity=7, SuspendedState={"ScheduledScalingSuspended": service == "band"}
        )
    band = identity | {"ResourceId": f"service/{place.cluster}/band"}
    queue = {"MetricName": "Depth", "Namespace": "Clocked", "Dimensions": [{"Name": "Queue", "Value": "q"}], "Statistic": "Average"}
    for name, configuration in {
        "cpu": {
            "TargetValue": 62.5,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            "ScaleInCooldown": 120,
        },
        "queue": {"TargetValue": 10.0, "CustomizedMetricSpecification": queue, "DisableScaleIn": True},
    }.items():
        account.autoscaling.put_scaling_policy(
            **band, PolicyName=name, PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=configuration
        )
    account.autoscaling.put_scaling_policy(
        **band,
        PolicyName="steps",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        },
    )

    imported = cli(
        *("import", "ecs", "--cluster", place.cluster, "--namespace", place.namespace, "--account-name", place.name, "--with-account")
    )
    assert imported.code == 0, imported
    assert "left out" not in imported.err and "4 of 4 services" in imported.err
    objects = list(yaml.safe_load_all(imported.out))
    assert [thing["kind"] for thing in objects] == ["AwsAccount"] + ["ScalingPolicy"] * 4
    specs = {thing["spec"]["target"]["ecsService"]["service"]: thing["spec"] for thing in objects[1:]}
    assert specs["fixed"]["replicas"] == 1
    assert specs["stopped"] | {"replicas": 0, "allowZero": True} == specs["stopped"]
    assert specs["band"]["autoscaling"]["suspended"]["scheduledScaling"] is True
    assert [entry["name"] for entry in specs["band"]["autoscaling"]["targetTracking"]] == ["cpu", "queue"]

    planned = cli("plan", "-f", "-", stdin=imported.out)
    assert planned.code == 0 and "held" not in planned.out, planned
    # Not because of the account's mode.
    objects[0]["spec"]["mode"] = "Enforce"
    enforced = cli("plan", "-f", "-", "-o", "json", stdin=text(*objects))
    assert enforced.code == 0 and not any(thing["steps"] for thing in json.loads(enforced.out)["objects"]), enforced
    # The server takes it, and the operator has nothing to do.
    place.client.kubectl("apply", "--dry-run=server", "--filename=-", stdin=imported.out)
    assert all(call["operation"].startswith(READS) for call in account.calls_of(cli.user))


def test_a_size_outside_its_band_is_imported_asleep(place, cli):
    account = place.account
    account.create_services("web", cluster=place.cluster)
    account.autoscaling.register_scalable_target(
        ServiceNamespace="ecs",
        ScalableDimension="ecs:service:DesiredCount",
        ResourceId=f"service/{place.cluster}/web",
        MinCapacity=1,
        MaxCapacity=3,
    )
    account.set_desired("web", 5, place.cluster)
    options = ("--cluster", place.cluster, "--namespace", place.namespace, "--account-name", place.name, "--service", "web")
    imported = cli("import", "ecs", *options)
    assert "outside minCapacity 1 and maxCapacity 3" in imported.err and "# desiredCount is 5" in imported.out
    assert yaml.safe_load(imported.out)["spec"]["suspend"] is True
    planned = cli("plan", "--cluster", "-f", "-", stdin=imported.out)
    # Its deployment may not have ended yet.
    assert planned.code == 0 and "0 changes" in planned.out and ("1 held" in planned.out or "1 waiting" in planned.out), planned
    assert cli("import", "ecs", "--cluster", place.cluster, "--service", "absent").code == 1


# IAM


@pytest.fixture
def examples(operator, account):
    """The examples, applied, on services of their own; the operator's permissions as they were afterwards."""
    account.create_services(APP, WORKER)
    operator.kubectl("apply", f"--filename={EXAMPLES}/namespace.yaml", f"--filename={EXAMPLES}")
    yield operator
    allow(account, documented_policy(REPOSITORY, "*"))
    operator.kubectl("delete", "namespace", "clocked", "--wait=false")
    operator.kubectl("delete", "awsaccount", "default", "--wait=false")


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
    iam = account.client("iam")
    if any(role["RoleName"] == SERVICE_LINKED_ROLE for role in iam.list_roles()["Roles"]):
        iam.delete_role(RoleName=SERVICE_LINKED_ROLE)


def names(policy: dict) -> list[str]:
    return [statement["Sid"] for statement in policy["Statement"]]


def test_the_policy_is_enough_and_none_of_it_too_much(examples, account, cli):
    policy = json.loads(cli("iam-policy", "-f", str(EXAMPLES)).out)
    assert len(names(policy)) == len(set(names(policy))) >= 5

    def look(stamp: str) -> list[dict]:
        annotation = f"ops.clocked.app/reconcile-requested-at={stamp}"
        examples.kubectl("annotate", "scalingpolicy", "--all", "--namespace=clocked", "--overwrite", annotation)
        return until(
            f"{stamp}: the policies are looked at",
            policies,
            lambda items: all(item["status"].get("lastHandledReconcileAt") == stamp for item in items),
        )

    def policies() -> list[dict]:
        return examples.get("scalingpolicies", "--namespace=clocked")["items"]

    def denied(items: list[dict]) -> list[str]:
        stalled = [condition(item, "Stalled") for item in items]
        return [one["message"] for one in stalled if one.get("status") == "True" and one["reason"] == "AwsAccessDenied"]

    for number, statement in enumerate(policy["Statement"]):
        allow(account, policy | {"Statement": [one for one in policy["Statement"] if one is not statement]})
        unmade(account)
        sid = statement["Sid"]
        look(f"without-{number}")
        until(f"something is denied without {sid}", policies, denied)

        allow(account, policy)
        unmade(account)
        look(f"with-{number}")
        everything = until(
            f"all is in sync with {sid}",
            policies,
            lambda items: all(is_in_sync(item) for item in items) and account.scalable_target(APP) is not None,
        )
        assert len(everything) == 2


def test_an_iam_policy_says_what_it_leaves_out(place, cli, declared):
    role = {"roleArn": f"arn:aws:iam::{ACCOUNT}:role/runbook"}
    files = text(declared(assumeRole=role), place.policy("web", replicas=2), place.policy("broken", replica=2))
    answer = cli("iam-policy", "-f", "-", stdin=files)
    assert answer.code == 1
    assert "broken: left out" in answer.err and "sts:AssumeRole" in answer.err and role["roleArn"] in answer.err
    assert {statement["Sid"] for statement in json.loads(answer.out)["Statement"]} == {"ReadServices", "SetDesiredCount", "ReadAutoscaling"}
    assert not place.account.calls_of(cli.user)


# Status


def test_status_shows_what_needs_attention_first(place, cli):
    place.account.create_services("web", "watched", cluster=place.cluster)
    place.apply(place.policy("web", replicas=1), place.policy("gone", replicas=2), place.policy("watched", replicas=3, mode="Observe"))
    place.in_sync("web")
    place.stalled("gone", "TargetNotFound")
    place.wait("watched", lambda p: condition(p, "Synced").get("reason") == "Observe", "is observed")
    shown = cli("status", "-n", place.namespace)
    assert shown.code == 0, shown
    lines = shown.out.splitlines()
    stalled = next(number for number, line in enumerate(lines) if f"ScalingPolicy {place.namespace}/gone" in line)
    held = next(number for number, line in enumerate(lines) if f"ScalingPolicy {place.namespace}/watched" in line)
    assert lines[stalled].startswith("Stalled") and "TargetNotFound" in lines[stalled] and "has no service gone" in lines[stalled + 1]
    assert stalled < held and lines[held].startswith("Held")
    assert "ScalingPolicy: 3 (1 Held, 1 InSync, 1 Stalled)" in shown.out
    assert f"{place.namespace}/web" not in shown.out
    report = json.loads(cli("status", "-A", "-o", "json").out)
    assert {"kind": "ScalingPolicy", "namespace": place.namespace, "name": "gone"}.items() <= next(
        thing for thing in report["attention"] if thing["name"] == "gone"
    ).items()


def test_the_crds_are_those_that_are_installed(cli, operator):
    printed = list(yaml.safe_load_all(cli("crds").out))
    assert len(printed) >= 2
    for crd in printed:
        installed = operator.get("crd", crd["metadata"]["name"])
        assert installed["spec"]["versions"][0]["schema"] == crd["spec"]["versions"][0]["schema"]
