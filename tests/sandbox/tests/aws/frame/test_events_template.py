"""The templates of `docs/events`: the same rules in each, least privilege, and events delivered through what is deployed."""

import json
import re
import warnings
from pathlib import Path

import yaml

from runbook_sandbox.aws import events

SHIPPED = Path(__file__).resolve().parents[5] / "docs" / "events"
ARN = "arn:aws:ecs:eu-central-1:123456789012:service/app/web"


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms, as `{"!Ref": "Queue"}`."""


_Loader.add_multi_constructor("!", lambda loader, name, node: {f"!{name}": loader.construct_scalar(node)})


def template():
    return yaml.load((SHIPPED / "cloudformation.yaml").read_text(), _Loader)  # noqa: S506


def messages(aws, url):
    """What is in the queue, without the long poll that is its default."""
    sqs, found = aws.client("sqs"), []
    while received := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=0).get("Messages", []):
        for message in received:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            found.append(json.loads(message["Body"]))
    return found


def resources(kind):
    return {name: one["Properties"] for name, one in template()["Resources"].items() if one["Type"] == kind}


def test_both_templates_have_the_patterns_of_the_files():
    rules = resources("AWS::Events::Rule")
    patterns = {path.name: json.loads(path.read_text()) for path in SHIPPED.glob("*.json")}
    assert rules["ServiceEvents"]["EventPattern"] == patterns["service-events.json"]
    assert rules["ApiCalls"]["EventPattern"] == patterns["api-calls.json"]
    terraform = (SHIPPED / "main.tf").read_text()
    assert set(re.findall(r'"([\w-]+\.json)"', terraform)) == set(patterns)


def test_both_templates_bound_and_encrypt_the_queue():
    queue = resources("AWS::SQS::Queue")["Queue"]
    terraform = (SHIPPED / "main.tf").read_text()
    assert queue["SqsManagedSseEnabled"] is True and terraform.count("sqs_managed_sse_enabled") == 2
    for name, attribute in (
        ("MessageRetentionPeriod", "message_retention_seconds"),
        ("VisibilityTimeout", "visibility_timeout_seconds"),
        ("ReceiveMessageWaitTimeSeconds", "receive_wait_time_seconds"),
    ):
        assert re.search(rf"{attribute} += {queue[name]}\n", terraform), name
    assert queue["RedrivePolicy"]["maxReceiveCount"] == 5 and "maxReceiveCount     = 5" in terraform


def test_only_the_rules_may_send_and_only_encrypted():
    queues, policies = resources("AWS::SQS::Queue"), resources("AWS::SQS::QueuePolicy")
    assert sorted(one["Queues"][0]["!Ref"] for one in policies.values()) == sorted(queues)
    for policy in policies.values():
        (queue,) = policy["Queues"]
        allow, deny = policy["PolicyDocument"]["Statement"]
        assert (allow["Effect"], allow["Principal"], allow["Action"]) == ("Allow", {"Service": "events.amazonaws.com"}, "sqs:SendMessage")
        assert allow["Resource"] == {"!GetAtt": f"{queue['!Ref']}.Arn"}
        rules = [one["!GetAtt"] for one in allow["Condition"]["ArnEquals"]["aws:SourceArn"]]
        assert rules == [f"{name}.Arn" for name in resources("AWS::Events::Rule")]
        assert deny["Effect"] == "Deny" and deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_is_deployed_delivers_what_the_operator_follows_and_nothing_else(aws):
    with warnings.catch_warnings():
        # moto deploys queues and rules; it has no queue policies.
        warnings.simplefilter("ignore")
        aws.client("cloudformation").create_stack(StackName="events", TemplateBody=(SHIPPED / "cloudformation.yaml").read_text())
    (stack,) = aws.client("cloudformation").describe_stacks(StackName="events")["Stacks"]
    url = next(output["OutputValue"] for output in stack["Outputs"] if output["OutputKey"] == "QueueUrl")
    ecs, scaling = aws.client("ecs"), aws.client("application-autoscaling")
    ecs.create_cluster(clusterName="app")
    ecs.register_task_definition(family="web", containerDefinitions=[{"name": "web", "image": "web", "memory": 128}])
    ecs.create_service(cluster="app", serviceName="web", taskDefinition="web", desiredCount=1)
    ecs.update_service(cluster="app", service="web", desiredCount=2)
    ecs.tag_resource(resourceArn=ARN, tags=[{"key": "a", "value": "b"}])
    target = {"ServiceNamespace": "ecs", "ResourceId": "service/app/web", "ScalableDimension": "ecs:service:DesiredCount"}
    scaling.register_scalable_target(**target, MinCapacity=1, MaxCapacity=3)
    scaling.deregister_scalable_target(**target)
    events.emit("123456789012", "eu-central-1", "aws.ecs", "ECS Task State Change", [ARN], {"lastStatus": "RUNNING"})
    database = {"DBInstanceIdentifier": "db", "Engine": "postgres", "DBInstanceClass": "db.t3.medium", "AllocatedStorage": 20}
    rds = aws.client("rds")
    rds.create_db_instance(**database, MasterUsername="owner", MasterUserPassword="not-so-secret")
    aws.clock.advance(900)
    rds.modify_db_instance(DBInstanceIdentifier="db", BackupRetentionPeriod=7)
    aws.clock.advance(900)
    rds.create_db_snapshot(DBInstanceIdentifier="db", DBSnapshotIdentifier="one")
    aws.clock.advance(900)
    rds.delete_db_snapshot(DBSnapshotIdentifier="one")
    aws.clock.advance(120)
    told = [(event["detail-type"], event["detail"]) for event in messages(aws, url)]
    calls = {detail["eventName"]: detail for kind, detail in told if kind == "AWS API Call via CloudTrail"}
    of_services = {"CreateService", "UpdateService", "TagResource", "RegisterScalableTarget", "DeregisterScalableTarget"}
    assert set(calls) == of_services | {"ModifyDBInstance", "CreateDBSnapshot", "DeleteDBSnapshot"}
    # Which database it concerns: of a deleted snapshot the answer alone says it.
    assert calls["CreateDBSnapshot"]["requestParameters"]["dBInstanceIdentifier"] == "db"
    assert calls["DeleteDBSnapshot"]["responseElements"]["dBInstanceIdentifier"] == "db"
    kinds = {"AWS API Call via CloudTrail", "ECS Service Action", "ECS Deployment State Change", "RDS DB Instance Event"}
    assert {kind for kind, _ in told} == kinds
    assert {detail["SourceIdentifier"] for kind, detail in told if kind == "RDS DB Instance Event"} == {"db"}
