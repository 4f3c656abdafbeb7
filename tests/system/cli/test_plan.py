"""`kubectl runbook plan`."""

from __future__ import annotations

import json

from runbook_sandbox.clocked.installation import until

from cli.files import BAND, READS, text


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


def test_a_plan_says_when_more_would_change_than_may_within_an_hour(place, cli, declared):
    place.account.create_services("web", "api", cluster=place.cluster)
    policies = [place.policy(name, replicas=2) for name in ("web", "api")]
    planned = cli("plan", "-f", "-", stdin=text(declared(safety={"maxChangedTargetsPercent": 10}), *policies))
    assert planned.code == 2 and "2 of 2 targets would be changed" in planned.err, planned
    assert "targets would be changed" not in cli("plan", "-f", "-", stdin=text(declared(), *policies)).err
