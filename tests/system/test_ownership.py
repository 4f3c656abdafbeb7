"""What CloudFormation manages is left to it until the policy says that the template no longer does."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

STACK = {"aws:cloudformation:stack-name": "clocked-prod", "aws:cloudformation:logical-id": "Service"}


def test_a_service_of_a_stack_is_scaled_when_it_is_taken_over(place):
    place.account.create_services("web", cluster=place.cluster)
    # Nobody but CloudFormation can set such tags.
    arn = place.account.service("web", place.cluster)["serviceArn"]
    with pytest.raises(ClientError, match="reserved prefix"):
        place.account.ecs.tag_resource(resourceArn=arn, tags=[{"key": key, "value": value} for key, value in STACK.items()])
    place.account.control("PUT", f"/ecs/services/{place.cluster}/web/tags", STACK)
    place.apply(place.policy("web", replicas=3))
    told = place.stalled("web", "ManagedElsewhere")["message"]
    assert "stack clocked-prod" in told and "takeOwnership: true" in told
    place.reconciled_again("web")
    assert place.desired("web") == 1
    assert place.writes("web") == []
    place.apply(place.policy("web", replicas=3, takeOwnership=True))
    place.wait_desired("web", 3)
    place.in_sync("web")
    assert len(place.writes("web")) == 1


def test_a_service_that_leaves_its_stack_is_scaled_by_itself(place):
    place.account.create_services("web", cluster=place.cluster)
    place.account.control("PUT", f"/ecs/services/{place.cluster}/web/tags", STACK)
    place.apply(place.policy("web", replicas=2))
    place.stalled("web", "ManagedElsewhere")
    place.account.control("PUT", f"/ecs/services/{place.cluster}/web/tags", dict.fromkeys(STACK))
    place.wait_desired("web", 2)
    place.in_sync("web")
