"""`runbook-export` as the Job of an export runs it, and the bucket that it writes to."""

from __future__ import annotations

import gzip
import json
import os
import resource
import subprocess
from pathlib import Path
from typing import Any

from runbook_sandbox.clocked.account import ACCOUNT, REGION, Account
from runbook_sandbox.clocked.database import Database, certificate_authority
from runbook_sandbox.postgres import binaries
from runbook_sandbox.processes import wait_until

from exports import zstandard

#: The image of exports' Jobs.
EXPORTER = "runbook-exporter:dev"
SLOT, STAMP, NAME = "2026-03-01T01:30:00Z", "20260301-013000", "user-data"
OWNER = "sandbox/clocked/databasebackups/export"
#: What docs/backups.md says that the role of a Job needs, and no more.
OBJECTS = ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectRetention"]
BUCKETS = ["s3:ListBucket", "s3:ListBucketMultipartUploads"]


def policy(bucket: str, *without: str) -> dict[str, Any]:
    """An IAM policy for exports into a bucket."""

    def allow(actions: list[str], resource: str) -> dict[str, Any]:
        allowed = [action for action in actions if action not in without]
        return {"Effect": "Allow", "Action": allowed, "Resource": f"arn:aws:s3:::{resource}"}

    return {"Version": "2012-10-17", "Statement": [allow(OBJECTS, f"{bucket}/database/*"), allow(BUCKETS, bucket)]}


def program() -> Path:
    """The exporter: RUNBOOK_EXPORT, or the one that was built beside the operator."""
    operator = os.environ.get("RUNBOOK_OPERATOR", "")
    return Path(os.environ.get("RUNBOOK_EXPORT") or Path(operator).with_name("runbook-export"))


def image(folder: Path) -> Path:
    """The exporter with pg_dump, as its image has them, and an environment of AWS: what a pod identity brings on AWS.

    That is the file `environment` beside it, once there is one.
    """
    script = folder / "runbook-export"
    script.write_text(f'#!/bin/sh\n. {folder}/environment\nexec {program()} "$@"\n')
    script.chmod(0o755)
    return script


class Bucket:
    """A bucket, and a user who may export into it and do nothing else."""

    def __init__(self, account: Account, name: str, **settings: Any) -> None:
        self.account, self.name = account, name
        self.s3 = account.client("s3")
        self.s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION}, **settings)
        self.key = account.create_user(f"exporter-{name}", policy(name))

    def forbid(self, *actions: str) -> None:
        """Takes rights away from the user."""
        document = json.dumps(policy(self.name, *actions))
        user = f"exporter-{self.name}"
        self.account.client("iam").put_user_policy(UserName=user, PolicyName=user, PolicyDocument=document)

    def listed(self) -> list[str]:
        return [found["Key"] for found in self.s3.list_objects_v2(Bucket=self.name).get("Contents", [])]

    def uploads(self) -> list[str]:
        return [found["Key"] for found in self.s3.list_multipart_uploads(Bucket=self.name).get("Uploads", [])]

    def read(self, key: str) -> bytes:
        return self.s3.get_object(Bucket=self.name, Key=key)["Body"].read()

    def is_empty(self) -> bool:
        """Whether nothing is left: no object, no version of one, no upload."""
        versions = self.s3.list_object_versions(Bucket=self.name)
        return not (self.listed() or self.uploads() or versions.get("Versions") or versions.get("DeleteMarkers"))


class Exporter:
    """Exports of one database into one bucket."""

    def __init__(self, program: str, database: Database, bucket: Bucket, folder: Path) -> None:
        self.database, self.bucket = database, bucket
        self._program, self._folder = program, folder
        self.postgres = binaries.ensure()
        self.connection = folder / "connection"
        self.connection.mkdir()
        self.secret(username=database.user, password=database.password, dbname=database.name)
        self.pg_dump = self.postgres["pg_dump"]
        self.ca: Path | None = certificate_authority(database.account)

    def secret(self, **entries: str) -> None:
        """Writes keys of the Secret."""
        for name, value in entries.items():
            (self.connection / name).write_text(value)

    def order(self, **changes: Any) -> dict[str, Any]:
        """An order; what is None is left out, `s3` is merged."""
        endpoint = self.database.show()["Endpoint"]
        store = {"bucket": self.bucket.name, "region": REGION, "prefix": "database/", "bucketOwner": ACCOUNT} | changes.pop("s3", {})
        order = {
            "owner": OWNER,
            "name": NAME,
            "slot": SLOT,
            "databaseArn": self.database.show()["DBInstanceArn"],
            "source": "Primary",
            "host": endpoint["Address"],
            "port": endpoint["Port"],
            "s3": store,
            "deadlineSeconds": 3600,
        }
        return {name: value for name, value in (order | changes).items() if value is not None}

    def start(self, memory: int | None = None, **changes: Any) -> subprocess.Popen[str]:
        """Starts an export; `memory` bounds its address space, in bytes."""
        environment = {"PATH": os.environ["PATH"], "AWS_ENDPOINT_URL": self.bucket.account.endpoint, "AWS_EC2_METADATA_DISABLED": "true"}
        environment |= {"AWS_ACCESS_KEY_ID": self.bucket.key[0], "AWS_SECRET_ACCESS_KEY": self.bucket.key[1]}
        environment |= self.postgres.environment() | {"RUNBOOK_ORDER": json.dumps(self.order(**changes))}
        command = [self._program, f"--connection={self.connection}", f"--pg-dump={self.pg_dump}", f"--work={self._folder}"]
        command += [f"--termination-log={self._folder / 'result'}", *([f"--ca={self.ca}"] if self.ca else [])]

        def bound() -> None:
            if memory:
                resource.setrlimit(resource.RLIMIT_AS, (memory, memory))

        (self._folder / "result").unlink(missing_ok=True)
        pipe = subprocess.PIPE
        return subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, text=True, preexec_fn=bound)

    def finish(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        """Waits for its end: the termination message, with `exitCode`. Nothing that it says has the password."""
        out, err = process.communicate(timeout=180)
        path = self._folder / "result"
        assert path.exists(), f"no result, exit code {process.returncode}: {err[-2000:]}"
        said = path.read_text()
        for text in (out, err, said):
            assert self.database.password not in text
        return json.loads(said) | {"exitCode": process.returncode}

    def run(self, memory: int | None = None, **changes: Any) -> dict[str, Any]:
        """An export from its beginning to its end."""
        return self.finish(self.start(memory, **changes))

    def manifest(self, key: str) -> dict[str, Any]:
        return json.loads(self.bucket.read(f"{key}.manifest.json"))

    def dump(self, key: str) -> bytes:
        """A dump, decompressed."""
        data = self.bucket.read(key)
        return zstandard.decompress(data) if key.endswith(".zst") else gzip.decompress(data) if key.endswith(".gz") else data

    def restore(self, key: str, target: Database) -> None:
        """Restores a dump into another database, as docs/backups.md says."""
        endpoint = target.show()["Endpoint"]
        environment = self.postgres.environment() | {"PATH": os.environ["PATH"], "PGPASSWORD": target.password}
        environment |= {"PGSSLMODE": "verify-full", "PGSSLROOTCERT": str(certificate_authority(target.account))}
        command = [self.postgres["pg_restore"], "--exit-on-error", f"--dbname={target.name}", f"--host={endpoint['Address']}"]
        command += [f"--port={endpoint['Port']}", f"--username={target.user}", "--no-owner"]
        done = subprocess.run([str(part) for part in command], input=self.dump(key), env=environment, capture_output=True, timeout=120)
        assert done.returncode == 0, done.stderr.decode()

    def until_asked(self, operation: str) -> None:
        """Waits until it has called an operation of S3."""
        user = f"exporter-{self.bucket.name}"
        wait_until(lambda: self.bucket.account.calls_of(user, operation), 60, operation)
