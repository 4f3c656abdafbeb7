"""What is read and written over a kept connection is what kubectl reads and writes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbook_sandbox.harness import Client, CommandError
from runbook_sandbox.kubernetes.connection import NotServed
from runbook_sandbox.kubernetes.objects import Objects


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
    objects = Objects(client.kubeconfig)
    for asked in (("nodes", "--selector=a=b"), ("nodes,namespaces",), ("no-such-kind",)):
        with pytest.raises(NotServed):
            objects.get(*asked)
    assert client.get("nodes", "--selector=no=such")["items"] == []


def test_a_connection_that_was_closed_is_opened_again(client: Client) -> None:
    assert client.get("node", "sandbox")
    kept = client.objects.connection._connection
    assert kept is not None and kept.sock is not None
    kept.sock.close()
    assert client.get("node", "sandbox")


CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.test.example"},
    "spec": {
        "group": "test.example",
        "scope": "Namespaced",
        "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "categories": ["toys"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {"spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                    }
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def widgets(client: Client) -> None:
    """A custom resource."""
    client.apply(CRD)
    client.kubectl("wait", "crd/widgets.test.example", "--for=condition=Established", "--timeout=60s")


def widget(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "test.example/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}


#: What is applied one after the other; a set of fields in between is what somebody else has changed.
STORIES: dict[str, list[dict[str, Any]]] = {
    "a value is changed": [{"apply": {"size": 1}}, {"apply": {"size": 2}}],
    "a field is left out": [{"apply": {"size": 1, "hue": {"red": 1, "blue": 2}}}, {"apply": {"hue": {"blue": 2}}}],
    "a list is replaced": [{"apply": {"parts": [1, 2, 3]}}, {"apply": {"parts": [3]}}],
    "another's field stays": [{"apply": {"size": 1}}, {"edit": {"theirs": "x", "size": 7}}, {"apply": {"size": 3}}],
    "an object becomes a number": [{"apply": {"size": {"of": "one"}}}, {"apply": {"size": 1}}],
    "nothing is changed": [{"apply": {"size": 1}}, {"apply": {"size": 1}}],
}


@pytest.mark.parametrize("story", STORIES.values(), ids=STORIES)
def test_an_apply_does_what_kubectls_does(cluster, widgets, story) -> None:
    for step in story:
        if edit := step.get("edit"):
            for name in ("ours", "kubectls"):
                cluster.kubectl("patch", "widget", name, "--type=merge", f"--patch={json.dumps({'spec': edit})}")
            continue
        cluster.apply(widget("ours", **step["apply"]))
        cluster.kubectl("apply", "--filename=-", stdin=json.dumps(widget("kubectls", **step["apply"])))
        ours, kubectls = (cluster.kubectl("get", "widget", name, "--output=json", "--show-managed-fields") for name in ("ours", "kubectls"))
        assert _comparable(ours) == _comparable(kubectls)


def _comparable(text: str) -> dict[str, Any]:
    """An object without what differs between two that are the same."""
    found = json.loads(text)
    metadata = found["metadata"]
    last = json.loads(metadata["annotations"]["kubectl.kubernetes.io/last-applied-configuration"])
    # Their order is that of the seconds in which they wrote.
    managers = {json.dumps({name: value for name, value in entry.items() if name != "time"}) for entry in metadata["managedFields"]}
    return {"spec": found["spec"], "last": last["spec"], "generation": metadata["generation"], "managers": managers}


def test_what_is_refused_is_said_and_the_rest_is_applied(cluster) -> None:
    bad, good = cluster.config_map("bad") | {"dta": {}}, cluster.config_map("good")
    with pytest.raises(CommandError, match=r'apply ConfigMap bad: .*unknown field "dta"'):
        cluster.apply(bad, good)
    assert [item["metadata"]["name"] for item in cluster.get("configmaps")["items"] if item["metadata"]["name"] != "kube-root-ca.crt"] == [
        "good"
    ]


def test_a_category_is_deleted_in_one_namespace(cluster, make_cluster, client: Client, widgets, until) -> None:
    other = make_cluster(client)
    for one in (cluster, other):
        one.apply(widget("a"), widget("b"), one.config_map("stays"))
    client.objects.delete_category("toys", cluster.namespace)
    until(lambda: cluster.get("widgets")["items"] == [], "the widgets to be gone")
    assert cluster.get("configmap", "stays") and len(other.get("widgets")["items"]) == 2
    # What is not there need not be deleted.
    client.objects.delete("widget", "a", cluster.namespace)
    client.objects.delete("namespace", other.namespace)
