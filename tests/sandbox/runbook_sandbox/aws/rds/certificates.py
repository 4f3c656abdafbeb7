"""The certificate authorities of RDS (Amazon RDS User Guide, "Certificate authorities")."""

from __future__ import annotations

from runbook_sandbox.aws.rds import errors

KNOWN = ("rds-ca-ecc384-g1", "rds-ca-rsa2048-g1", "rds-ca-rsa4096-g1")
DEFAULT = "rds-ca-rsa2048-g1"


def check(identifier: str | None) -> str:
    """The authority that is asked for, the default one when none is. Raises CertificateNotFound."""
    if identifier not in (None, *KNOWN):
        raise errors.certificate_not_found(identifier)
    return identifier or DEFAULT
