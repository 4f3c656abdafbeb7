"""The control API of the sandbox's Application Auto Scaling, under `/_sandbox/autoscaling`.

    POST /autoscaling/scale   {"resourceId": "service/c/s", "desired": 5}
    POST /autoscaling/alarm   {"alarm": "...", "policy": arn, "state": "ALARM", "value": 80, "threshold": 60}

`account` and `region` are query parameters; without them the default account and eu-central-1.
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws import control
from runbook_sandbox.aws.autoscaling import capacity, engine, namespaces
from runbook_sandbox.aws.autoscaling.state import Region, region_of

_ACCOUNT, _REGION = "123456789012", "eu-central-1"


def _region(params: dict[str, str]) -> Region:
    return region_of(params.get("account", _ACCOUNT), params.get("region", _REGION))


@control.route("/autoscaling/scale", ["POST"])
def scale(params: dict[str, str], body: Any) -> Any:
    """The autoscaler moves a target, as if a policy had asked: within the band, unless suspended, never in during a deployment."""
    wanted = body or {}
    resource_id, desired = wanted.get("resourceId"), wanted.get("desired")
    if not isinstance(resource_id, str) or not isinstance(desired, int):
        raise ValueError('expected {"resourceId": "service/<cluster>/<service>", "desired": <number>}')
    namespace = wanted.get("namespace", "ecs")
    state = _region(params)
    keys = [(namespace, resource_id, name) for name in namespaces.DIMENSIONS if name.startswith(f"{namespace}:")]
    target = next((state.targets[key] for key in keys if key in state.targets), None)
    if target is None:
        raise control.ControlError(f"no scalable target {resource_id} is registered in namespace {namespace}", 404)
    outcome = engine.scale(target, desired, "monitor alarm sandbox in state ALARM triggered policy sandbox")
    return {"outcome": outcome, "desired": capacity.current(target)}


@control.route("/autoscaling/alarm", ["POST"])
def alarm(params: dict[str, str], body: Any) -> Any:
    """An alarm of a scaling policy changes its state, without CloudWatch."""
    wanted, state = body or {}, _region(params)
    policy = wanted.get("policy")
    if policy not in state.policies_by_arn:
        raise control.ControlError(f"there is no scaling policy {policy}", 404)
    value = wanted.get("value")
    engine.alarm_by_hand(
        state,
        policy,
        str(wanted.get("alarm", "sandbox")),
        str(wanted.get("state", "ALARM")),
        None if value is None else float(value),
        float(wanted.get("threshold", 0)),
    )
    return {"desired": capacity.current(state.policies_by_arn[policy][0])}
