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
from xml.parsers.expat import ExpatError

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
_XML = (errors.QUERY, errors.EC2, errors.REST_XML)
#: Protocols whose parameters are held against the model; moto parses the bodies of REST services itself.
_VALIDATED = (errors.JSON, errors.QUERY, errors.EC2, errors.CBOR)
_THROTTLED = ("Throttl", "RequestLimitExceeded", "RequestThrottled", "SlowDown")
_DENIED = ("AccessDenied", "UnauthorizedOperation", "AuthorizationError")
#: Headers of moto's answers that AWS's have not, or that the server sets itself.
_NOT_OURS = ("x-amzn-requestid", "x-amz-request-id", "access-control-allow-origin", "server", "date")
#: How often a long poll looks into its queue, in seconds of wall time.
_POLL = 0.05


@dataclass
class Answer:
    """An HTTP answer; `drop` cuts the connection instead."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    drop: bool = False


#: moto, called in-process: environ -> (status, headers, body).
Dispatch = Callable[[dict[str, Any]], tuple[int, list[tuple[str, str]], bytes]]

#: Failures of the sandbox itself, newest last; tests assert that there are none.
internal_errors: deque[dict[str, Any]] = deque(maxlen=100)


def failed(exception: Exception, **where: Any) -> None:
    """Note a failure of the sandbox itself."""
    internal_errors.append(
        {**where, "error": f"{type(exception).__name__}: {exception}", "traceback": "".join(traceback.format_exception(exception))}
    )


def appointment_failed(appointment: Appointment, error: Exception) -> None:
    """One appointment that fails must not stop those after it, nor the request that happened to settle the clock."""
    _LOG.error("the appointment %r failed", appointment.name, exc_info=error)
    failed(error, service="clock", operation=appointment.name)


def handle(environ: dict[str, Any], body: bytes, dispatch: Dispatch) -> Answer:
    """Answer one AWS request."""
    with clock.lock:
        clock.settle()
        exchange = Exchange(environ, identify(environ, body), dispatch)
    return exchange.answer()


class Exchange:
    """One request on its way, and what is known of it."""

    def __init__(self, environ: dict[str, Any], identified: Identified, dispatch: Dispatch) -> None:
        self._environ = environ
        self._identified = identified
        self._dispatch = dispatch
        #: Why the caller is nobody, told once the call is recorded and its rate is taken.
        self._refusal: ApiError | None = None
        self._request = self._identify_caller()
        self._call = self._record()
        request = self._request
        self._fault = faults.decide(request.service, request.operation, request.resources, request.account_id, request.region)

    def _identify_caller(self) -> RequestContext:
        identified = self._identified
        partition = get_partition(identified.region)
        try:
            caller = authenticate(identified)
        except ApiError as error:
            self._refusal = error
            caller = identities.anonymous(identified.access_key_id or "")
        request = RequestContext(
            request_id=str(uuid.uuid4()),
            service=identified.service,
            operation=identified.operation,
            protocol=identified.protocol,
            account_id=caller.account_id,
            region=identified.region,
            partition=partition,
            caller=caller,
            received=clock.now(),
            params=identified.params,
            source_ip=self._environ.get("REMOTE_ADDR", "127.0.0.1"),
            user_agent=self._environ.get("HTTP_USER_AGENT", ""),
        )
        request.resources = _resources(request, identified)
        return request

    def _record(self) -> Call:
        request = self._request
        call = record.add(
            request.service,
            request.operation,
            request.account_id,
            request.region,
            request.params,
            request.request_id,
            request.received,
            datetime.now(UTC),
        )
        call.caller, call.resources = request.caller.arn, request.resources
        return call

    def answer(self) -> Answer:
        """The service's answer, or what a fault makes of it."""
        fault = self._fault
        if fault is None:
            return self._serve()
        self._call.fault = fault.name
        if fault.when == "before":
            return self._suffer(fault) or self._serve()
        served = self._serve()
        return self._suffer(fault) or served

    def _suffer(self, fault: Fault) -> Answer | None:
        """The fault's answer; None when the call goes on, only later. Waits without the clock's lock."""
        if fault.delay:
            time.sleep(fault.delay)
        if fault.kind == "slow":
            return None
        with clock.lock:
            if fault.kind in ("reset", "timeout"):
                record.finish(self._call, "fault", 0, fault.kind)
                return Answer(0, [], b"", drop=True)
            error = _error_of_fault(fault, self._request)
            record.finish(self._call, "throttled" if fault.kind == "throttle" else "fault", error.status, error.code)
            return self._say(error)

    def _serve(self) -> Answer:
        token = context.current.set(self._request)
        try:
            with clock.lock:
                clock.settle()
                self._admit()
            return self._wait_and_dispatch()
        except ApiError as error:
            with clock.lock:
                self._refused(error)
            return self._say(error)
        except (NotImplementedError, ExpatError) as exception:
            request = self._request
            not_xml = isinstance(exception, ExpatError)
            error = errors.malformed_xml() if not_xml else errors.not_implemented(request.service, request.operation)
            record.finish(self._call, "error", error.status, error.code)
            return self._say(error)
        except Exception as exception:
            request = self._request
            _LOG.exception("%s:%s failed in the sandbox", request.service, request.operation)
            failed(exception, sequence=self._call.sequence, service=request.service, operation=request.operation)
            error = errors.internal(request.service, f"The sandbox failed: {type(exception).__name__}: {exception}")
            record.finish(self._call, "internal", error.status, error.code)
            return self._say(error)
        finally:
            context.current.reset(token)

    def _admit(self) -> None:
        """Everything that is asked before the service is. Raises what AWS answers."""
        request, identified = self._request, self._identified
        if not throttling.take(request.account_id, request.region, request.service, request.operation):
            raise errors.throttled(request.service, request.protocol)
        if self._refusal is not None:
            raise self._refusal
        if identified.malformed is not None:
            raise identified.malformed
        if enforcement.enabled:
            denial = evaluate.check(request)
            if denial is not None:
                raise errors.access_denied(request.service, request.protocol, denial.message)
        if identified.operation_model is not None and identified.protocol in _VALIDATED:
            validate(request.service, identified.protocol, identified.operation_model, request.params)

    def _wait_and_dispatch(self) -> Answer:
        deadline = time.monotonic() + sqs.wait_of(self._request)
        while True:
            with clock.lock:
                clock.settle()
                if time.monotonic() >= deadline or sqs.has_messages(self._request):
                    return self._ask_service()
            time.sleep(_POLL)

    def _ask_service(self) -> Answer:
        self._environ["HTTP_X_MOTO_ACCOUNT_ID"] = self._request.account_id
        answer = Answer(*self._dispatch(self._environ))
        if answer.status == 404 and not answer.body and self._identified.protocol != errors.REST_XML:
            raise errors.unknown_operation(self._identified.protocol, self._identified.operation)
        self._stamp(answer)
        self._conclude(answer)
        return answer

    def _stamp(self, answer: Answer) -> None:
        """Give the answer the request's id; moto has one for all."""
        is_s3 = self._identified.service == "s3"
        if self._identified.protocol in _XML and not is_s3:
            answer.body = _REQUEST_ID.sub(rb"<\1>" + self._request.request_id.encode() + b"</", answer.body)
        answer.headers = [(name, value) for name, value in answer.headers if name.lower() not in _NOT_OURS]
        answer.headers.append(("x-amz-request-id" if is_s3 else "x-amzn-RequestId", self._request.request_id))

    def _conclude(self, answer: Answer) -> None:
        """Record what the service answered, and tell CloudTrail."""
        request, identified = self._request, self._identified
        told = cloudtrail.recorded(request.service, request.operation)
        if answer.status < 400:
            self._call.effect = True
            record.finish(self._call, "ok", answer.status, None)
            if told:
                cloudtrail.record(request, lambda: _result_of(answer, identified), None)
            return
        code, message = _error_in(answer, identified)
        record.finish(self._call, "internal" if answer.status == 500 else "error", answer.status, code)
        if told:
            cloudtrail.record(request, lambda: None, (code, message))

    def _refused(self, error: ApiError) -> None:
        outcome = "throttled" if error.code.startswith(_THROTTLED) else "denied" if error.code.startswith(_DENIED) else "error"
        record.finish(self._call, outcome, error.status, error.code)
        known = self._request.caller.kind != "anonymous"
        if outcome != "throttled" and known and cloudtrail.recorded(self._request.service, self._request.operation):
            cloudtrail.record(self._request, lambda: None, (error.code, error.message))

    def _say(self, error: ApiError) -> Answer:
        identified = self._identified
        headers, body = errors.serialize(
            error,
            identified.protocol,
            identified.service,
            self._request.request_id,
            namespace=identified.namespace,
            json_version=identified.json_version,
        )
        return Answer(error.status, list(headers.items()), body)


def _resources(request: RequestContext, identified: Identified) -> list[str]:
    if identified.malformed is not None:
        return ["*"]
    try:
        return resources.resources_of(request.service, request.operation, request.params, request.account_id, request.region)
    except Exception:
        # A resolver that trips over parameters which validation has yet to refuse names no resource.
        _LOG.debug("no resources of %s:%s", request.service, request.operation, exc_info=True)
        return ["*"]


def _error_of_fault(fault: Fault, request: RequestContext) -> ApiError:
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


def _result_of(answer: Answer, identified: Identified) -> Any:
    operation = identified.operation_model
    if operation is None or operation.output_shape is None:
        return None
    response = {"status_code": answer.status, "headers": dict(answer.headers), "body": answer.body}
    return create_parser(identified.protocol).parse(response, operation.output_shape)


def _error_in(answer: Answer, identified: Identified) -> tuple[str, str]:
    """Code and message of an error that a service answered."""
    if identified.protocol in _XML:
        code, message = _QUERY_CODE.search(answer.body), _QUERY_MESSAGE.search(answer.body)
        return (code[1].decode() if code else "Unknown", message[1].decode() if message else "")
    try:
        said = cbor2.loads(answer.body) if identified.protocol == errors.CBOR else json.loads(answer.body)
    except ValueError:
        said = {}
    headers = {name.lower(): value for name, value in answer.headers}
    kind = str(said.get("__type") or headers.get("x-amzn-errortype") or "Unknown")
    return kind.rsplit("#", 1)[-1].split(":")[0], str(said.get("message") or said.get("Message") or "")
