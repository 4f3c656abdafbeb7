"""What S3 refuses and moto does not (Amazon S3 API Reference, "Error responses"; User Guide, "Multipart upload", "Object Lock").

moto takes any bucket of any account in any region, an upload that is gone for a failure of its own, parts whose checksums are
wrong or left out, and calls every upload one of 2010.
"""

from __future__ import annotations

import base64
import hashlib
from itertools import pairwise
from typing import Any
from xml.dom import minidom

from moto.core.responses import ActionResult
from moto.s3 import exceptions
from moto.s3.models import FakeMultipart, S3Backend, s3_backends
from moto.s3.responses import S3Response

from runbook_sandbox.aws import context
from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.rights import refusal
from runbook_sandbox.aws.wire.errors import ApiError

#: Of one upload, and of one answer that lists (User Guide, "Amazon S3 multipart upload limits").
MAX_PARTS, MAX_UPLOADS = 10_000, 1_000
_ALGORITHM = "x-amz-checksum-algorithm"
_EXPECTED_OWNER = "x-amz-expected-bucket-owner"
_KMS_KEY = "x-amz-server-side-encryption-aws-kms-key-id"

_motos_authorize = S3Response._authenticate_and_authorize_s3_action
_motos_multipart = FakeMultipart.__init__
_motos_complete = S3Backend.complete_multipart_upload
_motos_head = S3Response.head_object


def install() -> None:
    """Idempotent."""
    S3Response._authenticate_and_authorize_s3_action = _authorize
    S3Response.list_multipart_uploads = _list_multipart_uploads
    S3Response.head_object = _head_object
    FakeMultipart.__init__ = _multipart
    S3Backend.complete_multipart_upload = _complete
    exceptions.AccessDeniedByLock.__init__ = _locked


def _locked(error: Any) -> None:
    exceptions.S3ClientError.__init__(error, "AccessDenied", "Access Denied because object protected by object lock.")


def _multipart(upload: FakeMultipart, *args: Any, **kwargs: Any) -> None:
    _motos_multipart(upload, *args, **kwargs)
    upload.initiated = clock.now()


def _complete(backend: S3Backend, bucket_name: str, multipart_id: str, body: Any) -> Any:
    key = _motos_complete(backend, bucket_name, multipart_id, body)
    bucket = backend.get_bucket(bucket_name)
    if key is not None and bucket.has_default_lock and not key.lock_mode:
        key.lock_mode, key.lock_until = bucket.default_lock_mode, bucket.default_retention()
    return key


def _authorize(response: S3Response, bucket_name: str | None = None, key_name: str | None = None) -> None:
    """What is asked of every request that names a bucket, before it is served."""
    _motos_authorize(response, bucket_name=bucket_name, key_name=key_name)
    request = context.current.get()
    if request is None or bucket_name not in s3_backends.bucket_accounts:
        return
    account = s3_backends.bucket_accounts[bucket_name][1]
    bucket = response.backend.buckets.get(bucket_name)
    if response.headers.get(_EXPECTED_OWNER, account) != account:
        raise _denied()
    if bucket is None:
        # Another account's: bucket policies that would let somebody in are not judged here.
        raise _denied()
    if request.region != bucket.region_name and request.operation != "GetBucketLocation":
        message = "The bucket you are attempting to access must be addressed using the specified endpoint."
        message = f"{message} Please send all future requests to this endpoint."
        raise ApiError("PermanentRedirect", message, 301, headers={"x-amz-bucket-region": bucket.region_name})
    if key_name is not None:
        _check_key(response, request, bucket, key_name)


def _check_key(response: S3Response, request: Any, bucket: Any, key_name: str) -> None:
    arn = f"{bucket.arn}/{key_name}"
    if request.operation in ("GetObject", "HeadObject") and response.backend.get_object(bucket.name, key_name) is None:
        # Who may not list is not told what there is (API reference of GetObject, "Permissions").
        _demand("s3:ListBucket", bucket.arn)
    if request.operation == "DeleteObject" and "versionId" in response.querystring:
        _demand("s3:DeleteObjectVersion", arn)
    if key := response.headers.get(_KMS_KEY):
        # A multipart upload decrypts what it has encrypted, to put the parts together.
        for action in ("kms:GenerateDataKey", "kms:Decrypt") if request.operation == "CreateMultipartUpload" else ("kms:GenerateDataKey",):
            _demand(action, key if key.startswith("arn:") else f"arn:aws:kms:{request.region}:{request.account_id}:key/{key}")
    _check_digest(response)
    if upload_id := response.querystring.get("uploadId", [None])[0]:
        _check_upload(response, request, bucket, key_name, upload_id)


def _check_digest(response: S3Response) -> None:
    given = response.headers.get("x-amz-checksum-sha256")
    if given and base64.b64encode(hashlib.sha256(bytes(response.body or b"")).digest()).decode() != given:
        raise ApiError("BadDigest", "The SHA256 you specified did not match the calculated checksum.")


def _check_upload(response: S3Response, request: Any, bucket: Any, key_name: str, upload_id: str) -> None:
    upload = bucket.multiparts.get(upload_id)
    if upload is None or upload.key_name != key_name:
        existing = response.backend.get_object(bucket.name, key_name)
        again = request.operation == "CompleteMultipartUpload" and existing is not None and existing.multipart
        if again and existing.multipart.id == upload_id:
            return
        message = "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."
        raise ApiError("NoSuchUpload", message, 404)
    algorithm = str(upload.metadata.get(_ALGORITHM) or "").lower()
    if request.operation == "UploadPart":
        number = int(response.querystring["partNumber"][0])
        if not 1 <= number <= MAX_PARTS:
            raise ApiError("InvalidArgument", f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive")
        if algorithm and f"x-amz-checksum-{algorithm}" not in response.headers:
            actual = str(response.headers.get("x-amz-sdk-checksum-algorithm") or "null").lower()
            said = f"Checksum Type mismatch occurred, expected checksum Type: {algorithm}, actual checksum Type: {actual}"
            raise ApiError("InvalidRequest", said)
    if request.operation == "CompleteMultipartUpload":
        _check_parts(minidom.parseString(response.body).getElementsByTagName("Part"), algorithm)


def _check_parts(parts: Any, algorithm: str) -> None:
    numbers = [int(part.getElementsByTagName("PartNumber")[0].firstChild.data) for part in parts]
    if any(one >= other for one, other in pairwise(numbers)):
        said = "The list of parts was not in ascending order. The parts list must be specified in order by part number."
        raise ApiError("InvalidPartOrder", said)
    if algorithm == "sha256" and not all(part.getElementsByTagName("ChecksumSHA256") for part in parts):
        said = "The upload was created using a sha256 checksum. The complete request must include the checksum for each part."
        raise ApiError("InvalidRequest", said)


def _head_object(response: S3Response, *args: Any, **kwargs: Any) -> Any:
    status, headers, body = _motos_head(response, *args, **kwargs)
    request = context.current.get()
    if request is not None and refusal("s3:GetObjectRetention", request.resources[0], {}):
        headers = {name: value for name, value in headers.items() if not name.lower().startswith("x-amz-object-lock")}
    return status, headers, body


def _list_multipart_uploads(response: S3Response) -> Any:
    query = {name: values[0] for name, values in response.querystring.items()}
    prefix, most = query.get("prefix", ""), min(int(query.get("max-uploads", MAX_UPLOADS)), MAX_UPLOADS)
    after = (query.get("key-marker", ""), query.get("upload-id-marker", "\U0010ffff"))
    found = response.backend.list_multipart_uploads(response.bucket_name).values()
    uploads = sorted((one for one in found if one.key_name.startswith(prefix)), key=lambda one: (one.key_name, one.id))
    uploads = [one for one in uploads if (one.key_name, one.id) > after]
    page = uploads[:most]
    owner = {"ID": hashlib.sha256(response.current_account.encode()).hexdigest()}
    result: dict[str, Any] = {
        "Bucket": response.bucket_name,
        "KeyMarker": query.get("key-marker", ""),
        "UploadIdMarker": query.get("upload-id-marker", ""),
        "Prefix": prefix,
        "MaxUploads": most,
        "IsTruncated": len(uploads) > most,
        "Uploads": [
            {
                "Key": upload.key_name,
                "UploadId": upload.id,
                "Initiator": owner,
                "Owner": owner,
                "StorageClass": "STANDARD",
                "Initiated": upload.initiated,
                "ChecksumAlgorithm": upload.metadata.get(_ALGORITHM),
            }
            for upload in page
        ],
    }
    if result["IsTruncated"]:
        result |= {"NextKeyMarker": page[-1].key_name, "NextUploadIdMarker": page[-1].id}
    response.data["Action"] = "ListMultipartUploads"
    return response.serialized(ActionResult(result))


def _demand(action: str, resource: str) -> None:
    if denial := refusal(action, resource, {}):
        raise ApiError("AccessDenied", denial, 403)


def _denied() -> ApiError:
    return ApiError("AccessDenied", "Access Denied", 403)
