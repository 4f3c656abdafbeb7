"""What S3 refuses of buckets, objects and multipart uploads."""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

BUCKET, KEY, ACCOUNT = "clocked-backups", "database/dump", "123456789012"
MIB = 1 << 20


def refused(call: Any, **parameters: Any) -> tuple[str, str]:
    """Code and message of what a call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


@pytest.fixture
def s3(aws):
    client = aws.client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    return client


def begin(s3, **more: Any) -> dict[str, str]:
    return {"Bucket": BUCKET, "Key": KEY, "UploadId": s3.create_multipart_upload(Bucket=BUCKET, Key=KEY, **more)["UploadId"]}


def upload(s3, where: dict[str, str], *sizes: int, **more: Any) -> list[dict[str, Any]]:
    parts = []
    for number, size in enumerate(sizes, 1):
        answer = s3.upload_part(**where, PartNumber=number, Body=b"x" * size, **more)
        part = {"PartNumber": number, "ETag": answer["ETag"]}
        parts.append(part | ({"ChecksumSHA256": answer["ChecksumSHA256"]} if more else {}))
    return parts


def test_parts_but_the_last_have_five_mebibytes_and_come_in_their_order(s3):
    where = begin(s3)
    parts = upload(s3, where, 5 * MIB - 1, 1)
    assert refused(s3.complete_multipart_upload, **where, MultipartUpload={"Parts": parts})[0] == "EntityTooSmall"
    parts = upload(s3, where, 5 * MIB, 1)
    assert refused(s3.complete_multipart_upload, **where, MultipartUpload={"Parts": parts[::-1]})[0] == "InvalidPartOrder"
    wrong = [parts[0], parts[1] | {"ETag": parts[0]["ETag"]}]
    assert refused(s3.complete_multipart_upload, **where, MultipartUpload={"Parts": wrong})[0] == "InvalidPart"
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": parts})
    assert s3.head_object(Bucket=BUCKET, Key=KEY)["ContentLength"] == 5 * MIB + 1


def test_an_upload_that_is_gone_takes_no_parts(s3):
    where = begin(s3)
    assert refused(s3.upload_part, **where, PartNumber=10_001, Body=b"x")[0] == "InvalidArgument"
    s3.abort_multipart_upload(**where)
    assert refused(s3.upload_part, **where, PartNumber=1, Body=b"x")[0] == "NoSuchUpload"
    assert refused(s3.abort_multipart_upload, **where)[0] == "NoSuchUpload"
    assert refused(s3.complete_multipart_upload, **where, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x"}]})[0] == "NoSuchUpload"


def test_an_upload_with_checksums_wants_them_of_every_part(s3):
    where = begin(s3, ChecksumAlgorithm="SHA256")
    assert refused(s3.upload_part, **where, PartNumber=1, Body=b"x", ChecksumAlgorithm="CRC32")[0] == "InvalidRequest"
    wrong = base64.b64encode(hashlib.sha256(b"y").digest()).decode()
    assert refused(s3.upload_part, **where, PartNumber=1, Body=b"x", ChecksumSHA256=wrong)[0] == "BadDigest"
    digest = base64.b64encode(hashlib.sha256(b"x").digest()).decode()
    tag = s3.upload_part(**where, PartNumber=1, Body=b"x", ChecksumSHA256=digest)["ETag"]
    part = {"PartNumber": 1, "ETag": tag}
    assert refused(s3.complete_multipart_upload, **where, MultipartUpload={"Parts": [part]})[0] == "InvalidRequest"
    s3.complete_multipart_upload(**where, MultipartUpload={"Parts": [part | {"ChecksumSHA256": digest}]})


def test_uploads_are_listed_with_the_time_at_which_they_were_begun(aws, s3):
    first = begin(s3)
    aws.control("POST", "/clock", {"advance": 3600})
    s3.create_multipart_upload(Bucket=BUCKET, Key=f"{KEY}-2")
    listed = s3.list_multipart_uploads(Bucket=BUCKET, Prefix="database/")["Uploads"]
    assert [upload["Key"] for upload in listed] == [KEY, f"{KEY}-2"]
    assert listed[0]["UploadId"] == first["UploadId"]
    assert (listed[1]["Initiated"] - listed[0]["Initiated"]).total_seconds() == 3600
    page = s3.list_multipart_uploads(Bucket=BUCKET, MaxUploads=1)
    rest = s3.list_multipart_uploads(Bucket=BUCKET, KeyMarker=page["NextKeyMarker"], UploadIdMarker=page["NextUploadIdMarker"])
    assert page["IsTruncated"] and [upload["Key"] for upload in rest["Uploads"]] == [f"{KEY}-2"]


def test_a_bucket_of_another_account_or_region(aws, s3):
    assert refused(s3.put_object, Bucket=BUCKET, Key=KEY, Body=b"", ExpectedBucketOwner="210987654321") == ("AccessDenied", "Access Denied")
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"", ExpectedBucketOwner=ACCOUNT)
    other = aws.client("s3", aws_access_key_id="210987654321")
    assert refused(other.get_object, Bucket=BUCKET, Key=KEY)[0] == "AccessDenied"
    # boto3 goes on to the region that it is told.
    aws.client("s3", region="eu-west-1").get_object(Bucket=BUCKET, Key=KEY)
    assert "PermanentRedirect" in [call["error_code"] for call in aws.control("GET", "/calls", operation="GetObject")["calls"]]


def test_what_is_locked_stays(aws):
    s3 = aws.client("s3")
    where = {"LocationConstraint": "eu-central-1"}
    s3.create_bucket(Bucket="locked", CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
    rule = {"DefaultRetention": {"Mode": "COMPLIANCE", "Days": 1}}
    s3.put_object_lock_configuration(Bucket="locked", ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule})
    upload = s3.create_multipart_upload(Bucket="locked", Key=KEY)["UploadId"]
    tag = s3.upload_part(Bucket="locked", Key=KEY, UploadId=upload, PartNumber=1, Body=b"x")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": tag}]}
    version = s3.complete_multipart_upload(Bucket="locked", Key=KEY, UploadId=upload, MultipartUpload=parts)["VersionId"]
    assert s3.head_object(Bucket="locked", Key=KEY)["ObjectLockMode"] == "COMPLIANCE"
    code, message = refused(s3.delete_object, Bucket="locked", Key=KEY, VersionId=version)
    assert (code, "object lock" in message) == ("AccessDenied", True)
    aws.control("POST", "/clock", {"advance": 86_401})
    s3.delete_object(Bucket="locked", Key=KEY, VersionId=version)


def test_rights(aws, s3):
    iam = aws.client("iam")

    def user(name: str, *actions: str) -> Any:
        iam.create_user(UserName=name)
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        return aws.client_of("s3", iam.create_access_key(UserName=name)["AccessKey"])

    reader, lister = user("reader", "s3:GetObject", "s3:DeleteObject"), user("lister", "s3:GetObject", "s3:ListBucket")
    writer = user("writer", "s3:PutObject")
    s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"x")
    aws.control("PUT", "/iam", {"enforce": True, "administrators": ["AKIATESTTESTTESTTEST"]})
    assert refused(reader.get_object, Bucket=BUCKET, Key="missing")[0] == "AccessDenied"
    assert refused(lister.get_object, Bucket=BUCKET, Key="missing")[0] == "NoSuchKey"
    assert refused(lister.put_object, Bucket=BUCKET, Key=KEY, Body=b"")[0] == "AccessDenied"
    assert refused(reader.delete_object, Bucket=BUCKET, Key=KEY, VersionId="null")[0] == "AccessDenied"
    key = "arn:aws:kms:eu-central-1:123456789012:key/1"
    encrypted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key}
    assert "kms:GenerateDataKey" in refused(writer.put_object, Bucket=BUCKET, Key=KEY, Body=b"", **encrypted)[1]
