"""ScalingPolicies on the whole system: what is declared becomes so and stays so, and nothing else is touched."""

from __future__ import annotations

from runbook_sandbox.clocked.installation import condition, until

TRACKING = {"name": "cpu", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": 60}


def test_a_fixed_size_is_reached_and_kept(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=3, drift={"scaleOut": "Correct"}))
    place.in_sync("web")
    assert place.desired("web") == 3
    for drifted in (1, 5):
        place.account.set_desired("web", drifted, place.cluster)
        place.wait_desired("web", 3)
    place.wait("web", lambda p: len(p["status"].get("history", [])) == 3, "remembers its three acts")
    history = place.get("web")["status"]["history"]
    assert [entry["reason"] for entry in history] == ["Drift", "Drift", "SpecChanged"]
    assert all(entry["outcome"] == "Succeeded" and entry["requestId"] for entry in history)
    assert len(place.writes("web")) == 3, "each deviation is corrected once"


def test_a_band_with_target_tracking_is_registered(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", autoscaling={"minCapacity": 2, "maxCapacity": 6, "targetTracking": [TRACKING]}))
    place.in_sync("web")
    target = place.account.scalable_target("web", place.cluster)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (2, 6)
    assert place.desired("web") == 2, "RegisterScalableTarget moves the service into the band"
    (policy,) = place.account.scaling_policies("web", place.cluster)
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 60
    assert not place.writes("web"), "the size inside the band is never set by the operator"


def test_inside_the_band_the_size_is_the_autoscalers(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", autoscaling={"minCapacity": 2, "maxCapacity": 6}))
    place.in_sync("web")
    for size in (5, 2, 6):
        place.account.set_desired("web", size, place.cluster)
        place.reconciled_again("web")
        assert place.desired("web") == size
    assert not place.writes("web")


def test_outside_the_band_is_drift_to_the_nearest_edge(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", autoscaling={"minCapacity": 2, "maxCapacity": 6}))
    place.in_sync("web")
    place.account.set_desired("web", 9, place.cluster)
    place.wait_desired("web", 6)
    place.account.set_desired("web", 0, place.cluster)
    place.wait_desired("web", 2)


def test_a_changed_band_and_policy_follow_git(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", autoscaling={"minCapacity": 2, "maxCapacity": 6, "targetTracking": [TRACKING]}))
    place.in_sync("web")
    changed = {
        "minCapacity": 3,
        "maxCapacity": 8,
        "suspended": {"dynamicScalingIn": True},
        "targetTracking": [TRACKING | {"targetValue": "42.5"}],
    }
    place.apply(place.policy("web", autoscaling=changed))
    place.in_sync("web")
    target = place.account.scalable_target("web", place.cluster)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (3, 8)
    assert target["SuspendedState"]["DynamicScalingInSuspended"] is True
    (policy,) = place.account.scaling_policies("web", place.cluster)
    assert policy["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] == 42.5


def test_observe_plans_and_writes_nothing(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=4, mode="Observe"))
    found = place.wait("web", lambda p: "plan" in p.get("status", {}), "has a plan")
    assert [step["step"] for step in found["status"]["plan"]["steps"]] == ["SetDesiredCount"]
    assert condition(found, "Ready")["status"] == "True"
    assert condition(found, "Synced")["status"] == "False"
    place.reconciled_again("web")
    assert place.desired("web") == 1
    assert not place.writes()


def test_suspend_stops_and_gives_up_the_claim(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2))
    place.in_sync("web")
    place.apply(place.policy("web", replicas=2, suspend=True))
    place.wait("web", lambda p: condition(p, "Ready").get("reason") == "Suspended", "is suspended")
    place.apply(place.policy("other", service="web", replicas=4))
    place.in_sync("other")
    assert place.desired("web") == 4


def test_the_older_of_two_policies_holds_the_service(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("first", service="web", replicas=2))
    place.in_sync("first")
    place.apply(place.policy("second", service="web", replicas=5))
    stalled = place.stalled("second", "TargetConflict")
    assert f"{place.namespace}/first" in stalled["message"]
    assert place.desired("web") == 2
    place.client.kubectl("delete", "scalingpolicy", "first", f"--namespace={place.namespace}")
    place.in_sync("second")
    assert place.desired("web") == 5


def test_what_is_missing_is_said_and_found_when_it_comes(place):
    place.apply(place.policy("web", replicas=2))
    assert "has no service web" in place.stalled("web", "TargetNotFound")["message"]
    place.account.create_services("web", cluster=place.cluster)
    place.reconciled_again("web", 1)
    place.in_sync("web")
    elsewhere = place.policy("lost", replicas=2)
    elsewhere["spec"]["target"]["ecsService"]["cluster"] = f"{place.cluster}-nowhere"
    arn = f"arn:aws:ecs:*:*:service/{place.cluster}*"
    place.grant(grants=[{"namespaces": [place.namespace], "verbs": ["scale"], "resources": [arn]}])
    place.apply(elsewhere)
    assert "no ECS cluster" in place.stalled("lost", "TargetNotFound")["message"]


def test_a_fixed_size_does_not_fight_an_autoscaler(place):
    place.account.create_services("web", cluster=place.cluster)
    place.account.autoscaling.register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{place.cluster}/web",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=1,
        MaxCapacity=4,
    )
    place.apply(place.policy("web", replicas=3))
    assert "deregister-scalable-target" in place.stalled("web", "AutoscalerPresent")["message"]
    assert not place.writes()


def test_a_deployment_is_not_scaled_in(place):
    place.account.create_services("web", cluster=place.cluster, desired=3)
    until("web runs", lambda: place.account.service("web", place.cluster)["runningCount"], lambda n: n == 3)
    place.account.control("PUT", f"/ecs/services/{place.cluster}/web/start-failure", {"reason": "no capacity"})
    place.account.ecs.update_service(cluster=place.cluster, service="web", forceNewDeployment=True)
    place.apply(place.policy("web", replicas=1))
    place.wait("web", lambda p: condition(p, "Synced").get("reason") == "DeploymentInProgress", "waits for the deployment")
    assert place.desired("web") == 3
    place.account.control("DELETE", f"/ecs/services/{place.cluster}/web/start-failure")
    place.in_sync("web", seconds=120)
    assert place.desired("web") == 1


def test_kubectl_scale_and_wait(place):
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2))
    place.client.kubectl("wait", "scalingpolicy/web", f"--namespace={place.namespace}", "--for=condition=Ready", "--timeout=60s")
    place.client.kubectl("scale", "scalingpolicy/web", f"--namespace={place.namespace}", "--replicas=4")
    place.client.kubectl("wait", "scalingpolicy/web", f"--namespace={place.namespace}", "--for=condition=Synced", "--timeout=60s")
    place.wait_desired("web", 4)


def test_in_steady_state_nothing_is_written(place):
    names = [f"web-{number}" for number in range(5)]
    place.account.create_services(*names, cluster=place.cluster)
    place.apply(*[place.policy(name, replicas=1) for name in names])
    place.in_sync(*names)
    for name in names:
        until(f"{name} runs", lambda n=name: place.account.service(n, place.cluster)["runningCount"], lambda n: n == 1)

    def reads() -> int:
        calls = place.account.operator_calls("DescribeServices")
        return sum(1 for call in calls if call["params"]["cluster"] == place.cluster)

    # The last change of the counts is reported, at most half a minute late; after that, nothing.
    for name in names:
        place.wait(name, lambda p: p["status"].get("observed", {}).get("runningCount") == 1, "shows the running task", 90)
    versions = {name: place.get(name)["metadata"]["resourceVersion"] for name in names}
    before = reads()
    until("the operator has read again several times", reads, lambda n: n >= before + 3, 90)
    assert versions == {name: place.get(name)["metadata"]["resourceVersion"] for name in names}
    assert not place.writes()
