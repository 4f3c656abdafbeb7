"""EventBridge: what an account's services and users send, and what arrives in queues."""

import json

import pytest
from botocore.exceptions import ClientError

from runbook_sandbox.aws import events

QUEUE = "arn:aws:sqs:eu-central-1:123456789012:{}"


def _queue(aws, name="q", **more):
    return aws.client("sqs", **more).create_queue(QueueName=name)["QueueUrl"]


def _rule(aws, pattern, name="r", queue="q", **target):
    bridge = aws.client("events")
    bridge.put_rule(Name=name, EventPattern=json.dumps(pattern))
    answer = bridge.put_targets(Rule=name, Targets=[{"Id": "t", "Arn": QUEUE.format(queue)} | target])
    assert answer["FailedEntryCount"] == 0


def _messages(aws, url, **more):
    """What is in the queue, taken out of it."""
    sqs, found = aws.client("sqs", **more), []
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
    return found


def _emit(state="RUNNING", region="eu-central-1"):
    resource = "arn:aws:ecs:eu-central-1:123456789012:service/app/web"
    events.emit("123456789012", region, "aws.ecs", "ECS Task State Change", [resource], {"lastStatus": state})


def test_an_event_of_a_service_arrives_in_its_envelope(aws):
    """ "AWS service event structure". moto leaves out `account` and writes `time` as it likes."""
    url = _queue(aws)
    _rule(aws, {"source": ["aws.ecs"], "account": ["123456789012"]})
    _emit()
    (event,) = _messages(aws, url)
    assert list(event) == ["version", "id", "detail-type", "source", "account", "time", "region", "resources", "detail"]
    assert event["version"] == "0"
    assert event["account"] == "123456789012"
    assert event["region"] == "eu-central-1"
    assert event["time"] == aws.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    assert event["resources"] == ["arn:aws:ecs:eu-central-1:123456789012:service/app/web"]
    assert event["detail"] == {"lastStatus": "RUNNING"}


def test_only_rules_that_match_and_are_enabled_deliver_and_only_in_their_region(aws):
    url = _queue(aws)
    _rule(aws, {"source": ["aws.ecs"], "detail": {"lastStatus": ["STOPPED"]}})
    _emit("RUNNING")
    _emit("STOPPED", region="eu-west-1")
    assert _messages(aws, url) == []
    _emit("STOPPED")
    assert len(_messages(aws, url)) == 1
    aws.client("events").disable_rule(Name="r")
    _emit("STOPPED")
    assert _messages(aws, url) == []


def test_put_events_delivers_and_judges_each_entry(aws):
    """API reference of PutEvents: entries fail one by one; nobody may send as AWS."""
    url = _queue(aws)
    _rule(aws, {"source": ["app"]})
    entry = {"Source": "app", "DetailType": "t", "Detail": '{"a": 1}', "Resources": ["x"]}
    answer = aws.client("events").put_events(
        Entries=[entry, entry | {"Source": "aws.ecs"}, entry | {"Detail": "no json"}, {"Source": "app", "Detail": "{}"}]
    )
    assert answer["FailedEntryCount"] == 3
    assert [one.get("ErrorCode") for one in answer["Entries"]] == [
        None,
        "NotAuthorizedForSourceException",
        "MalformedDetail",
        "InvalidArgument",
    ]
    (event,) = _messages(aws, url)
    assert event["id"] == answer["Entries"][0]["EventId"]
    assert (event["detail"], event["resources"], event["source"]) == ({"a": 1}, ["x"], "app")


def test_put_events_takes_ten_entries_at_most(aws):
    entry = {"Source": "app", "DetailType": "t", "Detail": "{}"}
    with pytest.raises(ClientError) as caught:
        aws.client("events").put_events(Entries=[entry] * 11)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


def test_put_events_takes_a_megabyte_at_most_in_all(aws):
    """PutEvents: "the total entry size must be less than 1MB"; nothing of a request that is larger is delivered."""
    url, bridge = _queue(aws), aws.client("events")
    _rule(aws, {"source": ["app"]})
    entry = {"Source": "app", "DetailType": "t", "Detail": json.dumps({"text": "x" * 400_000})}
    with pytest.raises(ClientError) as caught:
        bridge.put_events(Entries=[entry] * 3)
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert caught.value.response["Error"]["Message"] == "Total size of the entries in the request is over the limit."
    assert _messages(aws, url) == []
    assert bridge.put_events(Entries=[entry] * 2)["FailedEntryCount"] == 0
    assert len(_messages(aws, url)) == 2


def test_a_pattern_that_means_nothing_is_refused(aws):
    with pytest.raises(ClientError) as caught:
        aws.client("events").put_rule(Name="r", EventPattern='{"source": [{"begins": "x"}]}')
    assert caught.value.response["Error"]["Code"] == "InvalidEventPatternException"


def test_a_pattern_can_be_tried(aws):
    """TestEventPattern: plain moto fails with an internal error."""
    event = {"id": "1", "detail-type": "t", "source": "app", "account": "1", "time": "2026-01-01T00:00:00Z", "region": "r", "resources": []}
    bridge = aws.client("events")
    assert bridge.test_event_pattern(EventPattern='{"source": ["app"]}', Event=json.dumps(event))["Result"] is True
    assert bridge.test_event_pattern(EventPattern='{"source": ["other"]}', Event=json.dumps(event))["Result"] is False


def test_targets_may_take_a_part_a_constant_or_a_text_of_their_own(aws):
    """ "Amazon EventBridge input transformation"."""
    for number, target in enumerate(
        [
            {"Input": '{"constant": true}'},
            {"InputPath": "$.detail"},
            {
                "InputTransformer": {
                    "InputPathsMap": {"state": "$.detail.lastStatus", "what": "$.resources"},
                    "InputTemplate": '{"state": <state>, "text": "is <state> in <aws.events.rule-name>", "what": <what>}',
                }
            },
        ]
    ):
        url = _queue(aws, f"q{number}")
        _rule(aws, {"source": ["aws.ecs"]}, f"r{number}", f"q{number}", **target)
        _emit()
        (body,) = _messages(aws, url)
        aws.client("events").disable_rule(Name=f"r{number}")
        expected = [
            {"constant": True},
            {"lastStatus": "RUNNING"},
            {"state": "RUNNING", "text": "is RUNNING in r2", "what": ["arn:aws:ecs:eu-central-1:123456789012:service/app/web"]},
        ]
        assert body == expected[number]


def test_an_event_goes_to_the_bus_of_another_account_unchanged(aws):
    """ "Sending and receiving events between AWS accounts": the event keeps its account and id."""
    other = {"aws_access_key_id": "210987654321"}
    url = aws.client("sqs", **other).create_queue(QueueName="hub")["QueueUrl"]
    hub = aws.client("events", **other)
    hub.put_rule(Name="all", EventPattern='{"account": ["123456789012"]}')
    hub.put_targets(Rule="all", Targets=[{"Id": "t", "Arn": "arn:aws:sqs:eu-central-1:210987654321:hub"}])
    bridge = aws.client("events")
    bridge.put_rule(Name="send", EventPattern='{"source": ["aws.ecs"]}')
    bridge.put_targets(
        Rule="send",
        Targets=[
            {"Id": "t", "Arn": "arn:aws:events:eu-central-1:210987654321:event-bus/default", "RoleArn": "arn:aws:iam::123456789012:role/x"}
        ],
    )
    _emit()
    (event,) = _messages(aws, url, **other)
    assert event["account"] == "123456789012"


def test_an_event_for_a_queue_that_is_gone_goes_to_the_dead_letter_queue(aws):
    dead = _queue(aws, "dead")
    _rule(aws, {"source": ["aws.ecs"]}, queue="gone", DeadLetterConfig={"Arn": QUEUE.format("dead")})
    _emit()
    assert len(_messages(aws, dead)) == 1


def test_delivery_is_at_least_once_when_asked(aws):
    """ "Event delivery": an event may arrive more than once; both have the same id."""
    url = _queue(aws)
    _rule(aws, {"source": ["aws.ecs"]})
    aws.control("PUT", "/events/duplicates", {"count": 1})
    _emit()
    _emit()
    ids = [event["id"] for event in _messages(aws, url)]
    assert len(ids) == 3
    assert len(set(ids)) == 2
    aws.control("PUT", "/events/duplicates", {"probability": 1.0, "seed": 7})
    _emit()
    assert len(_messages(aws, url)) == 2


def test_an_event_is_sent_through_the_control_api(aws):
    url = _queue(aws)
    _rule(aws, {"source": ["aws.health"]})
    aws.control(
        "POST", "/events", {"region": "eu-central-1", "source": "aws.health", "detail-type": "AWS Health Event", "detail": {"x": 1}}
    )
    assert [event["detail"] for event in _messages(aws, url)] == [{"x": 1}]


def test_topics_and_log_groups_are_targets_too(aws):
    url = _queue(aws)
    sns, logs, bridge = aws.client("sns"), aws.client("logs"), aws.client("events")
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE.format("q"), Attributes={"RawMessageDelivery": "true"})
    logs.create_log_group(logGroupName="/events")
    bridge.put_rule(Name="r", EventPattern='{"source": ["aws.ecs"]}')
    log_group = "arn:aws:logs:eu-central-1:123456789012:log-group:/events"
    bridge.put_targets(Rule="r", Targets=[{"Id": "topic", "Arn": topic}, {"Id": "logs", "Arn": log_group}])
    _emit()
    (event,) = _messages(aws, url)
    assert event["detail"] == {"lastStatus": "RUNNING"}
    (logged,) = logs.filter_log_events(logGroupName="/events")["events"]
    assert json.loads(logged["message"])["id"] == event["id"]


def test_a_rule_has_five_targets_at_most(aws):
    """ "Amazon EventBridge quotas"."""
    bridge = aws.client("events")
    bridge.put_rule(Name="r", EventPattern='{"source": ["x"]}')
    bridge.put_targets(Rule="r", Targets=[{"Id": str(number), "Arn": QUEUE.format(number)} for number in range(5)])
    with pytest.raises(ClientError) as caught:
        bridge.put_targets(Rule="r", Targets=[{"Id": "6", "Arn": QUEUE.format(6)}])
    assert caught.value.response["Error"]["Code"] == "LimitExceededException"


def test_a_rule_fires_by_its_schedule(aws):
    """ "Creating an Amazon EventBridge rule that runs on a schedule". moto stores such rules and never fires them."""
    url = _queue(aws)
    bridge = aws.client("events")
    arn = bridge.put_rule(Name="often", ScheduleExpression="rate(5 minutes)")["RuleArn"]
    bridge.put_targets(Rule="often", Targets=[{"Id": "t", "Arn": QUEUE.format("q")}])
    aws.clock.advance(299)
    assert _messages(aws, url) == []
    aws.clock.advance(601)
    first, *_ = found = _messages(aws, url)
    assert len(found) == 3
    assert (first["source"], first["detail-type"], first["resources"], first["detail"]) == ("aws.events", "Scheduled Event", [arn], {})
    bridge.disable_rule(Name="often")
    aws.clock.advance(300)
    assert _messages(aws, url) == []
    bridge.enable_rule(Name="often")
    bridge.put_rule(Name="often", ScheduleExpression="rate(1 hour)")
    aws.clock.advance(3599)
    assert _messages(aws, url) == []
    aws.clock.advance(1)
    assert len(_messages(aws, url)) == 1
    bridge.remove_targets(Rule="often", Ids=["t"])
    bridge.delete_rule(Name="often")
    aws.clock.advance(7200)
    assert _messages(aws, url) == []


@pytest.mark.parametrize(
    "expression", ["rate(5 minute)", "rate(1 hours)", "rate(0 minutes)", "cron(0 0 * * *)", "at(2027-01-01T00:00:00)", "hourly"]
)
def test_a_schedule_that_means_nothing_is_refused(aws, expression):
    with pytest.raises(ClientError) as caught:
        aws.client("events").put_rule(Name="r", ScheduleExpression=expression)
    assert caught.value.response["Error"]["Code"] == "ValidationException"


@pytest.mark.parametrize("inputs", [{"Input": "{}", "InputPath": "$.detail"}, {"Input": "{"}, {"Input": "plain words"}])
def test_a_target_has_one_input_and_a_constant_one_is_json(aws, inputs):
    """API Reference, Target: "Input, InputPath, and InputTransformer are mutually exclusive". moto: takes any."""
    client = aws.client("events")
    client.put_rule(Name="r", EventPattern='{"source": ["a"]}')
    with pytest.raises(ClientError) as caught:
        client.put_targets(Rule="r", Targets=[{"Id": "one", "Arn": "arn:aws:sqs:eu-central-1:123456789012:q"} | inputs])
    assert caught.value.response["Error"]["Code"] == "ValidationException"
    assert "target one" in caught.value.response["Error"]["Message"]
    assert client.list_targets_by_rule(Rule="r")["Targets"] == []


@pytest.mark.parametrize(
    ("call", "member"),
    [("describe_rule", "Name"), ("enable_rule", "Name"), ("disable_rule", "Name"), ("list_targets_by_rule", "Rule")],
)
def test_a_rule_that_is_not_there_is_named_with_its_bus(aws, call, member):
    """moto: "Rule ghost does not exist."."""
    with pytest.raises(ClientError) as caught:
        getattr(aws.client("events"), call)(**{member: "ghost"})
    assert caught.value.response["Error"]["Code"] == "ResourceNotFoundException"
    assert caught.value.response["Error"]["Message"] == "Rule ghost does not exist on EventBus default."
