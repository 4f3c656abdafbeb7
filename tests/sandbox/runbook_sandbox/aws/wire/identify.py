"""Which operation of which service an HTTP request is, for which account and region, with which parameters."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import re
import zlib
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs, parse_qsl

from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.request import Request
from moto.core.routing import get_service_router
from moto.core.utils import get_service_model
from werkzeug.datastructures import MultiDict

from runbook_sandbox.aws import rpc_cbor
from runbook_sandbox.aws.wire import errors
from runbook_sandbox.aws.wire.errors import ApiError
from runbook_sandbox.aws.wire.signature import Signed, signed

#: Names in signatures that are not botocore's service names.
_BY_SIGNING_NAME = {
    "monitoring": "cloudwatch",
    "elasticloadbalancing": "elbv2",
    "eventbridge": "events",
    "tagging": "resourcegroupstaggingapi",
    "email": "ses",
    "servicediscovery": "servicediscovery",
}
#: Operations that need no signature, with the service that has them (API reference of STS).
_UNSIGNED_ACTIONS = {"AssumeRoleWithWebIdentity": "sts", "AssumeRoleWithSAML": "sts"}
_CREDENTIAL = re.compile(r"Credential=(?P<key>[^/,\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


#: Where `unpack` leaves the signature for `identify`.
_SIGNED = "runbook_sandbox.signed"


@dataclass
class Identified:
    """A request as AWS's front end sees it, before it is judged."""

    service: str
    operation: str
    protocol: str
    region: str
    access_key_id: str | None
    session_token: str | None
    service_model: ServiceModel | None
    operation_model: OperationModel | None
    params: dict[str, Any] = field(default_factory=dict)
    #: The Authorization header.
    authorization: str = ""
    #: None for a request that is not signed in its header, or of a service whose signatures are not read.
    signed: Signed | None = None
    #: What was wrong with the body, raised once the caller may know.
    malformed: ApiError | None = None

    @property
    def namespace(self) -> str:
        """The service's XML namespace."""
        return str(self.service_model.metadata.get("xmlNamespace", "")) if self.service_model else ""

    @property
    def json_version(self) -> str:
        """The service's version of awsJson."""
        return str(self.service_model.metadata.get("jsonVersion", "1.1")) if self.service_model else "1.1"


@lru_cache(maxsize=64)
def model_of(service: str) -> ServiceModel | None:
    """botocore's model of a service, None when it has none."""
    try:
        return get_service_model(service)
    except Exception:  # botocore raises UnknownServiceError and, for bad names, DataNotFoundError
        return None


def unpack(environ: dict[str, Any]) -> bytes:
    """Read the body, decompressed; moto and the service packages read it again from `wsgi.input`."""
    length = int(environ.get("CONTENT_LENGTH") or 0)
    stream = environ["wsgi.input"]
    body = stream.read(length) if length else (stream.read() if environ.get("wsgi.input_terminated") else b"")
    environ[_SIGNED] = signed(environ, body)
    if environ.get("HTTP_CONTENT_ENCODING", "").lower() == "gzip":
        # A body that only says it is compressed is parsed as it is, and refused for that.
        with contextlib.suppress(OSError, EOFError, zlib.error):
            body = gzip.decompress(body)
        del environ["HTTP_CONTENT_ENCODING"]
    environ["CONTENT_LENGTH"] = str(len(body))
    environ["wsgi.input"] = io.BytesIO(body)
    environ.pop("HTTP_TRANSFER_ENCODING", None)
    return body


def identify(environ: dict[str, Any], body: bytes) -> Identified:
    """Never raises for what a client sends: a body that cannot be parsed is told in `malformed`."""
    query = environ.get("QUERY_STRING", "")
    credential = _credential(environ, query)
    form = _form(environ, body, query)
    signing_name = credential[2] if credential else None
    target = environ.get("HTTP_X_AMZ_TARGET", "")
    path = environ.get("PATH_INFO", "/")
    action = form.get("Action", "")

    service = _BY_SIGNING_NAME.get(signing_name, signing_name) if signing_name else _UNSIGNED_ACTIONS.get(action, _unsigned_service(target))
    if service == "elbv2" and form.get("Version") == "2012-06-01":
        service = "elb"
    model = model_of(service) if service else None
    cbor_operation = rpc_cbor.operation_of(path)
    if cbor_operation:
        protocol, operation = errors.CBOR, cbor_operation
    elif target:
        protocol, operation = errors.JSON, target.rsplit(".", 1)[-1]
    elif action:
        protocol, operation = (errors.EC2 if service == "ec2" else errors.QUERY), action
    else:
        protocol, operation = (str(model.protocol) if model else errors.REST_XML), ""
    identified = Identified(
        service=service or "unknown",
        operation=operation,
        protocol=protocol,
        region=credential[1] if credential else "us-east-1",
        access_key_id=credential[0] if credential else None,
        session_token=environ.get("HTTP_X_AMZ_SECURITY_TOKEN") or form.get("X-Amz-Security-Token"),
        service_model=model,
        operation_model=None,
        authorization=environ.get("HTTP_AUTHORIZATION", ""),
        signed=environ.get(_SIGNED),
    )
    if model is not None:
        _parse(identified, model, environ, body, form)
    return identified


def _credential(environ: dict[str, Any], query: str) -> tuple[str, str, str] | None:
    header = environ.get("HTTP_AUTHORIZATION", "")
    match = _CREDENTIAL.search(header)
    if match is None and "X-Amz-Credential" in query:
        match = _CREDENTIAL.search("Credential=" + parse_qs(query).get("X-Amz-Credential", [""])[0])
    return (match["key"], match["region"], match["service"].lower()) if match else None


def _form(environ: dict[str, Any], body: bytes, query: str) -> MultiDict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        pairs += parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True)
    return MultiDict(pairs)


def _unsigned_service(target: str) -> str | None:
    prefixes = {"AmazonEC2ContainerServiceV20141113": "ecs", "AnyScaleFrontendService": "application-autoscaling"}
    return prefixes.get(target.rsplit(".", 1)[0]) if target else None


def _parse(identified: Identified, model: ServiceModel, environ: dict[str, Any], body: bytes, form: MultiDict[str, str]) -> None:
    protocol, uri_params = identified.protocol, {}
    if not identified.operation and protocol in (errors.REST_XML, errors.REST_JSON):
        try:
            operation, uri_params = get_service_router(identified.service).match(Request(dict(environ)))
            identified.operation = operation.name
        except Exception:  # not a path of this service: moto answers it
            return
        environ["wsgi.input"] = io.BytesIO(body)
    try:
        identified.operation_model = model.operation_model(identified.operation)
    except Exception:  # botocore's OperationNotFoundError
        if protocol == errors.QUERY and not identified.operation:
            identified.malformed = errors.missing_action()
        elif protocol in (errors.JSON, errors.QUERY, errors.EC2, errors.CBOR):
            identified.malformed = errors.unknown_operation(protocol, identified.operation, form.get("Version", ""))
        return
    prefix = model.metadata.get("targetPrefix")
    if protocol == errors.JSON and prefix and environ.get("HTTP_X_AMZ_TARGET", "").rsplit(".", 1)[0] != prefix:
        # An operation of this name, but another service's.
        identified.malformed = errors.unknown_operation(protocol, identified.operation)
        return
    try:
        identified.params = _params(identified, environ, body, form, uri_params)
    except ApiError as error:
        identified.malformed = error
    except Exception as error:
        if protocol in (errors.REST_XML, errors.REST_JSON):
            return  # S3's bodies are not always what the model says; moto parses them itself
        code = "MalformedInput" if protocol in (errors.QUERY, errors.EC2) else "SerializationException"
        identified.malformed = ApiError(code, f"The request could not be parsed: {error}")


def _params(identified: Identified, environ: dict[str, Any], body: bytes, form: MultiDict[str, str], uri: dict[str, Any]) -> dict[str, Any]:
    operation = identified.operation_model
    assert operation is not None
    if identified.protocol == errors.CBOR:
        try:
            return rpc_cbor.parse(body, operation.input_shape)
        except rpc_cbor.MalformedBody as error:
            raise ApiError("SerializationException", str(error)) from error
    if identified.protocol == errors.JSON:
        return _json_params(body)
    parser = PROTOCOL_PARSERS[identified.protocol](operation)
    return parser.parse(
        {
            "method": environ["REQUEST_METHOD"],
            "values": form,
            "headers": Request(dict(environ)).headers,
            "body": body,
            "url_path": environ.get("PATH_INFO", "/"),
            "url_params": uri,
        }
    )


def _json_params(body: bytes) -> dict[str, Any]:
    try:
        params = json.loads(body) if body.strip() else {}
    except ValueError as error:
        raise ApiError("SerializationException", "The request body is not valid JSON.") from error
    if not isinstance(params, dict):
        raise ApiError("SerializationException", "The request body is not a JSON object.")
    # A member that is null is a member that was not sent.
    return {name: value for name, value in params.items() if value is not None}
