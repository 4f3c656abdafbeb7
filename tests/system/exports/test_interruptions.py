"""An export that is ended in the middle, and what becomes of what it has left."""

from __future__ import annotations

from exports.exporter import NAME, STAMP, Exporter

KEY = f"database/{NAME}-{STAMP}.dump.zst"


def hold(exporter: Exporter, operation: str) -> None:
    """Makes S3 think for a minute about the next such call."""
    fault = {"service": "s3", "operation": operation, "kind": "slow", "delay": 60, "count": 1}
    exporter.bucket.account.control("POST", "/faults", fault)


def begin(exporter: Exporter, key: str) -> str:
    s3 = exporter.bucket.account.client("s3")
    return s3.create_multipart_upload(Bucket=exporter.bucket.name, Key=key)["UploadId"]


def test_what_a_killed_one_left_is_ended_by_the_next(exporter: Exporter):
    hold(exporter, "UploadPart")
    running = exporter.start()
    exporter.until_asked("UploadPart")
    running.kill()
    running.communicate()
    assert exporter.bucket.uploads() == [KEY] and not exporter.bucket.listed()
    others = [f"database/{NAME}-eu-{STAMP}.dump.zst", "database/archive.zip", f"database/{NAME}-20260302-013000.dump.zst"]
    for key in others:
        begin(exporter, key)
    assert exporter.run()["result"] == "Complete"
    # The last is of another slot, whose Job may run.
    assert sorted(exporter.bucket.uploads()) == sorted(others)


def test_an_upload_whose_job_is_long_over_is_ended(exporter: Exporter):
    begin(exporter, f"database/{NAME}-20260228-013000.dump.zst")
    begin(exporter, "database/archive.zip")
    assert exporter.run(deadlineSeconds=0)["result"] == "Complete"
    assert exporter.bucket.uploads() == ["database/archive.zip"]


def test_one_that_is_told_to_end_leaves_nothing(exporter: Exporter):
    hold(exporter, "UploadPart")
    running = exporter.start()
    exporter.until_asked("UploadPart")
    running.terminate()
    told = exporter.finish(running)
    assert (told["reason"], told["exitCode"]) == ("Interrupted", 1)
    assert exporter.bucket.is_empty()


def test_a_dump_without_a_manifest_is_made_again(exporter: Exporter):
    hold(exporter, "PutObject")
    running = exporter.start()
    exporter.until_asked("PutObject")
    running.kill()
    running.communicate()
    assert exporter.bucket.listed() == [KEY]
    assert exporter.run()["result"] == "Complete"
    assert exporter.manifest(KEY)["object"]["bytes"] == len(exporter.bucket.read(KEY))
