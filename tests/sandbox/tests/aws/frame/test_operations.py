"""Every operation of the services that the operator works with, with the smallest input its model allows.

Plain moto answers many of them with an HTML page of status 500. Here each is answered, refused in the service's own words, or
said to be missing (501).
"""

from datetime import UTC, datetime

import botocore
import pytest
from botocore.exceptions import ClientError
from moto.core.utils import get_service_model


def _sample(shape):
    kind, limits = shape.type_name, shape.metadata
    if kind == "structure":
        return {name: _sample(shape.members[name]) for name in shape.required_members}
    if kind == "list":
        return [_sample(shape.member)] * max(1, int(limits.get("min", 1)))
    if kind == "map":
        return {}
    if kind == "string":
        return shape.enum[0] if shape.enum else "x" * max(1, int(limits.get("min", 1)))
    return {"timestamp": datetime(2026, 1, 1, tzinfo=UTC), "boolean": True, "blob": b"x"}.get(kind, max(1, int(limits.get("min", 1))))


@pytest.mark.parametrize("service", ["ecs", "application-autoscaling", "rds", "cloudwatch", "sts", "iam", "sqs", "sns", "events"])
def test_no_operation_fails_in_the_sandbox(aws, service):
    model, client = get_service_model(service), aws.unchecked(service)
    failed, answered = {}, 0
    for name in model.operation_names:
        shape = model.operation_model(name).input_shape
        try:
            getattr(client, botocore.xform_name(name))(**(_sample(shape) if shape else {}))
            answered += 1
        except ClientError as error:
            status = error.response["ResponseMetadata"]["HTTPStatusCode"]
            if status >= 500 and status != 501:
                failed[name] = error.response["Error"]["Message"]
            assert error.response["Error"]["Code"] not in ("Unknown", str(status)), name
    assert failed == {}
    assert answered > 2
