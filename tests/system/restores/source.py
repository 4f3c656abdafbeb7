"""The database that is restored in these tests: nothing about it is RDS's default, so that a restore with defaults is seen."""

from __future__ import annotations

from typing import Any

from runbook_sandbox.clocked.account import Account
from runbook_sandbox.clocked.database import Database
from runbook_sandbox.clocked.installation import until

#: Not the application's own, which other tests have in the same account.
SOURCE = "clocked-app-db"
#: A snapshot of it with everything in it.
GOOD = f"{SOURCE}-good"
USERS = 40
GROUP = "clocked-private"
PARAMETERS = "clocked-tuned"


def create(account: Account) -> Database:
    """Makes the instance, with 40 users in its tables, in a subnet, a security and a parameter group of its own."""
    ec2, rds = account.client("ec2"), account.rds
    subnets = [subnet["SubnetId"] for subnet in ec2.describe_subnets()["Subnets"]][:2]
    vpc = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"][0]["VpcId"]
    group = ec2.create_security_group(GroupName=GROUP, Description="the application", VpcId=vpc)["GroupId"]
    rds.create_db_subnet_group(DBSubnetGroupName=GROUP, DBSubnetGroupDescription="two zones", SubnetIds=subnets)
    rds.create_db_parameter_group(DBParameterGroupName=PARAMETERS, DBParameterGroupFamily="postgres16", Description="tuned")
    database = Database(account, SOURCE)
    database.create(
        EngineVersion="16",
        DBSubnetGroupName=GROUP,
        VpcSecurityGroupIds=[group],
        DBParameterGroupName=PARAMETERS,
        BackupRetentionPeriod=7,
        CopyTagsToSnapshot=True,
        DeletionProtection=True,
        Tags=[{"Key": "team", "Value": "clocked"}],
    )
    database.available()
    database.fill(users=USERS)
    return database


def take(account: Account, identifier: str, **tags: str) -> None:
    """Takes a snapshot of it by hand, and waits until both are available."""
    given: Any = [{"Key": key, "Value": value} for key, value in tags.items()]
    account.rds.create_db_snapshot(DBInstanceIdentifier=SOURCE, DBSnapshotIdentifier=identifier, Tags=given)

    def statuses() -> set[str]:
        snapshot = account.rds.describe_db_snapshots(DBSnapshotIdentifier=identifier)["DBSnapshots"][0]
        return {snapshot["Status"], account.database(SOURCE)["DBInstanceStatus"]}

    until(f"snapshot {identifier} is available", statuses, lambda found: found == {"available"})
