"""Secrets Manager's refusals (API Reference, "Errors" of GetSecretValue): all of them are status 400.

moto answers 404 for a secret that is not there, and of one that is about to be deleted says what no client looks for.
"""

from __future__ import annotations

from typing import Any

from moto.secretsmanager import exceptions

_DELETED = "You can't perform this operation on the secret because it was marked for deletion."

_motos_init = exceptions.InvalidRequestException.__init__


def install() -> None:
    """Idempotent."""
    # moto's errors set their status themselves, after the class has.
    exceptions.SecretsManagerClientError.code = property(lambda error: 400, lambda error, value: None)
    exceptions.InvalidRequestException.__init__ = _init


def _init(error: exceptions.InvalidRequestException, message: str) -> Any:
    _motos_init(error, _DELETED if "currently marked deleted" in message else message)
