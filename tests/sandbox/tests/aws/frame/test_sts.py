"""STS. moto assumes any role, existing or not, for anyone, for ever."""

import base64
import json

import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError

from .test_iam import ADMINISTRATOR, TRUST_ACCOUNT, _allow, _deny, _enforce, _policy, _refused, _user

ROLE = "arn:aws:iam::123456789012:role/operator"


def _role(aws, trust=TRUST_ACCOUNT, statements=(), **params):
    iam = aws.client("iam")
    role = iam.create_role(RoleName="operator", AssumeRolePolicyDocument=json.dumps(trust), **params)["Role"]
    if statements:
        iam.put_role_policy(RoleName="operator", PolicyName="inline", PolicyDocument=_policy(*statements))
    return role


def _trust(principal, **condition):
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement | ({"Condition": condition} if condition else {})]}


def _assume(aws, credentials=None, **params):
    client = aws.client_of("sts", credentials) if credentials else aws.client("sts")
    return client.assume_role(RoleArn=ROLE, **{"RoleSessionName": "default-web"} | params)


def test_an_assumed_role_is_who_get_caller_identity_says(aws):
    role = _role(aws)
    answer = _assume(aws)
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/operator/default-web"
    assert answer["AssumedRoleUser"]["AssumedRoleId"] == f"{role['RoleId']}:default-web"
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    assert (answer["Credentials"]["Expiration"] - aws.clock.now()).total_seconds() == pytest.approx(3600, abs=1)
    identity = aws.client_of("sts", answer["Credentials"]).get_caller_identity()
    assert identity["Arn"] == answer["AssumedRoleUser"]["Arn"]
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]
    assert identity["Account"] == "123456789012"


def test_get_caller_identity_needs_no_permission_and_no_deny_forbids_it(aws):
    """API reference of GetCallerIdentity."""
    keys = _user(aws, _deny("*"))
    _enforce(aws)
    assert aws.client_of("sts", keys).get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/ann"


def test_a_role_that_does_not_exist_is_an_access_denied(aws):
    """AWS does not tell whether a role exists."""
    code, message, status = _refused(aws.client("sts").assume_role, RoleArn=ROLE, RoleSessionName="default-web")
    assert (code, status) == ("AccessDenied", 403)
    assert message == f"User: arn:aws:iam::123456789012:user/administrator is not authorized to perform: sts:AssumeRole on resource: {ROLE}"


def test_the_trust_policy_decides_who_may_assume(aws):
    _role(aws, _trust({"Service": "ecs-tasks.amazonaws.com"}))
    with pytest.raises(ClientError):
        _assume(aws)
    for principal in ("123456789012", "arn:aws:iam::123456789012:root", "*", ["arn:aws:iam::999999999999:root", "123456789012"]):
        aws.client("iam").update_assume_role_policy(RoleName="operator", PolicyDocument=json.dumps(_trust({"AWS": principal})))
        _assume(aws)
    aws.client("iam").update_assume_role_policy(RoleName="operator", PolicyDocument=json.dumps(_trust({"AWS": "999999999999"})))
    with pytest.raises(ClientError):
        _assume(aws)


def test_the_external_id_must_be_the_one_of_the_trust_policy(aws):
    """ "Access to AWS accounts owned by third parties": sts:ExternalId."""
    _role(aws, _trust({"AWS": "123456789012"}, StringEquals={"sts:ExternalId": "secret-word"}))
    assert _refused(_assume, aws=aws)[0] == "AccessDenied"
    assert _refused(_assume, aws=aws, ExternalId="wrong")[0] == "AccessDenied"
    _assume(aws, ExternalId="secret-word")


def test_a_caller_trusted_through_the_account_needs_permission_of_their_own(aws):
    _role(aws)
    ann, bob = _user(aws, _allow("sts:AssumeRole", ROLE)), _user(aws, _allow("sts:AssumeRole", ROLE + "-else"), name="bob")
    _enforce(aws)
    _assume(aws, ann)
    assert _refused(_assume, aws=aws, credentials=bob)[0] == "AccessDenied"


def test_a_caller_named_in_the_trust_policy_needs_none_in_the_same_account(aws):
    ann = _user(aws)
    _role(aws, _trust({"AWS": "arn:aws:iam::123456789012:user/ann"}))
    _enforce(aws)
    _assume(aws, ann)
    bob = aws.client_of("iam", ADMINISTRATOR)
    bob.create_user(UserName="bob")
    bob_keys = bob.create_access_key(UserName="bob")["AccessKey"]
    assert _refused(_assume, aws=aws, credentials=bob_keys)[0] == "AccessDenied"


def test_across_accounts_both_sides_must_allow(aws):
    _role(aws, _trust({"AWS": "arn:aws:iam::210987654321:root"}))
    theirs = aws.client("iam", aws_access_key_id="210987654321")
    theirs.create_user(UserName="eve")
    eve = theirs.create_access_key(UserName="eve")["AccessKey"]
    _enforce(aws)
    assert _refused(_assume, aws=aws, credentials=eve)[0] == "AccessDenied"
    theirs.put_user_policy(UserName="eve", PolicyName="p", PolicyDocument=_policy(_allow("sts:AssumeRole", ROLE)))
    credentials = _assume(aws, eve)["Credentials"]
    assert aws.client_of("sts", credentials).get_caller_identity()["Account"] == "123456789012"


def test_a_session_acts_in_the_account_and_with_the_permissions_of_its_role(aws):
    _role(aws, statements=[_allow("sqs:ListQueues")])
    credentials = _assume(aws)["Credentials"]
    _enforce(aws)
    aws.client_of("sqs", credentials).list_queues()
    code, message, _ = _refused(aws.client_of("sqs", credentials).create_queue, QueueName="q")
    assert code == "AccessDenied"
    assert message.startswith(
        "User: arn:aws:sts::123456789012:assumed-role/operator/default-web is not authorized to perform: sqs:CreateQueue"
    )


def test_a_session_policy_narrows_the_session(aws):
    _role(aws, statements=[_allow("sqs:*"), _allow("sns:*")])
    answer = _assume(aws, Policy=_policy(_allow("sqs:ListQueues"), _allow("ecs:*")))
    assert "PackedPolicySize" in answer
    _enforce(aws)
    aws.client_of("sqs", answer["Credentials"]).list_queues()
    _, message, _ = _refused(aws.client_of("sns", answer["Credentials"]).list_topics)
    assert message.endswith("because no session policy allows the SNS:ListTopics action")
    assert "no identity-based policy" in _refused(aws.client_of("ecs", answer["Credentials"]).list_clusters)[1]


@pytest.mark.parametrize(
    ("service", "call", "code", "status"),
    [
        ("sts", "get_caller_identity", "ExpiredToken", 403),
        ("rds", "describe_db_instances", "ExpiredToken", 403),
        ("ecs", "list_clusters", "ExpiredTokenException", 400),
    ],
)
def test_a_session_ends_by_the_clock(aws, service, call, code, status):
    _role(aws)
    credentials = _assume(aws, DurationSeconds=900)["Credentials"]
    aws.clock.advance(899)
    getattr(aws.client_of(service, credentials), call)()
    aws.clock.advance(1)
    found, message, http = _refused(getattr(aws.client_of(service, credentials), call))
    assert (found, http) == (code, status)
    assert message == "The security token included in the request is expired"


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"DurationSeconds": 899}, "greater than or equal to 900"),
        ({"DurationSeconds": 43_201}, "less than or equal to 43200"),
        ({"DurationSeconds": 3601}, "exceeds the MaxSessionDuration set for this role"),
        ({"RoleSessionName": "a b"}, "regular expression pattern"),
        ({"RoleSessionName": "a"}, "length greater than or equal to 2"),
        ({"RoleSessionName": "a" * 65}, "length less than or equal to 64"),
        ({"ExternalId": "x"}, "length greater than or equal to 2"),
    ],
)
def test_parameters_out_of_bounds_are_validation_errors(aws, params, text):
    """API reference of AssumeRole."""
    _role(aws)
    client = aws.unchecked("sts")
    code, message, status = _refused(client.assume_role, RoleArn=ROLE, **{"RoleSessionName": "default-web"} | params)
    assert (code, status) == ("ValidationError", 400)
    assert text in message


def test_a_role_may_allow_longer_sessions_but_chained_ones_end_after_an_hour(aws):
    _role(aws, MaxSessionDuration=7200)
    credentials = _assume(aws, DurationSeconds=7200)["Credentials"]
    assert _refused(_assume, aws=aws, credentials=credentials, DurationSeconds=3601)[0] == "ValidationError"
    _assume(aws, credentials, DurationSeconds=3600)


def test_a_session_token_belongs_to_its_key(aws):
    _role(aws)
    credentials = _assume(aws)["Credentials"] | {"SessionToken": "stolen"}
    assert _refused(aws.client_of("sts", credentials).get_caller_identity)[0] == "InvalidClientTokenId"


def _token(aws, **claims):
    body = {"iss": "https://oidc.example.org/id/1", "aud": "sts.amazonaws.com", "sub": "system:serviceaccount:runbook:operator"}
    body |= {"exp": int(aws.clock.now().timestamp()) + 600} | claims
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({}, body)) + ".sig"


def test_a_service_account_token_assumes_a_role_as_with_irsa(aws):
    """ "IAM roles for service accounts" (EKS User Guide), AssumeRoleWithWebIdentity."""
    provider = aws.client("iam").create_open_id_connect_provider(Url="https://oidc.example.org/id/1", ThumbprintList=["0" * 40])
    provider = provider["OpenIDConnectProviderArn"]
    trust = _trust({"Federated": provider}, StringEquals={"oidc.example.org/id/1:sub": "system:serviceaccount:runbook:operator"})
    trust["Statement"][0]["Action"] = "sts:AssumeRoleWithWebIdentity"
    _role(aws, trust)
    unsigned = aws.client("sts", config=Config(signature_version=UNSIGNED))

    def assume(token):
        return unsigned.assume_role_with_web_identity(RoleArn=ROLE, RoleSessionName="operator", WebIdentityToken=token)

    _enforce(aws)
    answer = assume(_token(aws))
    assert answer["SubjectFromWebIdentityToken"] == "system:serviceaccount:runbook:operator"
    assert aws.client_of("sts", answer["Credentials"]).get_caller_identity()["Arn"].endswith(":assumed-role/operator/operator")
    assert _refused(assume, token=_token(aws, sub="system:serviceaccount:other:x"))[0] == "AccessDenied"
    assert _refused(assume, token=_token(aws, iss="https://elsewhere"))[0] == "InvalidIdentityToken"
    assert _refused(assume, token="no.token")[0] == "InvalidIdentityToken"
    assert _refused(assume, token=_token(aws, exp=1))[0] == "ExpiredTokenException"


def test_federation_is_not_there_and_says_so(aws):
    """Plain moto answers the credentials of the documentation's examples."""
    code, _, status = _refused(aws.client("sts").get_federation_token, Name="bob")
    assert (code, status) == ("NotImplemented", 501)


@pytest.mark.parametrize(
    ("arn", "said"),
    [
        ("the-operator-of-this-account", "the-operator-of-this-account is invalid"),
        ("arn:aws:iam::123456789012:user/operator", "Request ARN is invalid"),
        ("arn:aws:iam::123456789012:oidc-provider/token.example.org", "Request ARN is invalid"),
        ("arn:aws:acm:eu-central-1:123456789012:certificate/1", "Request ARN is invalid"),
    ],
)
def test_what_is_no_roles_arn_is_invalid(aws, arn, said):
    """STS answers ValidationError, where a role that does not exist is an AccessDenied. Plain moto assumes it."""
    with pytest.raises(ClientError) as caught:
        aws.client("sts").assume_role(RoleArn=arn, RoleSessionName="default-web")
    error = caught.value.response["Error"]
    assert (caught.value.response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]) == (400, "ValidationError", said)
