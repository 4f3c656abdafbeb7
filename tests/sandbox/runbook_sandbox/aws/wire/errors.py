"""Errors of the sandbox's frame in each service's own words and each protocol's own form.

Codes after the services' "Common Errors" pages; forms after the Smithy specifications of awsJson, awsQuery, ec2Query,
restXml, restJson and rpcv2Cbor.
"""

from __future__ import annotations

import json
from xml.sax.saxutils import escape

import cbor2

JSON, QUERY, EC2, REST_XML, REST_JSON, CBOR = "json", "query", "ec2", "rest-xml", "rest-json", "cbor"


class ApiError(Exception):
    """What a service answers instead of a result."""

    def __init__(
        self, code: str, message: str, status: int = 400, query_code: str | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        #: What the answer has besides the usual headers.
        self.headers = headers or {}
        self.code = code
        self.message = message
        self.status = status
        #: The code that clients of a service which once spoke the query protocol are shown (CloudWatch, SQS).
        self.query_code = query_code


#: Services that speak JSON or CBOR now but whose clients still read query-protocol error codes.
QUERY_COMPATIBLE = frozenset({"cloudwatch", "sqs"})

_RATE = "Rate exceeded"
_THROTTLED_BY_SERVICE = {
    "ec2": ("RequestLimitExceeded", "Request limit exceeded.", 503),
    "s3": ("SlowDown", "Please reduce your request rate.", 503),
    "sns": ("Throttled", _RATE, 429),
    "sqs": ("RequestThrottled", "Request is throttled.", 403),
}


def _speaks_json(protocol: str) -> bool:
    return protocol in (JSON, REST_JSON, CBOR)


def _refused(service: str, protocol: str) -> int:
    # The JSON services refuse a caller with 400, all others with 403.
    return 400 if protocol == JSON and service not in QUERY_COMPATIBLE else 403


def throttled(service: str, protocol: str) -> ApiError:
    """The service's own answer to a call above its rate."""
    if service in _THROTTLED_BY_SERVICE:
        return ApiError(*_THROTTLED_BY_SERVICE[service], query_code=_THROTTLED_BY_SERVICE[service][0])
    if _speaks_json(protocol):
        return ApiError("ThrottlingException", _RATE, 400, query_code="Throttling")
    return ApiError("Throttling", _RATE, 400)


def access_denied(service: str, protocol: str, message: str) -> ApiError:
    """The service's own answer to a caller without permission."""
    if service == "ec2":
        return ApiError("UnauthorizedOperation", message, 403)
    if service == "sns":
        # Its own code, and its prefix in capitals (API reference of Publish, "Errors").
        return ApiError("AuthorizationError", message.replace(" sns:", " SNS:"), 403)
    if protocol == REST_JSON:
        return ApiError("AccessDeniedException", message, 403)
    if _speaks_json(protocol):
        return ApiError("AccessDeniedException", message, _refused(service, protocol), query_code="AccessDenied")
    return ApiError("AccessDenied", message, 403)


def invalid_token(service: str, protocol: str) -> ApiError:
    """An access key that AWS does not know, or a session token that is not its own."""
    message = "The security token included in the request is invalid."
    if service == "ec2":
        return ApiError("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    if service == "s3":
        return ApiError("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403)
    if _speaks_json(protocol):
        return ApiError("UnrecognizedClientException", message, _refused(service, protocol), query_code="InvalidClientTokenId")
    return ApiError("InvalidClientTokenId", message, 403)


def expired_token(service: str, protocol: str) -> ApiError:
    """Credentials of a session that is over."""
    message = "The security token included in the request is expired"
    if _speaks_json(protocol):
        return ApiError("ExpiredTokenException", message, _refused(service, protocol), query_code="ExpiredToken")
    if service == "ec2":
        return ApiError("RequestExpired", "Request has expired.", 400)
    if service == "s3":
        return ApiError("ExpiredToken", "The provided token has expired.", 400)
    return ApiError("ExpiredToken", message, 403)


def invalid_region(service: str, protocol: str) -> ApiError:
    """A signature for a region that there is not."""
    message = "Credential should be scoped to a valid region."
    if service == "s3":
        return ApiError("AuthorizationHeaderMalformed", message, 400)
    if _speaks_json(protocol):
        return ApiError("InvalidSignatureException", message, _refused(service, protocol), query_code="SignatureDoesNotMatch")
    return ApiError("SignatureDoesNotMatch", message, 403)


def bad_signature(service: str, protocol: str) -> ApiError:
    """A signature that the access key's secret does not make."""
    message = (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
        "signing method. Consult the service documentation for details."
    )
    if service == "ec2":
        return ApiError("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
    if _speaks_json(protocol):
        return ApiError("InvalidSignatureException", message, _refused(service, protocol), query_code="SignatureDoesNotMatch")
    return ApiError("SignatureDoesNotMatch", message, 403)


def incomplete_signature(protocol: str, authorization: str) -> ApiError:
    """An Authorization header that is none of Signature Version 4 ("Common Errors" of each service)."""
    parts = "".join(f"Authorization header requires '{name}' parameter. " for name in ("Credential", "Signature", "SignedHeaders"))
    code = "IncompleteSignatureException" if _speaks_json(protocol) else "IncompleteSignature"
    return ApiError(code, f"{parts}Authorization={authorization}", 400)


def malformed_xml() -> ApiError:
    """A body of S3 that is no XML."""
    return ApiError("MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema", 400)


def missing_token(protocol: str) -> ApiError:
    """A request without a signature."""
    if _speaks_json(protocol):
        return ApiError("MissingAuthenticationTokenException", "Missing Authentication Token", 403 if protocol != JSON else 400)
    return ApiError("MissingAuthenticationToken", "Request is missing Authentication Token", 403)


_INTERNAL = {
    "ecs": "ServerException",
    "application-autoscaling": "InternalServiceException",
    "events": "InternalException",
    "cloudwatch": "InternalServiceFault",
    "s3": "InternalError",
    "ec2": "InternalError",
    "secretsmanager": "InternalServiceError",
    "kms": "KMSInternalException",
}


def internal(service: str, message: str = "An internal error occurred. Try again later.") -> ApiError:
    """A failure of the service itself (500)."""
    return ApiError(_INTERNAL.get(service, "InternalFailure"), message, 500, query_code="InternalFailure")


def unavailable(service: str) -> ApiError:
    """A service that is down for the moment (503)."""
    message = "The request has failed due to a temporary failure of the server."
    return ApiError(
        "ServiceUnavailable" if service != "ecs" else "ServiceUnavailableException", message, 503, query_code="ServiceUnavailable"
    )


def unknown_operation(protocol: str, operation: str, version: str = "") -> ApiError:
    """An operation that the service has never had. `version` is the API version that a query request names."""
    if _speaks_json(protocol):
        return ApiError("UnknownOperationException", f"The operation {operation} is not known to this service.", 400)
    if protocol == QUERY:
        said = f"Could not find operation {operation} for version {version or 'NO_VERSION_SPECIFIED'}"
        return ApiError("InvalidAction", said, 400)
    return ApiError("InvalidAction", f"The action {operation} is not valid for this web service.", 400)


def missing_action() -> ApiError:
    """A query request that names no operation ("Common Errors" of each service)."""
    return ApiError("MissingAction", "The request is missing an action or a required parameter.", 400)


def not_implemented(service: str, operation: str) -> ApiError:
    """An operation that AWS has and the sandbox has not."""
    return ApiError(
        "NotImplemented",
        f"The sandbox does not implement {service}:{operation}. AWS does; nothing was done.",
        501,
        query_code="NotImplemented",
    )


def serialize(
    error: ApiError, protocol: str, service: str, request_id: str, *, namespace: str = "", json_version: str = "1.1"
) -> tuple[dict[str, str], bytes]:
    """Headers and body of an error. `namespace` is the service's XML namespace, `json_version` its awsJson version."""
    headers = {"x-amzn-RequestId": request_id} | error.headers
    fault = "Sender" if error.status < 500 else "Receiver"
    if protocol in (JSON, REST_JSON, CBOR) and service in QUERY_COMPATIBLE:
        headers["x-amzn-query-error"] = f"{error.query_code or error.code};{fault}"
    if protocol == CBOR:
        headers |= {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"}
        return headers, cbor2.dumps({"__type": error.code, "message": error.message})
    if protocol == JSON:
        headers["Content-Type"] = f"application/x-amz-json-{json_version}"
        return headers, json.dumps({"__type": error.code, "message": error.message}).encode()
    if protocol == REST_JSON:
        headers |= {"Content-Type": "application/json", "x-amzn-ErrorType": error.code}
        return headers, json.dumps({"message": error.message}).encode()
    headers["Content-Type"] = "text/xml"
    code, message = escape(error.code), escape(error.message)
    if protocol == EC2:
        inner = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        body = f"<Response>{inner}<RequestID>{request_id}</RequestID></Response>"
    elif protocol == REST_XML:
        body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
    else:
        attribute = f' xmlns="{escape(namespace)}"' if namespace else ""
        inner = f"<Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
        body = f"<ErrorResponse{attribute}>{inner}<RequestId>{request_id}</RequestId></ErrorResponse>"
    return headers, f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'.encode()
