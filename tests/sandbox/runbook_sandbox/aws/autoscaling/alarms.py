"""The CloudWatch alarms that target tracking makes, keeps and deletes by itself.

Source: Application Auto Scaling User Guide, "How target tracking scaling for Application Auto Scaling works". Numbers of
periods and the 90 % of the lower threshold are what AWS makes for ECS services.
"""

from __future__ import annotations

import uuid
from typing import Any

from moto.cloudwatch.models import MetricDataQuery, cloudwatch_backends

from runbook_sandbox.aws.autoscaling.state import Policy, Target

_HIGH_PERIODS, _LOW_PERIODS, _PERIOD = 3, 15, 60
_LOW_SHARE = 0.9

#: Predefined metric type -> (namespace, metric, statistic, unit).
_METRICS = {
    "ECSServiceAverageCPUUtilization": ("AWS/ECS", "CPUUtilization", "Average", "Percent"),
    "ECSServiceAverageMemoryUtilization": ("AWS/ECS", "MemoryUtilization", "Average", "Percent"),
    "ECSServiceAverageCPUUtilizationHighResolution": ("AWS/ECS", "CPUUtilization", "Average", "Percent"),
    "ECSServiceAverageMemoryUtilizationHighResolution": ("AWS/ECS", "MemoryUtilization", "Average", "Percent"),
    "ALBRequestCountPerTarget": ("AWS/ApplicationELB", "RequestCountPerTarget", "Sum", None),
    "RDSReaderAverageCPUUtilization": ("AWS/RDS", "CPUUtilization", "Average", "Percent"),
    "RDSReaderAverageDatabaseConnections": ("AWS/RDS", "DatabaseConnections", "Average", "Count"),
    "DynamoDBReadCapacityUtilization": ("AWS/DynamoDB", "ConsumedReadCapacityUnits", "Sum", None),
    "DynamoDBWriteCapacityUtilization": ("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "Sum", None),
}


def _dimensions(target: Target, metric: str, label: str | None) -> list[dict[str, str]]:
    if metric == "ALBRequestCountPerTarget" and label is not None:
        balancer, _, group = label.partition("/targetgroup/")
        return [{"Name": "TargetGroup", "Value": f"targetgroup/{group}"}, {"Name": "LoadBalancer", "Value": balancer}]
    if target.namespace == "ecs":
        _, cluster, service = target.resource_id.split("/")
        return [{"Name": "ClusterName", "Value": cluster}, {"Name": "ServiceName", "Value": service}]
    if target.namespace in ("rds", "neptune"):
        identifier = target.resource_id.removeprefix("cluster:")
        return [{"Name": "DBClusterIdentifier", "Value": identifier}, {"Name": "Role", "Value": "READER"}]
    if target.namespace == "dynamodb":
        return [{"Name": "TableName", "Value": target.resource_id.split("/")[1]}]
    return []


def _series(target: Target, configuration: dict[str, Any]) -> dict[str, Any]:
    """What an alarm watches, as parameters of `put_metric_alarm`."""
    predefined, customized = configuration.get("PredefinedMetricSpecification"), configuration.get("CustomizedMetricSpecification") or {}
    if predefined is not None:
        kind = predefined["PredefinedMetricType"]
        namespace, metric, statistic, unit = _METRICS.get(kind, (f"AWS/{target.namespace}", kind, "Average", None))
        dimensions = _dimensions(target, kind, predefined.get("ResourceLabel"))
        return {"namespace": namespace, "metric_name": metric, "statistic": statistic, "unit": unit, "dimensions": dimensions}
    if customized.get("Metrics"):
        queries = [
            MetricDataQuery(
                query_id=query["Id"],
                label=query.get("Label"),
                period=str(_PERIOD),
                return_data=str(query.get("ReturnData", True)).lower(),
                expression=query.get("Expression"),
                metric_stat=query.get("MetricStat"),
            )
            for query in customized["Metrics"]
        ]
        return {"namespace": "", "metric_name": "", "statistic": "", "unit": None, "dimensions": [], "metric_data_queries": queries}
    return {
        "namespace": customized["Namespace"],
        "metric_name": customized["MetricName"],
        "statistic": customized["Statistic"],
        "unit": customized.get("Unit"),
        "dimensions": customized.get("Dimensions") or [],
    }


def create(target: Target, policy: Policy) -> None:
    """AlarmHigh, and AlarmLow unless scale-in is disabled; their names go into the policy."""
    configuration = policy.configuration
    value = configuration["TargetValue"]
    sides = [("AlarmHigh", "GreaterThanThreshold", _HIGH_PERIODS, value)]
    if not configuration.get("DisableScaleIn"):
        sides.append(("AlarmLow", "LessThanThreshold", _LOW_PERIODS, value * _LOW_SHARE))
    backend = cloudwatch_backends[target.account_id][target.region]
    for side, comparison, periods, threshold in sides:
        name = f"TargetTracking-{target.resource_id}-{side}-{uuid.uuid4()}"
        backend.put_metric_alarm(
            name=name,
            comparison_operator=comparison,
            evaluation_periods=periods,
            period=_PERIOD,
            threshold=threshold,
            description=f"DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy.arn}.",
            alarm_actions=[policy.arn],
            **_series(target, configuration),
        )
        policy.alarms.append(name)


def delete(target: Target, policy: Policy) -> None:
    """Delete the policy's own alarms."""
    if policy.alarms:
        cloudwatch_backends[target.account_id][target.region].delete_alarms(list(policy.alarms))
        policy.alarms.clear()


def view(target: Target, policy: Policy) -> list[dict[str, str]]:
    """The alarms of a policy: its own, and for step scaling those that name it as their action."""
    backend = cloudwatch_backends[target.account_id][target.region]
    if policy.kind == "StepScaling":
        named = [alarm for alarm in backend.alarms.values() if policy.arn in (alarm.alarm_actions or [])]
    else:
        named = [backend.alarms[name] for name in policy.alarms if name in backend.alarms]
    return [{"AlarmName": alarm.name, "AlarmARN": alarm.alarm_arn} for alarm in named]
