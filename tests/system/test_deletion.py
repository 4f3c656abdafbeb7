"""Deletion on the whole system: what the operator created goes where that is wanted, nothing else does, and nothing hangs."""

from __future__ import annotations

import json
import re

import pytest
from runbook_sandbox.clocked.account import ACCOUNT, OPERATOR_USER, REGION
from runbook_sandbox.clocked.installation import NAMESPACE, condition, until

FINALIZER = "ops.clocked.app/cleanup"
TRACKING = {"name": "cpu", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": 60}
BAND = {"minCapacity": 2, "maxCapacity": 6, "targetTracking": [TRACKING]}
# What `kubectl runbook iam-policy` prints for such policies beside what docs/iam.md has.
PERMISSIONS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": [
                f"application-autoscaling:{action}" for action in ("ListTagsForResource", "DeregisterScalableTarget", "DeleteScalingPolicy")
            ],
            "Resource": f"arn:aws:application-autoscaling:{REGION}:{ACCOUNT}:scalable-target/*",
        }
    ],
}


@pytest.fixture
def place(place, account):
    """A place in which the operator may remove, too."""
    account.client("iam").put_user_policy(UserName=OPERATOR_USER, PolicyName="deletion", PolicyDocument=json.dumps(PERMISSIONS))
    return place


def banded(place, name: str = "web", **spec):
    return place.policy(name, service="web", autoscaling=BAND, deletionPolicy="Delete", **spec)


def delete(place, name: str = "web") -> None:
    place.client.kubectl("delete", "scalingpolicy", name, f"--namespace={place.namespace}", "--wait=false")


def policies(place) -> list[str]:
    found = place.client.get("scalingpolicies", f"--namespace={place.namespace}")["items"]
    return [policy["metadata"]["name"] for policy in found]


def gone(place, name: str = "web", seconds: float = 60) -> None:
    until(f"{name} is gone", lambda: policies(place), lambda names: name not in names, seconds)


def events(place) -> list[tuple[str, str]]:
    found = place.client.get("events.events.k8s.io", f"--namespace={place.namespace}")
    return [(event["reason"], event.get("note", "")) for event in found["items"]]


def event(place, reason: str) -> str:
    """Waits for an event of this reason and returns its note."""
    found = until(f"an event {reason}", lambda: events(place), lambda seen: reason in dict(seen))
    return dict(found)[reason]


def removals(place) -> list[str]:
    """The operator's calls in this place that remove something."""
    names = ("DeregisterScalableTarget", "DeleteScalingPolicy", "DeleteScheduledAction")
    return [name for name in names for _ in place.writes("web", name)]


def registered(place, size: int = 4) -> None:
    """A service under a policy with deletionPolicy: Delete."""
    place.account.create_services("web", cluster=place.cluster)
    place.apply(banded(place))
    place.in_sync("web")
    place.account.set_desired("web", size, place.cluster)
    assert place.get("web")["metadata"]["finalizers"] == [FINALIZER]


def put_theirs(place) -> None:
    """Somebody else puts a scaling policy on the target."""
    place.account.autoscaling.put_scaling_policy(
        PolicyName="theirs",
        ServiceNamespace="ecs",
        ResourceId=f"service/{place.cluster}/web",
        ScalableDimension="ecs:service:DesiredCount",
        PolicyType="TargetTrackingScaling",
        TargetTrackingScalingPolicyConfiguration={
            "TargetValue": 70.0,
            "CustomizedMetricSpecification": {"Namespace": "Theirs", "MetricName": "Queue", "Statistic": "Average"},
        },
    )


def test_retain_leaves_aws_as_it_is(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", autoscaling=BAND))
    place.in_sync("web")
    assert not place.get("web")["metadata"].get("finalizers")
    delete(place)
    gone(place)
    assert place.account.scalable_target("web", place.cluster)
    assert len(place.account.scaling_policies("web", place.cluster)) == 1
    assert removals(place) == []


def test_delete_removes_what_the_operator_created_and_leaves_the_size(place):
    registered(place)
    delete(place)
    gone(place)
    assert place.account.scalable_target("web", place.cluster) is None
    assert place.account.scaling_policies("web", place.cluster) == []
    assert place.desired("web") == 4
    assert removals(place) == ["DeregisterScalableTarget"]
    assert re.search("deregister scalable target of .*; desiredCount stays", event(place, "Deletion"))


def test_back_to_retain_takes_the_finalizer_off(place):
    registered(place)
    place.apply(banded(place) | {"spec": banded(place)["spec"] | {"deletionPolicy": "Retain"}})
    place.wait("web", lambda policy: not policy["metadata"].get("finalizers"), "has no finalizer")
    delete(place)
    gone(place)
    assert place.account.scalable_target("web", place.cluster)


def test_a_policy_of_somebody_else_keeps_the_target(place):
    registered(place)
    put_theirs(place)
    delete(place)
    gone(place)
    assert [policy["PolicyName"] for policy in place.account.scaling_policies("web", place.cluster)] == ["theirs"]
    assert place.account.scalable_target("web", place.cluster)
    assert removals(place) == ["DeleteScalingPolicy"]
    assert "scaling policy theirs" in event(place, "LeftBehind")


def test_an_operator_that_is_killed_between_the_steps_is_followed_by_another(place):
    place.account.create_services("web", cluster=place.cluster)
    tracking = [TRACKING, TRACKING | {"name": "memory", "predefinedMetric": "ECSServiceAverageMemoryUtilization"}]
    policy = place.policy("web", autoscaling=BAND | {"targetTracking": tracking}, deletionPolicy="Delete")
    place.apply(policy)
    place.in_sync("web")
    put_theirs(place)
    # The first removal has its effect, and its answer is lost.
    fault = {"service": "application-autoscaling", "operation": "DeleteScalingPolicy", "kind": "reset", "when": "after"}
    place.account.control("POST", "/faults", fault)
    delete(place)
    until("one is removed", lambda: place.account.scaling_policies("web", place.cluster), lambda found: len(found) == 2)
    place.client.kubectl("delete", "pods", "--all", f"--namespace={NAMESPACE}", "--force", "--grace-period=0")
    place.account.control("DELETE", "/faults")
    gone(place, seconds=120)
    assert [policy["PolicyName"] for policy in place.account.scaling_policies("web", place.cluster)] == ["theirs"]
    assert removals(place) == ["DeleteScalingPolicy"] * 2, "each is removed once"


def test_a_target_that_somebody_else_registered_stays(place):
    place.account.create_services("web", cluster=place.cluster)
    place.account.autoscaling.register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{place.cluster}/web",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=2,
        MaxCapacity=6,
        Tags={"made-by": "terraform"},
    )
    place.apply(banded(place))
    place.in_sync("web")
    delete(place)
    gone(place)
    assert place.account.scalable_target("web", place.cluster)
    assert len(place.account.scaling_policies("web", place.cluster)) == 1, "it may have been there before, under the same name"
    assert removals(place) == []
    assert "somebody else registered it" in event(place, "LeftBehind")


def test_while_nothing_may_be_written_it_waits_and_abandon_lets_it_go(place):
    registered(place)
    place.grant(mode="Observe")
    delete(place)
    plan = place.wait("web", lambda policy: "plan" in policy["status"], "says what it would remove")["status"]["plan"]
    assert [step["step"] for step in plan["steps"]] == ["DeregisterScalableTarget"]
    place.client.kubectl("annotate", "scalingpolicy", "web", f"--namespace={place.namespace}", "ops.clocked.app/abandon=")
    gone(place)
    assert place.account.scalable_target("web", place.cluster)
    assert removals(place) == []
    assert f"ops.clocked.app/owner=sandbox/{place.namespace}/web" in event(place, "Abandoned")


def test_a_hold_that_ends_lets_it_go_on(place):
    registered(place)
    place.grant(mode="Observe")
    delete(place)
    place.wait("web", lambda policy: "plan" in policy["status"], "says what it would remove")
    place.grant(mode="Enforce")
    gone(place)
    assert place.account.scalable_target("web", place.cluster) is None


def test_a_rival_begins_only_when_it_is_gone(place):
    registered(place)
    place.apply(banded(place, "next"))
    place.stalled("next", "TargetConflict")
    place.grant(mode="Observe")
    delete(place)
    place.wait("web", lambda policy: "plan" in policy["status"], "says what it would remove")
    place.grant(mode="Enforce")
    gone(place)
    place.in_sync("next")
    assert removals(place) == ["DeregisterScalableTarget"]
    assert len(place.writes("web", "RegisterScalableTarget")) == 2
    assert place.account.scalable_target("web", place.cluster)


def test_a_namespace_goes_with_its_policies(place):
    registered(place)
    place.client.kubectl("delete", "namespace", place.namespace, "--wait=false")

    def namespaces() -> list[str]:
        return [namespace["metadata"]["name"] for namespace in place.client.get("namespaces")["items"]]

    until("the namespace is gone", namespaces, lambda found: place.name not in found, 90)
    assert place.account.scalable_target("web", place.cluster) is None


def test_an_account_that_is_gone_is_said_and_when_the_policy_goes(place):
    registered(place)
    place.client.kubectl("delete", "awsaccount", place.name)
    delete(place)


    def said(policy: dict) -> bool:
        """The account's end is heard of before the policy's, or after it."""
        stalled = condition(policy, "Stalled")
        explained = ("is being deleted and goes at", "ops.clocked.app/abandon")
        return stalled.get("reason") == "AccountNotFound" and all(words in stalled["message"] for words in explained)

    place.wait("web", said, "says that its account is gone, when it goes, and how to let it go now")
    # It comes back in time: nothing is left behind.
    place.grant()
    gone(place)
    assert place.account.scalable_target("web", place.cluster) is None


def test_the_cli_says_what_a_deletion_removes(place, cli):
    registered(place)
    place.grant(mode="Observe")
    delete(place)
    place.wait("web", lambda policy: "plan" in policy["status"], "says what it would remove")
    asked = ("plan", "--cluster", "-f", "-")
    answer = cli(*asked, "--cluster-id", "sandbox", stdin=json.dumps(banded(place)))
    assert "deregister scalable target of" in answer.out, answer
    assert "pass --cluster-id" in cli(*asked, stdin=json.dumps(banded(place))).out
    assert removals(place) == []
    place.grant(mode="Enforce")
    gone(place)
