"""The errors of Application Auto Scaling."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class AutoScalingError(ServiceException):
    """An error shape of the model, or one common to all of AWS."""


def validation(message: str) -> AutoScalingError:
    return AutoScalingError("ValidationException", message)


def not_found(message: str) -> AutoScalingError:
    return AutoScalingError("ObjectNotFoundException", message)


def limit_exceeded(message: str) -> AutoScalingError:
    return AutoScalingError("LimitExceededException", message)


def error(code: str, message: str) -> AutoScalingError:
    """Any other error shape of the model."""
    return AutoScalingError(code, message)
