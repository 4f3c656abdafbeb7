"""CloudWatch of one account and region."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.utilities.utils import get_partition

from runbook_sandbox.aws.cloudwatch.series import Metrics

if TYPE_CHECKING:
    from runbook_sandbox.aws.cloudwatch.alarm import Alarm


@dataclass
class Store:
    """Metrics, alarms and their history."""

    account_id: str
    region: str
    metrics: Metrics = field(default_factory=Metrics)
    alarms: dict[str, Alarm] = field(default_factory=dict)
    #: Names of the composite ones among them.
    composites: set[str] = field(default_factory=set)
    #: Quota of alarms in the Region (User Guide, "CloudWatch service quotas"); settable by the control API.
    alarm_limit: int = 5000
    history: list[dict[str, Any]] = field(default_factory=list)

    def alarm_arn(self, name: str) -> str:
        return f"arn:{get_partition(self.region)}:cloudwatch:{self.region}:{self.account_id}:alarm:{name}"


_stores: dict[tuple[str, str], Store] = {}


def store_of(account_id: str, region: str) -> Store:
    """The store of an account and region, made at first use."""
    key = (account_id, region)
    if key not in _stores:
        _stores[key] = Store(account_id, region)
    return _stores[key]


def all_stores() -> Iterator[Store]:
    yield from list(_stores.values())


def forget() -> None:
    """Drop everything, everywhere."""
    _stores.clear()
