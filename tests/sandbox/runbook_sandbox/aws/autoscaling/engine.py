"""Dynamic scaling: what scaling policies do when their alarms go off.

Sources: Application Auto Scaling User Guide, "How target tracking scaling ... works", "How step scaling ... works";
Amazon ECS Developer Guide, "Automatically scale your Amazon ECS service" (no scale-in during a deployment).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from runbook_sandbox.aws.autoscaling import activities, capacity
from runbook_sandbox.aws.autoscaling.state import Policy, Region, Target, region_of
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.cloudwatch import StateChange

#: Cooldowns of ECS services when a policy says none, in seconds.
_DEFAULT_COOLDOWN = 300
#: While an alarm stays in ALARM its scaling action is repeated each minute.
_REPEAT = 60
#: The newest datapoint shows the capacity of up to two minutes ago; target tracking does not judge a change by what was
#: measured before it.
_METRIC_AGE = 120


def scale(target: Target, wanted: int, cause: str) -> str:
    """Move the capacity towards `wanted`, as far as band, suspension and deployments allow; the outcome in a word.

    `scaled`, `suspended`, `deploying`, `unchanged`, `at-maximum`, `at-minimum`, `failed` or `unknown` (no such resource).
    """
    now = capacity.current(target)
    if now is None:
        return "unknown"
    bounded = min(max(wanted, target.minimum), target.maximum)
    if bounded == now:
        if wanted > now:
            activities.not_scaled(target, cause, "AlreadyAtMaxCapacity")
            return "at-maximum"
        if wanted < now:
            activities.not_scaled(target, cause, "AlreadyAtMinCapacity")
            return "at-minimum"
        activities.not_scaled(target, cause, "AlreadyAtDesiredCapacity")
        return "unchanged"
    side = "Out" if bounded > now else "In"
    if target.suspended[f"DynamicScaling{side}Suspended"]:
        return "suspended"
    if side == "In" and capacity.is_deploying(target):
        activities.not_scaled(target, cause, "TargetServicePutResourceAsUnscalable")
        return "deploying"
    return "scaled" if activities.set_capacity(target, bounded, cause) else "failed"


def react(change: StateChange) -> None:
    """CloudWatch's word that an alarm changed its state."""
    kept = region_of(change.account_id, change.region)
    alarm = change.alarm
    _forget(kept, alarm.name)
    if change.state != "ALARM":
        return
    for action in change.actions:
        if ":scalingPolicy:" in action:
            breach = Breach(kept, action, alarm.name, lambda: alarm.newest, alarm.config.get("Threshold") or 0.0)
            _act(breach)


def alarm_by_hand(kept: Region, action: str, alarm: str, state: str, value: float | None, threshold: float) -> None:
    """As `react`, without CloudWatch."""
    _forget(kept, alarm)
    if state == "ALARM":
        _act(Breach(kept, action, alarm, lambda: value, threshold))


@dataclass(frozen=True)
class Breach:
    """An alarm in ALARM that names a scaling policy; `newest` reads its latest datapoint."""

    kept: Region
    action: str
    alarm: str
    newest: Callable[[], float | None]
    threshold: float


def _forget(kept: Region, alarm: str) -> None:
    for key in [key for key in kept.alarming if key[0] == alarm]:
        kept.alarming.pop(key).cancel()


def _act(breach: Breach) -> None:
    """Do what the policy says, now and each minute until the alarm leaves ALARM."""
    kept = breach.kept
    key = (breach.alarm, breach.action)
    kept.alarming.pop(key, None)
    found = kept.policies_by_arn.get(breach.action.split(":createdBy/")[0])
    if found is None:
        return
    target, policy = found
    if policy.kind == "TargetTrackingScaling" and breach.alarm not in policy.alarms:
        return
    kept.alarming[key] = clock.call_later(_REPEAT, lambda: _act(breach), f"{breach.alarm} is still in ALARM")
    now = capacity.current(target)
    if now is None:
        return
    cause = f"monitor alarm {breach.alarm} in state ALARM triggered policy {policy.name}"
    value = breach.newest()
    if policy.kind == "TargetTrackingScaling":
        _track(target, policy, breach.alarm, now, value, cause)
    elif policy.kind == "StepScaling" and value is not None:
        _step(target, policy, now, value - breach.threshold, cause)


def _track(target: Target, policy: Policy, alarm: str, now: int, value: float | None, cause: str) -> None:
    configuration = policy.configuration
    proportional = now if value is None else math.ceil(now * value / configuration["TargetValue"])
    if _cooling(policy.scaled_out_at, configuration.get("ScaleOutCooldown"), _METRIC_AGE):
        return
    if "-AlarmLow-" in alarm:
        if not _all_agree(target) or _cooling(policy.scaled_in_at, configuration.get("ScaleInCooldown"), _METRIC_AGE):
            return
        if scale(target, min(proportional, now - 1), cause) == "scaled":
            policy.scaled_in_at = clock.now()
    elif scale(target, max(proportional, now + 1), cause) == "scaled":
        policy.scaled_out_at = clock.now()


def _all_agree(target: Target) -> bool:
    """Scale-in waits until every target tracking policy that may scale in wants it."""
    alarming = {alarm for alarm, _ in region_of(target.account_id, target.region).alarming}
    for policy in target.policies.values():
        if policy.kind == "TargetTrackingScaling" and not policy.configuration.get("DisableScaleIn"):
            low = [name for name in policy.alarms if "-AlarmLow-" in name]
            if not any(name in alarming for name in low):
                return False
    return True


def _cooling(since: datetime | None, seconds: int | None, least: int = 0) -> bool:
    wait = timedelta(seconds=max(least, _DEFAULT_COOLDOWN if seconds is None else seconds))
    return since is not None and clock.now() - since < wait


def _step(target: Target, policy: Policy, now: int, breach: float, cause: str) -> None:
    configuration = policy.configuration
    adjustment = step_adjustment(configuration, breach)
    if adjustment is None:
        return
    wanted = adjusted(configuration, now, adjustment)
    side = "scaled_out_at" if wanted > now else "scaled_in_at"
    if _cooling(getattr(policy, side), configuration.get("Cooldown")):
        return
    if scale(target, wanted, cause) == "scaled":
        setattr(policy, side, clock.now())


def step_adjustment(configuration: dict[str, Any], breach: float) -> int | None:
    """The adjustment whose interval, relative to the alarm's threshold, holds `breach`.

    A lower bound is inclusive and an upper exclusive above the threshold; below it is the other way round.
    """
    for step in configuration["StepAdjustments"]:
        low, high = step.get("MetricIntervalLowerBound"), step.get("MetricIntervalUpperBound")
        low, high = (-math.inf if low is None else low), (math.inf if high is None else high)
        if (low <= breach < high) if breach >= 0 and high > 0 else (low < breach <= high):
            return step["ScalingAdjustment"]
    return None


def adjusted(configuration: dict[str, Any], now: int, adjustment: int) -> int:
    """The capacity that an adjustment asks for."""
    kind = configuration["AdjustmentType"]
    if kind == "ExactCapacity":
        return adjustment
    if kind == "ChangeInCapacity":
        return now + adjustment
    change = now * adjustment / 100
    # "Values greater than 1 are rounded down ... between 0 and 1 to 1 ... between 0 and -1 to -1 ... less than -1 up".
    rounded = math.copysign(max(1, math.floor(abs(change))), change) if change else 0
    magnitude = configuration.get("MinAdjustmentMagnitude") or 0
    if rounded and abs(rounded) < magnitude:
        rounded = math.copysign(magnitude, rounded)
    return now + int(rounded)
