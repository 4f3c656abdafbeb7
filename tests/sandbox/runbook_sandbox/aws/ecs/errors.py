"""The errors of Amazon ECS, with its own texts where they are known (API Reference, "Common Errors" of each action)."""

from __future__ import annotations

from moto.core.exceptions import ServiceException


def invalid(message: str) -> ServiceException:
    """InvalidParameterException: the request is wrong, whatever the state of the resource."""
    return ServiceException("InvalidParameterException", message)


def client(message: str) -> ServiceException:
    """ClientException: what ECS answers for task definitions that cannot be used."""
    return ServiceException("ClientException", message)


def cluster_not_found() -> ServiceException:
    return ServiceException("ClusterNotFoundException", "Cluster not found.")


def cluster_inactive() -> ServiceException:
    return ServiceException("ClusterNotFoundException", "The referenced cluster was inactive.")


def service_not_found() -> ServiceException:
    return ServiceException("ServiceNotFoundException", "Service not found.")


def service_not_active() -> ServiceException:
    return ServiceException("ServiceNotActiveException", "Service was not ACTIVE.")


def error(code: str, message: str) -> ServiceException:
    """Any other error shape of the model."""
    return ServiceException(code, message)
