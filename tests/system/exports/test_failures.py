"""An export that cannot be made says why, and leaves nothing in the bucket."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from runbook_sandbox.clocked.account import ACCOUNT

from exports.exporter import Exporter

FINAL, TEMPORARY = 2, 1


def failed(exporter: Exporter, reason: str, code: int = FINAL, **changes: Any) -> str:
    """Its message; that nothing is left is looked at."""
    told = exporter.run(**changes)
    assert (told["result"], told.get("reason"), told["exitCode"]) == ("Failed", reason, code), told
    assert exporter.bucket.is_empty()
    return told["message"]


def test_a_table_that_is_not_there(exporter: Exporter):
    assert '"no_such"' in failed(exporter, "TableNotFound", tables=["users", "no_such"])
    assert "search_path" in failed(exporter, "TableNotFound", tables=["app.users"])
    with exporter.database.connect() as connection:
        connection.execute("CREATE OR REPLACE VIEW everybody AS SELECT * FROM users")
    assert "is a view" in failed(exporter, "TableNotFound", tables=["everybody"])
    failed(exporter, "InvalidOrder", tables=["user*"])


def test_a_server_that_does_not_let_it_in(exporter: Exporter):
    exporter.secret(password="wrong")
    assert "28P01" in failed(exporter, "CredentialsRefused")
    exporter.secret(password="")
    assert "no password" in failed(exporter, "CredentialsMissing")
    exporter.secret(password=exporter.database.password, dbname="nothing")
    failed(exporter, "DatabaseNotFound")
    failed(exporter, "DatabaseUnreachable", TEMPORARY, port=1)
    failed(exporter, "DatabaseUnreachable", TEMPORARY, host="no-such-host.invalid")


def test_a_server_whose_certificate_nobody_knows(exporter: Exporter):
    exporter.ca = None
    assert "UnknownIssuer" in failed(exporter, "TlsFailed")


def test_a_primary_is_no_replica(exporter: Exporter):
    assert "a replica was ordered" in failed(exporter, "WrongSource", source="Replica")


def test_a_role_that_may_not_read_a_table(exporter: Exporter):
    with exporter.database.connect() as connection:
        connection.execute("CREATE ROLE reader LOGIN PASSWORD 'reader-word'")
        # The state of a sequence is part of its table's dump.
        connection.execute("GRANT SELECT ON users, users_id_seq TO reader")
    exporter.secret(username="reader", password="reader-word")
    assert exporter.run(tables=["users"])["result"] == "Complete"
    told = exporter.run(tables=["users", "sessions"], name="other")
    assert (told["reason"], told["exitCode"]) == ("PermissionDenied", FINAL) and "sessions" in told["message"]
    assert not [key for key in exporter.bucket.listed() if "other" in key] and not exporter.bucket.uploads()


def test_a_bucket_that_refuses(exporter: Exporter):
    for right in ("s3:PutObject", "s3:GetObject", "s3:ListBucketMultipartUploads"):
        exporter.bucket.forbid(right)
        assert right in failed(exporter, "BucketRefused")
    exporter.bucket.forbid()
    assert "bucketOwner" in failed(exporter, "BucketRefused", s3={"bucketOwner": "210987654321"})
    assert "bucketOwner" in failed(exporter, "BucketRefused", s3={"prefix": "elsewhere/"})
    key = f"arn:aws:kms:eu-central-1:{ACCOUNT}:key/1"
    assert "kms:GenerateDataKey" in failed(exporter, "BucketRefused", s3={"kmsKeyId": key})
    assert failed(exporter, "BucketNotFound", s3={"region": "eu-west-1"})
    exporter.bucket.key = ("test", "test")
    assert failed(exporter, "BucketNotFound", s3={"bucket": "no-such-bucket"})


def test_credentials_of_aws_that_are_not_there(exporter: Exporter):
    exporter.bucket.key = ("", "")
    failed(exporter, "AwsCredentialsMissing", TEMPORARY)


def script(exporter: Exporter, text: str) -> Path:
    """A pg_dump that does something else."""
    path = exporter.connection.parent / "pg_dump"
    path.write_text(f"#!/bin/sh\n{text.replace('PG_DUMP', str(exporter.postgres['pg_dump']))}\n")
    os.chmod(path, 0o755)
    return path


def test_a_pg_dump_that_is_too_old_or_not_there(exporter: Exporter):
    exporter.pg_dump = script(exporter, "echo 'pg_dump (PostgreSQL) 12.1'")
    assert "newer" in failed(exporter, "VersionTooOld")
    exporter.pg_dump = script(exporter, "echo nothing")
    failed(exporter, "NotInstalled")
    exporter.pg_dump = exporter.connection / "nothing"
    failed(exporter, "NotInstalled")


def test_a_pg_dump_that_fails_in_the_middle(exporter: Exporter):
    """Its output looks like a dump, for as long as it goes."""
    version = "case $1 in --version) exec PG_DUMP --version;; esac"
    exporter.pg_dump = script(exporter, f"{version}\nPG_DUMP \"$@\" | head -c 2000\necho 'pg_dump: error: out of memory' >&2\nexit 1")
    assert "out of memory" in failed(exporter, "DumpFailed", TEMPORARY)


def test_something_else_that_has_the_key(exporter: Exporter):
    bucket, key = exporter.bucket, "database/user-data-20260301-013000.dump.zst"
    bucket.s3.put_object(Bucket=bucket.name, Key=key, Body=b"precious")
    told = exporter.run()
    assert (told["reason"], told["exitCode"]) == ("KeyTaken", FINAL)
    assert (bucket.read(key), bucket.listed(), bucket.uploads()) == (b"precious", [key], [])
    bucket.s3.delete_object(Bucket=bucket.name, Key=key)
    bucket.s3.put_object(Bucket=bucket.name, Key=f"{key}.manifest.json", Body=b"{}")
    assert exporter.run()["reason"] == "KeyTaken"
    assert bucket.listed() == [f"{key}.manifest.json"]


def test_a_manifest_that_cannot_be_written_takes_the_dump_along(exporter: Exporter):
    faults = {"service": "s3", "operation": "PutObject", "kind": "access_denied"}
    exporter.bucket.account.control("POST", "/faults", faults)
    failed(exporter, "BucketRefused")


def test_trouble_that_passes(exporter: Exporter):
    aws = exporter.bucket.account
    for operation, kind in (("UploadPart", "error503"), ("UploadPart", "throttle"), ("CompleteMultipartUpload", "reset@after")):
        kind, _, when = kind.partition("@")
        fault = {"service": "s3", "operation": operation, "kind": kind, "count": 1}
        aws.control("POST", "/faults", fault | ({"when": when} if when else {}))
    assert exporter.run()["result"] == "Complete"
    assert not exporter.bucket.uploads()
