"""Bad objects, and what the server says about each: the earliest place at which a mistake can be told."""

from __future__ import annotations

import pytest

ACCOUNT, OVERRIDE, POLICY = "AwsAccount", "ScalingOverride", "ScalingPolicy"
CPU = {"name": "cpu", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": 60}
QUEUE = {"namespace": "Clocked", "metricName": "QueueDepth", "statistic": "Average"}
WINDOW = {"name": "office", "start": "cron(0 8 ? * MON-FRI *)", "end": "cron(0 19 ? * MON-FRI *)", "minCapacity": 4, "maxCapacity": 12}
VISIBLE = {"id": "visible", "metricStat": {"namespace": "AWS/SQS", "metricName": "ApproximateNumberOfMessagesVisible", "stat": "Sum"}}
LABEL = "app/clocked/50dc6c495c0c9188/targetgroup/clocked/6d0ecf831eec9f09"


def band(low: object = 2, high: object = 10, **more: object) -> dict:
    return {"minCapacity": low, "maxCapacity": high, **more}


def tracking(**changes: object) -> dict:
    """A band with one target tracking policy; None takes a field out."""
    entry = {name: value for name, value in (CPU | changes).items() if value is not None}
    return {"spec.replicas": None, "spec.autoscaling": band(targetTracking=[entry])}


def customized(**changes: object) -> dict:
    return tracking(predefinedMetric=None, customizedMetric=QUEUE | changes)


def window(**changes: object) -> dict:
    """A band with one window; None takes a field out."""
    entry = WINDOW | changes
    return {"spec.replicas": None, "spec.autoscaling": band(windows=[{name: value for name, value in entry.items() if value is not None}])}


def action(**changes: object) -> dict:
    entry = {"name": "morning", "schedule": "cron(0 6 * * ? *)", "minCapacity": 3} | changes
    kept = {name: value for name, value in entry.items() if value is not None}
    return {"spec.replicas": None, "spec.autoscaling": band(scheduledActions=[kept])}


def steps(*adjustments: dict, **changes: object) -> dict:
    some = list(adjustments) or [{"metricIntervalLowerBound": 0, "scalingAdjustment": 1}]
    entry = {"name": "busy", "adjustmentType": "ChangeInCapacity", "stepAdjustments": some} | changes
    return {"spec.replicas": None, "spec.autoscaling": band(stepScaling=[entry])}


def math(*queries: dict) -> dict:
    return tracking(predefinedMetric=None, metrics=list(queries))


def target(**changes: object) -> dict:
    names = {"cluster": "clocked-cluster", "service": "clocked-app-service"} | changes
    return {"spec.target": {"ecsService": {field: name for field, name in names.items() if name is not None}}}


def aurora(cluster: object = "clocked-db", autoscaling: object = None, **more: object) -> dict:
    """Aurora Replicas in a band; what else is said of the spec by its name."""
    spec = {"spec.target": {"auroraReplicas": {"cluster": cluster}}, "spec.replicas": None, "spec.autoscaling": autoscaling or band(1, 4)}
    return spec | {f"spec.{field}": value for field, value in more.items()}


def grant(**changes: object) -> dict:
    fields = {"namespaces": ["clocked"], "resources": ["arn:aws:ecs:*:*:service/clocked-cluster/*"]} | changes
    return {"spec.grants": [{name: value for name, value in fields.items() if value is not None}]}


QUEUES = "https://sqs.eu-central-1.amazonaws.com/123456789012"


def queues(url: str) -> dict:
    return {"spec.events": [{"region": "eu-central-1", "queueUrl": url}]}


BAD = {
    # Overrides
    "override-no-size": (OVERRIDE, {"spec.atLeast": None}, ["set exactly one of atLeast, exactly and range"]),
    "override-two-sizes": (OVERRIDE, {"spec.exactly": 3}, ["set exactly one of atLeast, exactly and range"]),
    "override-at-least-zero": (OVERRIDE, {"spec.atLeast": 0}, ["spec.atLeast", "greater than or equal to 1"]),
    "override-upside-down": (OVERRIDE, {"spec.atLeast": None, "spec.range": {"min": 5, "max": 4}}, ["min must not exceed max"]),
    "override-endless": (OVERRIDE, {"spec.expiresAt": None}, ["spec.expiresAt", "Required value"]),
    "override-for-an-hour": (OVERRIDE, {"spec.expiresAt": "1h"}, ["spec.expiresAt", "date-time"]),
    "override-no-reason": (OVERRIDE, {"spec.reason": None}, ["spec.reason", "Required value"]),
    "override-blank-reason": (OVERRIDE, {"spec.reason": " "}, ["reason must say why the policy does not hold for now"]),
    "override-long-reason": (OVERRIDE, {"spec.reason": "x" * 257}, ["spec.reason", "256"]),
    "override-no-policy": (OVERRIDE, {"spec.policyRef": None}, ["spec.policyRef", "Required value"]),
    # Drift
    "drift-scale-in-adopted": (POLICY, {"spec.drift": {"scaleIn": "Adopt"}}, ["spec.drift.scaleIn", '"Correct", "Report"']),
    "drift-adopt-for-days": (POLICY, {"spec.drift": {"adoptFor": "2d"}}, ["spec.drift.adoptFor", "for example 90s, 5m or 1h30m"]),
    "override-ceiling-zero": (POLICY, {"spec.overrideCeiling": 0}, ["spec.overrideCeiling", "greater than or equal to 1"]),
    # What scales
    "target-absent": (POLICY, {"spec.target": None}, ["spec.target", "Required value"]),
    "target-empty": (
        POLICY,
        {"spec.target": {}},
        ["name what scales, and one thing only: target.ecsService with cluster and service, or target.auroraReplicas with cluster"],
    ),
    "service-absent": (POLICY, target(service=None), ["spec.target.ecsService.service", "Required value"]),
    "cluster-arn": (POLICY, target(cluster="arn:aws:ecs:eu-central-1:1:cluster/c"), ["cluster must be the cluster's name, not its ARN"]),
    "service-arn": (POLICY, target(service="arn:aws:ecs:eu-central-1:1:service/c/s"), ["service must be the service's name, not its ARN"]),
    "cluster-empty": (POLICY, target(cluster=""), ["cluster must be the cluster's name"]),
    "cluster-long": (POLICY, target(cluster="c" * 256), ["spec.target.ecsService.cluster", "Too long"]),
    "name-long": (POLICY, {"metadata.name": "n" * 41}, ["metadata.name must have at most 40 characters"]),
    "region-zone": (POLICY, {"spec.region": "eu-central-1a"}, ["region must be an AWS region code such as eu-central-1"]),
    "region-words": (POLICY, {"spec.region": "Frankfurt"}, ["region must be an AWS region code"]),
    "account-ref-empty": (POLICY, {"spec.accountRef": {}}, ["spec.accountRef.name", "Required value"]),
    "account-ref-string": (POLICY, {"spec.accountRef": "default"}, ["spec.accountRef", "must be of type object"]),
    "mode-unknown": (POLICY, {"spec.mode": "DryRun"}, ["spec.mode", 'supported values: "Enforce", "Observe"']),
    "mode-lower-case": (POLICY, {"spec.mode": "observe"}, ["spec.mode", 'supported values: "Enforce", "Observe"']),
    "suspend-word": (POLICY, {"spec.suspend": "yes"}, ["spec.suspend", "must be of type boolean"]),
    "misspelt-field": (POLICY, {"spec.replica": 3}, ['unknown field "spec.replica"']),
    # How large
    "no-size": (POLICY, {"spec.replicas": None}, ["say how the service scales: set replicas to a fixed number, or autoscaling"]),
    "replicas-negative": (POLICY, {"spec.replicas": -1}, ["spec.replicas", "greater than or equal to 0"]),
    "replicas-many": (POLICY, {"spec.replicas": 5001}, ["spec.replicas", "less than or equal to 5000"]),
    "replicas-word": (POLICY, {"spec.replicas": "three"}, ["spec.replicas", "must be of type integer"]),
    "replicas-fraction": (POLICY, {"spec.replicas": 2.5}, ["spec.replicas", "must be of type integer"]),
    "replicas-zero": (POLICY, {"spec.replicas": 0}, ["replicas: 0 stops the service; set allowZero: true if that is meant"]),
    "band-empty": (POLICY, {"spec.autoscaling": {}}, ["spec.autoscaling.minCapacity", "spec.autoscaling.maxCapacity", "Required value"]),
    "band-no-maximum": (POLICY, {"spec.autoscaling": {"minCapacity": 1}}, ["spec.autoscaling.maxCapacity", "Required value"]),
    "band-upside-down": (POLICY, {"spec.autoscaling": band(5, 4)}, ["minCapacity must not exceed maxCapacity"]),
    "band-negative": (POLICY, {"spec.autoscaling": band(-1, 4)}, ["spec.autoscaling.minCapacity", "greater than or equal to 0"]),
    "band-zero-minimum": (
        POLICY,
        {"spec.autoscaling": band(0, 4)},
        ["minCapacity: 0 lets the service go down to nothing; set allowZero: true"],
    ),
    "band-zero": (POLICY, {"spec.autoscaling": band(0, 0)}, ["maxCapacity: 0 stops the service; set allowZero: true"]),
    "suspended-list": (
        POLICY,
        {"spec.autoscaling": band(suspended=["scheduledScaling"])},
        ["spec.autoscaling.suspended", "must be of type object"],
    ),
    "suspended-misspelt": (
        POLICY,
        {"spec.autoscaling": band(suspended={"scheduled": True})},
        ['unknown field "spec.autoscaling.suspended.scheduled"'],
    ),
    # Windows and scheduled actions
    "window-upside-down": (POLICY, window(minCapacity=13), ["minCapacity of a window must not exceed its maxCapacity"]),
    "window-of-no-time": (POLICY, window(end="cron(0 8 ? * MON-FRI *)"), ["a window that ends when it starts is none"]),
    "window-no-end": (POLICY, window(end=None), ["windows[0].end", "Required value"]),
    "window-at": (POLICY, window(start="at(2026-09-01T08:00:00)"), ["write cron(minutes hours day-of-month month day-of-week year)"]),
    "window-zone-odd": (POLICY, window(timeZone="+01:00"), ["timeZone must be an IANA name such as Europe/Berlin"]),
    "window-name-odd": (POLICY, window(name="office hours"), ["name must begin with a letter or digit"]),
    "window-twice": (
        POLICY,
        {"spec.replicas": None, "spec.autoscaling": band(windows=[WINDOW, WINDOW])},
        ["windows[1]", "Duplicate value"],
    ),
    "action-of-nothing": (POLICY, action(minCapacity=None), ["say what the action changes: set minCapacity, maxCapacity or both"]),
    "action-upside-down": (POLICY, action(maxCapacity=2), ["minCapacity of a scheduled action must not exceed its maxCapacity"]),
    "action-unix-cron": (POLICY, action(schedule="0 6 * * *"), ["write at(yyyy-mm-ddThh:mm:ss), rate(value unit) or cron("]),
    "action-backwards": (
        POLICY,
        action(startTime="2026-02-01T00:00:00Z", endTime="2026-01-01T00:00:00Z"),
        ["startTime must be before endTime"],
    ),
    "action-start-odd": (POLICY, action(startTime="tomorrow"), ["startTime", "date-time"]),
    # Step scaling
    "steps-none": (POLICY, steps(stepAdjustments=[]), ["stepAdjustments", "should have at least 1 items"]),
    "steps-boundless": (
        POLICY,
        steps({"scalingAdjustment": 1}),
        ["a step has a metricIntervalLowerBound, a metricIntervalUpperBound or both"],
    ),
    "steps-bound-word": (
        POLICY,
        steps({"metricIntervalLowerBound": "-10%", "scalingAdjustment": 1}),
        ['write an integer such as -10, or a string such as "-0.5" or "500m"'],
    ),
    "steps-exact-below-zero": (
        POLICY,
        steps({"metricIntervalLowerBound": 0, "scalingAdjustment": -1}, adjustmentType="ExactCapacity"),
        ["with adjustmentType: ExactCapacity scalingAdjustment is a number of tasks"],
    ),
    "steps-magnitude-of-tasks": (
        POLICY,
        steps(minAdjustmentMagnitude=2),
        ["minAdjustmentMagnitude belongs to adjustmentType: PercentChangeInCapacity"],
    ),
    "steps-unknown-type": (POLICY, steps(adjustmentType="Percent"), ["adjustmentType", "PercentChangeInCapacity"]),
    # Metric math
    "math-returns-nothing": (POLICY, math(VISIBLE), ["set returnData: true on exactly one of the metrics"]),
    "math-returns-twice": (
        POLICY,
        math(VISIBLE | {"returnData": True}, {"id": "half", "expression": "visible / 2", "returnData": True}),
        ["set returnData: true on exactly one of the metrics"],
    ),
    "math-neither": (POLICY, math({"id": "nothing", "returnData": True}), ["set exactly one of expression and metricStat"]),
    "math-both": (POLICY, math(VISIBLE | {"expression": "1", "returnData": True}), ["set exactly one of expression and metricStat"]),
    "math-id-upper": (POLICY, math(VISIBLE | {"id": "Visible", "returnData": True}), ["id must begin with a lower-case letter"]),
    # Target tracking
    "tracking-no-metric": (
        POLICY,
        tracking(predefinedMetric=None),
        ["set exactly one of predefinedMetric, customizedMetric and metrics"],
    ),
    "tracking-two-metrics": (
        POLICY,
        tracking(customizedMetric=QUEUE),
        ["set exactly one of predefinedMetric, customizedMetric and metrics"],
    ),
    "tracking-unknown-metric": (POLICY, tracking(predefinedMetric="CPU"), ["predefinedMetric", "ECSServiceAverageCPUUtilization"]),
    "tracking-no-value": (POLICY, tracking(targetValue=None), ["targetTracking[0].targetValue", "Required value"]),
    "tracking-value-zero": (POLICY, tracking(targetValue=0), ["targetValue must be more than 0"]),
    "tracking-value-zero-text": (POLICY, tracking(targetValue="0.00"), ["targetValue must be more than 0"]),
    "tracking-value-negative": (POLICY, tracking(targetValue=-5), ["targetValue must be more than 0"]),
    "tracking-value-word": (POLICY, tracking(targetValue="60%"), ['write an integer such as 60, or a string such as "0.5" or "500m"']),
    "tracking-value-float": (POLICY, tracking(targetValue=0.5), ["targetValue", "must be of type integer"]),
    "tracking-cooldown-number": (POLICY, tracking(scaleInCooldown=300), ["scaleInCooldown", "must be of type string"]),
    "tracking-cooldown-bare": (
        POLICY,
        tracking(scaleInCooldown="300"),
        ["scaleInCooldown", "whole numbers with units s, m or h, for example 90s"],
    ),
    "tracking-cooldown-days": (POLICY, tracking(scaleOutCooldown="1d"), ["scaleOutCooldown", "for example 90s, 5m or 1h30m"]),
    "tracking-cooldown-endless": (POLICY, tracking(scaleOutCooldown="999999h"), ["scaleOutCooldown", "a duration is whole numbers"]),
    "tracking-name-absent": (POLICY, tracking(name=None), ["targetTracking[0].name", "Required value"]),
    "tracking-name-odd": (POLICY, tracking(name="cpu|memory"), ["name must begin with a letter or digit"]),
    "tracking-name-twice": (
        POLICY,
        {"spec.autoscaling": band(targetTracking=[CPU, CPU | {"predefinedMetric": "ECSServiceAverageMemoryUtilization"}])},
        ["spec.autoscaling.targetTracking[1]", "Duplicate value"],
    ),
    "tracking-metric-twice": (
        POLICY,
        {"spec.autoscaling": band(targetTracking=[CPU, CPU | {"name": "again"}])},
        ["AWS takes one target tracking policy for each metric"],
    ),
    "tracking-too-many": (
        POLICY,
        {"spec.autoscaling": band(targetTracking=[CPU | {"name": f"n{number}"} for number in range(21)])},
        ["spec.autoscaling.targetTracking", "must have at most 20 items"],
    ),
    "tracking-label-missing": (
        POLICY,
        tracking(predefinedMetric="ALBRequestCountPerTarget"),
        ["resourceLabel belongs to predefinedMetric: ALBRequest"],
    ),
    "tracking-label-needless": (
        POLICY,
        tracking(resourceLabel=LABEL),
        ["resourceLabel belongs to predefinedMetric: ALBRequestCountPerTarget"],
    ),
    "tracking-label-arn": (
        POLICY,
        tracking(predefinedMetric="ALBRequestCountPerTarget", resourceLabel="arn:aws:elasticloadbalancing:eu-central-1:1:targetgroup/x/1"),
        ["resourceLabel must be app/LOAD-BALANCER/ID/targetgroup/TARGET-GROUP/ID"],
    ),
    "tracking-label-network": (
        POLICY,
        tracking(predefinedMetric="ALBRequestCountPerTarget", resourceLabel=LABEL.replace("app/", "net/", 1)),
        ["resourceLabel must be app/"],
    ),
    "metric-percentile": (POLICY, customized(statistic="p99"), ["customizedMetric.statistic", 'supported values: "Average"']),
    "metric-no-namespace": (POLICY, customized(namespace=""), ["customizedMetric.namespace", "should be at least 1 chars long"]),
    "metric-dimension-colon": (POLICY, customized(dimensions={":Queue": "q"}), ["the name of a dimension has 1 to 255 characters"]),
    "metric-dimension-empty": (POLICY, customized(dimensions={"Queue": ""}), ["dimensions.Queue", "should be at least 1 chars long"]),
    "metric-dimension-list": (POLICY, customized(dimensions="Queue"), ["dimensions", "must be of type object"]),
    "metric-dimensions-many": (
        POLICY,
        customized(dimensions={f"d{number}": "x" for number in range(31)}),
        ["customizedMetric.dimensions", "must have at most 30 items"],
    ),
    # Aurora Replicas
    "target-two-things": (
        POLICY,
        aurora() | {"spec.target": {"auroraReplicas": {"cluster": "db"}, "ecsService": {"cluster": "app", "service": "web"}}},
        ["name what scales, and one thing only", "target.auroraReplicas with cluster"],
    ),
    "aurora-no-cluster": (POLICY, aurora(cluster=None), ["spec.target.auroraReplicas.cluster"]),
    "aurora-arn": (
        POLICY,
        aurora(cluster="arn:aws:rds:eu-central-1:123456789012:cluster:clocked-db"),
        ["cluster must be the identifier of the DB cluster, not its ARN"],
    ),
    "aurora-upper-case": (POLICY, aurora(cluster="Clocked-DB"), ["a lower-case letter, then lower-case letters, digits and single"]),
    "aurora-replicas": (
        POLICY,
        aurora(replicas=2),
        ["Aurora Replicas have no desired count of their own: write autoscaling instead of replicas, with minCapacity and maxCapacity"],
    ),
    "aurora-drift": (POLICY, aurora(drift={"scaleIn": "Report"}), ["drift is about the desired count of an ECS service: leave it out"]),
    "aurora-take-ownership": (POLICY, aurora(takeOwnership=True), ["takeOwnership is about an ECS service's template", "leave it out"]),
    "aurora-ceiling": (POLICY, aurora(overrideCeiling=16), ["write an overrideCeiling of 15 or less"]),
    "aurora-sixteen": (POLICY, aurora(autoscaling=band(1, 16)), ["at most 15 Aurora Replicas: write a maxCapacity of 15 or less"]),
    "aurora-sixteen-in-a-window": (
        POLICY,
        aurora(autoscaling=band(1, 4, windows=[WINDOW | {"maxCapacity": 16}])),
        ["write a maxCapacity of 15 or less, here and in windows"],
    ),
    "aurora-sixteen-by-schedule": (
        POLICY,
        aurora(autoscaling=band(1, 4, scheduledActions=[{"name": "morning", "schedule": "cron(0 6 * * ? *)", "maxCapacity": 16}])),
        ["15 or less, here and in windows and scheduledActions"],
    ),
    "aurora-metric-of-ecs": (POLICY, aurora(autoscaling=band(1, 4, targetTracking=[CPU])), ["RDSReaderAverageCPUUtilization or RDSReader"]),
    "ecs-metric-of-aurora": (
        POLICY,
        tracking(predefinedMetric="RDSReaderAverageDatabaseConnections"),
        ["predefinedMetric must be one of the target's kind", "the others for ecsService"],
    ),
    # Accounts
    "deletes-none": (ACCOUNT, {"spec.safety": {"maxDeletesPerDay": 0}}, ["spec.safety.maxDeletesPerDay", "greater than or equal to 1"]),
    "deletes-many": (ACCOUNT, {"spec.safety": {"maxDeletesPerDay": 21}}, ["spec.safety.maxDeletesPerDay", "less than or equal to 20"]),
    "account-id-short": (ACCOUNT, {"spec.accountId": "12345"}, ["accountId must be the account's twelve digits, quoted"]),
    "account-id-number": (ACCOUNT, {"spec.accountId": 123456789012}, ["spec.accountId", "must be of type string"]),
    "account-id-absent": (ACCOUNT, {"spec.accountId": None}, ["spec.accountId", "Required value"]),
    "account-name-long": (
        ACCOUNT,
        {"metadata.name": "n" * 64},
        ["metadata.name must have at most 63 characters, so that accountRef can name it"],
    ),
    "mode-absent": (ACCOUNT, {"spec.mode": None}, ["spec.mode", "Required value"]),
    "regions-absent": (ACCOUNT, {"spec.regions": None}, ["spec.regions", "Required value"]),
    "regions-empty": (ACCOUNT, {"spec.regions": []}, ["spec.regions", "should have at least 1 items"]),
    "regions-wrong": (ACCOUNT, {"spec.regions": ["eu-central-1", "global"]}, ["spec.regions[1]", "a region must be an AWS region code"]),
    "regions-twice": (ACCOUNT, {"spec.regions": ["eu-central-1", "eu-central-1"]}, ["list each region once"]),
    "role-name": (
        ACCOUNT,
        {"spec.assumeRole": {"roleArn": "runbook"}},
        ["roleArn must be the ARN of a role: arn:aws:iam::123456789012:role/"],
    ),
    "role-user": (ACCOUNT, {"spec.assumeRole": {"roleArn": "arn:aws:iam::123456789012:user/me"}}, ["roleArn must be the ARN of a role"]),
    "role-absent": (ACCOUNT, {"spec.assumeRole": {"externalId": "abc"}}, ["spec.assumeRole.roleArn", "Required value"]),
    "external-id-short": (
        ACCOUNT,
        {"spec.assumeRole": {"roleArn": "arn:aws:iam::123456789012:role/runbook", "externalId": "x"}},
        ["externalId must have at least 2 characters"],
    ),
    "grant-for-nobody": (ACCOUNT, grant(namespaces=[]), ["spec.grants[0].namespaces", "should have at least 1 items"]),
    "grant-for-everybody": (ACCOUNT, grant(namespaces=["*"]), ["spec.grants[0].namespaces[0]", "wildcards are not supported"]),
    "grant-namespace-twice": (ACCOUNT, grant(namespaces=["a", "a"]), ["spec.grants[0].namespaces[1]", "Duplicate value"]),
    "grant-no-resources": (ACCOUNT, grant(resources=None), ["spec.grants[0].resources", "Required value"]),
    "grant-everything": (ACCOUNT, grant(resources=["*"]), ["spec.grants[0].resources[0]", "a resource must be an ARN of six parts"]),
    "grant-half-an-arn": (ACCOUNT, grant(resources=["arn:aws:ecs:*"]), ["a resource must be an ARN of six parts"]),
    "grant-verb-unknown": (ACCOUNT, grant(verbs=["write"]), ["spec.grants[0].verbs[0]", 'supported values: "observe", "scale"']),
    "grant-verb-star": (ACCOUNT, grant(verbs=["*"]), ["spec.grants[0].verbs[0]", "Unsupported value"]),
    "grant-verbs-empty": (ACCOUNT, grant(verbs=[]), ["spec.grants[0].verbs", "should have at least 1 items"]),
    "budget-zero": (
        ACCOUNT,
        {"spec.requestBudget": {"ecs": {"read": 0}}},
        ["read must be more than 0", "to stop writes set mode: Observe"],
    ),
    "budget-databases": (
        ACCOUNT,
        {"spec.requestBudget": {"rds": {"modify": "0"}}},
        ["modify must be more than 0", "to stop writes set mode: Observe"],
    ),
    "budget-word": (
        ACCOUNT,
        {"spec.requestBudget": {"ecs": {"modify": "some"}}},
        ['write an integer such as 60, or a string such as "0.5"'],
    ),
    "budget-unknown-api": (ACCOUNT, {"spec.requestBudget": {"s3": {"read": 1}}}, ['unknown field "spec.requestBudget.s3"']),
    "endpoint-path": (ACCOUNT, {"spec.endpointUrl": "http://localhost:4566/aws"}, ["endpointUrl must be a scheme, a host and a port only"]),
    "endpoint-user": (
        ACCOUNT,
        {"spec.endpointUrl": "https://me:secret@example.com"},
        ["endpointUrl must be a scheme, a host and a port only"],
    ),
    "queue-form": (ACCOUNT, queues("https://sqs.eu-central-1.amazonaws.com/runbook"), ["queueUrl must be the URL of a standard queue"]),
    "queue-fifo": (ACCOUNT, queues(f"{QUEUES}/events.fifo"), ["queueUrl must be the URL of a standard queue"]),
    "queue-of-another-account": (
        ACCOUNT,
        queues("https://sqs.eu-central-1.amazonaws.com/999999999999/events"),
        ["a queueUrl must be of this account and of its region: https://sqs.REGION.amazonaws.com/ACCOUNT/NAME"],
    ),
    "queue-of-another-region": (
        ACCOUNT,
        queues("https://sqs.eu-west-1.amazonaws.com/123456789012/events"),
        ["a queueUrl must be of this account and of its region"],
    ),
    "queue-at-another-host": (ACCOUNT, queues("https://example.com/123456789012/events"), ["a queueUrl must be of this account"]),
    "queue-in-an-unknown-region": (
        ACCOUNT,
        {"spec.events": [{"region": "us-east-1", "queueUrl": "https://sqs.us-east-1.amazonaws.com/123456789012/events"}]},
        ["spec.events may name only regions that spec.regions lists"],
    ),
    "queue-twice": (
        ACCOUNT,
        {"spec.events": [{"region": "eu-central-1", "queueUrl": f"{QUEUES}/{name}"} for name in ("one", "two")]},
        ["name one queue for each region"],
    ),
    "endpoint-scheme": (ACCOUNT, {"spec.endpointUrl": "file:///etc/passwd"}, ["endpointUrl must be a scheme"]),
    "fips-word": (ACCOUNT, {"spec.useFips": "true"}, ["spec.useFips", "must be of type boolean"]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_object_is_refused_with_a_message_that_helps(server, case: str) -> None:
    kind, changes, fragments = BAD[case]
    with pytest.raises(server.Refused) as refused:
        server.judge(server.example(kind, changes))
    said = str(refused.value)
    missing = [fragment for fragment in fragments if fragment not in said]
    assert not missing, said
    # A rule that fails to be evaluated says what is wrong with the rule, not with the object.
    assert "no such key" not in said and "evaluation error" not in said and "rule compile" not in said, said


def test_the_table_is_worth_its_name() -> None:
    assert len(BAD) >= 40


@pytest.mark.parametrize(
    ("kind", "before", "change", "fragment"),
    [
        (OVERRIDE, {}, {"spec.policyRef": {"name": "other"}}, "policyRef cannot be changed: delete this override"),
        (POLICY, {}, target(service="other"), "target cannot be changed: delete this policy and create one for the other service"),
        (POLICY, {}, {"spec.target": {"auroraReplicas": {"cluster": "db"}}}, "target cannot be changed: delete this policy"),
        (POLICY, aurora(), aurora(cluster="other"), "target cannot be changed: .* create one for the other service or cluster"),
        (POLICY, {}, {"spec.region": "eu-west-1"}, "region cannot be changed: delete this policy and create one for the other region"),
        (POLICY, {"spec.region": "eu-west-1"}, {"spec.region": None}, "region cannot be changed"),
        (POLICY, {"spec.region": "eu-west-1"}, {"spec.region": "eu-north-1"}, "region cannot be changed"),
        (ACCOUNT, {}, {"spec.accountId": "999999999999"}, "accountId cannot be changed: create a second AwsAccount"),
        (ACCOUNT, {}, {"spec.regions": ["eu-west-1", "eu-central-1"]}, "keep it first, or the policies would move"),
        (POLICY, {}, {"spec.accountRef": {"name": "another"}}, "accountRef cannot be changed: delete this policy and create one"),
    ],
)
def test_what_names_a_resource_cannot_be_changed(server, kind: str, before: dict, change: dict, fragment: str) -> None:
    created = server.create(server.example(kind, before))
    changed = server.example(kind, before | change | {"metadata": created["metadata"]})
    with pytest.raises(server.Refused, match=fragment):
        server.replace(changed)
    server.replace(server.example(kind, before | {"metadata": created["metadata"], "spec.mode": "Observe"}))
