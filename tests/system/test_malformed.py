"""Objects that cannot be read as their kind, as an older or looser schema may have let in: they stop nobody."""

from __future__ import annotations

from runbook_sandbox.clocked.installation import NAMESPACE, condition, until
from runbook_sandbox.harness import CommandError

CRD = "scalingpolicies.ops.clocked.app"


def test_one_malformed_object_stops_none_of_the_others(place, operator, loosen):
    loosen(CRD)
    names = [f"web-{number}" for number in range(10)]
    place.account.create_services(*names, "bad", cluster=place.cluster)

    def take_anything() -> bool:
        # The API server takes a moment to follow a changed CRD.
        try:
            place.apply(place.policy("bad", autoscaling={"minCapacity": "two"}))
        except CommandError:
            return False
        return True

    until("the API server takes anything", take_anything, bool)
    place.apply(*[place.policy(name, replicas=2, drift={"scaleOut": "Correct"}) for name in names])
    place.in_sync(*names)
    bad = place.wait("bad", lambda p: condition(p, "Stalled").get("reason") == "InvalidSpec", "is stalled")
    assert "ScalingPolicy" in condition(bad, "Stalled")["message"]

    # A list with a malformed object in it is read from the start, too.
    operator.kubectl("delete", "pods", "--all", f"--namespace={NAMESPACE}", "--wait=true")
    for name in names:
        place.account.set_desired(name, 5, place.cluster)
    for name in names:
        place.wait_desired(name, 2, 90)
    assert place.desired("bad") == 1
    place.client.kubectl("delete", "scalingpolicy", "bad", f"--namespace={place.namespace}")
