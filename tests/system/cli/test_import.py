"""`kubectl runbook import`."""

from __future__ import annotations

import json

import yaml

from cli.files import READS, text


def test_a_plan_for_what_was_imported_is_empty(place, cli):
    account = place.account
    account.create_services("fixed", "band", "Odd_Name", cluster=place.cluster)
    account.create_services("stopped", cluster=place.cluster, desired=0)
    identity = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    for service in ("band", "Odd_Name"):
        target = identity | {"ResourceId": f"service/{place.cluster}/{service}"}
        account.autoscaling.register_scalable_target(
            **target, MinCapacity=1, MaxCapacity=7, SuspendedState={"ScheduledScalingSuspended": service == "band"}
        )
    band = identity | {"ResourceId": f"service/{place.cluster}/band"}
    queue = {"MetricName": "Depth", "Namespace": "Clocked", "Dimensions": [{"Name": "Queue", "Value": "q"}], "Statistic": "Average"}
    for name, configuration in {
        "cpu": {
            "TargetValue": 62.5,
            "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"},
            "ScaleInCooldown": 120,
        },
        "queue": {"TargetValue": 10.0, "CustomizedMetricSpecification": queue, "DisableScaleIn": True},
    }.items():
        account.autoscaling.put_scaling_policy(
            **band, PolicyName=name, PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=configuration
        )
    account.autoscaling.put_scaling_policy(
        **band,
        PolicyName="steps",
        PolicyType="StepScaling",
        StepScalingPolicyConfiguration={
            "AdjustmentType": "ChangeInCapacity",
            "StepAdjustments": [{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": 1}],
        },
    )

    imported = cli(
        *("import", "ecs", "--cluster", place.cluster, "--namespace", place.namespace, "--account-name", place.name, "--with-account")
    )
    assert imported.code == 0, imported
    assert "left out" not in imported.err and "4 of 4 services" in imported.err
    objects = list(yaml.safe_load_all(imported.out))
    assert [thing["kind"] for thing in objects] == ["AwsAccount"] + ["ScalingPolicy"] * 4
    specs = {thing["spec"]["target"]["ecsService"]["service"]: thing["spec"] for thing in objects[1:]}
    assert specs["fixed"]["replicas"] == 1
    assert specs["stopped"] | {"replicas": 0, "allowZero": True} == specs["stopped"]
    assert specs["band"]["autoscaling"]["suspended"]["scheduledScaling"] is True
    assert [entry["name"] for entry in specs["band"]["autoscaling"]["targetTracking"]] == ["cpu", "queue"]

    planned = cli("plan", "-f", "-", stdin=imported.out)
    assert planned.code == 0 and "held" not in planned.out, planned
    # Not because of the account's mode.
    objects[0]["spec"]["mode"] = "Enforce"
    enforced = cli("plan", "-f", "-", "-o", "json", stdin=text(*objects))
    assert enforced.code == 0 and not any(thing["steps"] for thing in json.loads(enforced.out)["objects"]), enforced
    # The server takes it, and the operator has nothing to do.
    place.client.kubectl("apply", "--dry-run=server", "--filename=-", stdin=imported.out)
    assert all(call["operation"].startswith(READS) for call in account.calls_of(cli.user))


def test_a_size_outside_its_band_is_imported_asleep(place, cli):
    account = place.account
    account.create_services("web", cluster=place.cluster)
    account.autoscaling.register_scalable_target(
        ServiceNamespace="ecs",
        ScalableDimension="ecs:service:DesiredCount",
        ResourceId=f"service/{place.cluster}/web",
        MinCapacity=1,
        MaxCapacity=3,
    )
    account.set_desired("web", 5, place.cluster)
    options = ("--cluster", place.cluster, "--namespace", place.namespace, "--account-name", place.name, "--service", "web")
    imported = cli("import", "ecs", *options)
    assert "outside minCapacity 1 and maxCapacity 3" in imported.err and "# desiredCount is 5" in imported.out
    assert yaml.safe_load(imported.out)["spec"]["suspend"] is True
    planned = cli("plan", "--cluster", "-f", "-", stdin=imported.out)
    # Its deployment may not have ended yet.
    assert planned.code == 0 and "0 changes" in planned.out and ("1 held" in planned.out or "1 waiting" in planned.out), planned
    assert cli("import", "ecs", "--cluster", place.cluster, "--service", "absent").code == 1
