"""CloudWatch's errors. Source: Amazon CloudWatch API Reference, "Errors" of each action and "Common Errors"."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class CloudWatchError(ServiceException):
    """An error of CloudWatch: the code that query clients see, and the message."""


def validation(message: str) -> CloudWatchError:
    return CloudWatchError("ValidationError", message)


def invalid_value(message: str) -> CloudWatchError:
    return CloudWatchError("InvalidParameterValue", message)


def invalid_combination(message: str) -> CloudWatchError:
    return CloudWatchError("InvalidParameterCombination", message)


def missing(message: str) -> CloudWatchError:
    return CloudWatchError("MissingParameter", message)


def not_found(message: str) -> CloudWatchError:
    return CloudWatchError("ResourceNotFound", message)


def resource_not_found(message: str) -> CloudWatchError:
    return CloudWatchError("ResourceNotFoundException", message)


def next_token() -> CloudWatchError:
    return CloudWatchError("InvalidNextToken", "The next token specified is invalid.")


def list_token() -> CloudWatchError:
    """ListMetrics and ListDashboards know no InvalidNextToken."""
    return invalid_value("The value for parameter NextToken is invalid.")


def limit(message: str) -> CloudWatchError:
    return CloudWatchError("LimitExceeded", message)
