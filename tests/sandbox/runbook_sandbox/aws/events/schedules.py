"""Rules that fire by schedule ("Creating an Amazon EventBridge rule that runs on a schedule"). moto stores them only."""

from __future__ import annotations

from collections.abc import Callable

from moto.events.models import Rule, events_backends

from runbook_sandbox.aws.clock import Appointment, clock
from runbook_sandbox.aws.wire.errors import ApiError

_armed: dict[str, Appointment] = {}


def check(expression: str) -> None:
    """Rules take `rate()` and `cron()`, in UTC. Raises ValidationException."""
    from runbook_sandbox.aws.autoscaling.expressions import BadExpression, Schedule

    try:
        if Schedule(expression, None).kind == "at":
            raise BadExpression("at() is EventBridge Scheduler's")
    except BadExpression as error:
        raise ApiError("ValidationException", "Parameter ScheduleExpression is not valid.") from error


def arm(rule: Rule, fire: Callable[[Rule], None]) -> None:
    """Make the appointments of a rule that was put; those of what it was before are cancelled."""
    disarm(rule.arn)
    if not rule.scheduled_expression:
        return
    from runbook_sandbox.aws.autoscaling.expressions import Schedule

    schedule, put = Schedule(rule.scheduled_expression, None), clock.now()

    def keep() -> None:
        # A rule that was deleted, or put again, is not this one any more.
        if events_backends[rule.account_id][rule.region_name].event_buses["default"].rules.get(rule.name) is not rule:
            return
        if rule.state != "DISABLED":
            fire(rule)
        book()

    def book() -> None:
        due = schedule.next_after(clock.now(), put)
        if due is not None:
            _armed[rule.arn] = clock.call_at(due, keep, f"rule {rule.name}")

    book()


def disarm(arn: str) -> None:
    """Cancel the appointments of a rule."""
    appointment = _armed.pop(arn, None)
    if appointment is not None:
        appointment.cancel()


def reset() -> None:
    """The clock's agenda is empty; so is this."""
    _armed.clear()
