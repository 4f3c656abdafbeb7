"""The table of attempts, and the place in which each is made.

A row ends in a reason, or is `refused` by the API server, or is `harmless`. Its last column says what AWS saw of it: `not asked` (no call
of the operator named the place's cluster), `only read`, or `as declared` (nothing was written but what the policies declare; the attempt
looks itself).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from runbook_sandbox.clocked.account import ACCOUNT, OPERATOR_USER, REGION
from runbook_sandbox.clocked.installation import RELEASE
from runbook_sandbox.harness import CommandError

OWNER, HOLD, MADE_BY, REQUESTED = (f"ops.clocked.app/{name}" for name in ("owner", "hold-until", "made-by", "reconcile-requested-at"))
READS = ("Describe", "List", "Get", "AssumeRole")
OTHER_ACCOUNT = "222222222222"


@dataclass(frozen=True)
class Attack:
    """One row: who somebody is, how it ends, what AWS sees of it, and how it is tried."""

    somebody: str
    ends: str
    aws: str
    attempt: Callable[[Scene], None]

    def row(self) -> str:
        """The row of the table in docs/security.md."""
        return f"| {self.somebody} | {self.ends} | {self.aws} |"


ATTACKS: list[Attack] = []


def attack(somebody: str, ends: str, aws: str) -> Callable[[Callable[[Scene], None]], None]:
    """Makes a row of an attempt."""
    return lambda attempt: ATTACKS.append(Attack(somebody, ends, aws, attempt))


class Scene:
    """The place of an attempt."""

    def __init__(self, place: Any, request: pytest.FixtureRequest, reason: str) -> None:
        self.place, self.account, self.client, self.reason = place, place.account, place.client, reason
        self.fixture = request.getfixturevalue

    def service(self, name: str = "web", cluster: str = "", desired: int = 1) -> str:
        """A service of the place's cluster."""
        self.account.create_services(name, cluster=cluster or self.place.cluster, desired=desired)
        return self.account.service(name, cluster or self.place.cluster)["serviceArn"]

    def settled(self, replicas: int = 2, **spec: Any) -> None:
        """The policy of a service, in line with it."""
        self.place.apply(self.place.policy("web", replicas=replicas, **spec))
        self.place.in_sync("web")

    def stalled(self, name: str = "web") -> str:
        """Waits until a policy is stalled for the row's reason, looks on for a while, and returns the message."""
        self.place.stalled(name, self.reason)
        self.place.reconciled_again(name)
        return self.place.stalled(name, self.reason)["message"]

    def refused(self, *objects: dict[str, Any]) -> None:
        """Each is refused by the API server, and says why."""
        for one in objects:
            with pytest.raises(CommandError, match="invalid|Invalid|Too long|should be"):
                self.place.apply(one)

    def account_named(self, suffix: str, **spec: Any) -> dict[str, Any]:
        """A reference to a second AwsAccount; it grants the place everything unless told otherwise."""
        name = f"{self.place.name}-{suffix}"
        arn = f"arn:aws:ecs:*:*:service/{self.place.cluster}/*"
        grants = [{"namespaces": [self.place.namespace], "verbs": ["scale"], "resources": [arn]}]
        usual = {"accountId": ACCOUNT, "regions": [REGION], "mode": "Enforce", "grants": grants}
        about = {"apiVersion": "ops.clocked.app/v1alpha1", "kind": "AwsAccount", "metadata": {"name": name}}
        self.client.apply(about | {"spec": usual | spec})
        return {"accountRef": {"name": name}}

    def role(self, account: str = ACCOUNT, principal: str = f"arn:aws:iam::{ACCOUNT}:user/{OPERATOR_USER}", **condition: Any) -> str:
        """A role that trusts a principal, and that the operator's user may assume."""
        statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"} | condition
        trust = {"Version": "2012-10-17", "Statement": [statement]}
        iam = self.account.client("iam", key=account)
        # Not the cluster's name: what is said to STS must not look like a call about the cluster.
        name = self.place.name.replace("-", "")
        arn = iam.create_role(RoleName=f"role-{name}", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
        allowed = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}
        document = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        self.account.client("iam").put_user_policy(UserName=OPERATOR_USER, PolicyName=f"assume-{name}", PolicyDocument=document)
        return arn

    def as_editor(self, *arguments: str) -> str:
        """kubectl as somebody with the chart's role for editors in this namespace and nothing else."""
        where = f"--namespace={self.place.namespace}"
        if "/editor" not in self.client.kubectl("get", "rolebindings", "--output=name", where):
            self.client.kubectl("create", "rolebinding", "editor", f"--clusterrole={RELEASE}-editor", "--user=mallory", where)
        return self.client.kubectl(*arguments, "--as=mallory", where)

    def adoption(self, size: int) -> str:
        """The name that the adoption of a scale-out to this size will have: anybody can reckon it out from a status."""
        since = self.place.get("web")["status"]["followed"]["since"]
        hashed = 0xCBF29CE484222325
        for byte in f"{self.account.service('web', self.place.cluster)['serviceArn']} {since} {size}".encode():
            hashed = (hashed ^ byte) * 0x100000001B3 % 2**64
        return f"adopted-web-{hashed & 0xFFFFFFFF:08x}"

    def calls(self) -> list[dict[str, Any]]:
        """What the operator asked of AWS about this place's cluster."""
        named = re.compile(rf"\b{re.escape(self.place.cluster)}\b")
        return [call for call in self.account.operator_calls() if named.search(json.dumps([call["params"], call["resources"]]))]
