"""Exports to S3."""

from __future__ import annotations

import json
from typing import Any

import pytest

TRUST = {"Effect": "Allow", "Principal": {"Service": "export.rds.amazonaws.com"}, "Action": "sts:AssumeRole"}
WRITE = {"Effect": "Allow", "Action": "s3:PutObject*", "Resource": "arn:aws:s3:::exports/*"}


def _policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


@pytest.fixture
def request_(aws, instance, snapshot) -> dict[str, Any]:
    """What StartExportTask needs, all of it there."""
    instance()
    source = snapshot()
    place = {"CreateBucketConfiguration": {"LocationConstraint": "eu-central-1"}}
    aws.client("s3").create_bucket(Bucket="exports", **place)
    iam = aws.client("iam")
    role = iam.create_role(RoleName="exporter", AssumeRolePolicyDocument=_policy(TRUST))["Role"]["Arn"]
    iam.put_role_policy(RoleName="exporter", PolicyName="write", PolicyDocument=_policy(WRITE))
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    return {
        "ExportTaskIdentifier": "night",
        "SourceArn": source["DBSnapshotArn"],
        "S3BucketName": "exports",
        "S3Prefix": "rds",
        "IamRoleArn": role,
        "KmsKeyId": key,
    }


def _show(rds, name="night"):
    return rds.describe_export_tasks(ExportTaskIdentifier=name)["ExportTasks"][0]


def test_an_export_starts_progresses_and_is_complete(aws, rds, request_):
    """ExportTask, Status: STARTING, IN_PROGRESS, COMPLETE; its export_info is in the bucket. moto: complete at once."""
    started = rds.start_export_task(**request_)
    assert (started["Status"], started["PercentProgress"], started["SourceType"]) == ("STARTING", 0, "SNAPSHOT")
    assert started["S3Bucket"] == "exports"
    assert "TaskStartTime" not in started
    aws.clock.advance(6)
    running = _show(rds)
    assert running["Status"] == "IN_PROGRESS"
    assert 0 < running["PercentProgress"] < 100
    assert "TaskEndTime" not in running
    aws.clock.advance(6)
    done = _show(rds)
    assert (done["Status"], done["PercentProgress"], done["TotalExtractedDataInGB"]) == ("COMPLETE", 100, 20)
    assert done["SnapshotTime"] < done["TaskStartTime"] < done["TaskEndTime"]
    info = aws.client("s3").get_object(Bucket="exports", Key="rds/night/export_info_night.json")["Body"].read()
    assert json.loads(info)["Status"] == "COMPLETE"
    messages = [event["Message"] for event in rds.describe_events(SourceType="db-snapshot", SourceIdentifier="snap")["Events"]]
    assert messages[-1] == "DB snapshot export task completed"


def test_an_export_is_canceled_until_it_is_over(aws, rds, request_, refused):
    """CancelExportTask: InvalidExportTaskStateFault for "an export task that has completed"."""
    rds.start_export_task(**request_)
    aws.clock.advance(5)
    assert rds.cancel_export_task(ExportTaskIdentifier="night")["Status"] == "CANCELING"
    aws.clock.advance(60)
    assert (_show(rds)["Status"], _show(rds)["PercentProgress"]) == ("CANCELED", 0)
    assert aws.client("s3").list_objects_v2(Bucket="exports")["KeyCount"] == 0
    with refused("InvalidExportTaskStateFault"):
        rds.cancel_export_task(ExportTaskIdentifier="night")
    with refused("ExportTaskNotFound"):
        rds.cancel_export_task(ExportTaskIdentifier="day")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"ExportTaskIdentifier": "1st"}, "InvalidParameterValue"),
        ({"ExportTaskIdentifier": "x" * 61}, "InvalidParameterValue"),
        ({"SourceArn": "arn:aws:rds:eu-central-1:123456789012:snapshot:ghost"}, "DBSnapshotNotFound"),
        ({"SourceArn": "arn:aws:rds:eu-central-1:123456789012:cluster-snapshot:ghost"}, "DBClusterSnapshotNotFoundFault"),
        ({"SourceArn": "arn:aws:rds:eu-central-1:123456789012:cluster:ghost"}, "DBClusterNotFoundFault"),
        ({"SourceArn": "arn:aws:rds:eu-central-1:123456789012:db:app"}, "InvalidParameterValue"),
        ({"S3BucketName": "nowhere"}, "InvalidS3BucketFault"),
        ({"IamRoleArn": "arn:aws:iam::123456789012:role/ghost"}, "IamRoleNotFound"),
        ({"KmsKeyId": "ghost"}, "KMSKeyNotAccessibleFault"),
        ({"ExportOnly": ["a.b.c.d"]}, "InvalidExportOnly"),
    ],
)
def test_what_an_export_needs_must_be_there(rds, request_, refused, change, code):
    """StartExportTask, "Errors". moto asks for none of it but the snapshot."""
    with refused(code):
        rds.start_export_task(**request_ | change)
    assert rds.describe_export_tasks()["ExportTasks"] == []


def test_a_snapshot_that_is_not_available_a_role_that_may_not_write_and_a_name_in_use(aws, rds, request_, refused):
    young = rds.create_db_snapshot(DBInstanceIdentifier="app", DBSnapshotIdentifier="young")["DBSnapshot"]
    with refused("InvalidExportSourceState"):
        rds.start_export_task(**request_ | {"SourceArn": young["DBSnapshotArn"]})
    rds.start_export_task(**request_)
    with refused("ExportTaskAlreadyExists"):
        rds.start_export_task(**request_)
    aws.client("iam").delete_role_policy(RoleName="exporter", PolicyName="write")
    with refused("IamRoleMissingPermissions"):
        rds.start_export_task(**request_ | {"ExportTaskIdentifier": "second"})


def test_exports_are_found_by_source_and_status(aws, rds, request_, refused):
    rds.start_export_task(**request_)
    aws.clock.advance(30)
    rds.start_export_task(**request_ | {"ExportTaskIdentifier": "again"})

    def names(**parameters):
        return [task["ExportTaskIdentifier"] for task in rds.describe_export_tasks(**parameters)["ExportTasks"]]

    assert names(SourceArn=request_["SourceArn"]) == ["again", "night"]
    assert names(SourceType="CLUSTER") == []
    assert names(Filters=[{"Name": "status", "Values": ["COMPLETE"]}]) == ["night"]
    with refused("ExportTaskNotFound"):
        names(ExportTaskIdentifier="ghost")
    with refused("InvalidParameterValue", "Unrecognized filter name"):
        names(Filters=[{"Name": "size", "Values": ["1"]}])
