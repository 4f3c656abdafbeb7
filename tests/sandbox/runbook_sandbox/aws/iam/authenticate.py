"""From an access key to a caller. Keys, session tokens, their expiry, and the signatures of keys that the sandbox issued are verified."""

from __future__ import annotations

from functools import cache

from botocore.session import get_session
from moto.utilities.utils import get_partition

from runbook_sandbox.aws import sts
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.context import Caller
from runbook_sandbox.aws.iam import identities
from runbook_sandbox.aws.iam.enforcement import enforcement
from runbook_sandbox.aws.wire import errors
from runbook_sandbox.aws.wire.identify import Identified


@cache
def _regions() -> frozenset[str]:
    session = get_session()
    return frozenset(
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("ec2", partition_name=partition)
    )


_UNSIGNED = {("sts", "AssumeRoleWithWebIdentity"), ("sts", "AssumeRoleWithSAML")}


def authenticate(identified: Identified) -> Caller:
    """Raises the service's own ApiError for a key that is missing, unknown, or expired."""
    key, partition = identified.access_key_id, get_partition(identified.region)
    service, protocol = identified.service, identified.protocol
    if key is None:
        if identified.authorization and not identified.authorization.startswith("AWS "):
            raise errors.incomplete_signature(protocol, identified.authorization)
        speaks_rest = protocol in (errors.REST_XML, errors.REST_JSON)
        anonymous = (service, identified.operation) in _UNSIGNED or (service in ("s3", "unknown") and speaks_rest)
        if not anonymous:
            raise errors.missing_token(protocol)
        if enforcement.enabled and speaks_rest:
            raise errors.access_denied("s3", protocol, "Access Denied")
        return identities.administrator(identities.default_account(), "", partition)
    if identified.region not in _regions():
        raise errors.invalid_region(service, protocol)
    session = sts.sessions.get(key)
    if session is not None:
        if identified.session_token != session.session_token:
            raise errors.invalid_token(service, protocol)
        if clock.now() >= session.expiration:
            raise errors.expired_token(service, protocol)
        _check_signature(identified, session.secret_access_key)
        return session.caller
    try:
        user = identities.user_of(key, identified.region)
    except identities.UnknownKey as error:
        raise errors.invalid_token(service, protocol) from error
    if user is not None:
        _check_signature(identified, identities.secret_of(key, identified.region))
        return user
    account = identities.account_of(key)
    if account is None and enforcement.enabled and key not in enforcement.administrators:
        raise errors.invalid_token(service, protocol)
    return identities.administrator(account or identities.default_account(), key, partition)


def _check_signature(identified: Identified, secret: str | None) -> None:
    if identified.signed is not None and secret is not None and not identified.signed.fits(secret):
        raise errors.bad_signature(identified.service, identified.protocol)
