"""Alarms that evaluate, and the operations on them."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from runbook_sandbox.aws import cloudwatch as sandbox_cloudwatch
from runbook_sandbox.aws.cloudwatch import alarm as alarm_module

from .conftest import DIMENSIONS

TOPIC = "arn:aws:sns:eu-central-1:123456789012:pager"
ALARM = {
    "AlarmName": "slow",
    "Namespace": "App",
    "MetricName": "latency",
    "Dimensions": DIMENSIONS,
    "Statistic": "Average",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 10.0,
    "ComparisonOperator": "GreaterThanThreshold",
}


@pytest.fixture
def state(cloudwatch):
    """An alarm as DescribeAlarms shows it now."""

    def read(name="slow"):
        answer = cloudwatch.describe_alarms(AlarmNames=[name], AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        return (answer["MetricAlarms"] + answer["CompositeAlarms"])[0]

    return read


def test_a_new_alarm_has_insufficient_data(aws, cloudwatch, state):
    """User Guide, "Metric alarm states": "has just started". moto: OK."""
    cloudwatch.put_metric_alarm(**ALARM)
    assert state()["StateValue"] == "INSUFFICIENT_DATA"
    assert state()["StateReason"] == "Unchecked: Initial alarm creation"
    aws.clock.advance(600)
    assert state()["StateValue"] == "INSUFFICIENT_DATA"


def test_an_alarm_follows_its_metric(aws, cloudwatch, put, state, whole_minute):
    """moto: alarms never evaluate."""
    cloudwatch.put_metric_alarm(**ALARM)
    put(50.0)
    found = state()
    assert found["StateValue"] == "ALARM"
    assert found["StateReason"].startswith("Threshold Crossed: 1 out of the last 1 datapoints [50.0 (")
    assert found["StateReason"].endswith("was greater than the threshold (10.0) (minimum 1 datapoint for OK -> ALARM transition).")
    data = json.loads(found["StateReasonData"])
    assert (data["recentDatapoints"], data["threshold"], data["statistic"], data["period"]) == ([50.0], 10.0, "Average", 60)
    assert found["StateUpdatedTimestamp"] == aws.clock.now().replace(microsecond=aws.clock.now().microsecond // 1000 * 1000)
    put(1.0)
    assert state()["StateValue"] == "OK"
    assert "was not greater than the threshold (10.0)" in state()["StateReason"]
    put(None, None, None, None, None, None)
    assert state()["StateValue"] == "INSUFFICIENT_DATA"
    assert state()["StateReason"] == "Insufficient Data: 1 datapoint was unknown."


def test_m_out_of_n(aws, cloudwatch, put, state, whole_minute):
    """User Guide, "Evaluating an alarm": DatapointsToAlarm of EvaluationPeriods."""
    cloudwatch.put_metric_alarm(**(ALARM | {"EvaluationPeriods": 3, "DatapointsToAlarm": 2}))
    put(50.0, 1.0, 1.0)
    assert state()["StateValue"] == "OK"
    put(50.0)
    assert state()["StateValue"] == "OK"
    put(50.0)
    assert state()["StateValue"] == "ALARM"


_TABLE = [
    # data (oldest first), missing, ignore, breaching, notBreaching: the User Guide's table for 3 of 3
    ("0-X-X", "OK", "OK", "OK", "OK"),
    ("----0", "OK", "OK", "OK", "OK"),
    ("-----", "INSUFFICIENT_DATA", "keep", "ALARM", "OK"),
    ("0XX-X", "ALARM", "ALARM", "ALARM", "ALARM"),
    ("--X--", "ALARM", "keep", "ALARM", "OK"),
    ("----X", "keep", "keep", "ALARM", "OK"),
]


@pytest.mark.parametrize("treatment", ["missing", "ignore", "breaching", "notBreaching"])
@pytest.mark.parametrize("row", _TABLE, ids=[row[0] for row in _TABLE])
def test_missing_data(aws, cloudwatch, put, state, whole_minute, row, treatment):
    """User Guide, "How alarm state is evaluated when data is missing". moto: no evaluation."""
    values = {"0": 1.0, "X": 50.0, "-": None}
    put(*(values[letter] for letter in row[0]))
    cloudwatch.put_metric_alarm(**(ALARM | {"EvaluationPeriods": 3, "TreatMissingData": treatment}))
    before = "INSUFFICIENT_DATA"
    aws.clock.advance(10)
    expected = dict(zip(("missing", "ignore", "breaching", "notBreaching"), row[1:], strict=True))[treatment]
    assert state()["StateValue"] == (before if expected == "keep" else expected)


def test_a_long_period_slides_by_the_minute(aws, cloudwatch, put, state, whole_minute):
    """User Guide, "Evaluating an alarm": a period of 5 minutes is evaluated every minute, on minutes 1 to 5, then 2 to 6."""
    cloudwatch.put_metric_alarm(**(ALARM | {"Period": 300, "Statistic": "Sum"}))
    put(None, None, 8.0)
    assert state()["StateValue"] == "OK"
    put(None, None, None, 4.0)
    assert state()["StateValue"] == "ALARM"
    put(None)
    assert state()["StateValue"] == "OK"


@pytest.mark.parametrize(
    ("comparison", "value", "expected"),
    [
        ("GreaterThanThreshold", 10.0, "OK"),
        ("GreaterThanOrEqualToThreshold", 10.0, "ALARM"),
        ("LessThanThreshold", 10.0, "OK"),
        ("LessThanOrEqualToThreshold", 10.0, "ALARM"),
    ],
)
def test_comparisons(aws, cloudwatch, put, state, whole_minute, comparison, value, expected):
    cloudwatch.put_metric_alarm(**(ALARM | {"ComparisonOperator": comparison}))
    put(value)
    assert state()["StateValue"] == expected


def test_an_alarm_on_metric_math_and_on_a_percentile(aws, cloudwatch, put, state, whole_minute):
    metric = {"Namespace": "App", "MetricName": "latency", "Dimensions": DIMENSIONS}
    common = {name: ALARM[name] for name in ("EvaluationPeriods", "Threshold", "ComparisonOperator")}
    queries = [
        {"Id": "m1", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}, "ReturnData": False},
        {"Id": "e1", "Expression": "m1*100", "ReturnData": True},
    ]
    cloudwatch.put_metric_alarm(AlarmName="math", Metrics=queries, **common)
    percentile = {name: value for name, value in ALARM.items() if name != "Statistic"} | {"AlarmName": "p", "ExtendedStatistic": "p99"}
    cloudwatch.put_metric_alarm(**percentile)
    put(1.0)
    assert (state("math")["StateValue"], state("p")["StateValue"]) == ("ALARM", "OK")


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"EvaluationPeriods": None}, "MissingParameter"),
        ({"ComparisonOperator": None}, "MissingParameter"),
        ({"Threshold": None}, "ValidationError"),
        ({"DatapointsToAlarm": 2}, "ValidationError"),
        ({"Period": 45}, "ValidationError"),
        ({"Period": 5}, "ValidationError"),
        ({"Period": 60, "EvaluationPeriods": 1441}, "ValidationError"),
        ({"Period": 3600, "EvaluationPeriods": 169}, "ValidationError"),
        ({"TreatMissingData": "whatever"}, "ValidationError"),
        ({"Statistic": None}, "ValidationError"),
        ({"ExtendedStatistic": "p90"}, "ValidationError"),
        ({"Statistic": None, "ExtendedStatistic": "q90"}, "ValidationError"),
        ({"AlarmActions": ["page me"]}, "ValidationError"),
        ({"AlarmActions": [TOPIC] * 6}, "ValidationError"),
        ({"ComparisonOperator": "Around"}, "ValidationError"),
        ({"EvaluateLowSampleCountPercentile": "ignore"}, "ValidationError"),
        ({"Metrics": [{"Id": "e1", "Expression": "1"}]}, "ValidationError"),
        ({"Namespace": None}, "MissingParameter"),
    ],
)
def test_what_put_metric_alarm_refuses(cloudwatch, refused, changed, code):
    """API Reference, PutMetricAlarm. moto: most pass."""
    wanted = {name: value for name, value in (ALARM | changed).items() if value is not None}
    with refused(code):
        cloudwatch.put_metric_alarm(**wanted)
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_an_update_keeps_the_state_and_overwrites_the_rest(aws, cloudwatch, put, state, whole_minute):
    """PutMetricAlarm: "its state is left unchanged, but the update completely overwrites the previous configuration"."""
    cloudwatch.put_metric_alarm(**ALARM, AlarmDescription="first", Tags=[{"Key": "a", "Value": "b"}])
    put(50.0)
    cloudwatch.put_metric_alarm(**(ALARM | {"Threshold": 100.0}))
    found = state()
    assert (found["StateValue"], found["Threshold"]) == ("ALARM", 100.0)
    assert "AlarmDescription" not in found
    assert cloudwatch.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"] == [{"Key": "a", "Value": "b"}]
    aws.clock.advance(60)
    assert state()["StateValue"] == "OK"


def test_describing_pages_and_filters(aws, cloudwatch, refused):
    """DescribeAlarms: 50 a page, at most 100; names or a prefix; metric alarms unless types are given."""
    for number in range(60):
        cloudwatch.put_metric_alarm(**(ALARM | {"AlarmName": f"a{number:02}", "AlarmActions": [TOPIC] if number < 2 else []}))
    first = cloudwatch.describe_alarms()
    assert len(first["MetricAlarms"]) == 50
    second = cloudwatch.describe_alarms(NextToken=first["NextToken"])
    assert len(second["MetricAlarms"]) == 10
    assert "NextToken" not in second
    assert len(cloudwatch.describe_alarms(MaxRecords=100)["MetricAlarms"]) == 60
    assert len(cloudwatch.describe_alarms(AlarmNamePrefix="a1")["MetricAlarms"]) == 10
    assert len(cloudwatch.describe_alarms(ActionPrefix="arn:aws:sns")["MetricAlarms"]) == 2
    assert cloudwatch.describe_alarms(AlarmNames=["nobody"])["MetricAlarms"] == []
    cloudwatch.set_alarm_state(AlarmName="a05", StateValue="ALARM", StateReason="test")
    assert [alarm["AlarmName"] for alarm in cloudwatch.describe_alarms(StateValue="ALARM")["MetricAlarms"]] == ["a05"]
    with refused("ValidationError"):
        aws.unchecked("cloudwatch").describe_alarms(MaxRecords=101)
    with refused("ValidationError"):
        cloudwatch.describe_alarms(AlarmNames=[f"n{number}" for number in range(101)])
    with refused("ValidationError"):
        cloudwatch.describe_alarms(AlarmNames=["a"], AlarmNamePrefix="a")
    with refused("InvalidNextToken"):
        cloudwatch.describe_alarms(NextToken="nonsense")


def test_alarms_of_a_metric(cloudwatch):
    """DescribeAlarmsForMetric needs the exact dimensions."""
    cloudwatch.put_metric_alarm(**ALARM)
    wanted = {"Namespace": "App", "MetricName": "latency"}
    assert len(cloudwatch.describe_alarms_for_metric(**wanted, Dimensions=DIMENSIONS)["MetricAlarms"]) == 1
    assert cloudwatch.describe_alarms_for_metric(**wanted)["MetricAlarms"] == []


def test_setting_a_state_lasts_until_the_next_evaluation(aws, cloudwatch, put, state, whole_minute, refused):
    cloudwatch.put_metric_alarm(**ALARM)
    put(1.0)
    cloudwatch.set_alarm_state(AlarmName="slow", StateValue="ALARM", StateReason="drill", StateReasonData='{"a": 1}')
    assert (state()["StateValue"], state()["StateReason"], state()["StateReasonData"]) == ("ALARM", "drill", '{"a": 1}')
    put(1.0)
    assert state()["StateValue"] == "OK"
    with refused("InvalidFormat"):
        cloudwatch.set_alarm_state(AlarmName="slow", StateValue="OK", StateReason="x", StateReasonData="{")
    with refused("ResourceNotFound"):
        cloudwatch.set_alarm_state(AlarmName="ghost", StateValue="OK", StateReason="x")


def test_deleting(cloudwatch, refused):
    """API Reference, DeleteAlarms: "If you specify an incorrect alarm name ... no alarms are deleted". moto: the right ones are."""
    cloudwatch.put_metric_alarm(**ALARM)
    with refused("ResourceNotFound", "ghost"):
        cloudwatch.delete_alarms(AlarmNames=["slow", "ghost"])
    assert len(cloudwatch.describe_alarms()["MetricAlarms"]) == 1
    cloudwatch.delete_alarms(AlarmNames=["slow"])
    assert cloudwatch.describe_alarms()["MetricAlarms"] == []


def test_an_alarm_that_others_depend_on_is_not_deleted(cloudwatch, refused):
    """API Reference, DeleteAlarms: one composite alarm a call, and none that another still depends on. moto: any."""
    cloudwatch.put_metric_alarm(**ALARM)
    for name, rule in (("inner", "ALARM(slow)"), ("outer", "ALARM(inner)")):
        cloudwatch.put_composite_alarm(AlarmName=name, AlarmRule=rule)
    for names in (["slow"], ["inner"], ["slow", "inner"]):
        with refused("ValidationError", "composite alarm(s) depending on it"):
            cloudwatch.delete_alarms(AlarmNames=names)
    with refused("ValidationError"):
        cloudwatch.delete_alarms(AlarmNames=["inner", "outer"])
    cloudwatch.delete_alarms(AlarmNames=["outer"])
    cloudwatch.delete_alarms(AlarmNames=["slow", "inner"])
    assert cloudwatch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])["CompositeAlarms"] == []


def test_the_quota_of_alarms(aws, cloudwatch, refused):
    """User Guide, "CloudWatch service quotas": 5,000 alarms a Region, of all kinds; one that exists can still be changed."""
    aws.control("PUT", "/cloudwatch/quotas", {"Alarms": 1})
    cloudwatch.put_metric_alarm(**ALARM)
    with refused("LimitExceeded", "1 alarms"):
        cloudwatch.put_metric_alarm(**(ALARM | {"AlarmName": "second"}))
    cloudwatch.put_metric_alarm(**(ALARM | {"Threshold": 5.0}))


def test_history(aws, cloudwatch, put, whole_minute, refused):
    cloudwatch.put_metric_alarm(**ALARM, AlarmActions=[TOPIC])
    put(50.0, 1.0)
    items = cloudwatch.describe_alarm_history(AlarmName="slow")["AlarmHistoryItems"]
    kinds = [item["HistoryItemType"] for item in items]
    assert kinds == ["StateUpdate", "Action", "StateUpdate", "ConfigurationUpdate"]
    assert items[2]["HistorySummary"] == "Alarm updated from INSUFFICIENT_DATA to ALARM"
    assert json.loads(items[2]["HistoryData"])["newState"]["stateValue"] == "ALARM"
    only = cloudwatch.describe_alarm_history(AlarmName="slow", HistoryItemType="StateUpdate", MaxRecords=1)
    assert len(only["AlarmHistoryItems"]) == 1
    assert "NextToken" in only
    later = cloudwatch.describe_alarm_history(StartDate=aws.clock.now() - timedelta(seconds=30))["AlarmHistoryItems"]
    assert [item["HistoryItemType"] for item in later] == ["StateUpdate"]


def test_composite_alarms(aws, cloudwatch, state, refused):
    """PutCompositeAlarm: a rule over states, evaluated when a child changes. moto: never."""
    for name in ("one", "two"):
        cloudwatch.put_metric_alarm(**(ALARM | {"AlarmName": name}))
    rule = 'ALARM("one") AND NOT (OK(two) OR INSUFFICIENT_DATA(two))'
    cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule=rule, AlarmActions=[TOPIC])
    assert state("both")["StateValue"] == "INSUFFICIENT_DATA"
    aws.clock.advance(10)
    assert state("both")["StateValue"] == "OK"
    cloudwatch.set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="x")
    assert state("both")["StateValue"] == "OK"
    cloudwatch.set_alarm_state(AlarmName="two", StateValue="ALARM", StateReason="x")
    assert state("both")["StateValue"] == "ALARM"
    assert "alarm:two transitioned to ALARM" in state("both")["StateReason"]
    assert cloudwatch.describe_alarms()["CompositeAlarms"] == []
    children = cloudwatch.describe_alarms(ChildrenOfAlarmName="both")["MetricAlarms"]
    assert [alarm["AlarmName"] for alarm in children] == ["one", "two"]
    parents = cloudwatch.describe_alarms(ParentsOfAlarmName="one", MaxRecords=10)
    assert [alarm["AlarmName"] for alarm in parents["CompositeAlarms"]] == ["both"]
    for bad in ("ALARM(ghost)", "ALARM(one) AND", "ALARM(one) XOR ALARM(two)", "(ALARM(one)", "ALARM(both)"):
        with refused("ValidationError"):
            cloudwatch.put_composite_alarm(AlarmName="both", AlarmRule=bad)


def test_actions_can_be_switched_off(aws, cloudwatch, put, whole_minute):
    cloudwatch.put_metric_alarm(**ALARM, AlarmActions=[TOPIC])
    cloudwatch.disable_alarm_actions(AlarmNames=["slow"])
    put(50.0)
    assert cloudwatch.describe_alarms()["MetricAlarms"][0]["ActionsEnabled"] is False
    assert cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"] == []
    cloudwatch.enable_alarm_actions(AlarmNames=["slow"])
    put(1.0, 50.0)
    assert len(cloudwatch.describe_alarm_history(HistoryItemType="Action")["AlarmHistoryItems"]) == 1


def test_a_topic_and_a_listener_hear_of_it(aws, cloudwatch, put, whole_minute, monkeypatch):
    """User Guide, "Notifying users on alarm changes"; scaling policies listen in-process."""
    sns, sqs = aws.client("sns"), aws.client("sqs")
    topic = sns.create_topic(Name="pager")["TopicArn"]
    queue = sqs.create_queue(QueueName="pager")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    changes = []
    monkeypatch.setattr(alarm_module, "_listeners", list(alarm_module._listeners))
    sandbox_cloudwatch.on_alarm_state(changes.append)
    cloudwatch.put_metric_alarm(**ALARM, AlarmActions=[topic])
    put(50.0)
    message = json.loads(json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])["Message"])
    assert (message["AlarmName"], message["NewStateValue"], message["OldStateValue"]) == ("slow", "ALARM", "INSUFFICIENT_DATA")
    (change,) = changes
    assert (change.previous, change.state, change.value, change.actions) == ("INSUFFICIENT_DATA", "ALARM", 50.0, (topic,))


def test_the_bus_hears_of_it(aws, cloudwatch, put, whole_minute):
    """User Guide, "Alarm events and EventBridge": CloudWatch Alarm State Change. moto: nothing is sent."""
    sqs, bus = aws.client("sqs"), aws.client("events")
    queue = sqs.create_queue(QueueName="alarms")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    allow = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": json.dumps({"Version": "2012-10-17", "Statement": [allow]})})
    bus.put_rule(Name="alarms", EventPattern=json.dumps({"source": ["aws.cloudwatch"]}))
    bus.put_targets(Rule="alarms", Targets=[{"Id": "q", "Arn": arn}])
    cloudwatch.put_metric_alarm(**ALARM)
    put(50.0)
    event = json.loads(sqs.receive_message(QueueUrl=queue)["Messages"][0]["Body"])
    assert event["detail-type"] == "CloudWatch Alarm State Change"
    detail = event["detail"]
    assert (detail["alarmName"], detail["state"]["value"], detail["previousState"]["value"]) == ("slow", "ALARM", "INSUFFICIENT_DATA")
    assert detail["configuration"]["metrics"][0]["metricStat"]["metric"]["dimensions"] == {"Service": "api"}


def test_tags_of_alarms(cloudwatch, state, refused):
    cloudwatch.put_metric_alarm(**ALARM, Tags=[{"Key": "a", "Value": "1"}])
    arn = state()["AlarmArn"]
    cloudwatch.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}])
    cloudwatch.untag_resource(ResourceARN=arn, TagKeys=["a"])
    assert cloudwatch.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    with refused("ResourceNotFoundException"):
        cloudwatch.list_tags_for_resource(ResourceARN=arn + "-ghost")


def test_permissions_on_alarms_are_by_arn(aws, cloudwatch, refused):
    """Service Authorization Reference: alarms have ARNs, metrics do not."""
    iam = aws.client("iam")
    iam.create_user(UserName="ann")
    statements = [
        {"Effect": "Allow", "Action": "cloudwatch:PutMetricAlarm", "Resource": "arn:aws:cloudwatch:*:*:alarm:app-*"},
        {
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": "App"}},
        },
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy)
    user = aws.client_of("cloudwatch", iam.create_access_key(UserName="ann")["AccessKey"])
    aws.control("PUT", "/iam", {"enforce": True})
    user.put_metric_alarm(**(ALARM | {"AlarmName": "app-slow"}))
    with refused("AccessDenied"):
        user.put_metric_alarm(**ALARM)
    user.put_metric_data(Namespace="App", MetricData=[{"MetricName": "m", "Value": 1.0}])
    with refused("AccessDenied"):
        user.put_metric_data(Namespace="Other", MetricData=[{"MetricName": "m", "Value": 1.0}])
