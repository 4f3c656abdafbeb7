"""A DatabaseBackup with `export` on a whole sandbox: the operator makes the Job, Kubernetes runs it, and its word is told."""

from __future__ import annotations

import json

import pytest
from runbook_sandbox.clocked.installation import condition

from exports.shop import USABLE, Shop

pytestmark = pytest.mark.xdist_group("exports")


def test_an_export_is_made_by_a_job_and_told(shop: Shop):
    shop.export("good")
    found = shop.until("good", "Complete")
    told = found["status"]["export"]
    assert (told["tables"], told["rows"]) == (2, 40 + 120)
    key = told["location"].removeprefix(f"s3://{shop.bucket.name}/")
    manifest = json.loads(shop.bucket.read(f"{key}.manifest.json"))
    assert manifest["owner"] == f"sandbox/{shop.namespace}/databasebackups/good"
    assert manifest["object"]["sha256"] == told["sha256"]
    (job,) = shop.jobs()
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("DatabaseBackup", found["metadata"]["uid"])
    assert shop.database.password not in json.dumps(job)


def test_what_is_wrong_is_told(shop: Shop):
    shop.export("unlabelled", connection={"secretRef": {"name": "unlabelled"}})
    shop.until("unlabelled", "Stalled", "SecretNotUsable")
    shop.export("missing", connection={"secretRef": {"name": "missing"}})
    shop.until("missing", "Stalled", "SecretNotFound")
    shop.export("elsewhere", s3={"bucket": shop.bucket.name, "prefix": "elsewhere/"})
    shop.until("elsewhere", "Stalled", "NotGranted")
    assert shop.jobs() == []
    shop.export("table", tables=["no_such"])
    failed = shop.until("table", "Failed", "TableNotFound")
    assert "no_such" in condition(failed, "Failed")["message"]
    # What does not pass by itself is tried once.
    (job,) = shop.jobs()
    assert job["status"]["failed"] == 1
    # Once it may be used, it is.
    shop.client.kubectl("label", "secret", "unlabelled", f"{USABLE}=true", f"--namespace={shop.namespace}")
    shop.until("unlabelled", "Failed", "TlsFailed")
