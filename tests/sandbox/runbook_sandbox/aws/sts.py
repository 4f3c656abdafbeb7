"""STS as AWS answers it: roles that exist, trust that is given, sessions that end.

moto assumes any role, existing or not, for anyone, for ever.
"""

from __future__ import annotations

import base64
import json
import secrets
import string
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.iam.models import iam_backends
from moto.sts.responses import TokenResponse

from runbook_sandbox.aws import context
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.context import Caller, RequestContext
from runbook_sandbox.aws.iam import evaluate, identities, resources, trust
from runbook_sandbox.aws.iam.conditions import listed
from runbook_sandbox.aws.iam.enforcement import enforcement
from runbook_sandbox.aws.iam.patterns import Context
from runbook_sandbox.aws.iam.trust import Trust
from runbook_sandbox.aws.wire.errors import ApiError

#: The longest session of a role assumed by another role's session, in seconds (API reference of AssumeRole).
ROLE_CHAINING_LIMIT = 3600
#: Sessions kept, so that a long run stays bounded; the oldest go first.
MAX_SESSIONS = 10_000
_ALPHABET = string.ascii_uppercase + "234567"


@dataclass
class Session:
    """Temporary credentials and whose they are."""

    caller: Caller
    secret_access_key: str
    session_token: str
    expiration: datetime


#: By access key id.
sessions: dict[str, Session] = {}


def reset() -> None:
    """No session is left."""
    sessions.clear()


def install() -> None:
    """Replace moto's handlers. Idempotent."""
    for operation in ("AssumeRole", "AssumeRoleWithWebIdentity"):
        resources.register("sts", operation, lambda params, account_id, region: [params["RoleArn"]] if params.get("RoleArn") else [])
    TokenResponse.assume_role = _assume_role
    TokenResponse.assume_role_with_web_identity = _assume_role_with_web_identity
    TokenResponse.get_caller_identity = _get_caller_identity
    TokenResponse.get_session_token = _get_session_token
    # moto answers credentials out of the documentation's examples, which belong to nobody.
    TokenResponse.get_federation_token = _not_there
    TokenResponse.assume_role_with_saml = _not_there


def _not_there(_: TokenResponse) -> ActionResult:
    raise NotImplementedError


def _request() -> RequestContext:
    request = context.current.get()
    if request is None:
        raise RuntimeError("STS was called outside a request")
    return request


def _get_caller_identity(_: TokenResponse) -> ActionResult:
    caller = _request().caller
    return ActionResult({"UserId": caller.user_id, "Account": caller.account_id, "Arn": caller.arn})


def _get_session_token(_: TokenResponse) -> ActionResult:
    request = _request()
    if request.caller.kind == "role":
        raise ApiError("AccessDenied", "Cannot call GetSessionToken with session credentials", 403)
    duration = int(request.params.get("DurationSeconds") or 43_200)
    return ActionResult({"Credentials": _open(request.caller, duration)})


def _role_arn(request: RequestContext) -> str:
    """The role's ARN; what cannot be one is invalid, whether the role exists or not."""
    arn = str(request.params["RoleArn"])
    if not arn.startswith("arn:"):
        raise ApiError("ValidationError", f"{arn} is invalid")
    if not identities.ROLE_ARN.fullmatch(arn):
        raise ApiError("ValidationError", "Request ARN is invalid")
    return arn


def _assume_role(_: TokenResponse) -> ActionResult:
    request = _request()
    params, caller, arn = request.params, request.caller, _role_arn(request)
    denied = ApiError("AccessDenied", f"User: {caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}", 403)
    role = identities.role_by_arn(arn)
    if role is None:
        raise denied
    conditions = evaluate.context_of(request) | _sts_context(params)
    tags = evaluate.request_tags(params)
    for action in ["sts:AssumeRole", *(["sts:TagSession"] if tags else [])]:
        given = trust.judge(role.assume_role_policy_document, action, caller, conditions)
        if given in (Trust.NONE, Trust.DENIED):
            raise denied
        if enforcement.enabled:
            refusal = evaluate.check_one(caller, action, arn, conditions, request.partition)
            named_in_own_account = given is Trust.NAMED and role.account_id == caller.account_id
            if refusal is not None and (refusal.explicit or not named_in_own_account):
                raise denied
    duration = _duration(params, role)
    if caller.kind == "role" and duration > ROLE_CHAINING_LIMIT:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        )
    return ActionResult(_session_of(role, params, duration, tags))


def _assume_role_with_web_identity(_: TokenResponse) -> ActionResult:
    request = _request()
    params, arn = request.params, _role_arn(request)
    claims = _claims(params.get("WebIdentityToken", ""))
    issuer = str(claims.get("iss", "")).removeprefix("https://")
    role = identities.role_by_arn(arn)
    denied = ApiError("AccessDenied", "Not authorized to perform sts:AssumeRoleWithWebIdentity", 403)
    if role is None:
        raise denied
    provider = f"arn:{role.partition}:iam::{role.account_id}:oidc-provider/{issuer}"
    if provider not in iam_backends[role.account_id][role.partition].open_id_providers:
        raise ApiError("InvalidIdentityToken", f"No OpenIDConnect provider found in your account for https://{issuer}")
    keys = {f"{issuer}:{name}": value for name, value in claims.items() if isinstance(value, (str, list, bool, int))}
    conditions: Context = {name.lower(): listed(value) for name, value in keys.items()} | _sts_context(params)
    given = trust.judge(role.assume_role_policy_document, "sts:AssumeRoleWithWebIdentity", None, conditions, federated=provider)
    if given in (Trust.NONE, Trust.DENIED):
        raise denied
    result = _session_of(role, params, _duration(params, role), {})
    audience = claims.get("aud")
    result |= {
        "SubjectFromWebIdentityToken": claims.get("sub", ""),
        "Provider": provider,
        "Audience": audience[0] if isinstance(audience, list) and audience else audience,
    }
    return ActionResult(result)


def _claims(token: str) -> dict[str, Any]:
    # The signature is not checked: there is no provider to ask. Everything the trust policy names is.
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        expires = float(claims["exp"])
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise ApiError("InvalidIdentityToken", "The web identity token that was passed could not be validated by AWS.") from error
    if expires < clock.now().timestamp():
        raise ApiError(
            "ExpiredTokenException", f"Token expired: current date/time {int(clock.now().timestamp())} must be before {int(expires)}"
        )
    return claims


def _sts_context(params: dict[str, Any]) -> Context:
    keys = {"sts:ExternalId": params.get("ExternalId"), "sts:RoleSessionName": params.get("RoleSessionName")}
    return {name.lower(): [value] for name, value in keys.items() if value is not None}


def _duration(params: dict[str, Any], role: Any) -> int:
    duration = int(params.get("DurationSeconds") or 3600)
    if duration > int(role.max_session_duration or 3600):
        raise ApiError("ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return duration


def _session_of(role: Any, params: dict[str, Any], duration: int, tags: dict[str, str]) -> dict[str, Any]:
    name = params["RoleSessionName"]
    role_tags = {tag["Key"]: tag["Value"] for tag in (role.tags or [])}
    caller = Caller(
        arn=f"arn:{role.partition}:sts::{role.account_id}:assumed-role/{role.name}/{name}",
        account_id=role.account_id,
        user_id=f"{role.id}:{name}",
        kind="role",
        access_key_id="",
        name=role.name,
        role_arn=role.arn,
        session_policies=_session_policies(params, role),
        session_created=clock.now(),
        tags=role_tags | tags,
    )
    role.last_used = utcnow()
    result = {
        "Credentials": _open(caller, duration),
        "AssumedRoleUser": {"AssumedRoleId": caller.user_id, "Arn": caller.arn},
    }
    if params.get("Policy") or params.get("PolicyArns"):
        # Per cent of the packed size limit, which is not public.
        result["PackedPolicySize"] = 6
    return result


def _session_policies(params: dict[str, Any], role: Any) -> list[str] | None:
    documents = []
    if params.get("Policy"):
        try:
            if not isinstance(json.loads(params["Policy"]), dict):
                raise ValueError("not an object")
        except ValueError as error:
            raise ApiError("MalformedPolicyDocument", "The policy is not in the valid JSON format.") from error
        documents.append(params["Policy"])
    managed = iam_backends[role.account_id][role.partition].managed_policies
    for entry in params.get("PolicyArns") or []:
        policy = managed.get(entry.get("arn"))
        documents.append(identities.document_of(policy) if policy else "{}")
    return documents or None


def _open(caller: Caller, duration: int) -> dict[str, Any]:
    """Start a session; its credentials."""
    key = "ASIA" + "".join(secrets.choice(_ALPHABET) for _ in range(16))
    own = Caller(**{**caller.__dict__, "access_key_id": key})
    session = Session(own, secrets.token_urlsafe(30), secrets.token_urlsafe(240), clock.now() + timedelta(seconds=duration))
    while len(sessions) >= MAX_SESSIONS:
        sessions.pop(next(iter(sessions)))
    sessions[key] = session
    return {
        "AccessKeyId": key,
        "SecretAccessKey": session.secret_access_key,
        "SessionToken": session.session_token,
        "Expiration": session.expiration.replace(microsecond=0),
    }
