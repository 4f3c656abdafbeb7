"""Aurora Replicas on the whole system: the number of readers follows the scalable target, and nothing else is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from runbook_sandbox.clocked.account import ACCOUNT, OPERATOR_USER, REGION
from runbook_sandbox.clocked.installation import condition, until
from runbook_sandbox.harness import CommandError

WRITES = re.compile("^(Register|Deregister|Put|Delete|Create|Modify|Update)")


class Database:
    """An Aurora cluster of a place, granted to it, with a writer, and with readers that somebody has made by hand."""

    def __init__(self, place: Any) -> None:
        self.place = place
        self.name = f"db-{place.name}"
        self.rds, self.autoscaling = place.account.client("rds"), place.account.autoscaling
        self.scaled = {
            "ServiceNamespace": "rds",
            "ScalableDimension": "rds:cluster:ReadReplicaCount",
            "ResourceId": f"cluster:{self.name}",
        }

    def create(self, engine: str = "aurora-postgresql", instances: tuple[str, ...] = ("writer",), **more: Any) -> None:
        self.rds.create_db_cluster(
            DBClusterIdentifier=self.name, Engine=engine, MasterUsername="me", MasterUserPassword="secret-word", **more
        )
        self._until(lambda found: found["Status"] == "available", "is available")
        for number, name in enumerate(instances, 1):
            self.rds.create_db_instance(
                DBInstanceIdentifier=f"{self.name}-{name}", DBClusterIdentifier=self.name, Engine=engine, DBInstanceClass="db.r6g.large"
            )
            self._until(lambda found, number=number: len(found["DBClusterMembers"]) == number, f"has {number} instances")

    def _until(self, right: Callable[[dict[str, Any]], bool], what: str) -> None:
        def look() -> dict[str, Any]:
            return self.rds.describe_db_clusters(DBClusterIdentifier=self.name)["DBClusters"][0]

        until(f"{self.name} {what}", look, right, 60)

    def readers(self) -> list[str]:
        """The readers that Application Auto Scaling has made."""
        return self._readers(made=True)

    def others(self) -> list[str]:
        """The readers that somebody else has made."""
        return self._readers(made=False)

    def _readers(self, *, made: bool) -> list[str]:
        members = self.rds.describe_db_clusters(DBClusterIdentifier=self.name)["DBClusters"][0]["DBClusterMembers"]
        names = [item["DBInstanceIdentifier"] for item in members if not item["IsClusterWriter"]]
        return [name for name in names if name.startswith("application-autoscaling-") == made]

    def wait_available(self) -> None:
        """Waits until every instance is: while one is not, Application Auto Scaling changes nothing."""

        def states() -> set[str]:
            found = self.rds.describe_db_instances(Filters=[{"Name": "db-cluster-id", "Values": [self.name]}])
            return {item["DBInstanceStatus"] for item in found["DBInstances"]}

        until(f"instances of {self.name} are available", states, lambda found: found == {"available"}, 60)

    def wait_readers(self, count: int) -> None:
        """Waits until Application Auto Scaling keeps so many."""
        until(f"readers of {self.name} are {count}", lambda: len(self.readers()), lambda found: found == count, 60)

    def band(self) -> tuple[int, int] | None:
        """What is registered."""
        found = self.autoscaling.describe_scalable_targets(ServiceNamespace="rds", ResourceIds=[self.scaled["ResourceId"]])
        target = next(iter(found["ScalableTargets"]), None)
        return (target["MinCapacity"], target["MaxCapacity"]) if target else None

    def wait_band(self, *band: int) -> None:
        """Waits until this is registered."""
        until(f"band of {self.name} is {band}", self.band, lambda found: found == band, 60)

    def policy(self, name: str, low: int = 1, high: int = 4, autoscaling: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
        """A policy for it, not yet applied."""
        target = {"auroraReplicas": {"cluster": self.name}}
        scaling = {"minCapacity": low, "maxCapacity": high} | (autoscaling or {})
        return self.place.policy(name, **({"target": target, "autoscaling": scaling} | spec))

    def writes(self) -> list[str]:
        """The operations by which the operator has changed anything of it, oldest first."""
        calls = self.place.account.operator_calls()
        mine = [call for call in calls if call["effect"] and self.name in str(call["params"])]
        return [call["operation"] for call in mine if WRITES.match(call["operation"])]


@pytest.fixture
def database(place, cli) -> Database:
    """A cluster that the test creates. The operator is granted it, and allowed what `kubectl runbook iam-policy` says, and no more."""
    made = Database(place)
    resources = [f"arn:aws:rds:*:*:cluster:{made.name}", f"arn:aws:ecs:*:*:service/{place.cluster}/*"]
    place.grant(grants=[{"namespaces": [place.namespace], "verbs": ["scale"], "resources": resources}])
    cpu = {"name": "cpu", "predefinedMetric": "RDSReaderAverageCPUUtilization", "targetValue": 60}
    action = {"name": "morning", "schedule": "cron(0 6 * * ? *)", "minCapacity": 2}
    everything = made.policy("db", autoscaling={"targetTracking": [cpu], "scheduledActions": [action]}, deletionPolicy="Delete")
    files = [place.client.get("awsaccount", place.name), everything]
    written = cli("iam-policy", "-f", "-", stdin="\n---\n".join(json.dumps(one) for one in files))
    assert written.code == 0, written
    place.account.client("iam").put_user_policy(UserName=OPERATOR_USER, PolicyName=made.name, PolicyDocument=written.out)
    return made


def test_readers_come_with_the_band_and_what_drifts_is_put_back(place, database) -> None:
    database.create()
    cpu = {"name": "cpu", "predefinedMetric": "RDSReaderAverageCPUUtilization", "targetValue": 60}
    place.apply(database.policy("db", 2, 4, {"targetTracking": [cpu]}, deletionPolicy="Delete"))
    place.in_sync("db")
    database.wait_readers(2)
    policies = database.autoscaling.describe_scaling_policies(ServiceNamespace="rds", ResourceId=database.scaled["ResourceId"])
    [policy] = policies["ScalingPolicies"]
    metric = policy["TargetTrackingScalingPolicyConfiguration"]["PredefinedMetricSpecification"]["PredefinedMetricType"]
    assert (policy["PolicyName"], metric) == ("cpu", "RDSReaderAverageCPUUtilization")
    status = place.get("db")["status"]
    assert status["resourceArn"] == f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:{database.name}"
    # Somebody changes the band by hand, and nothing of the size: that is corrected, and readers come and go with it.
    database.autoscaling.register_scalable_target(**database.scaled, MinCapacity=3, MaxCapacity=9)
    place.reconciled_again("db")
    database.wait_band(2, 4)
    place.in_sync("db")
    assert set(database.writes()) == {"RegisterScalableTarget", "PutScalingPolicy"}
    shown = place.wait("db", lambda p: p["status"]["observed"]["maxCapacity"] == 4, "shows the band")["status"]
    assert shown["observed"]["desiredCount"] == shown["replicas"] == len(database.readers())
    table = place.client.kubectl("get", "scalingpolicy", "db", f"--namespace={place.namespace}")
    assert database.name in table.splitlines()[1].split()
    # A deletion removes what was registered, and no reader.
    readers = database.readers()
    place.client.kubectl("delete", "scalingpolicy", "db", f"--namespace={place.namespace}", "--wait=true", "--timeout=60s")
    assert database.band() is None
    assert database.readers() == readers


def test_a_window_moves_readers_when_aws_fires_it(place, database) -> None:
    database.create()
    told = datetime.fromisoformat(place.account.control("GET", "/clock")["now"])
    start = (told + timedelta(seconds=90)).replace(second=0, microsecond=0)
    end = start + timedelta(hours=6)

    def cron(moment: datetime) -> str:
        moment = moment.astimezone(UTC)
        return f"cron({moment.minute} {moment.hour} * * ? *)"

    window = {"name": "rush", "start": cron(start), "end": cron(end), "minCapacity": 3, "maxCapacity": 6}
    place.apply(database.policy("db", 1, 2, {"windows": [window]}))
    place.in_sync("db")
    database.wait_band(1, 2)
    if datetime.fromisoformat(place.account.control("GET", "/clock")["now"]) <= start:
        place.account.control("POST", "/clock", {"to": (start + timedelta(seconds=1)).isoformat()})
    database.wait_band(3, 6)
    database.wait_readers(3)
    place.reconciled_again("db")
    place.in_sync("db")
    assert database.band() == (3, 6), "what AWS has fired is right"


def test_readers_of_others_are_counted_and_stay(place, database) -> None:
    database.create(instances=("writer", "reporting", "backup"))
    place.apply(database.policy("db", 0, 1))
    place.in_sync("db")
    database.wait_band(0, 1)
    message = condition(place.wait("db", lambda p: "were not made by" in condition(p, "Synced")["message"], "says so"), "Synced")["message"]
    assert f"2 of the Aurora Replicas of Aurora cluster {database.name} were not made by Application Auto Scaling" in message
    before = database.writes()
    place.reconciled_again("db")
    assert database.writes() == before == ["RegisterScalableTarget"], "registering again would change nothing"
    assert len(database.others()) == 2


def test_what_is_not_there_or_not_aurora_is_said(place, database) -> None:
    place.apply(database.policy("db"))
    said = place.stalled("db", "TargetNotFound")["message"]
    assert f"has no DB cluster {database.name}" in said
    multi_az = {"DBClusterInstanceClass": "db.m6gd.large", "AllocatedStorage": 100, "StorageType": "io1", "Iops": 1000}
    database.create(engine="postgres", instances=(), **multi_az)
    place.reconciled_again("db", times=1)
    said = place.stalled("db", "Unsupported")["message"]
    assert "has engine postgres, and only Aurora has replicas that scale" in said
    assert database.writes() == []
    assert database.band() is None


def test_kubectl_scale_says_what_to_write_instead(place, database) -> None:
    place.apply(database.policy("db"))
    with pytest.raises(CommandError, match="write autoscaling instead of replicas, with minCapacity and maxCapacity"):
        place.client.kubectl("scale", "scalingpolicy", "db", f"--namespace={place.namespace}", "--replicas=3")


def test_an_override_raises_the_band_as_far_as_the_ceiling(place, database) -> None:
    database.create()
    place.apply(database.policy("db", 0, 2, overrideCeiling=3))
    place.in_sync("db")
    place.apply(place.override("sale", "db", atLeast=9))
    database.wait_band(3, 3)
    database.wait_readers(3)
    database.wait_available()
    place.delete_override("sale")
    database.wait_band(0, 2)
    database.wait_readers(2)


def test_one_of_two_policies_holds_a_cluster(place, database) -> None:
    database.create()
    place.apply(database.policy("first"))
    place.in_sync("first")
    place.apply(database.policy("second", 3, 6))
    said = place.stalled("second", "TargetConflict")["message"]
    assert f"Aurora cluster {database.name} is already held by {place.namespace}/first" in said
    assert database.band() == (1, 4)


def test_grants_name_the_cluster(place, database) -> None:
    database.create()
    place.grant()
    place.apply(database.policy("db"))
    said = place.stalled("db", "NotGranted")["message"]
    assert f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:{database.name}" in said
    assert database.band() is None
