"""The way of a request through the sandbox.

clock -> identify -> record -> fault before -> throttle -> authenticate and authorise -> validate -> the service ->
fault after. Everything but a fault's waiting happens under the clock's lock, so moto's dictionaries are never changed
under another request's feet and no request sees a half-made step of the agenda.
"""

from __future__ import annotations

import json
import logging
import re
import time
import traceback
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import cbor2
from botocore.parsers import create_parser
from moto.utilities.utils import get_partition

from runbook_sandbox.aws import context, sqs
from runbook_sandbox.aws.calls import Call, record
from runbook_sandbox.aws.clock import Appointment, clock
from runbook_sandbox.aws.context import RequestContext
from runbook_sandbox.aws.events import cloudtrail
from runbook_sandbox.aws.faults import Fault, faults
from runbook_sandbox.aws.iam import evaluate, identities, resources
from runbook_sandbox.aws.iam.authenticate import authenticate
from runbook_sandbox.aws.iam.enforcement import enforcement
from runbook_sandbox.aws.throttling import throttling
from runbook_sandbox.aws.wire import errors
from runbook_sandbox.aws.wire.errors import ApiError
from runbook_sandbox.aws.wire.identify import Identified, identify
from runbook_sandbox.aws.wire.validation import validate

_LOG = logging.getLogger(__name__)
_REQUEST_ID = re.compile(rb"<(RequestId|RequestID)>[^<]*</")
_QUERY_CODE = re.compile(rb"<Code>([^<]*)</Code>")
_QUERY_MESSAGE = re.compile(rb"<Message>([^<]*)</Message>")
#: How often a long poll looks into its queue, in seconds of wall time.
_POLL = 0.05


@dataclass
class Answer:
    """An HTTP answer; `drop` cuts the connection instead."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    drop: bool = False


#: A WSGI application called in-process: environ -> (status, headers, body).
Dispatch = Callable[[dict[str, Any]], tuple[int, list[tuple[str, str]], bytes]]

#: Failures of the sandbox itself, newest last; tests assert that there are none.
internal_errors: deque[dict[str, Any]] = deque(maxlen=100)


def appointment_failed(appointment: Appointment, error: Exception) -> None:
    """One appointment that fails must not stop those after it, nor the request that happened to settle the clock."""
    _LOG.error("the appointment %r failed", appointment.name, exc_info=error)
    said = "".join(traceback.format_exception(error))
    internal_errors.append(
        {"service": "clock", "operation": appointment.name, "error": f"{type(error).__name__}: {error}", "traceback": said}
    )


def handle(environ: dict[str, Any], body: bytes, dispatch: Dispatch) -> Answer:
    """Answer one AWS request."""
    with clock.lock:
        clock.settle()
        identified = identify(environ, body)
        request, call, refusal = _begin(environ, identified)
        fault = faults.decide(request.service, request.operation, request.resources, request.account_id, request.region)
    if fault is not None:
        call.fault = fault.name
        if fault.when == "before":
            answer = _suffer(fault, identified, request, call)
            if answer is not None:
                return answer
    answer = _wait_and_serve(environ, identified, request, call, refusal, dispatch)
    if fault is not None and fault.when == "after":
        lost = _suffer(fault, identified, request, call)
        if lost is not None:
            return lost
    return answer


def _begin(environ: dict[str, Any], identified: Identified) -> tuple[RequestContext, Call, ApiError | None]:
    refusal: ApiError | None = None
    try:
        caller = authenticate(identified)
    except ApiError as error:
        refusal = error
        account = identities.default_account()
        caller = identities.administrator(account, identified.access_key_id or "", get_partition(identified.region))
        caller.arn, caller.kind = "anonymous", "anonymous"
    now = clock.now()
    request = RequestContext(
        request_id=str(uuid.uuid4()),
        service=identified.service,
        operation=identified.operation,
        protocol=identified.protocol,
        account_id=caller.account_id,
        region=identified.region,
        partition=get_partition(identified.region),
        caller=caller,
        received=now,
        params=identified.params,
        source_ip=environ.get("REMOTE_ADDR", "127.0.0.1"),
        user_agent=environ.get("HTTP_USER_AGENT", ""),
    )
    request.resources = _resources(request, identified)
    call = record.add(
        request.service,
        request.operation,
        request.account_id,
        request.region,
        request.params,
        request.request_id,
        now,
        datetime.now(UTC),
    )
    call.caller, call.resources = caller.arn, request.resources
    return request, call, refusal


def _resources(request: RequestContext, identified: Identified) -> list[str]:
    if identified.malformed is not None:
        return ["*"]
    try:
        return resources.resources_of(request.service, request.operation, request.params, request.account_id, request.region)
    except Exception:
        # A resolver that trips over parameters which validation has yet to refuse names no resource.
        _LOG.debug("no resources of %s:%s", request.service, request.operation, exc_info=True)
        return ["*"]


def _suffer(fault: Fault, identified: Identified, request: RequestContext, call: Call) -> Answer | None:
    """The fault's answer; None when the call goes on, only later."""
    if fault.delay:
        time.sleep(fault.delay)
    if fault.kind == "slow":
        return None
    with clock.lock:
        if fault.kind in ("reset", "timeout"):
            record.finish(call, "fault", 0, fault.kind)
            return Answer(0, [], b"", drop=True)
        error = _fault_error(fault, request)
        record.finish(call, "throttled" if fault.kind == "throttle" else "fault", error.status, error.code)
        return _error_answer(error, identified, request)


def _fault_error(fault: Fault, request: RequestContext) -> ApiError:
    service, protocol = request.service, request.protocol
    match fault.kind:
        case "throttle":
            return errors.throttled(service, protocol)
        case "error500":
            return errors.internal(service)
        case "error503":
            return errors.unavailable(service)
        case "expired_token":
            return errors.expired_token(service, protocol)
        case "access_denied":
            action = evaluate.actions_of(service, request.operation)[0]
            said = f"User: {request.caller.arn} is not authorized to perform: {action} on resource: {request.resources[0]}"
            return errors.access_denied(service, protocol, f"{said} because no identity-based policy allows the {action} action")
        case _:
            return ApiError(fault.code, fault.message, fault.status)


def _wait_and_serve(
    environ: dict[str, Any], identified: Identified, request: RequestContext, call: Call, refusal: ApiError | None, dispatch: Dispatch
) -> Answer:
    deadline = time.monotonic() + (sqs.wait_of(request) if refusal is None else 0)
    while True:
        with clock.lock:
            clock.settle()
            if time.monotonic() >= deadline or sqs.has_messages(request):
                return _serve(environ, identified, request, call, refusal, dispatch)
        time.sleep(_POLL)


def _serve(
    environ: dict[str, Any], identified: Identified, request: RequestContext, call: Call, refusal: ApiError | None, dispatch: Dispatch
) -> Answer:
    token = context.current.set(request)
    try:
        _admit(identified, request, refusal)
        environ["HTTP_X_MOTO_ACCOUNT_ID"] = request.account_id
        status, headers, body = dispatch(environ)
        if status == 404 and not body and identified.protocol != errors.REST_XML:
            raise errors.unknown_operation(identified.protocol, identified.operation)
        answer = Answer(status, headers, body)
        _conclude(answer, identified, request, call)
        return answer
    except ApiError as error:
        _refused(error, request, call)
        return _error_answer(error, identified, request)
    except NotImplementedError:
        error = errors.not_implemented(request.service, request.operation)
        record.finish(call, "error", error.status, error.code)
        return _error_answer(error, identified, request)
    except Exception as exception:
        _LOG.exception("%s:%s failed in the sandbox", request.service, request.operation)
        internal_errors.append(
            {
                "sequence": call.sequence,
                "service": request.service,
                "operation": request.operation,
                "error": f"{type(exception).__name__}: {exception}",
                "traceback": traceback.format_exc(),
            }
        )
        error = errors.internal(request.service, f"The sandbox failed: {type(exception).__name__}: {exception}")
        record.finish(call, "internal", error.status, error.code)
        return _error_answer(error, identified, request)
    finally:
        context.current.reset(token)


def _admit(identified: Identified, request: RequestContext, refusal: ApiError | None) -> None:
    """Everything that is asked before the service is. Raises what it answers."""
    if not throttling.take(request.account_id, request.region, request.service, request.operation):
        raise errors.throttled(request.service, request.protocol)
    if refusal is not None:
        raise refusal
    if identified.malformed is not None:
        raise identified.malformed
    if enforcement.enabled and request.service != "unknown":
        denial = evaluate.check(request)
        if denial is not None:
            raise errors.access_denied(request.service, request.protocol, denial.message)
    if identified.operation_model is not None and identified.protocol in (errors.JSON, errors.QUERY, errors.EC2, errors.CBOR):
        validate(request.service, identified.protocol, identified.operation_model, request.params)


def _refused(error: ApiError, request: RequestContext, call: Call) -> None:
    if error.code.startswith(("Throttl", "RequestLimitExceeded", "RequestThrottled", "SlowDown")):
        outcome = "throttled"
    elif error.code.startswith(("AccessDenied", "UnauthorizedOperation")):
        outcome = "denied"
    else:
        outcome = "error"
    record.finish(call, outcome, error.status, error.code)
    if outcome != "throttled" and cloudtrail.recorded(request.service, request.operation) and request.caller.kind != "anonymous":
        cloudtrail.record(request, lambda: None, (error.code, error.message))


def _conclude(answer: Answer, identified: Identified, request: RequestContext, call: Call) -> None:
    """Request id, record and CloudTrail of what a service answered."""
    xml = identified.protocol in (errors.QUERY, errors.EC2, errors.REST_XML)
    if xml and identified.service != "s3":
        replacement = rb"<\1>" + request.request_id.encode() + b"</"
        answer.body = _REQUEST_ID.sub(replacement, answer.body)
    own = ("x-amzn-requestid", "x-amz-request-id", "access-control-allow-origin", "server", "date")
    answer.headers = [(name, value) for name, value in answer.headers if name.lower() not in own]
    header = "x-amz-request-id" if identified.service == "s3" else "x-amzn-RequestId"
    answer.headers.append((header, request.request_id))
    if answer.status < 400:
        call.effect = True
        record.finish(call, "ok", answer.status, None)
    else:
        code, _ = _error_of(answer, identified)
        record.finish(call, "internal" if answer.status == 500 else "error", answer.status, code)
    if cloudtrail.recorded(request.service, request.operation):
        if answer.status < 400:
            cloudtrail.record(request, lambda: _result_of(answer, identified), None)
        else:
            cloudtrail.record(request, lambda: None, _error_of(answer, identified))


def _result_of(answer: Answer, identified: Identified) -> Any:
    operation = identified.operation_model
    if operation is None or operation.output_shape is None:
        return None
    response = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.body}
    return create_parser(identified.protocol).parse(response, operation.output_shape)


def _error_of(answer: Answer, identified: Identified) -> tuple[str, str]:
    if identified.protocol in (errors.QUERY, errors.EC2, errors.REST_XML):
        code, message = _QUERY_CODE.search(answer.body), _QUERY_MESSAGE.search(answer.body)
        return (code[1].decode() if code else "Unknown", message[1].decode() if message else "")
    if identified.protocol == errors.CBOR:
        said = cbor2.loads(answer.body)
    else:
        try:
            said = json.loads(answer.body)
        except ValueError:
            said = {}
    headers = {name.lower(): value for name, value in answer.headers}
    kind = str(said.get("__type") or headers.get("x-amzn-errortype") or "Unknown")
    return kind.rsplit("#", 1)[-1].split(":")[0], str(said.get("message") or said.get("Message") or "")


def _error_answer(error: ApiError, identified: Identified, request: RequestContext) -> Answer:
    headers, body = errors.serialize(error, identified.protocol, identified.service, request.request_id, identified.namespace)
    return Answer(error.status, list(headers.items()), body)
