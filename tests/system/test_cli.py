"""`kubectl runbook` against the sandbox's AWS and cluster."""

from __future__ import annotations

import json
import signal

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
    foreign = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}}
    (tmp_path / "team" / "policies.yaml").write_text(text(web, worker, foreign))

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


def test_overrides_of_files_and_cluster_take_part_as_in_the_operator(place, cli, declared):
    place.account.create_services("web", "worker", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2), place.policy("worker", replicas=1))
    place.in_sync("web", "worker")

    # A file with nothing but overrides, for a policy that is in the cluster only.
    only = text(place.override("sale", "web", atLeast=4), place.override("stop", "worker", exactly=0))
    planned = cli("plan", "--cluster", "-f", "-", stdin=only)
    assert planned.code == 1, planned
    assert f"ScalingPolicy {place.namespace}/web  the cluster" in planned.out
    assert f"~ set desiredCount of {place.cluster}/web from 2 to 4" in planned.out
    assert "override: sale until" in planned.out and "size 2 to at least 4" in planned.out
    assert "ZeroNotAllowed: " in planned.out and "allowZero: true on ScalingPolicy worker" in planned.out
    assert "PolicyNotFound: " in cli("plan", "-f", "-", stdin=only).out, "nobody has asked the cluster"
    assert place.desired("web") == 2

    # What the operator makes of it is what the plan said.
    place.apply(place.override("sale", "web", atLeast=4))
    place.wait_desired("web", 4)
    place.in_sync("web")
    files = text(declared(), place.policy("web", replicas=2), place.override("ended", "web", seconds=-60, exactly=9))
    known = json.loads(cli("plan", "--cluster", "-f", "-", "-o", "json", stdin=files).out)
    by_kind = {thing["kind"]: thing for thing in known["objects"]}
    assert known["summary"]["changes"] == 0 and known["summary"]["errors"] == 0, known
    assert [one["name"] for one in by_kind["ScalingPolicy"]["overrides"]] == ["sale"]
    assert by_kind["ScalingPolicy"]["nextAt"] == by_kind["ScalingPolicy"]["overrides"][0]["expiresAt"]
    assert [one["reason"] for one in by_kind["ScalingOverride"]["findings"]] == ["Expired"]


def test_the_memory_of_the_cluster_makes_drift_of_a_difference(place, cli):
    place.account.create_services("web", cluster=place.cluster)
    watched = place.policy("web", replicas=2, drift={"scaleOut": "Report"})
    place.apply(watched)
    place.in_sync("web")
    place.wait("web", lambda p: p["status"].get("followed", {}).get("minimum") == 2, "is followed")
    place.account.set_desired("web", 5, place.cluster)
    # During the deployment that the change began a scale-in waits anyway.
    planned = until(
        "the difference is reported",
        lambda: cli("plan", "--cluster", "-f", "-", stdin=text(watched)),
        lambda answer: "DriftReported: " in answer.out,
    )
    assert planned.code == 0 and "1 held" in planned.out, planned


def test_what_is_held_says_until_when(place, cli, declared):
    place.account.create_services("web", "slow", cluster=place.cluster)
    freeze = [{"from": "2020-01-01T00:00:00Z", "to": "2099-01-01T00:00:00Z", "reason": "nobody is there"}]
    policy = place.policy("web", replicas=3)
    frozen = cli("plan", "-f", "-", stdin=text(declared(freeze=freeze), policy))
    assert frozen.code == 0 and "held: " in frozen.out, frozen
    assert "Frozen: the AwsAccount is frozen until 2099-01-01T00:00:00Z: nobody is there" in frozen.out
    report = json.loads(cli("plan", "-f", "-", "-o", "json", stdin=text(declared(freeze=freeze), policy)).out)
    assert (report["objects"][0]["heldBy"], report["objects"][0]["nextAt"]) == ("Frozen", "2099-01-01T00:00:00Z")
    # An override is followed in a freeze.
    assert cli("plan", "-f", "-", stdin=text(declared(freeze=freeze), policy, place.override("now", "web", exactly=4))).code == 2

    arn = place.account.service("web", place.cluster)["serviceArn"]
    hold = {"key": "ops.clocked.app/hold-until", "value": "2098-01-01T00:00:00Z"}
    place.account.client("ecs").tag_resource(resourceArn=arn, tags=[hold])
    held = cli("plan", "-f", "-", stdin=text(declared(), policy))
    assert held.code == 0 and "HeldByTag: " in held.out and "before 2098-01-01T00:00:00Z" in held.out, held


# Scale


def test_scaling_for_a_while_is_an_override_that_the_operator_follows(place, cli):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", autoscaling={"minCapacity": 1, "maxCapacity": 6}))
    place.in_sync("web")
    here = ("-n", place.namespace)
    ask = ("scale", "web", "--at-least", "4", "--for", "1h", "--reason", "the sale begins", *here)

    tried = cli(*ask, "--dry-run")
    assert tried.code == 0 and "would be made" in tried.out and "size 1 to 6 -> 4 to 6" in tried.out, tried
    assert not place.overrides()

    made = cli(*ask, "--wait", "--timeout", "90s")
    assert made.code == 0 and "followed: ScalingPolicy web is in sync, desiredCount 4" in made.out, made
    assert place.desired("web") == 4
    (override,) = place.overrides()
    assert override["metadata"]["labels"] == {"ops.clocked.app/made-by": "cli"} and override["spec"]["reason"] == "the sale begins"
    assert override["spec"]["atLeast"] == 4 and override["metadata"]["name"] in made.err

    place.apply(place.override("theirs", "web", seconds=1800, range={"min": 4, "max": 5}))
    place.told("theirs", "Active")
    shown = cli("status", *here)
    assert "For a while:" in shown.out and "by ScalingOverride theirs: a test" in shown.out, shown
    assert [one["name"] for one in json.loads(cli("status", *here, "-o", "json").out)["overrides"]][0] == "theirs"

    stopped = cli("scale", "web", "--stop", "--wait", *here)
    assert stopped.code == 0 and f"ended ScalingOverride {place.namespace}/{override['metadata']['name']}" in stopped.err, stopped
    assert "theirs holds until" in stopped.err
    place.told(override["metadata"]["name"], "Expired")
    again = cli("scale", "web", "--stop", *here)
    assert again.code == 0 and "no override" in again.out, again
    assert len(place.overrides()) == 2, "what has ended stays to be looked at"


def test_what_the_operator_would_refuse_is_not_made(place, cli):
    place.account.create_services("web", cluster=place.cluster)
    one = {"minCapacity": 1, "maxCapacity": 1}
    place.apply(place.policy("web", autoscaling=one), place.policy("asleep", "web", replicas=1, suspend=True))
    place.in_sync("web")
    rest = ("--for", "1h", "--reason", "x", "-n", place.namespace)
    for arguments, said in [
        (("web", "--exactly", "0"), "allowZero: true on ScalingPolicy web"),
        (("web", "--at-least", "9"), "set overrideCeiling: 9"),
        (("absent", "--at-least", "9"), "those that are there: asleep, web"),
        (("web", "--range", "4..2"), "for example 4..8"),
    ]:
        answer = cli("scale", *arguments, *rest)
        assert answer.code == 1 and said in answer.err and answer.out == "", answer
    assert not place.overrides()
    asleep = cli("scale", "asleep", "--at-least", "2", *rest, "--wait", "--timeout", "60s")
    assert asleep.code == 1 and "warning: " in asleep.err and "set spec.suspend to false" in asleep.err, asleep


def test_waiting_may_be_broken_off_and_ends_by_itself(place, cli):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=1))
    place.in_sync("web")
    place.account.control("POST", "/faults", {"service": "ecs", "operation": "UpdateService", "kind": "error503", "when": "before"})
    ask = ("scale", "web", "--exactly", "3", "--for", "1h", "--reason", "x", "-n", place.namespace, "--wait")
    with cli.start(*ask) as waiting:
        said = next(line for line in waiting.stderr if line.startswith("waiting: "))
        waiting.send_signal(signal.SIGINT)
        rest = waiting.stderr.read()
        assert waiting.wait(timeout=60) == 1 and "broken off: nothing was taken back" in rest, (said, rest)
    assert len(place.overrides()) == 1
    late = cli(*ask, "--timeout", "2s")
    assert late.code == 1 and "AWS does not follow after 2s" in late.err, late
    place.account.control("DELETE", "/faults")
    place.wait_desired("web", 3)


def test_colours_are_for_terminals_that_want_them(cli):
    wrong = ("plan", "-f", "/nonexistent")
    assert "\x1b[31m" in cli.on_terminal(*wrong)
    for plain in (cli.on_terminal(*wrong, NO_COLOR="1"), cli.on_terminal(*wrong, "--color", "never"), cli(*wrong).err):
        assert "error: " in plain and "\x1b" not in plain
    assert "\x1b[31m" in cli(*wrong, "--color", "always").err


def test_status_marks_what_was_adopted(place, cli):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=1))
    place.in_sync("web")
    place.wait("web", lambda p: p["status"].get("followed", {}).get("minimum") == 1, "is followed")
    place.account.set_desired("web", 3, place.cluster)
    place.reconciled_again("web")
    until("it is adopted", place.overrides, lambda found: bool(found))
    place.told(place.overrides()[0]["metadata"]["name"], "Active")
    shown = cli("status", "-n", place.namespace)
    assert "adopted from AWS" in shown.out and "adopted-web-" in shown.out, shown


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

    def begin_anew() -> None:
        # What is undone again and again would be contested, and put right later each time.
        examples.kubectl("delete", "scalingpolicies", "--all", "--namespace=clocked")
        unmade(account)
        examples.kubectl("apply", f"--filename={EXAMPLES}")

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
        begin_anew()
        sid = statement["Sid"]
        look(f"without-{number}")
        until(f"something is denied without {sid}", policies, denied)

        allow(account, policy)
        begin_anew()
        look(f"with-{number}")
        everything = until(
            f"all is in sync with {sid}",
            policies,
            lambda items: all(is_in_sync(item) for item in items) and account.scalable_target(APP) is not None,
        )
        assert len(everything) == 2


def test_a_plan_says_when_more_would_change_than_may_within_an_hour(place, cli, declared):
    place.account.create_services("web", "api", cluster=place.cluster)
    policies = [place.policy(name, replicas=2) for name in ("web", "api")]
    planned = cli("plan", "-f", "-", stdin=text(declared(safety={"maxChangedTargetsPercent": 10}), *policies))
    assert planned.code == 2 and "2 of 2 targets would be changed" in planned.err, planned
    assert "targets would be changed" not in cli("plan", "-f", "-", stdin=text(declared(), *policies)).err


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
