"""Services that the sandbox implements itself, from AWS's own service model.

A service is a table of operations, each a function from a `Call` to the result as the API reference names its members.
Parsing and serialising by botocore's model happens here once, in every protocol of the service (query, JSON 1.0/1.1,
RPC v2 CBOR), so an operation never sees the wire.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import cbor2
from botocore.utils import parse_timestamp
from moto.core.errors import get_error_model
from moto.core.exceptions import ServiceException
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import JSONParser, QueryParser
from moto.core.responses import BaseResponse
from moto.core.serialize import QuerySerializer, SerializationContext
from moto.core.utils import get_service_model

from runbook_sandbox.aws import query_xml, rpc_cbor


@dataclass(frozen=True)
class Call:
    """One request: who pays, where, which operation, with which parameters (botocore's names)."""

    account_id: str
    region: str
    partition: str
    operation: str
    params: dict[str, Any]

    def get(self, name: str, default: Any = None) -> Any:
        """A parameter, or `default` when it was not sent."""
        return self.params.get(name, default)


Operation = Callable[[Call], dict[str, Any] | None]


class Operations:
    """The table of a service's operations; modules add theirs with the decorator."""

    def __init__(self) -> None:
        self._table: dict[str, Operation] = {}

    def __call__(self, name: str) -> Callable[[Operation], Operation]:
        """Decorator: this function answers the operation `name`."""

        def register(function: Operation) -> Operation:
            self._table[name] = function
            return function

        return register

    def include(self, other: Operations) -> None:
        """Take over the operations of a module's own table."""
        self._table |= other._table

    def get(self, name: str) -> Operation | None:
        return self._table.get(name)

    def names(self) -> list[str]:
        return sorted(self._table)


def _aware(text: str | float) -> datetime:
    return parse_timestamp(text).astimezone(UTC)


@lru_cache(maxsize=8)
def _model(service: str) -> ServiceModel:
    return get_service_model(service)


class ModelledResponse(BaseResponse):
    """moto's handler of a service, answered from an `Operations` table."""

    service = ""
    operations = Operations()
    #: Prefix of error types in JSON and CBOR answers, e.g. `com.amazonaws.cloudwatch`.
    error_namespace = ""
    use_raw_body = True

    def __init__(self) -> None:
        super().__init__(service_name=self.service)

    def _get_action(self) -> str:
        return rpc_cbor.operation_of(self.parsed_url.path) or super()._get_action()

    def call_action(self) -> Any:
        model = _model(self.service)
        action = self._get_action()
        operation = self.operations.get(action)
        if operation is None:
            raise NotImplementedError(f"The {action} action has not been implemented")
        operation_model = model.operation_model(action)
        protocol = self._protocol()
        try:
            params = self._parse(protocol, operation_model)
            call = Call(self.current_account, self.region, self.partition, action, params)
            result: Any = operation(call) or {}
            status, headers, body = self._serialize(protocol, operation_model, result)
        except ServiceException as error:
            status, headers, body = self._serialize_error(protocol, operation_model, error)
        answer = {**self.response_headers, **headers}
        if protocol == "cbor":
            answer["x-amzn-RequestId"] = SerializationContext().request_id
            return status, {**answer, "status": str(status)}, body
        answer, body = self._enrich_response({**answer, "status": str(status)}, body)
        return status, answer, body

    def _protocol(self) -> str:
        if rpc_cbor.operation_of(self.parsed_url.path):
            return "cbor"
        if self.headers.get("X-Amz-Target"):
            return "json"
        return "query"

    def _parse(self, protocol: str, operation: OperationModel) -> dict[str, Any]:
        request = self.normalized_request
        if protocol == "cbor":
            try:
                return rpc_cbor.parse(request.get_data(), operation.input_shape)
            except rpc_cbor.MalformedBody as error:
                raise ServiceException("SerializationException", str(error)) from error
        parser = (JSONParser if protocol == "json" else QueryParser)(operation, timestamp_parser=_aware)
        try:
            return parser.parse(
                {
                    "method": request.method,
                    "values": request.values,
                    "headers": request.headers,
                    "body": request.get_data(),
                    "url_path": request.path,
                    "url_params": {},
                }
            )
        except (ValueError, TypeError) as error:
            code = "SerializationException" if protocol == "json" else "MalformedInput"
            raise ServiceException(code, f"Could not parse the request: {error}") from error

    def _serialize(self, protocol: str, operation: OperationModel, result: dict[str, Any]) -> tuple[int, dict[str, Any], Any]:
        if protocol == "cbor":
            # Without an output the body is an empty map, which clients must accept; no body at all would get Flask's content type.
            return 200, _CBOR_HEADERS, rpc_cbor.serialize(result, operation.output_shape)
        if protocol == "json":
            shape = operation.output_shape
            body = rpc_cbor.shaped(result, shape, rpc_cbor.epoch) if shape is not None else {}
            return 200, {"Content-Type": self._json_type(operation)}, json.dumps(body)
        return 200, {"Content-Type": "text/xml"}, query_xml.answer(operation, result, SerializationContext().request_id)

    def _serialize_error(self, protocol: str, operation: OperationModel, error: ServiceException) -> tuple[int, dict[str, Any], Any]:
        if protocol == "query":
            answer = QuerySerializer(operation).serialize(error)
            return _STATUS.get(error.code, answer["status_code"]), dict(answer["headers"]), answer["body"]
        shape = get_error_model(error, operation.service_model)
        status = _STATUS.get(error.code) or shape.metadata.get("error", {}).get("httpStatusCode", 400)
        fault = "Sender" if shape.is_sender_fault else "Receiver"
        # Clients of a service that once spoke query see its error codes in this header, not in the type.
        headers = {"x-amzn-query-error": f"{shape.error_code};{fault}"}
        body: dict[str, Any] = {"__type": f"{self.error_namespace}#{shape.name}"}
        # Some shapes spell the member "Message", some "message"; a generic client looks for either.
        body |= {name: error.message for name in shape.members if name.lower() == "message"} or {"message": error.message}
        if protocol == "cbor":
            return status, {**_CBOR_HEADERS, **headers}, cbor2.dumps(body)
        headers |= {"Content-Type": self._json_type(operation), "X-Amzn-ErrorType": body["__type"]}
        return status, headers, json.dumps(body)

    @staticmethod
    def _json_type(operation: OperationModel) -> str:
        return f"application/x-amz-json-{operation.service_model.metadata.get('jsonVersion', '1.0')}"


#: Errors that no service model declares and that are not 400.
_STATUS = {"AccessDenied": 403}
_CBOR_HEADERS = {"Content-Type": rpc_cbor.CONTENT_TYPE, "smithy-protocol": "rpc-v2-cbor"}
