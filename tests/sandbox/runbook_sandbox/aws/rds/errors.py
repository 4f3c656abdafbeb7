"""RDS's errors. The codes are as uneven as AWS's: some carry `Fault`, some do not; the HTTP status is the model's.

Source: Amazon RDS API Reference, "Errors" of each action; botocore's service model for code and status.
"""

from __future__ import annotations

from moto.core.exceptions import ServiceException


class RDSError(ServiceException):
    """An error of RDS: `code` as the wire shows it, and the message."""


def invalid_value(message: str) -> RDSError:
    return RDSError("InvalidParameterValue", message)


def invalid_combination(message: str) -> RDSError:
    return RDSError("InvalidParameterCombination", message)


def blank(parameter: str) -> RDSError:
    return invalid_value(f"The parameter {parameter} must be provided and must not be blank.")


def instance_not_found(identifier: str) -> RDSError:
    return RDSError("DBInstanceNotFound", f"DBInstance {identifier} not found.")


def instance_exists() -> RDSError:
    return RDSError("DBInstanceAlreadyExists", "DB instance already exists")


def instance_state(message: str) -> RDSError:
    return RDSError("InvalidDBInstanceState", message)


def snapshot_not_found(identifier: str) -> RDSError:
    return RDSError("DBSnapshotNotFound", f"DBSnapshot {identifier} not found.")


def snapshot_exists(identifier: str) -> RDSError:
    return RDSError(
        "DBSnapshotAlreadyExists", f"Cannot create the snapshot because a snapshot with the identifier {identifier} already exists."
    )


def snapshot_state(message: str) -> RDSError:
    return RDSError("InvalidDBSnapshotState", message)


def snapshot_quota(message: str) -> RDSError:
    return RDSError("SnapshotQuotaExceeded", message)


def cluster_not_found(identifier: str) -> RDSError:
    return RDSError("DBClusterNotFoundFault", f"DBCluster {identifier} not found.")


def cluster_exists() -> RDSError:
    return RDSError("DBClusterAlreadyExistsFault", "DB Cluster already exists")


def cluster_state(message: str) -> RDSError:
    return RDSError("InvalidDBClusterStateFault", message)


def cluster_snapshot_not_found(identifier: str) -> RDSError:
    return RDSError("DBClusterSnapshotNotFoundFault", f"DBClusterSnapshot {identifier} not found.")


def cluster_snapshot_exists(identifier: str) -> RDSError:
    return RDSError(
        "DBClusterSnapshotAlreadyExistsFault",
        f"Cannot create the snapshot because a snapshot with the identifier {identifier} already exists.",
    )


def cluster_snapshot_state(message: str) -> RDSError:
    return RDSError("InvalidDBClusterSnapshotStateFault", message)


def certificate_not_found(identifier: str) -> RDSError:
    return RDSError("CertificateNotFound", f"Certificate {identifier} not found.")


def kms_key(key_id: str) -> RDSError:
    return RDSError(
        "KMSKeyNotAccessibleFault",
        f"The specified KMS key [{key_id}] does not exist, is not enabled or you do not have permissions to access it.",
    )
