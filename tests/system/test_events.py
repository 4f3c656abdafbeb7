"""Drift by event: what AWS tells is read again and corrected at once; what tells nothing new costs nothing."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from runbook_sandbox.clocked.account import ACCOUNT, OPERATOR_USER, REGION
from runbook_sandbox.clocked.installation import NAMESPACE, REPOSITORY, condition, helm, until

CALLS = json.loads((REPOSITORY / "docs" / "events" / "api-calls.json").read_text())


class Queue:
    """A queue that the shipped rule for API calls fills, and what the operator made of it."""

    def __init__(self, place: Any) -> None:
        self.place, self.name = place, f"events-{place.name}"
        self.sqs, self._bridge = place.account.client("sqs"), place.account.client("events")
        self.arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{self.name}"
        self.url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{self.name}"
        self._sandbox_url = self.sqs.create_queue(QueueName=self.name)["QueueUrl"]
        self._bridge.put_rule(Name=self.name, EventPattern=json.dumps(CALLS))
        self._bridge.put_targets(Rule=self.name, Targets=[{"Id": "queue", "Arn": self.arn}])

    def allow(self) -> None:
        """What docs/events.md says that the role needs."""
        allowed = {"Effect": "Allow", "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage"], "Resource": self.arn}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self.place.account.client("iam").put_user_policy(UserName=OPERATOR_USER, PolicyName=self.name, PolicyDocument=document)

    def listen(self) -> None:
        """Names the queue in the AwsAccount, and waits until the operator listens."""
        self.place.grant(events=[{"region": REGION, "queueUrl": self.url}])
        self.status(lambda told: told["reason"] == "Receiving", "is listened to")

    def status(self, right: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Waits for what the AwsAccount says of the queue."""

        def read() -> dict[str, Any]:
            found = self.place.client.get("awsaccount", self.place.name)
            return next(iter(found.get("status", {}).get("events", [])), {"reason": ""})

        return until(f"queue {self.name} {what}", read, right)

    def send(self, *bodies: str) -> None:
        for body in bodies:
            self.sqs.send_message(QueueUrl=self._sandbox_url, MessageBody=body)

    def is_empty(self) -> bool:
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        found = self.sqs.get_queue_attributes(QueueUrl=self._sandbox_url, AttributeNames=names)["Attributes"]
        return all(found[name] == "0" for name in names)

    def remove(self) -> None:
        self.place.grant()
        self._bridge.remove_targets(Rule=self.name, Ids=["queue"])
        self._bridge.delete_rule(Name=self.name)
        self.sqs.delete_queue(QueueUrl=self._sandbox_url)


@pytest.fixture
def queue(place) -> Iterator[Queue]:
    made = Queue(place)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def patient(operator) -> Iterator[None]:
    """An operator that looks by itself once an hour."""
    helm(operator, "upgrade", "--reuse-values", "--set=operator.resync=1h")
    yield
    helm(operator, "upgrade", "--reuse-values")


def events(place: Any) -> Callable[[str], int]:
    """How many events came to an outcome since now, by the metrics."""

    def read() -> dict[str, int]:
        lease = place.client.get("lease", "runbook-operator", f"--namespace={NAMESPACE}")
        pod = place.client.get("pods", lease["spec"]["holderIdentity"], f"--namespace={NAMESPACE}")
        text = requests.get(f"http://{pod['status']['podIP']}:8080/metrics", timeout=10).text
        counted: dict[str, int] = {}
        for outcome, count in re.findall(r'^runbook_aws_events_total\{kind="\w+",outcome="(\w+)"\} (\d+)$', text, re.MULTILINE):
            counted[outcome] = counted.get(outcome, 0) + int(count)
        return counted

    before = read()
    return lambda outcome: read().get(outcome, 0) - before.get(outcome, 0)


def reads(place: Any, service: str) -> int:
    """How often the operator read a service."""
    calls = place.account.operator_calls("DescribeServices")
    return sum(1 for call in calls if call["params"]["cluster"] == place.cluster and service in call["params"]["services"])


def call_of(place: Any, service: str, request_id: str, account: str = ACCOUNT) -> str:
    """What EventBridge makes of somebody's UpdateService."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    detail = {
        "eventSource": "ecs.amazonaws.com",
        "eventName": "UpdateService",
        "requestID": request_id,
        "requestParameters": {"cluster": place.cluster, "service": service, "desiredCount": 1},
    }
    frame = {"version": "0", "id": str(uuid.uuid4()), "source": "aws.ecs", "detail-type": "AWS API Call via CloudTrail"}
    return json.dumps(frame | {"account": account, "time": now, "region": REGION, "resources": [], "detail": detail})


def test_a_queue_that_may_not_be_read_is_told_and_the_resync_still_works(place, queue):
    place.account.create_services("web", cluster=place.cluster)
    place.grant(events=[{"region": REGION, "queueUrl": queue.url}])
    place.apply(place.policy("web", replicas=2))
    told = queue.status(lambda told: told["reason"] == "AwsAccessDenied", "is denied")
    assert "sqs:ReceiveMessage" in told["message"] and "sqs:DeleteMessage" in told["message"] and queue.arn in told["message"]
    account = place.client.get("awsaccount", place.name)
    ready = condition(account, "Ready")
    assert ready["status"] == "True" and "sqs:ReceiveMessage" in ready["message"]
    place.in_sync("web")
    place.account.set_desired("web", 1, place.cluster)
    place.wait_desired("web", 2)
    queue.allow()
    place.client.kubectl("annotate", "awsaccount", place.name, "ops.clocked.app/reconcile-requested-at=now")
    queue.status(lambda told: told["reason"] == "Receiving" and "message" not in told, "is read when it may be")


def test_a_queue_that_is_not_there_is_named(place):
    url = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/missing-{place.name}"
    allowed = {"Effect": "Allow", "Action": "sqs:*", "Resource": f"arn:aws:sqs:{REGION}:{ACCOUNT}:missing-*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    place.account.client("iam").put_user_policy(UserName=OPERATOR_USER, PolicyName="missing", PolicyDocument=document)
    place.grant(events=[{"region": REGION, "queueUrl": url}])
    found = until(
        "the queue is missed",
        lambda: place.client.get("awsaccount", place.name),
        lambda account: [told["reason"] for told in account.get("status", {}).get("events", [])] == ["QueueNotFound"],
    )
    assert condition(found, "Ready")["status"] == "True"


def test_what_somebody_changes_is_corrected_long_before_the_resync(place, queue, patient):
    place.account.create_services("web", "worker", cluster=place.cluster)
    queue.allow()
    queue.listen()
    place.apply(place.policy("web", replicas=3), place.policy("worker", autoscaling={"minCapacity": 2, "maxCapacity": 4}))
    place.in_sync("web", "worker")
    place.account.set_desired("web", 1, place.cluster)
    place.wait_desired("web", 3)
    place.account.autoscaling.register_scalable_target(
        ServiceNamespace="ecs",
        ResourceId=f"service/{place.cluster}/worker",
        ScalableDimension="ecs:service:DesiredCount",
        MinCapacity=1,
        MaxCapacity=9,
    )
    until("the band is back", lambda: place.account.scalable_target("worker", place.cluster)["MaxCapacity"], lambda most: most == 4)
    told = queue.status(lambda told: "lastReceivedAt" in told, "has told something")
    assert told["reason"] == "Receiving"


def test_own_writes_and_copies_cause_no_reads(place, queue, patient):
    place.account.create_services("web", cluster=place.cluster)
    queue.allow()
    queue.listen()
    heard = events(place)
    place.apply(place.policy("web", replicas=2))
    place.in_sync("web")
    until("CloudTrail has told of the write", lambda: heard("OwnWrite"), lambda count: count == 1)
    own = place.get("web")["status"]["history"][0]["requestId"]
    before = reads(place, "web")
    queue.send(call_of(place, "web", own), call_of(place, "web", own))
    until("the write is told of again", lambda: heard("OwnWrite"), lambda count: count == 3)
    others = call_of(place, "web", str(uuid.uuid4()))
    queue.send(others)
    until("the service is read", lambda: reads(place, "web"), lambda count: count > before)
    queue.send(others)
    until("the copy is known", lambda: heard("Duplicate"), lambda count: count == 1)
    queue.send(call_of(place, "web", str(uuid.uuid4())))
    until("the service is read again", lambda: reads(place, "web"), lambda count: count > before + 1)
    assert reads(place, "web") == before + 2


def test_poison_is_counted_deleted_and_survived(place, queue, patient):
    place.account.create_services("web", cluster=place.cluster)
    queue.allow()
    queue.listen()
    place.apply(place.policy("web", replicas=2))
    place.in_sync("web")
    heard = events(place)
    queue.send("hunter2", "{", '{"account": 7}', "[" * 10_000, call_of(place, "web", "x", account="999999999999"))
    queue.send(call_of(place, "nobodys", "x"))
    until("the poison is counted", lambda: heard("Malformed"), lambda count: count == 4)
    until("the other account's is counted", lambda: heard("OtherAccount"), lambda count: count == 1)
    until("the service of nobody is counted", lambda: heard("Unwatched"), lambda count: count >= 1)
    until("the queue is empty", queue.is_empty, bool)
    logs = place.client.kubectl("logs", "--selector=app.kubernetes.io/name=runbook-operator", f"--namespace={NAMESPACE}", "--tail=-1")
    assert "messages that are no events of EventBridge are deleted" in logs and "hunter2" not in logs
    place.account.set_desired("web", 1, place.cluster)
    place.wait_desired("web", 2)


def test_a_queue_that_is_no_longer_named_is_left_alone(place, queue, patient):
    queue.allow()
    queue.listen()
    place.grant()
    until(
        "the account names no queue",
        lambda: place.client.get("awsaccount", place.name)["status"],
        lambda status: "events" not in status,
    )
    queue.send("for somebody else")
    assert not queue.is_empty()
