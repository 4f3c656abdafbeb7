"""The errors of Amazon ECS, with its own texts where they are known (API Reference, "Common Errors" of each action)."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class EcsError(ServiceException):
    """An error shape of the ECS model, or one common to all of AWS."""


def invalid(message: str) -> EcsError:
    """InvalidParameterException: the request is wrong, whatever the state of the resource."""
    return EcsError("InvalidParameterException", message)


def client(message: str) -> EcsError:
    """ClientException: what ECS answers for task definitions that cannot be used."""
    return EcsError("ClientException", message)


def cluster_not_found() -> EcsError:
    return EcsError("ClusterNotFoundException", "Cluster not found.")


def cluster_inactive() -> EcsError:
    return EcsError("ClusterNotFoundException", "The referenced cluster was inactive.")


def service_not_found() -> EcsError:
    return EcsError("ServiceNotFoundException", "Service not found.")


def service_not_active() -> EcsError:
    return EcsError("ServiceNotActiveException", "Service was not ACTIVE.")


def error(code: str, message: str) -> EcsError:
    """Any other error shape of the model."""
    return EcsError(code, message)
