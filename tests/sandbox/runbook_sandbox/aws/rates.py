"""How many requests AWS takes: burst and sustained rate of each group of operations, per account and region."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Rate:
    """`burst` requests at once, `sustained` a second after that, shared by all operations of the group."""

    group: str
    burst: float
    sustained: float


#: Group, bucket capacity, refill a second, operations.
_Row = tuple[str, float, float, str]

# "Request throttling for the Amazon ECS API" (Amazon ECS API Reference), the whole table.
_ECS: list[_Row] = [
    ("cluster-modify", 20, 1, "CreateCluster DeleteCluster PutClusterCapacityProviders UpdateCluster UpdateClusterSettings"),
    ("cluster-read", 50, 20, "DescribeClusters ListClusters"),
    ("task-definition-modify", 20, 1, "DeregisterTaskDefinition RegisterTaskDefinition"),
    ("task-definition-read", 50, 20, "DescribeTaskDefinition ListTaskDefinitions ListTaskDefinitionFamilies"),
    ("task-definition-deletion", 5, 1, "DeleteTaskDefinitions"),
    ("capacity-provider-modify", 10, 1, "CreateCapacityProvider DeleteCapacityProvider UpdateCapacityProvider"),
    ("capacity-provider-read", 50, 20, "DescribeCapacityProviders"),
    ("tag-modify", 20, 10, "TagResource UntagResource"),
    ("tag-read", 50, 20, "ListTagsForResource"),
    ("setting-modify", 10, 1, "DeleteAccountSetting PutAccountSetting PutAccountSettingDefault"),
    ("setting-read", 50, 20, "ListAccountSettings"),
    (
        "cluster-resource-modify",
        100,
        40,
        "DeleteAttributes DeregisterContainerInstance ExecuteCommand PutAttributes RunTask StartTask StopTask "
        "UpdateContainerAgent UpdateContainerInstancesState",
    ),
    ("cluster-resource-read", 100, 20, "DescribeContainerInstances DescribeTasks ListAttributes ListContainerInstances ListTasks"),
    (
        "agent-modify",
        200,
        120,
        "RegisterContainerInstance SubmitAttachmentStateChanges SubmitContainerStateChange SubmitTaskStateChange",
    ),
    ("service-modify", 50, 5, "CreateService DeleteService UpdateService"),
    ("service-read", 100, 20, "DescribeServices ListServices"),
    ("service-deployment", 50, 20, "DescribeServiceDeployments ListServiceDeployments"),
    ("service-revision", 50, 20, "DescribeServiceRevisions"),
    ("task-protection", 200, 80, "UpdateTaskProtection GetTaskProtection"),
    ("cluster-service-resource-read", 10, 1, "ListServicesByNamespace"),
]
# "Amazon CloudWatch endpoints and quotas" (AWS General Reference): requests a second; no burst is stated.
_CLOUDWATCH: list[_Row] = [
    (operation, rate, rate, operation)
    for rate, operations in {
        1: "DisableInsightRules EnableInsightRules",
        3: "DeleteAlarms DisableAlarmActions EnableAlarmActions PutCompositeAlarm PutMetricAlarm SetAlarmState",
        5: "DeleteAnomalyDetector DeleteInsightRules PutInsightRule",
        9: "DescribeAlarms DescribeAlarmsForMetric DescribeAlarmContributors",
        10: "DeleteDashboards DeleteMetricStream DescribeAnomalyDetectors GetDashboard GetMetricStream ListDashboards ListMetricStreams "
        "ListTagsForResource PutAnomalyDetector PutDashboard PutMetricStream StartMetricStreams StopMetricStreams",
        20: "DescribeAlarmHistory DescribeInsightRules GetInsightRuleReport GetMetricWidgetImage TagResource UntagResource",
        25: "ListMetrics",
        400: "GetMetricStatistics",
        500: "GetMetricData PutMetricData",
    }.items()
    for operation in operations.split()
]
# "IAM and AWS STS quotas": 600 requests a second for all of these together.
_STS: list[_Row] = [
    (
        "sts",
        600,
        600,
        "AssumeRole DecodeAuthorizationMessage GetAccessKeyInfo GetCallerIdentity GetFederationToken GetSessionToken",
    )
]
# "CloudWatch Logs quotas".
_LOGS: list[_Row] = [
    ("FilterLogEvents", 5, 5, "FilterLogEvents"),
    ("GetLogEvents", 25, 25, "GetLogEvents"),
    ("DescribeLogGroups", 10, 10, "DescribeLogGroups"),
    ("DescribeLogStreams", 25, 25, "DescribeLogStreams"),
]
# Not published. An estimate of the order that users report, so that a client which does not limit itself is told.
_AUTO_SCALING: list[_Row] = [
    ("describe", 20, 10, "DescribeScalableTargets DescribeScalingPolicies DescribeScheduledActions DescribeScalingActivities"),
    ("read", 20, 10, "ListTagsForResource GetPredictiveScalingForecast"),
    (
        "modify",
        20,
        10,
        "RegisterScalableTarget DeregisterScalableTarget PutScalingPolicy DeleteScalingPolicy PutScheduledAction "
        "DeleteScheduledAction TagResource UntagResource",
    ),
]
_TABLES = {"ecs": _ECS, "cloudwatch": _CLOUDWATCH, "sts": _STS, "logs": _LOGS, "application-autoscaling": _AUTO_SCALING}
_RATES = {
    (service, operation): Rate(group, burst, sustained)
    for service, rows in _TABLES.items()
    for group, burst, sustained, operations in rows
    for operation in operations.split()
}
# Not published either.
_RDS_READ, _RDS_MODIFY = Rate("read", 40, 20), Rate("modify", 20, 5)


def rate_of(service: str, operation: str) -> Rate | None:
    """The bucket an operation draws from; None for those the sandbox does not limit."""
    if service == "rds":
        return _RDS_READ if operation.startswith(("Describe", "List", "Download")) else _RDS_MODIFY
    return _RATES.get((service, operation))
