"""Objects that cannot be read as their kind, as an older or looser schema may have let in: they stop nobody."""

from __future__ import annotations

import json

import pytest
from runbook_sandbox.clocked.installation import NAMESPACE, condition, until
from runbook_sandbox.harness import CommandError

CRD = "scalingpolicies.ops.clocked.app"


@pytest.fixture
def loose_schema(operator):
    """A CRD that takes anything as a spec, for as long as the test runs."""
    shipped = operator.get("crd", CRD)
    loose = json.loads(json.dumps(shipped))
    schema = loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    schema["properties"]["spec"] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    operator.kubectl("replace", "--filename=-", stdin=json.dumps(loose))
    yield
    current = operator.get("crd", CRD)
    current["spec"] = shipped["spec"]
    operator.kubectl("replace", "--filename=-", stdin=json.dumps(current))


def test_one_malformed_object_stops_none_of_the_others(place, operator, loose_schema):
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
    place.apply(*[place.policy(name, replicas=2) for name in names])
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
