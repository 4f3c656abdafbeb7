"""Lets moto's plain `ServiceException` be answered, with any code.

moto looks up the service of an exception by the module of its class, and fails on one from `moto.core` itself; and it
warns of each code that the service model does not list, though many codes stand in the API references only.
"""

from __future__ import annotations

from typing import Any

from moto.core import errors

_motos_lookup = errors.get_exception_service_model


def _lookup(exception: Exception) -> Any:
    return None if type(exception).__module__.startswith("moto.core") else _motos_lookup(exception)


def install() -> None:
    """Idempotent."""
    errors.get_exception_service_model = _lookup
    errors.warn = lambda *_, **__: None
