"""What the commands are given."""

from __future__ import annotations

import pytest
from runbook_sandbox.clocked.account import ACCOUNT, REGION


@pytest.fixture
def declared(place):
    """The AwsAccount of the place as a file would have it."""

    def account(**spec) -> dict:
        arn = f"arn:aws:ecs:*:*:service/{place.cluster}/*"
        grants = [{"namespaces": [place.namespace], "verbs": ["scale"], "resources": [arn]}]
        default = {"accountId": ACCOUNT, "regions": [REGION], "mode": "Enforce", "grants": grants}
        return {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "AwsAccount", "metadata": {"name": place.name}, "spec": default | spec}

    return account
