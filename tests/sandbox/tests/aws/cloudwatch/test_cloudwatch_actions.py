"""Where an alarm can act."""

from __future__ import annotations

import pytest

ALARM = {
    "AlarmName": "slow",
    "Namespace": "App",
    "MetricName": "latency",
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 10.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("arn:aws:sns:us-east-1:123456789012:pager", "Invalid region us-east-1 specified. Only eu-central-1 is supported."),
        ("arn:aws-cn:sns:cn-north-1:123456789012:pager", "Invalid partition aws-cn specified. Only aws is supported."),
    ],
)
def test_an_alarm_acts_in_its_own_region_and_partition(cloudwatch, refused, action, said):
    """PutMetricAlarm answers ValidationError (hashicorp/terraform#7371, aws-samples/amazon-cloudwatch-auto-alarms#61).

    Plain moto keeps the action, and nobody is ever told.
    """
    for kind in ("AlarmActions", "OKActions", "InsufficientDataActions"):
        with refused("ValidationError", said):
            cloudwatch.put_metric_alarm(**ALARM, **{kind: [action]})
    with refused("ValidationError", said):
        cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule="TRUE", AlarmActions=[action])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_actions_of_this_region_are_taken(cloudwatch):
    """`arn:aws:automate:<region>:ec2:stop` names the Region as a topic does."""
    actions = ["arn:aws:automate:eu-central-1:ec2:stop", "arn:aws:sns:eu-central-1:123456789012:pager"]
    cloudwatch.put_metric_alarm(**ALARM, AlarmActions=actions)
    assert cloudwatch.describe_alarms()["MetricAlarms"][0]["AlarmActions"] == actions
