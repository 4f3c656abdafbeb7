"""What Application Auto Scaling keeps, per account and region."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from moto.utilities.utils import get_partition

from runbook_sandbox.aws.autoscaling.expressions import Schedule
from runbook_sandbox.aws.clock import Appointment
from runbook_sandbox.aws.paging import SortedKeys

Key = tuple[str, str, str]


@dataclass(slots=True, eq=False)
class Policy:
    name: str
    arn: str
    kind: str
    #: The configuration member of its kind, as it was put.
    configuration: dict[str, Any]
    created_at: datetime
    #: Names of the CloudWatch alarms that belong to the policy: AWS's own, of target tracking.
    alarms: list[str] = field(default_factory=list)
    #: When the policy last changed the capacity out and in, for its cooldowns.
    scaled_out_at: datetime | None = None
    scaled_in_at: datetime | None = None


@dataclass(slots=True, eq=False)
class ScheduledAction:
    name: str
    arn: str
    expression: str
    schedule: Schedule
    timezone: str | None
    created_at: datetime
    start: datetime | None
    end: datetime | None
    minimum: int | None
    maximum: int | None
    next: Appointment | None = None


@dataclass(slots=True, eq=False)
class Target:
    account_id: str
    region: str
    namespace: str
    resource_id: str
    dimension: str
    arn: str
    minimum: int
    maximum: int
    role: str
    created_at: datetime
    suspended: dict[str, bool]
    tags: dict[str, str]
    policies: dict[str, Policy] = field(default_factory=dict)
    actions: dict[str, ScheduledAction] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return (self.namespace, self.resource_id, self.dimension)


@dataclass(slots=True, eq=False)
class Activity:
    """One attempt to change a capacity; `order` counts backwards, so that the newest sorts first."""

    order: str
    body: dict[str, Any]
    not_scaled: bool = False


class Region:
    """Application Auto Scaling of one account in one region."""

    def __init__(self, account_id: str, region: str) -> None:
        self.account_id = account_id
        self.region = region
        self.targets: dict[Key, Target] = {}
        self.by_arn: dict[str, Target] = {}
        #: Per namespace: `resource|dimension` of its targets, and `resource|dimension|name` of what they hold.
        self.target_keys: dict[str, SortedKeys] = {}
        self.policy_keys: dict[str, SortedKeys] = {}
        self.action_keys: dict[str, SortedKeys] = {}
        self.policies_by_arn: dict[str, tuple[Target, Policy]] = {}
        #: (alarm, scaling policy) whose action is being repeated, because the alarm is in ALARM.
        self.alarming: dict[tuple[str, str], Appointment] = {}
        #: (namespace, resource id) -> activities, newest first.
        self.activities: dict[tuple[str, str], deque[Activity]] = {}
        self.activity_count = 0

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{get_partition(self.region)}:{service}:{self.region}:{self.account_id}:{resource}"


_regions: dict[tuple[str, str], Region] = {}


def region_of(account_id: str, region: str) -> Region:
    """The Application Auto Scaling of an account's region, made when first asked for."""
    key = (account_id, region)
    if key not in _regions:
        _regions[key] = Region(account_id, region)
    return _regions[key]


def reset() -> None:
    """Forget everything."""
    _regions.clear()


def joined(*parts: str) -> str:
    """A sortable key; `|` is in no resource id, dimension or name... but in policy names, which come last."""
    return "|".join(parts)
