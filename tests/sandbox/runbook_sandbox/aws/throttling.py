"""AWS's request rates: a token bucket per account, region and group of operations.

Buckets refill by the sandbox's clock. While it runs that is the wall clock, so a client sees AWS's rates; while it is
frozen nothing refills until a test advances it, so a test sees exactly the burst and then, per second, the sustained rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runbook_sandbox.aws.clock import clock


@dataclass(frozen=True)
class Rate:
    """`burst` requests at once, `sustained` a second after that, shared by `operations`."""

    group: str
    burst: float
    sustained: float
    operations: frozenset[str]


def _rate(group: str, burst: float, sustained: float, operations: str) -> Rate:
    return Rate(group, burst, sustained, frozenset(operations.split()))


# "Request throttling for the Amazon ECS API" (Amazon ECS API reference): bucket maximum capacity and refill rate.
_ECS = [
    _rate("cluster-modify", 20, 1, "CreateCluster DeleteCluster UpdateCluster UpdateClusterSettings PutClusterCapacityProviders"),
    _rate("cluster-read", 50, 20, "DescribeClusters ListClusters"),
    _rate(
        "service-modify",
        50,
        5,
        "CreateService DeleteService UpdateService CreateTaskSet UpdateTaskSet DeleteTaskSet UpdateServicePrimaryTaskSet",
    ),
    _rate(
        "service-read",
        100,
        20,
        "DescribeServices ListServices ListServicesByNamespace DescribeTaskSets "
        "DescribeServiceDeployments ListServiceDeployments DescribeServiceRevisions",
    ),
    _rate(
        "cluster-resource-modify",
        100,
        40,
        "RunTask StartTask StopTask ExecuteCommand UpdateTaskProtection RegisterContainerInstance DeregisterContainerInstance "
        "UpdateContainerInstancesState UpdateContainerAgent PutAttributes DeleteAttributes",
    ),
    _rate(
        "cluster-resource-read",
        100,
        20,
        "DescribeTasks ListTasks DescribeContainerInstances ListContainerInstances ListAttributes GetTaskProtection",
    ),
    _rate("task-definition-modify", 20, 1, "RegisterTaskDefinition DeregisterTaskDefinition DeleteTaskDefinitions"),
    _rate("task-definition-read", 50, 20, "DescribeTaskDefinition ListTaskDefinitions ListTaskDefinitionFamilies"),
    _rate("capacity-provider-modify", 10, 1, "CreateCapacityProvider UpdateCapacityProvider DeleteCapacityProvider"),
    _rate("capacity-provider-read", 50, 20, "DescribeCapacityProviders"),
    _rate("tag-modify", 20, 10, "TagResource UntagResource"),
    _rate("tag-read", 50, 20, "ListTagsForResource"),
    _rate("setting-modify", 10, 5, "PutAccountSetting PutAccountSettingDefault DeleteAccountSetting"),
    _rate("setting-read", 50, 20, "ListAccountSettings"),
]
# Not published; the sandbox's estimate, of the order that users report, so that a client which does not limit itself is told.
_AUTO_SCALING = [
    _rate("describe", 20, 10, "DescribeScalableTargets DescribeScalingPolicies DescribeScheduledActions DescribeScalingActivities"),
    _rate(
        "modify",
        20,
        10,
        "RegisterScalableTarget DeregisterScalableTarget PutScalingPolicy DeleteScalingPolicy PutScheduledAction DeleteScheduledAction "
        "TagResource UntagResource",
    ),
    _rate("read", 20, 10, "ListTagsForResource GetPredictiveScalingForecast"),
]
# "CloudWatch service quotas" (CloudWatch User Guide): transactions per second, per account and region.
_CLOUDWATCH = [
    _rate("GetMetricData", 50, 50, "GetMetricData"),
    _rate("GetMetricStatistics", 400, 400, "GetMetricStatistics"),
    _rate("ListMetrics", 25, 25, "ListMetrics"),
    _rate("PutMetricData", 500, 500, "PutMetricData"),
    _rate("DescribeAlarms", 9, 9, "DescribeAlarms"),
    _rate("DescribeAlarmsForMetric", 9, 9, "DescribeAlarmsForMetric"),
    _rate("DescribeAlarmHistory", 9, 9, "DescribeAlarmHistory"),
    _rate("PutMetricAlarm", 3, 3, "PutMetricAlarm PutCompositeAlarm"),
    _rate("DeleteAlarms", 3, 3, "DeleteAlarms"),
    _rate("SetAlarmState", 3, 3, "SetAlarmState"),
    _rate("AlarmActions", 3, 3, "EnableAlarmActions DisableAlarmActions"),
]
# Not published; see _AUTO_SCALING.
_RDS_READ, _RDS_MODIFY = (40, 20), (20, 5)
# "IAM and AWS STS quotas": 600 requests a second for all of these together, per account and region.
_STS = [
    _rate("sts", 600, 600, "AssumeRole DecodeAuthorizationMessage GetAccessKeyInfo GetCallerIdentity GetFederationToken GetSessionToken")
]
# "CloudWatch Logs quotas".
_LOGS = [
    _rate("FilterLogEvents", 5, 5, "FilterLogEvents"),
    _rate("GetLogEvents", 25, 25, "GetLogEvents"),
    _rate("PutLogEvents", 5000, 5000, "PutLogEvents"),
    _rate("DescribeLogGroups", 10, 10, "DescribeLogGroups"),
    _rate("DescribeLogStreams", 25, 25, "DescribeLogStreams"),
]

_BY_SERVICE = {"ecs": _ECS, "application-autoscaling": _AUTO_SCALING, "cloudwatch": _CLOUDWATCH, "sts": _STS, "logs": _LOGS}


def rate_of(service: str, operation: str) -> Rate | None:
    """The bucket an operation draws from; None for those the sandbox does not limit."""
    for rate in _BY_SERVICE.get(service, []):
        if operation in rate.operations:
            return rate
    if service == "rds":
        reads = operation.startswith(("Describe", "List", "Download"))
        burst, sustained = _RDS_READ if reads else _RDS_MODIFY
        return Rate("read" if reads else "modify", burst, sustained, frozenset())
    return None


@dataclass
class _Bucket:
    tokens: float
    refilled: float


class Throttling:
    """`enabled` and `scale` are set through the control API; `scale` multiplies burst and sustained rate."""

    def __init__(self) -> None:
        self.enabled = True
        self.scale = 1.0
        self._default_enabled = True
        self._buckets: dict[tuple[str, str, str, str], _Bucket] = {}

    def take(self, account_id: str, region: str, service: str, operation: str) -> bool:
        """Take a token; False when there is none."""
        rate = rate_of(service, operation) if self.enabled else None
        if rate is None:
            return True
        now = clock.now().timestamp()
        key = (account_id, region, service, rate.group)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(rate.burst * self.scale, now)
        # A clock that was reset to an earlier time refills nothing.
        elapsed = max(0.0, now - bucket.refilled)
        bucket.tokens = min(rate.burst * self.scale, bucket.tokens + elapsed * rate.sustained * self.scale)
        bucket.refilled = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def update(self, values: Any) -> None:
        """`{"enabled": bool, "scale": number above 0}`; buckets start full again."""
        if not isinstance(values, dict) or set(values) - {"enabled", "scale"}:
            raise ValueError('want {"enabled": true|false, "scale": 1.0}')
        enabled, scale = values.get("enabled", self.enabled), values.get("scale", self.scale)
        if not isinstance(enabled, bool):
            raise ValueError('"enabled" must be true or false')
        if isinstance(scale, bool) or not isinstance(scale, (int, float)) or scale <= 0:
            raise ValueError('"scale" must be a number above 0')
        self.enabled, self.scale = enabled, float(scale)
        self._buckets.clear()

    def set_default(self, enabled: bool) -> None:
        """What `reset()` goes back to: a test's sandbox starts without throttling, a process of its own with it."""
        self._default_enabled = self.enabled = enabled

    def reset(self) -> None:
        self.enabled, self.scale = self._default_enabled, 1.0
        self._buckets.clear()

    def as_dict(self) -> dict[str, Any]:
        buckets = [
            {"account": account, "region": region, "service": service, "group": group, "tokens": round(bucket.tokens, 3)}
            for (account, region, service, group), bucket in sorted(self._buckets.items())
        ]
        return {"enabled": self.enabled, "scale": self.scale, "buckets": buckets}


throttling = Throttling()
