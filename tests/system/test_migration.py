"""The way of docs/migration.md, from what another tool has made to policies that hold it, on the whole system."""

from __future__ import annotations

import pytest
import yaml
from runbook_sandbox.clocked.installation import condition

IDENTITY = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}


@pytest.fixture
def target(place):
    """A fixed service and an autoscaled one, as a Terraform module would have made them."""
    place.account.create_services("fixed", "band", cluster=place.cluster, desired=2)
    target = IDENTITY | {"ResourceId": f"service/{place.cluster}/band"}
    place.account.autoscaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=4)
    place.account.autoscaling.put_scaling_policy(
        **target,
        PolicyName="cpu",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 60.0,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
        },
    )
    return target


@pytest.fixture
def watched(place, cli, target) -> str:
    """What is there, written down, found to be so, and applied with an account that stands still."""
    flags = ("--cluster", place.cluster, "--namespace", place.namespace, "--account-name", place.name, "--with-account")
    files = cli("import", "ecs", *flags).out
    planned = cli("plan", "-f", "-", stdin=files)
    assert planned.code == 0 and "held" not in planned.out, planned
    place.apply(*yaml.safe_load_all(files))
    place.in_sync("fixed", "band")
    return files


def said(place, name: str) -> tuple[str, str]:
    synced = condition(place.get(name), "Synced")
    return synced["status"], synced["reason"]


def enforce(place) -> None:
    place.client.kubectl("patch", "awsaccount", place.name, "--type=merge", '--patch={"spec": {"mode": "Enforce"}}')


def test_nothing_is_written_on_the_way(place, watched):
    assert said(place, "fixed") == said(place, "band") == ("True", "AccountObserve")
    enforce(place)
    for name in ("fixed", "band"):
        place.wait(name, lambda p: condition(p, "Synced").get("reason") == "InSync", "is enforced and in sync")
    for operation in ("UpdateService", "RegisterScalableTarget", "PutScalingPolicy"):
        assert not place.writes(operation=operation), operation


def test_the_old_tool_is_noticed_while_the_operator_only_looks(place, cli, watched, target):
    place.account.set_desired("fixed", 1, place.cluster)
    place.account.autoscaling.register_scalable_target(**target, MinCapacity=2, MaxCapacity=9)
    for name, step in (("fixed", "SetDesiredCount"), ("band", "RegisterScalableTarget")):
        found = place.wait(name, lambda p: p["status"].get("plan"), "has a plan")
        assert said(place, name) == ("False", "AccountObserve")
        assert [one["step"] for one in found["status"]["plan"]["steps"]] == [step]
    # The account in the file is in Observe: the exit code is that of no change, and the lines say what is held.
    planned = cli("plan", "-f", "-", stdin=watched)
    assert planned.code == 0 and planned.out.count("held: ") == 2, planned
    assert not place.writes()


def test_what_the_old_tool_destroys_too_early_is_made_again(place, watched, target):
    enforce(place)
    place.in_sync("fixed", "band")
    place.account.autoscaling.deregister_scalable_target(**target)
    place.wait("band", lambda p: len(p["status"].get("history", [])) >= 2, "made it again")
    place.in_sync("band")
    made = place.account.scalable_target("band", place.cluster)
    assert (made["MinCapacity"], made["MaxCapacity"]) == (1, 4)
    assert [policy["PolicyName"] for policy in place.account.scaling_policies("band", place.cluster)] == ["cpu"]
    assert place.desired("band") == 2, "the size stays"
