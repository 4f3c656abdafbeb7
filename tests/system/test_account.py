"""AwsAccounts on the whole system: identity, grants, IAM, roles, and the stop button."""

from __future__ import annotations

import json

from runbook_sandbox.clocked.account import ACCOUNT, OPERATOR_USER, documented_policy
from runbook_sandbox.clocked.installation import REPOSITORY, condition, until


def account_of(place):
    return place.client.get("awsaccount", place.name)


def test_an_account_says_who_the_operator_is(place):
    found = until("the account is ready", lambda: account_of(place), lambda a: condition(a, "Ready").get("status") == "True")
    assert found["status"]["accountId"] == ACCOUNT
    assert found["status"]["callerArn"] == f"arn:aws:iam::{ACCOUNT}:user/{OPERATOR_USER}"


def test_credentials_of_another_account_write_nothing(place):
    place.client.kubectl("delete", "awsaccount", place.name)
    place.grant(accountId="999999999999")
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=3))
    until("the account is stalled", lambda: account_of(place), lambda a: condition(a, "Stalled").get("reason") == "AccountMismatch")
    place.wait("web", lambda p: condition(p, "Stalled").get("status") == "True", "is stalled")
    assert "999999999999" in condition(place.get("web"), "Stalled")["message"]
    assert place.desired("web") == 1


def test_without_a_grant_aws_is_not_even_asked(place):
    place.grant(grants=[])
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=3))
    message = place.stalled("web", "NotGranted")["message"]
    assert f"arn:aws:ecs:eu-central-1:{ACCOUNT}:service/{place.cluster}/web" in message
    assert not [call for call in place.account.operator_calls() if place.cluster in json.dumps(call)]
    place.grant()
    place.in_sync("web")


def test_a_grant_to_observe_does_not_let_write(place):
    arn = f"arn:aws:ecs:*:*:service/{place.cluster}/*"
    place.grant(grants=[{"namespaces": [place.namespace], "verbs": ["observe"], "resources": [arn]}])
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=3))
    assert "the verb scale" in place.stalled("web", "NotGranted")["message"]
    assert place.desired("web") == 1


def test_a_grant_to_another_namespace_is_no_grant(place):
    arn = f"arn:aws:ecs:*:*:service/{place.cluster}/*"
    place.grant(grants=[{"namespaces": ["somebody-else"], "verbs": ["scale"], "resources": [arn]}])
    place.apply(place.policy("web", replicas=3))
    place.stalled("web", "NotGranted")


def test_a_region_that_the_account_does_not_list_is_refused(place):
    place.apply(place.policy("web", replicas=3, region="us-east-1"))
    place.stalled("web", "RegionNotAllowed")


def test_an_account_that_does_not_exist_is_named_and_found_when_it_comes(place):
    place.client.kubectl("delete", "awsaccount", place.name)
    place.account.create_services("web", cluster=place.cluster)
    place.apply(place.policy("web", replicas=2))
    assert f"no AwsAccount named {place.name}" in place.stalled("web", "AccountNotFound")["message"]
    place.grant()
    place.in_sync("web")


def test_the_stop_button_stops_every_policy(place):
    place.account.create_services("web", "worker", cluster=place.cluster)
    correct = {"scaleOut": "Correct"}
    place.apply(place.policy("web", replicas=2, drift=correct), place.policy("worker", replicas=2, drift=correct))
    place.in_sync("web", "worker")
    place.grant(mode="Observe")
    place.wait("web", lambda p: condition(p, "Ready").get("reason") == "AccountObserve", "is held")
    place.wait("worker", lambda p: condition(p, "Ready").get("reason") == "AccountObserve", "is held")
    for service in ("web", "worker"):
        place.account.set_desired(service, 5, place.cluster)
        place.wait(service, lambda p: "plan" in p["status"], "has a plan")
        assert place.desired(service) == 5
    place.grant()
    for service in ("web", "worker"):
        place.wait_desired(service, 2)


def test_a_custom_endpoint_is_refused_unless_the_operator_allows_it(place):
    place.grant(endpointUrl="http://127.0.0.1:9")
    until("the account is stalled", lambda: account_of(place), lambda a: condition(a, "Stalled").get("reason") == "CustomEndpointRefused")
    place.apply(place.policy("web", replicas=2))
    place.wait("web", lambda p: condition(p, "Stalled").get("status") == "True", "is stalled")


def test_a_denial_of_iam_is_said_and_forgotten_when_it_is_mended(place):
    iam = place.account.client("iam")
    place.account.create_services("web", cluster=place.cluster)
    denied = {"Effect": "Deny", "Action": "ecs:UpdateService", "Resource": f"arn:aws:ecs:*:*:service/{place.cluster}/*"}
    iam.put_user_policy(
        UserName=OPERATOR_USER, PolicyName="deny", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    )
    try:
        place.apply(place.policy("web", replicas=3))
        assert "ecs:UpdateService" in place.stalled("web", "AwsAccessDenied")["message"]
    finally:
        iam.delete_user_policy(UserName=OPERATOR_USER, PolicyName="deny")
    place.reconciled_again("web", 1)
    place.in_sync("web")


def test_a_role_is_assumed_with_its_external_id(place):
    iam = place.account.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{OPERATOR_USER}"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": "clocked-external"}},
            }
        ],
    }
    role = iam.create_role(RoleName=f"role-{place.name}", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(
        RoleName=f"role-{place.name}", PolicyName="scale", PolicyDocument=json.dumps(documented_policy(REPOSITORY, place.cluster))
    )
    may_assume = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}]}
    iam.put_user_policy(UserName=OPERATOR_USER, PolicyName=f"assume-{place.name}", PolicyDocument=json.dumps(may_assume))
    place.account.create_services("web", cluster=place.cluster)
    place.grant(assumeRole={"roleArn": role, "externalId": "wrong-one"})
    place.apply(place.policy("web", replicas=2))
    place.stalled("web", "AwsAccessDenied")
    place.grant(assumeRole={"roleArn": role, "externalId": "clocked-external"})
    place.in_sync("web")
    found = until("the account is ready", lambda: account_of(place), lambda a: condition(a, "Ready").get("status") == "True")
    assert found["status"]["callerArn"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/role-{place.name}/")
