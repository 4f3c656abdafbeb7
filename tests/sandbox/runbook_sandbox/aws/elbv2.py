"""Health of load balancer targets: it takes its time, and a test can set it.

Source: "Check the health of your Application Load Balancer targets" (states and reasons), "Deregistration delay". Plain
moto's targets are always healthy, also those of a group that no load balancer uses.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from moto.elbv2.exceptions import TargetGroupNotFoundError
from moto.elbv2.models import ELBv2Backend, FakeHealthStatus, FakeTargetGroup, elbv2_backends

from runbook_sandbox.aws import control
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.pace import pace

#: State: reason and description when none are given.
STATES: dict[str, tuple[str | None, str | None]] = {
    "healthy": (None, None),
    "initial": ("Elb.RegistrationInProgress", "Target registration is in progress"),
    "unhealthy": ("Target.ResponseCodeMismatch", "Health checks failed with these codes: [502]"),
    "unused": ("Target.NotInUse", "Target group is not configured to receive traffic from the load balancer"),
    "draining": ("Target.DeregistrationInProgress", "Target deregistration is in progress"),
    "unavailable": ("Target.HealthCheckDisabled", "Health checks are disabled for this target"),
}
_NOT_REGISTERED = ("unused", "Target.NotRegistered", "Target is not registered to the target group")

#: (target group, target): since when it is registered; until when it drains; what a test set.
_registered: dict[tuple[str, str], datetime] = {}
_draining: dict[tuple[str, str], datetime] = {}
_set: dict[tuple[str, str], tuple[str, str | None, str | None]] = {}

_motos_register = FakeTargetGroup.register
_motos_deregister = FakeTargetGroup.deregister


def install() -> None:
    """Idempotent."""
    FakeTargetGroup.register = _register
    FakeTargetGroup.deregister = _deregister
    FakeTargetGroup.health_for = _health_for
    ELBv2Backend.describe_target_health = _describe_target_health


def reset() -> None:
    """No target is known."""
    _registered.clear()
    _draining.clear()
    _set.clear()


def _register(group: FakeTargetGroup, targets: list[dict[str, Any]]) -> None:
    _motos_register(group, targets)
    for target in targets:
        key = (group.arn, target["Id"])
        _registered.setdefault(key, clock.now())
        _draining.pop(key, None)


def _deregister(group: FakeTargetGroup, targets: list[dict[str, Any]]) -> None:
    _motos_deregister(group, targets)
    delay = float(group.attributes.get("deregistration_delay.timeout_seconds", 300))
    for target in targets:
        key = (group.arn, target["Id"])
        _registered.pop(key, None)
        _set.pop(key, None)
        # Nothing to drain where no traffic comes from.
        if group.load_balancer_arns:
            _draining[key] = clock.now() + timedelta(seconds=delay)


def _health_for(group: FakeTargetGroup, target: dict[str, Any], _: Any) -> FakeHealthStatus:
    known = group.targets.get(target["Id"]) or group.deregistered_targets.get(target["Id"]) or {}
    port = known.get("Port") or target.get("Port") or group.port
    return FakeHealthStatus(target["Id"], port, group.health_check_port or str(port), *_state(group, target["Id"]))


def _state(group: FakeTargetGroup, target_id: str) -> tuple[str, str | None, str | None]:
    key = (group.arn, target_id)
    if target_id not in group.targets:
        return ("draining", *STATES["draining"]) if clock.now() < _draining.get(key, clock.now()) else _NOT_REGISTERED
    if key in _set:
        return _set[key]
    if not group.load_balancer_arns:
        return ("unused", *STATES["unused"])
    since = _registered.get(key)
    starting = since is not None and clock.now() < since + timedelta(seconds=pace.elbv2_target_healthy)
    return ("initial", *STATES["initial"]) if starting else ("healthy", None, None)


def _describe_target_health(backend: ELBv2Backend, target_group_arn: str, targets: list[dict[str, Any]]) -> list[FakeHealthStatus]:
    group = backend.target_groups.get(target_group_arn)
    if group is None:
        raise TargetGroupNotFoundError()
    if not targets:
        draining = [target for name, target in group.deregistered_targets.items() if _state(group, name)[0] == "draining"]
        targets = [*group.targets.values(), *draining]
    return [group.health_for(target, None) for target in targets]


def _group_of(arn: Any) -> FakeTargetGroup:
    fields = str(arn).split(":", 5)
    group = elbv2_backends[fields[4]][fields[3]].target_groups.get(arn) if len(fields) == 6 else None
    if group is None:
        raise control.ControlError(f"there is no target group {arn}", 404)
    return group


@control.route("/elbv2/target-health", ["PUT"])
def _set_health(params: dict[str, str], body: Any) -> Any:
    """`{"targetGroupArn", "target", "state", "reason"?, "description"?}`; without `target` all of the group's targets."""
    if (
        not isinstance(body, dict)
        or body.get("state") not in STATES
        or set(body) - {"targetGroupArn", "target", "state", "reason", "description"}
    ):
        raise ValueError(f'want {{"targetGroupArn", "target", "state"}} with a state of {", ".join(STATES)}')
    group = _group_of(body.get("targetGroupArn"))
    names = [body["target"]] if body.get("target") else list(group.targets)
    reason, description = STATES[body["state"]]
    for name in names:
        if name not in group.targets:
            raise control.ControlError(f"{name} is not registered in {group.arn}", 404)
        _set[group.arn, name] = (body["state"], body.get("reason", reason), body.get("description", description))
    return {"targets": names, "state": body["state"]}


@control.route("/elbv2/target-health", ["DELETE"])
def _forget_health(params: dict[str, str], body: Any) -> Any:
    """Targets are as healthy as time makes them again."""
    _set.clear()
