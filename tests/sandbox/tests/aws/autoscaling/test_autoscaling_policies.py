"""Scaling policies: what is refused, what is kept, what they do."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runbook_sandbox.aws.autoscaling.engine import adjusted, step_adjustment

TARGET = {"ServiceNamespace": "ecs", "ResourceId": "service/app/api", "ScalableDimension": "ecs:service:DesiredCount"}
LABEL = "app/web/50dc6c495c0c9188/targetgroup/web/943f017f100becff"


def _predefined(kind, **more):
    return {"TargetValue": 50.0, "PredefinedMetricSpecification": {"PredefinedMetricType": kind, **more}}


def _metric(name="m1", **more):
    stat = {"Metric": {"Namespace": "App", "MetricName": "Depth"}, "Stat": "Sum"}
    return {"Id": name, "MetricStat": stat, **more}


def _custom(**specification):
    return {"TargetValue": 10.0, "CustomizedMetricSpecification": specification}


@pytest.mark.parametrize(
    ("configuration", "message"),
    [
        (None, "TargetTrackingScalingPolicyConfiguration is required"),
        ({"TargetValue": 50.0}, "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification"),
        (_predefined("ECSServiceAverageCPUUtilization") | _custom(MetricName="a", Namespace="b", Statistic="Sum"), "Exactly one of"),
        (_predefined("ALBRequestCountPerTarget"), "ResourceLabel is required"),
        (_predefined("ALBRequestCountPerTarget", ResourceLabel="app/web/50dc"), "is not valid: expected app/"),
        (_predefined("ECSServiceAverageCPUUtilization", ResourceLabel=LABEL), "ResourceLabel can be specified for"),
        (_predefined("RDSReaderAverageCPUUtilization"), "is not supported for service namespace ecs"),
        (_predefined("ECSServiceAverageCPUUtilization") | {"TargetValue": 0.0}, "TargetValue must be greater than 0"),
        (_predefined("ECSServiceAverageCPUUtilization") | {"ScaleInCooldown": -1}, "cannot be negative"),
        (_custom(MetricName="a", Namespace="b"), "requires MetricName, Namespace and Statistic, or Metrics"),
        (_custom(MetricName="a", Namespace="b", Statistic="Sum", Metrics=[_metric()]), "cannot be combined"),
        (_custom(Metrics=[_metric(), _metric("m2")]), "Exactly one metric data query must have ReturnData"),
        (_custom(Metrics=[_metric(ReturnData=False)]), "Exactly one metric data query must have ReturnData"),
        (_custom(Metrics=[_metric(), _metric(ReturnData=False)]), "must be unique"),
        (_custom(Metrics=[_metric(Expression="m1")]), "exactly one of Expression and MetricStat"),
        (_custom(Metrics=[_metric("M1")]), "must begin with a lowercase letter"),
    ],
)
def test_wrong_target_tracking_is_refused(scaling, refused, configuration, message):
    """TargetTrackingScalingPolicyConfiguration. Plain moto takes all of these."""
    scaling.register()
    body = {} if configuration is None else {"TargetTrackingScalingPolicyConfiguration": configuration}
    put = scaling.client.put_scaling_policy
    refusal = refused(put, PolicyName="p", PolicyType="TargetTrackingScaling", **TARGET, **body)
    assert refusal.code == "ValidationException"
    assert message in refusal.message
    assert scaling.client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"] == []


@pytest.mark.parametrize(
    "configuration",
    [
        _predefined("ECSServiceAverageMemoryUtilization"),
        _predefined("ALBRequestCountPerTarget", ResourceLabel=LABEL),
        _custom(MetricName="Depth", Namespace="App", Statistic="Average", Dimensions=[{"Name": "Queue", "Value": "q"}]),
        _custom(Metrics=[_metric(ReturnData=False), {"Id": "e", "Expression": "m1 / 2", "ReturnData": True}]),
    ],
)
def test_right_target_tracking_is_taken_as_it_is(scaling, configuration):
    """The configuration comes back as it was put, with the two alarms that AWS makes."""
    scaling.register()
    scaling.policy(TargetTrackingScalingPolicyConfiguration=configuration)
    policy = scaling.client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"][0]
    assert policy["TargetTrackingScalingPolicyConfiguration"] == configuration
    assert len(policy["Alarms"]) == 2


@pytest.mark.parametrize(
    ("steps", "more", "message"),
    [
        ([], {}, "At least one StepAdjustment"),
        ([(0, None, 1)] * 21, {}, "at most 20 step adjustments"),
        ([(None, None, 1)], {}, "At least one of MetricIntervalLowerBound and MetricIntervalUpperBound"),
        ([(10, 5, 1)], {}, "must be greater than MetricIntervalLowerBound"),
        ([(0, 10, 1), (5, None, 2)], {}, "can't overlap"),
        ([(0, 10, 1), (20, None, 2)], {}, "can't have gaps"),
        ([(None, 0, -1), (None, -10, -2)], {}, "At most one StepAdjustment may have an unspecified lower bound"),
        ([(0, None, 1), (10, None, 2)], {}, "At most one StepAdjustment may have an unspecified upper bound"),
        ([(0, 10, 1)], {}, "unspecified upper bound"),
        ([(-10, 0, -1)], {}, "unspecified lower bound"),
        ([(0, None, 1)], {"MinAdjustmentMagnitude": 1}, "PercentChangeInCapacity only"),
        ([(0, None, 1)], {"Cooldown": -1}, "cannot be negative"),
        ([(0, None, -1)], {"AdjustmentType": "ExactCapacity"}, "cannot be negative with adjustment type ExactCapacity"),
    ],
)
def test_wrong_steps_are_refused(scaling, refused, steps, more, message):
    """StepScalingPolicyConfiguration. Plain moto takes all of these."""
    scaling.register()
    refusal = refused(scaling.step, *steps, **more)
    assert refusal.code == "ValidationException"
    assert message in refusal.message


def test_a_policy_needs_its_target_and_keeps_its_type(scaling, refused):
    """ObjectNotFoundException without a target; PolicyType is required to create and cannot be changed."""
    refusal = refused(scaling.policy)
    assert refusal.code == "ObjectNotFoundException"
    assert refusal.message.startswith("No scalable target registered for service namespace: ecs, resource ID: service/app/api")
    scaling.register()
    assert refused(scaling.client.put_scaling_policy, PolicyName="p", **TARGET).code == "ValidationException"
    scaling.policy("p")
    assert "cannot be changed" in refused(scaling.step, (0, None, 1), name="p").message


def test_one_policy_a_metric(scaling, refused):
    """ "Only one TargetTrackingScaling policy for a given metric specification is allowed." Plain moto takes two."""
    scaling.register()
    scaling.policy("one")
    assert refused(scaling.policy, "two").message == "Only one TargetTrackingScaling policy for a given metric specification is allowed."
    scaling.policy("one")
    scaling.policy("two", TargetTrackingScalingPolicyConfiguration=_predefined("ECSServiceAverageMemoryUtilization"))


def test_alarms_of_target_tracking(scaling):
    """AWS makes AlarmHigh and AlarmLow, replaces them on an update and deletes them with the policy."""
    scaling.register()
    put = scaling.policy()
    cloudwatch = scaling.aws.client("cloudwatch")
    high, low = (alarm["AlarmName"] for alarm in put["Alarms"])
    assert high.startswith("TargetTracking-service/app/api-AlarmHigh-")
    assert low.startswith("TargetTracking-service/app/api-AlarmLow-")
    alarms = {alarm["AlarmName"]: alarm for alarm in cloudwatch.describe_alarms()["MetricAlarms"]}
    assert set(alarms) == {high, low}
    assert (alarms[high]["Threshold"], alarms[high]["EvaluationPeriods"], alarms[low]["Threshold"]) == (60.0, 3, 54.0)
    assert alarms[high]["Dimensions"] == [{"Name": "ClusterName", "Value": "app"}, {"Name": "ServiceName", "Value": "api"}]
    assert alarms[high]["AlarmActions"] == [put["PolicyARN"]]
    again = scaling.policy(TargetTrackingScalingPolicyConfiguration=scaling.cpu | {"DisableScaleIn": True})
    assert again["PolicyARN"] == put["PolicyARN"]
    assert [alarm["AlarmName"].split("-")[2] for alarm in again["Alarms"]] == ["AlarmHigh"]
    assert len(cloudwatch.describe_alarms()["MetricAlarms"]) == 1
    scaling.client.delete_scaling_policy(PolicyName="cpu", **TARGET)
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_limits_pages_and_deletion(scaling, refused):
    """50 policies a target, pages of **10**, deleting twice is ObjectNotFoundException. Plain moto gives pages of 50."""
    scaling.register()
    for index in range(50):
        scaling.step((0, None, 1), name=f"p{index:02}")
    assert refused(scaling.step, (0, None, 1), name="more").code == "LimitExceededException"
    describe = scaling.client.describe_scaling_policies
    first = describe(ServiceNamespace="ecs")
    assert [policy["PolicyName"] for policy in first["ScalingPolicies"]] == [f"p{index:02}" for index in range(10)]
    pages = scaling.client.get_paginator("describe_scaling_policies").paginate(ServiceNamespace="ecs", ResourceId="service/app/api")
    assert [len(page["ScalingPolicies"]) for page in pages] == [10] * 5
    assert refused(describe, ServiceNamespace="ecs", MaxResults=11).code == "ValidationException"
    named = describe(ServiceNamespace="ecs", PolicyNames=["p07", "none"])["ScalingPolicies"]
    assert [policy["PolicyName"] for policy in named] == ["p07"]
    scaling.client.delete_scaling_policy(PolicyName="p00", **TARGET)
    assert refused(scaling.client.delete_scaling_policy, PolicyName="p00", **TARGET).code == "ObjectNotFoundException"


def test_predictive_scaling(scaling, refused):
    """PredictiveScalingPolicyConfiguration: one metric pair or one of each, a buffer only when the maximum may grow."""
    scaling.register()
    pair = {"TargetValue": 40.0, "PredefinedMetricPairSpecification": {"PredefinedMetricType": "ECSServiceCPUUtilization"}}

    def put(**configuration):
        return scaling.client.put_scaling_policy(
            PolicyName="p", PolicyType="PredictiveScaling", PredictiveScalingPolicyConfiguration=configuration, **TARGET
        )

    assert refused(put, MetricSpecifications=[{"TargetValue": 40.0}]).code == "ValidationException"
    assert refused(put, MetricSpecifications=[pair], MaxCapacityBuffer=10).code == "ValidationException"
    assert refused(put, MetricSpecifications=[pair], MaxCapacityBreachBehavior="IncreaseMaxCapacity").code == "ValidationException"
    put(MetricSpecifications=[pair])
    found = scaling.client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"][0]
    assert found["PredictiveScalingPolicyConfiguration"]["Mode"] == "ForecastOnly"
    assert found["Alarms"] == []
    now = scaling.aws.clock.now()
    forecast = scaling.client.get_predictive_scaling_forecast(PolicyName="p", StartTime=now, EndTime=now + timedelta(hours=6), **TARGET)
    assert len(forecast["CapacityForecast"]["Timestamps"]) in (6, 7)
    assert set(forecast["CapacityForecast"]["Values"]) == {2.0}


@pytest.mark.parametrize(("breach", "expected"), [(0, 1), (9.9, 1), (10, 2), (25, 3), (1000, 3), (-5, -1), (-20, -2), (-10, -2)])
def test_which_step_a_breach_takes(breach, expected):
    """ "the lower bound is inclusive and the upper bound is exclusive" above the threshold, the other way round below."""
    steps = [(0, 10, 1), (10, 20, 2), (20, None, 3), (-10, 0, -1), (None, -10, -2)]
    body = [{"MetricIntervalLowerBound": low, "MetricIntervalUpperBound": high, "ScalingAdjustment": change} for low, high, change in steps]
    assert step_adjustment({"StepAdjustments": body}, breach) == expected


@pytest.mark.parametrize(
    ("configuration", "now", "adjustment", "expected"),
    [
        ({"AdjustmentType": "ExactCapacity"}, 3, 7, 7),
        ({"AdjustmentType": "ChangeInCapacity"}, 3, -2, 1),
        ({"AdjustmentType": "PercentChangeInCapacity"}, 10, 25, 12),
        ({"AdjustmentType": "PercentChangeInCapacity"}, 2, 10, 3),
        ({"AdjustmentType": "PercentChangeInCapacity"}, 2, -10, 1),
        ({"AdjustmentType": "PercentChangeInCapacity"}, 10, -25, 8),
        ({"AdjustmentType": "PercentChangeInCapacity", "MinAdjustmentMagnitude": 4}, 10, 25, 14),
    ],
)
def test_how_much_an_adjustment_changes(configuration, now, adjustment, expected):
    """Adjustment types and their rounding (step scaling)."""
    assert adjusted(configuration, now, adjustment) == expected


def _alarm(scaling, policy, alarm, state="ALARM", value=None, threshold=60):
    body = {"policy": policy, "alarm": alarm, "state": state, "value": value, "threshold": threshold}
    return scaling.aws.control("POST", "/autoscaling/alarm", body)["desired"]


def test_target_tracking_scales_out_in_proportion_and_then_cools_down(scaling):
    """Proportional scale-out; another one after ScaleOutCooldown while the alarm stays in ALARM."""
    scaling.register(1, 10)
    put = scaling.policy(TargetTrackingScalingPolicyConfiguration=scaling.cpu | {"ScaleOutCooldown": 120})
    high, low = (alarm["AlarmName"] for alarm in put["Alarms"])
    assert _alarm(scaling, put["PolicyARN"], high, value=90) == 3
    scaling.aws.clock.advance(119)
    assert scaling.desired() == 3
    scaling.aws.clock.advance(10)
    assert scaling.desired() == 5
    assert _alarm(scaling, put["PolicyARN"], high, "OK") == 5
    scaling.aws.clock.advance(600)
    assert scaling.desired() == 5
    activity = scaling.activities()[0]
    assert activity["Cause"] == f"monitor alarm {high} in state ALARM triggered policy cpu"
    assert _alarm(scaling, put["PolicyARN"], low, value=30) == 3


def test_scale_in_waits_for_every_policy(scaling):
    """ "scales in only when all target tracking policies (with the scale-in portion enabled) are ready to scale in"."""
    scaling.register(1, 10)
    scaling.set_desired(6)
    cpu = scaling.policy("cpu")
    memory = scaling.policy("memory", TargetTrackingScalingPolicyConfiguration=_predefined("ECSServiceAverageMemoryUtilization"))
    assert _alarm(scaling, cpu["PolicyARN"], cpu["Alarms"][1]["AlarmName"], value=30) == 6
    assert _alarm(scaling, memory["PolicyARN"], memory["Alarms"][1]["AlarmName"], value=25) == 3


def test_step_scaling_acts_on_the_users_alarm(scaling):
    """The policy's step by the distance from the alarm's threshold, within the band, after its cooldown."""
    scaling.register(1, 6)
    arn = scaling.step((0, 20, 1), (20, None, 3), Cooldown=60)["PolicyARN"]
    assert _alarm(scaling, arn, "mine", value=85) == 5
    assert _alarm(scaling, arn, "mine", value=65) == 5, "still cooling down"
    scaling.aws.clock.advance(61)
    assert scaling.desired() == 6


def _utilize(scaling, **values):
    scaling.aws.control("PUT", "/ecs/services/app/api/utilization", values)


def test_load_moves_the_service_out_and_in(scaling):
    """From the metric through CloudWatch's alarm to the desired count, and back. Plain moto's alarms never evaluate."""
    scaling.register(1, 6)
    scaling.policy(TargetTrackingScalingPolicyConfiguration=scaling.cpu | {"ScaleOutCooldown": 60, "ScaleInCooldown": 60})
    _utilize(scaling, cpu=60)
    scaling.aws.clock.advance(1800)
    assert scaling.desired() == 2, "on target"
    _utilize(scaling, cpu=90)
    scaling.aws.clock.advance(600)
    assert scaling.desired() == 6
    assert "AlarmHigh" in scaling.activities()[0]["Cause"]
    _utilize(scaling, cpu=5)
    scaling.aws.clock.advance(600)
    assert scaling.desired() == 6, "scale-in takes fifteen minutes of low load"
    scaling.aws.clock.advance(3600)
    assert scaling.desired() == 1


def test_a_users_alarm_drives_step_scaling(scaling):
    """The alarm of step scaling is the user's own; it names the policy as its action and is shown with it."""
    scaling.register(1, 6)
    arn = scaling.step((0, None, 2), Cooldown=3600)["PolicyARN"]
    scaling.aws.client("cloudwatch").put_metric_alarm(
        AlarmName="busy", Namespace="AWS/ECS", MetricName="CPUUtilization", Statistic="Average", Period=60, EvaluationPeriods=2,
        Threshold=70, ComparisonOperator="GreaterThanThreshold", AlarmActions=[arn],
        Dimensions=[{"Name": "ClusterName", "Value": "app"}, {"Name": "ServiceName", "Value": "api"}],
    )  # fmt: skip
    policy = scaling.client.describe_scaling_policies(ServiceNamespace="ecs")["ScalingPolicies"][0]
    assert [alarm["AlarmName"] for alarm in policy["Alarms"]] == ["busy"]
    _utilize(scaling, cpu=95)
    scaling.aws.clock.advance(600)
    assert scaling.desired() == 4


@pytest.mark.parametrize("second", [0, 1, 20, 40, 59])
def test_a_load_that_tasks_share_finds_its_size(scaling, second):
    """240 % of one task's CPU at a target of 60 % is four tasks, from below and from above, whenever in a minute it begins."""
    scaling.aws.clock.advance((second - scaling.aws.clock.now().second) % 60)
    scaling.register(1, 20)
    # Within a shorter cooldown the minute that is looked at may be one of fewer tasks, and the size swings.
    scaling.policy(TargetTrackingScalingPolicyConfiguration=scaling.cpu | {"ScaleOutCooldown": 300, "ScaleInCooldown": 300})
    _utilize(scaling, cpuLoad=240)
    scaling.aws.clock.advance(1800)
    assert scaling.desired() == 4
    scaling.set_desired(12)
    scaling.aws.clock.advance(7200)
    assert scaling.desired() == 4


def test_a_forecast_of_no_policy_is_invalid(scaling, refused):
    """GetPredictiveScalingForecast has ValidationException and no ObjectNotFoundException among its errors."""
    scaling.register()
    now = scaling.aws.clock.now()
    wanted = {"PolicyName": "none", "StartTime": now, "EndTime": now + timedelta(hours=1), **scaling.target}
    assert refused(scaling.client.get_predictive_scaling_forecast, **wanted).code == "ValidationException"
