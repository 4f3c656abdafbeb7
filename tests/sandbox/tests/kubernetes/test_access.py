"""A pod reaches the API server as its own ServiceAccount and may do what that may, no more."""

from __future__ import annotations

import base64
import json


def test_a_service_account_has_its_own_rights_only(cluster, until):
    role = {"rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get", "list"]}]}
    group = "rbac.authorization.k8s.io"
    subject = {"kind": "ServiceAccount", "name": "reader", "namespace": cluster.namespace}
    reference = {"apiGroup": group, "kind": "Role", "name": "reader"}
    cluster.apply(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader"}},
        {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": {"name": "reader"}, **role},
        {"apiVersion": f"{group}/v1", "kind": "RoleBinding", "metadata": {"name": "reader"}, "subjects": [subject], "roleRef": reference},
        cluster.config_map("mine", key="value"),
    )

    def kubectl(pod: str, *arguments: str) -> str:
        """kubectl finds the API server, the token, the certificate and the namespace as every in-cluster client does."""
        return cluster.output(cluster.pod(name=pod, image="kubectl:dev", args=list(arguments), spec={"serviceAccountName": "reader"}))

    assert "configmap/mine" in kubectl("allowed", "get", "configmaps", "--output=name")
    refused = kubectl("refused", "get", "secrets")
    assert f"system:serviceaccount:{cluster.namespace}:reader" in refused and "cannot list resource" in refused
    assert cluster.container("refused")["state"]["terminated"]["exitCode"] == 1


def test_a_projected_token_has_the_audience_asked_for_and_is_bound_to_the_pod(cluster):
    source = {"serviceAccountToken": {"audience": "sts.amazonaws.com", "expirationSeconds": 600, "path": "token"}}
    volume = {"name": "aws", "projected": {"sources": [source]}}
    pod = cluster.pod("cat /var/run/secrets/eks.amazonaws.com/serviceaccount/token", spec={"volumes": [volume]})
    pod["spec"]["containers"][0]["volumeMounts"] = [{"name": "aws", "mountPath": "/var/run/secrets/eks.amazonaws.com/serviceaccount"}]
    payload = cluster.output(pod).split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert claims["aud"] == ["sts.amazonaws.com"]
    assert claims["kubernetes.io"]["pod"]["name"] == "pod"
    assert claims["exp"] - claims["iat"] == 600


def test_a_validating_admission_policy_refuses(cluster, client, until):
    name = f"no-replicas-{cluster.namespace}"
    policy = {
        "matchConstraints": {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": cluster.namespace}},
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE", "UPDATE"], "resources": ["configmaps"]}],
        },
        "validations": [{"expression": "!('forbidden' in object.data)", "message": "write it without the key 'forbidden'"}],
    }
    version = "admissionregistration.k8s.io/v1"
    binding = {"policyName": name, "validationActions": ["Deny"]}
    client.apply(
        {"apiVersion": version, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": name}, "spec": policy},
        {"apiVersion": version, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": name}, "spec": binding},
    )

    def refusal() -> str:
        try:
            cluster.apply(cluster.config_map("bad", forbidden="x"))
        except Exception as error:
            return str(error)
        cluster.kubectl("delete", "configmap", "bad")
        return ""

    until(lambda: "write it without the key" in refusal(), "the policy to hold")
    cluster.apply(cluster.config_map("good", allowed="x"))
    client.kubectl("delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", name)
