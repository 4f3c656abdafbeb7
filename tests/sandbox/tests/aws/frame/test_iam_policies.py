"""The policy language, by the IAM User Guide ("Policy evaluation logic", "IAM JSON policy elements").

moto's evaluator compares most services against `*` only, knows no NotResource and few conditions.
"""

import json

import pytest
from botocore.exceptions import ClientError

from runbook_sandbox.aws.iam import conditions
from runbook_sandbox.aws.iam.policies import Effect, Question, judge

SERVICE = "arn:aws:ecs:eu-central-1:123456789012:service/app/web"


def _judge(statements, action="ecs:UpdateService", resource=SERVICE, **context):
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    keys = {name.lower(): conditions.listed(value) for name, value in context.items()}
    return judge([document], Question(action, resource, keys))


def _allow(**elements):
    return {"Effect": "Allow", "Action": "*", "Resource": "*"} | elements


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ({"Action": "ecs:UpdateService"}, Effect.ALLOW),
        ({"Action": "ECS:updateservice"}, Effect.ALLOW),
        ({"Action": "ecs:Update*"}, Effect.ALLOW),
        ({"Action": ["rds:*", "ecs:?pdateService"]}, Effect.ALLOW),
        ({"Action": "ecs:Describe*"}, Effect.NONE),
        ({"Action": "ecs"}, Effect.NONE),
        ({"Resource": SERVICE}, Effect.ALLOW),
        ({"Resource": "arn:aws:ecs:*:123456789012:service/app/*"}, Effect.ALLOW),
        ({"Resource": "arn:aws:ecs:eu-central-1:123456789012:service/app/we?"}, Effect.ALLOW),
        ({"Resource": "arn:aws:ecs:eu-central-1:123456789012:service/other/*"}, Effect.NONE),
        ({"Resource": SERVICE.upper()}, Effect.NONE),
        ({"Resource": "arn:aws:ecs:eu-west-1:123456789012:service/app/web"}, Effect.NONE),
    ],
)
def test_actions_ignore_case_and_resources_do_not(element, expected):
    assert _judge([_allow(**element)]) is expected


def test_not_action_and_not_resource():
    not_iam = {"Effect": "Allow", "NotAction": "iam:*", "Resource": "*"}
    assert _judge([not_iam]) is Effect.ALLOW
    assert _judge([not_iam], action="iam:CreateUser") is Effect.NONE
    not_production = {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:ecs:*:*:service/production/*"}
    assert _judge([not_production]) is Effect.ALLOW
    assert _judge([not_production], resource="arn:aws:ecs:r:1:service/production/web") is Effect.NONE


def test_an_explicit_deny_wins_in_any_order_and_a_single_statement_needs_no_list():
    deny = {"Effect": "Deny", "Action": "ecs:UpdateService", "Resource": "*"}
    assert _judge([_allow(), deny]) is Effect.DENY
    assert _judge([deny, _allow()]) is Effect.DENY
    assert _judge(_allow()) is Effect.ALLOW
    assert _judge([]) is Effect.NONE


def test_a_star_resource_of_a_request_is_met_only_by_a_star():
    """Operations that list or page are evaluated against `*` (Service Authorization Reference)."""
    assert _judge([_allow(Resource="arn:aws:rds:*:*:db:*")], resource="*") is Effect.NONE
    assert _judge([_allow(Resource="*")], resource="*") is Effect.ALLOW


def test_policy_variables_are_put_in_literally():
    own = _allow(Resource="arn:aws:ecs:*:*:service/${aws:username}/*")
    assert _judge([own], resource="arn:aws:ecs:r:1:service/ann/web", **{"aws:username": "ann"}) is Effect.ALLOW
    assert _judge([own], resource="arn:aws:ecs:r:1:service/bob/web", **{"aws:username": "ann"}) is Effect.NONE
    assert _judge([own], resource="arn:aws:ecs:r:1:service/bob/web", **{"aws:username": "*"}) is Effect.NONE
    assert _judge([own], resource="arn:aws:ecs:r:1:service/ann/web") is Effect.NONE
    with_default = _allow(Resource="arn:aws:ecs:*:*:service/${aws:PrincipalTag/team, 'none'}/*")
    assert _judge([with_default], resource="arn:aws:ecs:r:1:service/none/web") is Effect.ALLOW
    assert _judge([_allow(Resource="a${*}b")], resource="a*b") is Effect.ALLOW
    assert _judge([_allow(Resource="a${*}b")], resource="axb") is Effect.NONE


@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"k": "a"}}, {"k": "a"}, True),
        ({"StringEquals": {"k": ["a", "b"]}}, {"k": "b"}, True),
        ({"StringEquals": {"k": "A"}}, {"k": "a"}, False),
        ({"StringEquals": {"k": "a*"}}, {"k": "abc"}, False),
        ({"StringEqualsIgnoreCase": {"k": "A"}}, {"k": "a"}, True),
        ({"StringNotEquals": {"k": ["a", "b"]}}, {"k": "b"}, False),
        ({"StringNotEquals": {"k": "a"}}, {}, True),
        ({"StringEquals": {"k": "a"}}, {}, False),
        ({"StringEqualsIfExists": {"k": "a"}}, {}, True),
        ({"StringEqualsIfExists": {"k": "a"}}, {"k": "b"}, False),
        ({"StringLike": {"k": "web-*"}}, {"k": "web-1"}, True),
        ({"StringNotLike": {"k": "web-*"}}, {"k": "web-1"}, False),
        ({"ArnLike": {"k": "arn:aws:ecs:*:1:cluster/a*"}}, {"k": "arn:aws:ecs:r:1:cluster/app"}, True),
        ({"ArnEquals": {"k": "arn:aws:ecs:r:1:cluster/app"}}, {"k": "arn:aws:ecs:r:1:cluster/app"}, True),
        ({"ArnLike": {"k": "arn:aws:*:cluster/app"}}, {"k": "arn:aws:ecs:r:1:cluster/app"}, False),
        ({"ArnNotLike": {"k": "arn:aws:ecs:*:1:cluster/a*"}}, {"k": "arn:aws:ecs:r:1:cluster/b"}, True),
        ({"NumericLessThanEquals": {"k": "10"}}, {"k": "10"}, True),
        ({"NumericGreaterThan": {"k": 10}}, {"k": "9.5"}, False),
        ({"NumericEquals": {"k": "x"}}, {"k": "1"}, False),
        ({"DateGreaterThan": {"k": "2026-01-01T00:00:00Z"}}, {"k": "2026-06-01T00:00:00Z"}, True),
        ({"DateLessThan": {"k": "2026-01-01T00:00:00Z"}}, {"k": "1767225599"}, True),
        ({"Bool": {"k": "true"}}, {"k": True}, True),
        ({"Bool": {"k": False}}, {"k": "true"}, False),
        ({"IpAddress": {"k": "10.0.0.0/8"}}, {"k": "10.1.2.3"}, True),
        ({"NotIpAddress": {"k": ["10.0.0.0/8", "192.168.0.1"]}}, {"k": "10.1.2.3"}, False),
        ({"Null": {"k": "true"}}, {}, True),
        ({"Null": {"k": "false"}}, {"k": "x"}, True),
        ({"Null": {"k": True}}, {"k": "x"}, False),
        ({"ForAllValues:StringEquals": {"k": ["a", "b"]}}, {"k": ["a", "b"]}, True),
        ({"ForAllValues:StringEquals": {"k": ["a"]}}, {"k": ["a", "c"]}, False),
        ({"ForAllValues:StringEquals": {"k": ["a"]}}, {}, True),
        ({"ForAnyValue:StringEquals": {"k": ["a"]}}, {"k": ["c", "a"]}, True),
        ({"ForAnyValue:StringEquals": {"k": ["a"]}}, {}, False),
        ({"ForAnyValue:StringLike": {"k": ["a*"]}}, {"k": ["b", "c"]}, False),
        ({"StringEquals": {"k": "a", "l": "b"}}, {"k": "a"}, False),
        ({"StringEquals": {"k": "a"}, "Bool": {"l": "true"}}, {"k": "a", "l": "true"}, True),
        ({"StringEquals": {"K": "a"}}, {"k": "a"}, True),
        ({"NoSuchOperator": {"k": "a"}}, {"k": "a"}, False),
    ],
)
def test_condition_operators(condition, context, holds):
    assert (_judge([_allow(Condition=condition)], **context) is Effect.ALLOW) is holds


@pytest.mark.parametrize("element", ["Principal", "NotPrincipal"])
def test_a_policy_of_an_identity_names_no_principal(aws, element):
    """ "AWS JSON policy elements: Principal": not in identity-based policies. moto takes and ignores it."""
    iam = aws.client("iam")
    iam.create_user(UserName="ann")
    document = json.dumps({"Version": "2012-10-17", "Statement": [_allow(**{element: {"AWS": "*"}})]})
    for call, named in (
        (iam.put_user_policy, {"UserName": "ann", "PolicyName": "p"}),
        (iam.create_policy, {"PolicyName": "p"}),
    ):
        with pytest.raises(ClientError) as caught:
            call(PolicyDocument=document, **named)
        error = caught.value.response["Error"]
        assert (error["Code"], error["Message"]) == ("MalformedPolicyDocument", "Policy document should not specify a principal.")
