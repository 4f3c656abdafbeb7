"""Good objects, what the server fills in, and what people do with them every day."""

from __future__ import annotations

import json
from typing import Any

import pytest
from runbook_sandbox.harness import CommandError
from runbook_sandbox.processes import wait_until

ACCOUNT, BACKUP, POLICY = "AwsAccount", "BackupPolicy", "ScalingPolicy"
LABEL = "app/clocked/50dc6c495c0c9188/targetgroup/{}/6d0ecf831eec9f09"
CPU = {"name": "cpu", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": 60}


def requests_of(group: str) -> dict[str, Any]:
    return {"name": group, "predefinedMetric": "ALBRequestCountPerTarget", "resourceLabel": LABEL.format(group), "targetValue": 1000}


GOOD = {
    "fixed": (POLICY, {}),
    "fixed-zero": (POLICY, {"spec.replicas": 0, "spec.allowZero": True}),
    "fixed-most": (POLICY, {"spec.replicas": 5000}),
    "everything-said": (
        POLICY,
        {
            "spec.accountRef": {"name": "production"},
            "spec.region": "us-gov-west-1",
            "spec.mode": "Observe",
            "spec.suspend": True,
            "spec.replicas": 3,
            "spec.autoscaling": {
                "minCapacity": 2,
                "maxCapacity": 10,
                "suspended": {"dynamicScalingIn": True, "dynamicScalingOut": False, "scheduledScaling": True},
                "targetTracking": [
                    CPU | {"scaleOutCooldown": "60s", "scaleInCooldown": "1h30m", "disableScaleIn": True},
                    CPU | {"name": "memory", "predefinedMetric": "ECSServiceAverageMemoryUtilization", "targetValue": "70.5"},
                    requests_of("blue"),
                    {
                        "name": "queue",
                        "customizedMetric": {
                            "namespace": "AWS/SQS",
                            "metricName": "ApproximateNumberOfMessagesVisible",
                            "dimensions": {"QueueName": "clocked"},
                            "statistic": "Maximum",
                            "unit": "Count",
                        },
                        "targetValue": "500m",
                    },
                ],
            },
        },
    ),
    "aurora": (
        POLICY,
        {
            "spec.target": {"auroraReplicas": {"cluster": "clocked-db-2"}},
            "spec.replicas": None,
            "spec.overrideCeiling": 15,
            "spec.autoscaling": {
                "minCapacity": 0,
                "maxCapacity": 15,
                "targetTracking": [
                    CPU | {"predefinedMetric": "RDSReaderAverageCPUUtilization"},
                    CPU | {"name": "connections", "predefinedMetric": "RDSReaderAverageDatabaseConnections"},
                ],
                "scheduledActions": [{"name": "morning", "schedule": "cron(0 6 * * ? *)", "minCapacity": 2}],
            },
        },
    ),
    "one-size-band": (POLICY, {"spec.replicas": None, "spec.autoscaling": {"minCapacity": 3, "maxCapacity": 3}}),
    "band-from-zero": (POLICY, {"spec.allowZero": True, "spec.autoscaling": {"minCapacity": 0, "maxCapacity": 3}}),
    "two-target-groups": (
        POLICY,
        {"spec.autoscaling": {"minCapacity": 1, "maxCapacity": 3, "targetTracking": [requests_of("blue"), requests_of("green")]}},
    ),
    "every-way-to-scale": (
        POLICY,
        {
            "spec.replicas": None,
            "spec.autoscaling": {
                "minCapacity": 2,
                "maxCapacity": 10,
                "prune": True,
                "stepScaling": [
                    {
                        "name": "busy",
                        "adjustmentType": "PercentChangeInCapacity",
                        "cooldown": "1m",
                        "minAdjustmentMagnitude": 2,
                        "metricAggregationType": "Maximum",
                        "stepAdjustments": [
                            {"metricIntervalUpperBound": "-0.5", "scalingAdjustment": -10},
                            {"metricIntervalLowerBound": "-0.5", "metricIntervalUpperBound": 10, "scalingAdjustment": 0},
                            {"metricIntervalLowerBound": 10, "scalingAdjustment": 20},
                        ],
                    },
                ],
                "targetTracking": [
                    {
                        "name": "backlog",
                        "targetValue": 10,
                        "metrics": [
                            {"id": "visible", "metricStat": {"namespace": "AWS/SQS", "metricName": "Visible", "stat": "p99"}},
                            {"id": "backlog", "expression": "visible / 2", "label": "Backlog", "returnData": True},
                        ],
                    },
                ],
                "windows": [
                    {
                        "name": "office-hours",
                        "start": "cron(0 8 ? * MON-FRI *)",
                        "end": "cron(0 19 ? * MON-FRI *)",
                        "timeZone": "America/Argentina/Buenos_Aires",
                        "minCapacity": 4,
                        "maxCapacity": 12,
                    },
                ],
                "scheduledActions": [
                    {"name": "launch", "schedule": "at(2026-09-01T08:00:00)", "timeZone": "Etc/GMT+9", "maxCapacity": 40},
                    {
                        "name": "tick",
                        "schedule": "rate(2 hours)",
                        "startTime": "2026-01-01T00:00:00Z",
                        "endTime": "2027-01-01T00:00:00Z",
                        "minCapacity": 3,
                    },
                ],
            },
        },
    ),
    "longest-name": (POLICY, {"metadata.name": "n" * 40}),
    "null-for-nothing": (POLICY, {"spec.region": None, "spec.autoscaling": {"minCapacity": 1, "maxCapacity": 3, "suspended": None}}),
    "backup": (BACKUP, {}),
    "backup-by-rds-alone": (BACKUP, {"spec.snapshots": None, "spec.automated": {"retentionDays": 35, "window": "23:30-00:00"}}),
    "backup-protection-alone": (BACKUP, {"spec.snapshots": None, "spec.deletionProtection": True}),
    "backup-turned-off": (BACKUP, {"spec.automated": {"retentionDays": 0}, "spec.allowOutage": True}),
    "backup-of-a-cluster": (BACKUP, {"spec.source": {"rdsCluster": "clocked-2"}, "spec.automated": {"retentionDays": 1}}),
    "backup-everything-said": (
        BACKUP,
        {
            "spec.accountRef": {"name": "production"},
            "spec.region": "us-gov-west-1",
            "spec.mode": "Observe",
            "spec.suspend": True,
            "spec.deletionProtection": True,
            "spec.automated": {"retentionDays": 7, "window": "03:00-04:00", "copyTagsToSnapshot": False},
            "spec.snapshots": {
                "schedule": "0,30 2-4 1-7 */3 mon#1",
                "timeZone": "America/Argentina/Buenos_Aires",
                "jitter": "24h",
                "startingDeadline": "168h",
                "catchUpWindow": "22:00-06:00",
                "namePrefix": "clocked-manual",
                "runOnCreate": True,
                "retention": {"keepLast": 100, "daily": 366, "weekly": 520, "monthly": 120, "maxAgeDays": 3650},
            },
        },
    ),
    "backup-by-exports-alone": (
        BACKUP,
        {
            "spec.snapshots": None,
            "spec.exports": [
                {
                    "name": "user-data",
                    "schedule": "30 2 * * *",
                    "source": "Replica",
                    "replica": "clocked-db-read",
                    "tables": ["users", "app.sessions"],
                    "connection": {"secretRef": {"name": "clocked-db-export"}, "database": "clocked"},
                    "serviceAccountName": "exporter",
                    "s3": {"bucket": "clocked-backups", "prefix": "database/", "bucketOwner": "123456789012"},
                    "retention": {"keepLast": 30},
                },
                {
                    "name": "everything",
                    "schedule": "0 4 1 * *",
                    "timeZone": "Europe/Berlin",
                    "jitter": "1h",
                    "startingDeadline": "24h",
                    "source": "Primary",
                    "compression": "Gzip",
                    "connection": {"secretRef": {"name": "clocked-db-export"}},
                    "serviceAccountName": "exporter",
                    "s3": {"bucket": "clocked-backups"},
                    "timeout": "12h",
                },
            ],
        },
    ),
    "account-that-lets-few-be-deleted": (ACCOUNT, {"spec.safety": {"maxDeletesPerDay": 1}}),
    "account-that-grants-backups": (
        ACCOUNT,
        {"spec.grants": [{"namespaces": ["a"], "verbs": ["snapshot", "deleteSnapshot"], "resources": ["arn:aws:rds:*:*:db:clocked-*"]}]},
    ),
    "account": (ACCOUNT, {}),
    "account-without-grants": (ACCOUNT, {"spec.grants": None, "spec.mode": "Observe"}),
    "account-in-china": (
        ACCOUNT,
        {"spec.regions": ["cn-north-1"], "spec.assumeRole": {"roleArn": "arn:aws-cn:iam::123456789012:role/a/b"}},
    ),
    "account-with-queues": (
        ACCOUNT,
        {
            "spec.regions": ["eu-central-1", "eu-west-1", "us-east-1"],
            "spec.events": [
                {"region": "eu-central-1", "queueUrl": "https://sqs.eu-central-1.amazonaws.com/123456789012/runbook-events"},
                {"region": "eu-west-1", "queueUrl": "https://sqs.eu-west-1.api.aws/123456789012/e"},
                {"region": "us-east-1", "queueUrl": "https://sqs-fips.us-east-1.amazonaws.com/123456789012/e_1"},
            ],
        },
    ),
    "account-with-a-queue-of-a-sandbox": (
        ACCOUNT,
        {
            "spec.endpointUrl": "http://127.0.0.1:4566",
            "spec.events": [{"region": "eu-central-1", "queueUrl": "http://127.0.0.1:4566/123456789012/runbook-events"}],
        },
    ),
    "account-everything-said": (
        ACCOUNT,
        {
            "spec.assumeRole": {"roleArn": "arn:aws:iam::123456789012:role/runbook", "externalId": "a1b2"},
            "spec.useFips": True,
            "spec.useDualStack": True,
            "spec.requestBudget": {
                "ecs": {"read": 5, "modify": "1.25"},
                "applicationAutoScaling": {"read": "500m"},
                "rds": {"read": 10, "modify": 2},
            },
            "spec.endpointUrl": "http://[::1]:4566/",
        },
    ),
}


@pytest.mark.parametrize("case", GOOD)
def test_a_good_object_is_taken(server, case: str) -> None:
    kind, changes = GOOD[case]
    assert server.judge(server.example(kind, changes))["kind"] == kind


def test_what_goes_without_saying_is_filled_in(server) -> None:
    spec = {"spec.autoscaling": {"minCapacity": 1, "maxCapacity": 2, "suspended": {}, "targetTracking": [CPU]}}
    policy = server.judge(server.example(POLICY, spec))["spec"]
    assert policy["accountRef"] == {"name": "default"}
    assert (policy["mode"], policy["suspend"], policy["allowZero"]) == ("Enforce", False, False)
    assert set(policy["autoscaling"]["suspended"].values()) == {False}
    assert policy["autoscaling"]["targetTracking"][0]["disableScaleIn"] is False
    backup = server.judge(server.example(BACKUP))["spec"]
    assert backup["accountRef"] == {"name": "default"}
    assert (backup["mode"], backup["suspend"], backup["deletionProtection"], backup["allowOutage"]) == ("Enforce", False, False, False)
    assert (backup["snapshots"]["startingDeadline"], backup["snapshots"]["runOnCreate"]) == ("12h", False)
    assert "automated" not in backup
    grants = {"spec.grants": [{"namespaces": ["clocked"], "resources": ["arn:aws:ecs:*:*:service/*"]}]}
    account = server.judge(server.example(ACCOUNT, grants))["spec"]
    assert account["grants"][0]["verbs"] == ["observe"]
    assert (account["useFips"], account["useDualStack"]) == (False, False)


def test_null_is_nothing(server) -> None:
    policy = server.example(POLICY)
    policy["spec"] |= {"region": None, "autoscaling": None, "mode": None}
    spec = server.judge(policy)["spec"]
    assert "region" not in spec and "autoscaling" not in spec
    assert spec["mode"] == "Enforce"


def test_the_largest_account_is_within_the_budget_of_the_rules(server) -> None:
    def resources(number: int) -> list[str]:
        return [f"arn:aws:ecs:eu-central-1:123456789012:service/cluster-{number}/team-{each}-*" for each in range(64)]

    grants = [{"namespaces": [f"team-{each}" for each in range(100)], "resources": resources(number)} for number in range(100)]
    assert len(server.judge(server.example(ACCOUNT, {"spec.grants": grants}))["spec"]["grants"]) == 100


def test_kubectl_scale_sets_replicas_and_meets_the_rules(server) -> None:
    policy = server.create(server.example(POLICY))
    name = policy["metadata"]["name"]
    selector = f"ops.clocked.app/scaling-policy={name}"
    server.replace(policy | {"status": {"replicas": 2, "selector": selector}}, "status")
    server.kubectl("scale", "scalingpolicy", name, "--replicas=7", "--current-replicas=3")
    scale = server.request("GET", server.url(POLICY, name, "scale"))
    assert scale["spec"]["replicas"] == 7
    assert scale["status"] == {"replicas": 2, "selector": selector}
    with pytest.raises(CommandError, match="replicas: 0 stops the service; set allowZero: true"):
        server.kubectl("scale", "scalingpolicy", name, "--replicas=0")
    with pytest.raises(CommandError, match="less than or equal to 5000"):
        server.kubectl("scale", "scalingpolicy", name, "--replicas=6000")
    assert server.read(POLICY, name)["spec"]["replicas"] == 7


@pytest.mark.parametrize("kind", [ACCOUNT, BACKUP, "ScalingOverride", POLICY])
def test_a_new_object_is_not_taken_for_one_that_was_looked_at(server, kind: str) -> None:
    """To kstatus an object without a status is Current, and a pipeline would not wait for it."""
    made = server.create(server.example(kind, {"status": {"observedGeneration": 1}}))
    for seen in (made, server.read(kind, made["metadata"]["name"])):
        assert seen["status"] == {"observedGeneration": -1}


def test_status_and_spec_are_written_apart(server) -> None:
    policy = server.create(server.example(POLICY))
    reported = server.replace(policy | {"spec": policy["spec"] | {"replicas": 99}, "status": {"replicas": 3}}, "status")
    assert reported["spec"]["replicas"] == 3
    assert reported["metadata"]["generation"] == 1
    edited = server.replace(reported | {"spec": policy["spec"] | {"replicas": 4}, "status": {"replicas": 99}})
    assert edited["status"]["replicas"] == 3
    assert edited["metadata"]["generation"] == 2
    with pytest.raises(server.Refused, match="the object has been modified"):
        server.replace(policy | {"status": {"replicas": 5}}, "status")


def condition(**changes: Any) -> dict[str, Any]:
    good = {"type": "Ready", "status": "True", "reason": "InSync", "message": "", "lastTransitionTime": "2026-03-01T00:00:00Z"}
    return good | {"observedGeneration": 1} | changes


@pytest.mark.parametrize(
    ("conditions", "fragment"),
    [
        ([condition(), condition(status="False")], "Duplicate value"),
        ([condition(status="yes")], "supported values"),
        ([condition(reason="in sync")], "should match"),
        ([condition(reason="")], "should be at least 1 chars long"),
        ([condition(lastTransitionTime="yesterday")], "must be of type date-time"),
        ([condition(observedGeneration=-1)], "greater than or equal to 0"),
    ],
)
def test_a_malformed_condition_is_refused(server, conditions: list, fragment: str) -> None:
    policy = server.create(server.example(POLICY))
    with pytest.raises(server.Refused, match=fragment):
        server.replace(policy | {"status": {"conditions": conditions}}, "status")


def test_kubectl_wait_sees_a_condition(server) -> None:
    policy = server.create(server.example(POLICY))
    server.replace(policy | {"status": {"observedGeneration": 1, "conditions": [condition()]}}, "status")
    server.kubectl("wait", "--for=condition=Ready", f"scalingpolicy/{policy['metadata']['name']}", "--timeout=30s")


def apply(server, item: dict[str, Any], manager: str, *flags: str) -> str:
    return server.kubectl("apply", "--server-side", f"--field-manager={manager}", "--filename=-", *flags, stdin=json.dumps(item))


def test_appliers_share_a_list_by_name_and_force_what_they_own(server) -> None:
    mine = server.example(
        POLICY, {"spec.replicas": None, "spec.autoscaling": {"minCapacity": 1, "maxCapacity": 5, "targetTracking": [CPU]}}
    )
    name = mine["metadata"]["name"]
    apply(server, mine, "gitops")
    theirs = json.loads(json.dumps(mine))
    theirs["spec"]["autoscaling"]["targetTracking"] = [requests_of("blue")]
    apply(server, theirs, "platform")

    def tracking() -> dict[str, Any]:
        return {entry["name"]: entry["targetValue"] for entry in server.read(POLICY, name)["spec"]["autoscaling"]["targetTracking"]}

    assert tracking() == {"cpu": 60, "blue": 1000}
    theirs["spec"]["autoscaling"]["targetTracking"] = [CPU | {"targetValue": 80}]
    with pytest.raises(CommandError, match='conflict with "gitops"'):
        apply(server, theirs, "platform")
    apply(server, theirs, "platform", "--force-conflicts")
    assert tracking() == {"cpu": 80}
    # Applied again without a change it is the same object: no new version wakes the operator.
    before = server.read(POLICY, name)["metadata"]["resourceVersion"]
    apply(server, theirs, "platform", "--force-conflicts")
    assert server.read(POLICY, name)["metadata"]["resourceVersion"] == before


def test_kubectl_get_runbook_lists_every_kind(server) -> None:
    names = [server.create(server.example(kind))["metadata"]["name"] for kind in (ACCOUNT, POLICY, BACKUP)]

    # Discovery names a category a moment after the kind is served.
    def listed() -> bool:
        try:
            return all(name in server.kubectl("get", "runbook", "--output=name") for name in names)
        except CommandError:
            return False  # the category is not known yet

    wait_until(listed, 60, "the category runbook to list these kinds")
    assert names[1] in server.kubectl("get", "svcscale", "--output=name")
    assert names[0] in server.kubectl("get", "awsaccount", "--output=name")
    assert names[2] in server.kubectl("get", "dbpolicy", "--output=name")


def test_the_columns_tell_the_state(server) -> None:
    policy = server.create(server.example(POLICY))
    synced = condition(type="Synced", status="False", reason="Applying", message="set desiredCount from 2 to 4")
    observed = {"minCapacity": 2, "maxCapacity": 10, "desiredCount": 4, "runningCount": 3, "pendingCount": 1}
    server.replace(policy | {"status": {"conditions": [condition(), synced], "observed": observed}}, "status")
    table = server.request("GET", server.url(POLICY), accept="application/json;as=Table;g=meta.k8s.io;v=v1")
    columns = [column["name"] for column in table["columnDefinitions"]]
    shown = [column["name"] for column in table["columnDefinitions"] if column["priority"] == 0]
    assert shown == ["Name", "Service", "Min", "Max", "Desired", "Running", "Ready", "Synced", "Reason", "Age"]
    rows = {row["cells"][0]: dict(zip(columns, row["cells"], strict=True)) for row in table["rows"]}
    row = rows[policy["metadata"]["name"]]
    expected = {"Service": "clocked-app-service", "Cluster": "clocked-cluster", "Account": "default", "Reason": "Applying"}
    expected |= {"Min": 2, "Max": 10, "Desired": 4, "Running": 3, "Ready": "True", "Synced": "False"}
    assert {name: row[name] for name in expected} == expected
    assert row["Message"] == "set desiredCount from 2 to 4"


def test_the_columns_of_a_backup_tell_the_database_and_the_times(server) -> None:
    policies = [server.create(server.example(BACKUP)), server.create(server.example(BACKUP, {"spec.source": {"rdsCluster": "clocked"}}))]
    synced = condition(type="Synced", status="True")
    status = {
        "conditions": [condition(), synced],
        "lastBackup": {"snapshotIdentifier": "clocked-manual-20260301-020000", "time": "2026-03-01T02:00:07Z"},
        "nextBackupTime": "2026-03-02T02:00:00Z",
        "retention": {"snapshots": 1, "nextDeletions": [{"snapshotIdentifier": "a", "time": "2026-03-02T02:00:00Z"}]},
        "slots": [{"time": "2026-03-01T02:00:00Z", "state": "Complete", "snapshotIdentifier": "clocked-manual-20260301-020000"}],
    }
    server.replace(policies[0] | {"status": status}, "status")
    table = server.request("GET", server.url(BACKUP), accept="application/json;as=Table;g=meta.k8s.io;v=v1")
    columns = [column["name"] for column in table["columnDefinitions"]]
    shown = [column["name"] for column in table["columnDefinitions"] if column["priority"] == 0]
    assert shown == ["Name", "Database", "Last-Backup", "Last-Verified", "Next", "Ready", "Synced", "Reason", "Age"]
    rows = {row["cells"][0]: dict(zip(columns, row["cells"], strict=True)) for row in table["rows"]}
    instance, cluster = (rows[policy["metadata"]["name"]] for policy in policies)
    assert (instance["Database"], cluster["Database"]) == ("clocked-db", "clocked")
    assert (instance["Next"], instance["Snapshot"]) == ("2026-03-02T02:00:00Z", "clocked-manual-20260301-020000")
    with pytest.raises(server.Refused, match='supported values: "Waiting", "Creating", "Complete"'):
        changed = {"status": status | {"slots": [{"time": "2026-03-01T02:00:00Z", "state": "Skipped"}]}}
        server.replace(server.read(BACKUP, policies[0]["metadata"]["name"]) | changed, "status")
