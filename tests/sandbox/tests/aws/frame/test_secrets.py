"""What Secrets Manager refuses."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError


def _refused(call: Any, **parameters: Any) -> tuple[int, str, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return caught.value.response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]


def test_a_secret_that_is_not_there(aws):
    """ResourceNotFoundException, 400. Plain moto: 404."""
    assert _refused(aws.client("secretsmanager").get_secret_value, SecretId="none") == (
        400,
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    )


def test_a_secret_that_is_about_to_be_deleted(aws):
    """InvalidRequestException; that it was marked for deletion is what clients look for. Plain moto has other words."""
    secrets = aws.client("secretsmanager")
    secrets.create_secret(Name="db", SecretString="x")
    secrets.delete_secret(SecretId="db")
    status, code, message = _refused(secrets.get_secret_value, SecretId="db")
    assert (status, code) == (400, "InvalidRequestException")
    assert message == "You can't perform this operation on the secret because it was marked for deletion."
    secrets.restore_secret(SecretId="db")
    assert secrets.get_secret_value(SecretId="db")["SecretString"] == "x"
