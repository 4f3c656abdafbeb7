"""Parameters against botocore's service models. moto checks next to none of this."""

import json

import pytest
import requests
from botocore import loaders
from botocore.exceptions import ClientError
from botocore.session import get_session
from moto.core.utils import get_service_model

from runbook_sandbox.aws.wire import errors
from runbook_sandbox.aws.wire.errors import ApiError
from runbook_sandbox.aws.wire.validation import validate

SERVICES = ["ecs", "application-autoscaling", "rds", "cloudwatch", "sts", "iam", "sqs", "events"]
#: Those whose models state maxima that a generated value can meet (the others state none, or a pattern besides).
BOUNDED = ["cloudwatch", "sts", "iam", "events"]


def _refused(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.mark.parametrize(
    ("service", "call", "params", "code", "text"),
    [
        ("ecs", "update_service", {}, "InvalidParameterException", "Value null at 'service'"),
        ("ecs", "create_service", {"serviceName": "w", "launchType": "MOON"}, "InvalidParameterException", "enum value set: [EC2, FARGATE"),
        ("ecs", "update_service", {"service": "w", "desiredCount": "many"}, "SerializationException", "can not be converted to an Integer"),
        ("application-autoscaling", "describe_scalable_targets", {}, "ValidationException", "Value null at 'serviceNamespace'"),
        (
            "application-autoscaling",
            "register_scalable_target",
            {"ServiceNamespace": "ecs", "ResourceId": "", "ScalableDimension": "ecs:service:DesiredCount"},
            "ValidationException",
            "Value '' at 'resourceId' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        ("rds", "create_db_snapshot", {"DBSnapshotIdentifier": "s"}, "MissingParameter", "DBInstanceIdentifier"),
        ("cloudwatch", "describe_alarms", {"MaxRecords": 101}, "ValidationError", "less than or equal to 100"),
        ("cloudwatch", "describe_alarms", {"StateValue": "GOOD"}, "ValidationError", "enum value set: [OK, ALARM, INSUFFICIENT_DATA]"),
        ("sts", "assume_role", {"RoleArn": "arn"}, "ValidationError", "2 validation errors detected"),
        ("iam", "create_user", {"UserName": "a b"}, "ValidationError", "regular expression pattern"),
        ("sqs", "send_message", {"QueueUrl": "x"}, "MissingParameter", "MessageBody"),
        ("events", "put_rule", {"Name": "a/b", "EventPattern": "{}"}, "ValidationException", "regular expression pattern"),
    ],
)
def test_what_the_model_forbids_is_refused_with_the_services_own_code(aws, service, call, params, code, text):
    found, message = _refused(getattr(aws.unchecked(service), call), **params)
    assert found == code
    assert text in message


def test_a_refused_call_reaches_no_service(aws):
    _refused(aws.unchecked("events").put_rule, Name="a/b", EventPattern='{"source": ["x"]}')
    assert aws.client("events").list_rules()["Rules"] == []


def _post(aws, operation, params):
    session = requests.Session()
    session.trust_env = False
    headers = {
        "X-Amz-Target": f"AmazonEC2ContainerServiceV20141113.{operation}",
        "Content-Type": "application/x-amz-json-1.1",
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIATESTTESTTESTTEST/20260101/eu-central-1/ecs/aws4_request, Signature=x",
    }
    return session.post(aws.endpoint, headers=headers, data=json.dumps(params), timeout=10)


def test_nulls_are_members_that_were_not_sent(aws):
    """awsJson: a null member is an absent one."""
    assert _post(aws, "ListClusters", {"maxResults": None, "nextToken": None}).status_code == 200


@pytest.mark.parametrize(
    ("operation", "params", "text"),
    [
        ("DescribeServices", {"services": "web"}, "STRING_VALUE can not be converted to a List (services)"),
        ("UpdateService", {"service": "web", "desiredCount": True}, "TRUE_VALUE can not be converted to an Integer (desiredCount)"),
        ("UpdateService", {"service": 5}, "NUMBER_VALUE can not be converted to a String (service)"),
        ("UpdateService", {"service": "web", "desiredCount": 2**31}, "NUMBER_VALUE can not be converted to an Integer (desiredCount)"),
        (
            "CreateService",
            {"serviceName": "w", "deploymentConfiguration": {"maximumPercent": "x"}},
            "deploymentConfiguration.maximumPercent",
        ),
    ],
)
def test_a_member_of_the_wrong_type_is_a_serialization_error(aws, operation, params, text):
    answer = _post(aws, operation, params)
    assert answer.status_code == 400
    assert answer.json()["__type"] == "SerializationException"
    assert text in answer.json()["message"]


def _sample(shape, depth=0):
    """The smallest value that the model allows, required members only."""
    kind, limits = shape.type_name, shape.metadata
    if kind == "structure":
        return {name: _sample(shape.members[name], depth + 1) for name in shape.required_members}
    if kind == "list":
        return [_sample(shape.member, depth + 1)] * max(1, int(limits.get("min", 1)))
    if kind == "map":
        return {}
    if kind == "string":
        return shape.enum[0] if shape.enum else None if limits.get("pattern") else "x" * max(1, int(limits.get("min", 1)))
    return {"boolean": True, "timestamp": 0, "blob": b"x"}.get(kind, max(1, int(limits.get("min", 1))))


def _without_guesses(value):
    """Members whose pattern would have to be guessed are left out; their objects then lack a required member."""
    if isinstance(value, dict):
        return all(_without_guesses(item) for item in value.values())
    if isinstance(value, list):
        return all(_without_guesses(item) for item in value)
    return value is not None


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_accepts_its_smallest_input_and_refuses_each_missing_member(service):
    """Against every operation of botocore's model: what is required is exactly what is asked for."""
    model = get_service_model(service)
    protocol = errors.JSON if "json" in str(model.protocol) or service == "cloudwatch" else errors.QUERY
    checked = 0
    for name in model.operation_names:
        operation = model.operation_model(name)
        if operation.input_shape is None:
            continue
        sample = _sample(operation.input_shape)
        if not _without_guesses(sample):
            continue
        validate(service, protocol, operation, sample)
        for member in operation.input_shape.required_members:
            with pytest.raises(ApiError) as caught:
                validate(service, protocol, operation, {key: value for key, value in sample.items() if key != member})
            assert caught.value.status == 400
            assert member[1:] in str(caught.value)
            checked += 1
    assert checked > 2


@pytest.mark.parametrize("service", BOUNDED)
def test_every_bound_of_the_model_is_held(service):
    """For each number, text and list of a request with a maximum: the maximum passes, one more does not."""
    model = get_service_model(service)
    checked = 0
    for name in model.operation_names:
        operation = model.operation_model(name)
        shape = operation.input_shape
        for member, value in (shape.members if shape else {}).items():
            limit = value.metadata.get("max")
            if limit is None or limit > 10_000 or getattr(value, "enum", None) or value.metadata.get("pattern"):
                continue
            base = {key: item for key, item in _sample(shape).items() if key != member}
            if not _without_guesses(base):
                continue
            if value.type_name in ("integer", "long"):
                inside, outside = limit, limit + 1
            elif value.type_name == "string":
                inside, outside = "x" * limit, "x" * (limit + 1)
            elif value.type_name == "list" and _without_guesses(_sample(value.member)):
                inside, outside = [_sample(value.member)] * limit, [_sample(value.member)] * (limit + 1)
            else:
                continue
            validate(service, errors.QUERY, operation, base | {member: inside})
            with pytest.raises(ApiError):
                validate(service, errors.QUERY, operation, base | {member: outside})
            checked += 1
    assert checked > 0


def test_the_models_are_botocores():
    known = set(get_session().get_available_services())
    assert set(SERVICES) <= known
    assert loaders.Loader().list_available_services("service-2")
