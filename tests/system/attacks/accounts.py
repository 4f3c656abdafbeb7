"""Somebody who may write AwsAccounts, or names another than is meant."""

from __future__ import annotations

import socket

import pytest
from runbook_sandbox.clocked.account import ACCOUNT

from attacks.table import OTHER_ACCOUNT, Scene, attack


@attack("names a region that the AwsAccount does not list", "`RegionNotAllowed`", "not asked")
def _(scene: Scene) -> None:
    scene.service()
    scene.place.apply(scene.place.policy("web", replicas=3, region="us-east-1"))
    scene.stalled()


@attack("declares an `accountId` that is not the credentials'", "`AccountMismatch`", "not asked")
def _(scene: Scene) -> None:
    scene.service()
    scene.place.apply(scene.place.policy("web", replicas=3, **scene.account_named("wrong", accountId=OTHER_ACCOUNT)))
    scene.stalled()


@attack("has a role of another AWS account assumed under this one's `accountId`", "`AccountMismatch`", "not asked")
def _(scene: Scene) -> None:
    scene.service()
    role = scene.role(OTHER_ACCOUNT)
    scene.place.apply(scene.place.policy("web", replicas=3, **scene.account_named("role", assumeRole={"roleArn": role})))
    assert OTHER_ACCOUNT in scene.stalled()


@attack("has a role assumed that trusts somebody else", "`AwsAccessDenied`", "not asked")
def _(scene: Scene) -> None:
    scene.service()
    role = scene.role(principal=f"arn:aws:iam::{ACCOUNT}:user/somebody-else")
    scene.place.apply(scene.place.policy("web", replicas=3, **scene.account_named("role", assumeRole={"roleArn": role})))
    assert "sts:AssumeRole" in scene.stalled()


@attack("has a role assumed without knowing its external id", "`AwsAccessDenied`", "not asked")
def _(scene: Scene) -> None:
    scene.service()
    role = scene.role(Condition={"StringEquals": {"sts:ExternalId": "clocked-external"}})
    guess = {"roleArn": role, "externalId": "clocked-internal"}
    scene.place.apply(scene.place.policy("web", replicas=3, **scene.account_named("role", assumeRole=guess)))
    scene.stalled()


@attack("has signed requests sent to an endpoint of his own", "`AccountNotReady`", "not asked")
def _(scene: Scene) -> None:
    scene.service()
    with socket.create_server(("127.0.0.1", 0)) as trap:
        trap.setblocking(False)
        there = scene.account_named("trap", endpointUrl=f"http://127.0.0.1:{trap.getsockname()[1]}")
        scene.place.apply(scene.place.policy("web", replicas=3, **there))
        assert "--allow-custom-endpoints" in scene.stalled()
        with pytest.raises(BlockingIOError):
            trap.accept()
