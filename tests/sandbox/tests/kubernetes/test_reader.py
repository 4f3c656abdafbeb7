"""What is read over a kept connection is what kubectl reads."""

from __future__ import annotations

import json

import pytest

from runbook_sandbox.harness import Client, CommandError
from runbook_sandbox.kubernetes.reader import NotServed, Reader


@pytest.mark.parametrize(
    "asked",
    [
        ("node", "sandbox"),
        ("no", "sandbox"),
        ("namespaces", "default"),
        ("serviceaccounts", "--namespace=default"),
        ("sa", "default", "--namespace=kube-system"),
        ("clusterrole", "cluster-admin"),
        ("deployments.apps", "--namespace=default"),
    ],
)
def test_one_object_and_one_list_are_kubectls(client: Client, asked: tuple[str, ...]) -> None:
    read, kubectls = (client.get(*asked), json.loads(client.kubectl("get", "--output=json", *asked)))
    # kubectl calls any list a List.
    if "items" not in kubectls:
        assert read["metadata"]["uid"] == kubectls["metadata"]["uid"]
    else:
        assert [item["metadata"]["name"] for item in read["items"]] == [item["metadata"]["name"] for item in kubectls["items"]]


def test_what_is_not_there_is_said_as_kubectl_says_it(client: Client) -> None:
    with pytest.raises(CommandError, match=r'\(NotFound\): namespaces "nowhere" not found'):
        client.get("namespace", "nowhere")


def test_more_than_that_is_left_to_kubectl(client: Client) -> None:
    reader = Reader(client.kubeconfig)
    for asked in (("nodes", "--selector=a=b"), ("nodes,namespaces",), ("no-such-kind",)):
        with pytest.raises(NotServed):
            reader.get(*asked)
    assert client.get("nodes", "--selector=no=such")["items"] == []


def test_a_connection_that_was_closed_is_opened_again(client: Client) -> None:
    assert client.get("node", "sandbox")
    assert client._reader is not None and client._reader._connection is not None
    client._reader._connection.sock.close()
    assert client.get("node", "sandbox")
