"""What Application Auto Scaling refuses of a scaling policy.

Sources: Application Auto Scaling API Reference, StepScalingPolicyConfiguration, TargetTrackingScalingPolicyConfiguration
and PredictiveScalingPolicyConfiguration; User Guide, "How step scaling for Application Auto Scaling works".
"""

from __future__ import annotations

import re
from typing import Any

from runbook_sandbox.aws.autoscaling.errors import validation

#: Type of policy -> member that configures it.
CONFIGURATIONS = {
    "StepScaling": "StepScalingPolicyConfiguration",
    "TargetTrackingScaling": "TargetTrackingScalingPolicyConfiguration",
    "PredictiveScaling": "PredictiveScalingPolicyConfiguration",
}
#: Beginning of a predefined metric type -> namespaces that have it.
_METRIC_NAMESPACES = {
    "DynamoDB": ("dynamodb",),
    "ALBRequestCountPerTarget": ("ecs", "ec2"),
    "RDSReader": ("rds",),
    "EC2SpotFleet": ("ec2",),
    "SageMaker": ("sagemaker",),
    "ECSService": ("ecs",),
    "AppStream": ("appstream",),
    "Comprehend": ("comprehend",),
    "Lambda": ("lambda",),
    "Cassandra": ("cassandra",),
    "Kafka": ("kafka",),
    "ElastiCache": ("elasticache",),
    "Neptune": ("neptune",),
    "WorkSpaces": ("workspaces",),
}
_LABEL = re.compile(r"app/[^/]+/[^/]+/targetgroup/[^/]+/[^/]+")
_QUERY_ID = re.compile(r"[a-z][a-zA-Z0-9_]*")
_MAX_STEPS = 20
_TARGET_RANGE = (8.515920e-109, 1.174271e108)


def check(kind: str, configuration: dict[str, Any], namespace: str) -> None:
    """`configuration` is the member of `kind`."""
    {"StepScaling": _step, "TargetTrackingScaling": _tracking, "PredictiveScaling": _predictive}[kind](configuration, namespace)


def _tracking(configuration: dict[str, Any], namespace: str) -> None:
    value = configuration["TargetValue"]
    if not _TARGET_RANGE[0] <= value <= _TARGET_RANGE[1]:
        raise validation("TargetValue must be greater than 0, between 8.515920e-109 and 1.174271e+108")
    for name in ("ScaleOutCooldown", "ScaleInCooldown"):
        if configuration.get(name, 0) < 0:
            raise validation(f"{name} cannot be negative")
    predefined, customized = configuration.get("PredefinedMetricSpecification"), configuration.get("CustomizedMetricSpecification")
    if (predefined is None) == (customized is None):
        raise validation("Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified")
    if predefined is not None:
        _predefined(predefined, namespace)
        if predefined["PredefinedMetricType"].startswith("DynamoDB") and not 20 <= value <= 90:
            raise validation("TargetValue must be between 20 and 90 for DynamoDB utilization metrics")
    else:
        assert customized is not None
        _customized(customized)


def _predefined(specification: dict[str, Any], namespace: str) -> None:
    metric, label = specification["PredefinedMetricType"], specification.get("ResourceLabel")
    allowed = next((found for prefix, found in _METRIC_NAMESPACES.items() if metric.startswith(prefix)), ())
    if namespace not in allowed:
        raise validation(f"Predefined metric type {metric} is not supported for service namespace {namespace}")
    if metric == "ALBRequestCountPerTarget":
        if label is None:
            raise validation("ResourceLabel is required for predefined metric type ALBRequestCountPerTarget")
        if not _LABEL.fullmatch(label):
            raise validation(
                f"ResourceLabel {label} is not valid: expected app/<load-balancer-name>/<load-balancer-id>/targetgroup/<target-group-name>/"
                "<target-group-id>, the final portions of the ARNs of the load balancer and the target group"
            )
    elif label is not None:
        raise validation("ResourceLabel can be specified for predefined metric type ALBRequestCountPerTarget only")


def _customized(specification: dict[str, Any]) -> None:
    single = [name for name in ("MetricName", "Namespace", "Statistic") if specification.get(name)]
    queries = specification.get("Metrics")
    if queries:
        if single or specification.get("Dimensions") or specification.get("Unit"):
            raise validation("Metrics cannot be combined with MetricName, Namespace, Dimensions, Statistic or Unit")
        check_queries(queries, 10)
    elif len(single) < 3:
        raise validation("CustomizedMetricSpecification requires MetricName, Namespace and Statistic, or Metrics")


def check_queries(queries: list[dict[str, Any]], most: int) -> None:
    """Metric math: ids, an expression or a metric each, and exactly one series that is returned."""
    if len(queries) > most:
        raise validation(f"A metric specification can contain at most {most} metric data queries")
    ids = [query["Id"] for query in queries]
    for name in ids:
        if not _QUERY_ID.fullmatch(name):
            raise validation(f"Id {name} must begin with a lowercase letter and contain letters, numbers and underscores only")
    if len(set(ids)) != len(ids):
        raise validation("The Ids of metric data queries must be unique")
    for query in queries:
        if bool(query.get("Expression")) == bool(query.get("MetricStat")):
            raise validation(f"Metric data query {query['Id']} must have exactly one of Expression and MetricStat")
    if sum(1 for query in queries if query.get("ReturnData", True)) != 1:
        raise validation("Exactly one metric data query must have ReturnData set to true")


def _step(configuration: dict[str, Any], namespace: str) -> None:
    adjustment = configuration.get("AdjustmentType")
    if adjustment is None:
        raise validation("AdjustmentType is required for a step scaling policy")
    steps = configuration.get("StepAdjustments")
    if not steps:
        raise validation("At least one StepAdjustment must be specified for a step scaling policy")
    if len(steps) > _MAX_STEPS:
        raise validation(f"A step scaling policy can have at most {_MAX_STEPS} step adjustments")
    if configuration.get("Cooldown", 0) < 0:
        raise validation("Cooldown cannot be negative")
    magnitude = configuration.get("MinAdjustmentMagnitude")
    if magnitude is not None:
        if adjustment != "PercentChangeInCapacity":
            raise validation("MinAdjustmentMagnitude can be specified with adjustment type PercentChangeInCapacity only")
        if magnitude < 1:
            raise validation("MinAdjustmentMagnitude must be a positive integer")
    if adjustment == "ExactCapacity" and any(step["ScalingAdjustment"] < 0 for step in steps):
        raise validation("ScalingAdjustment cannot be negative with adjustment type ExactCapacity")
    _check_intervals(steps)


def _check_intervals(steps: list[dict[str, Any]]) -> None:
    """The intervals touch each other, without overlap or gap; the ends may be open."""
    lows = [step.get("MetricIntervalLowerBound") for step in steps]
    highs = [step.get("MetricIntervalUpperBound") for step in steps]
    for low, high in zip(lows, highs, strict=True):
        if low is None and high is None:
            raise validation(
                "At least one of MetricIntervalLowerBound and MetricIntervalUpperBound must be specified for a step adjustment"
            )
        if low is not None and high is not None and low >= high:
            raise validation("MetricIntervalUpperBound must be greater than MetricIntervalLowerBound")
    if lows.count(None) > 1:
        raise validation("At most one StepAdjustment may have an unspecified lower bound")
    if highs.count(None) > 1:
        raise validation("At most one StepAdjustment may have an unspecified upper bound")
    infinity = float("inf")
    ordered = sorted((-infinity if low is None else low, infinity if high is None else high) for low, high in zip(lows, highs, strict=True))
    for (_, end), (begin, _) in zip(ordered, ordered[1:], strict=False):
        if begin < end:
            raise validation("StepAdjustment intervals can't overlap")
        if begin > end:
            raise validation("StepAdjustment intervals can't have gaps between them")
    if ordered[0][0] != -infinity and ordered[0][0] < 0:
        raise validation(
            "There must be a StepAdjustment with an unspecified lower bound when one StepAdjustment has a negative lower bound"
        )
    if ordered[-1][1] != infinity and ordered[-1][1] > 0:
        raise validation(
            "There must be a StepAdjustment with an unspecified upper bound when one StepAdjustment has a positive upper bound"
        )


def _predictive(configuration: dict[str, Any], namespace: str) -> None:
    if namespace != "ecs":
        raise validation(f"Predictive scaling policies are not supported for service namespace {namespace}")
    specifications = configuration["MetricSpecifications"]
    if len(specifications) != 1:
        raise validation("MetricSpecifications must contain exactly one metric specification")
    specification = specifications[0]
    if specification["TargetValue"] <= 0:
        raise validation("TargetValue must be greater than 0")
    pair = specification.get("PredefinedMetricPairSpecification")
    scaling = [name for name in ("PredefinedScalingMetricSpecification", "CustomizedScalingMetricSpecification") if specification.get(name)]
    load = [name for name in ("PredefinedLoadMetricSpecification", "CustomizedLoadMetricSpecification") if specification.get(name)]
    if pair is not None and (scaling or load):
        raise validation("PredefinedMetricPairSpecification cannot be combined with scaling or load metric specifications")
    if pair is None and (len(scaling) != 1 or len(load) != 1):
        raise validation("A metric specification needs a metric pair, or one scaling metric and one load metric")
    for name in ("CustomizedScalingMetricSpecification", "CustomizedLoadMetricSpecification", "CustomizedCapacityMetricSpecification"):
        if specification.get(name):
            check_queries(specification[name]["MetricDataQueries"], 10)
    breach, buffer = configuration.get("MaxCapacityBreachBehavior"), configuration.get("MaxCapacityBuffer")
    if breach == "IncreaseMaxCapacity" and buffer is None:
        raise validation("MaxCapacityBuffer is required when MaxCapacityBreachBehavior is IncreaseMaxCapacity")
    if buffer is not None:
        if breach != "IncreaseMaxCapacity":
            raise validation("MaxCapacityBuffer can be specified only when MaxCapacityBreachBehavior is IncreaseMaxCapacity")
        if not 0 <= buffer <= 100:
            raise validation("MaxCapacityBuffer must be between 0 and 100")
    if not 0 <= configuration.get("SchedulingBufferTime", 300) <= 3600:
        raise validation("SchedulingBufferTime must be between 0 and 3600")
