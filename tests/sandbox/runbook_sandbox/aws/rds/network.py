"""Where a database is placed: default VPC, security groups, availability zones, encryption keys, the public flag.

Source: Amazon RDS API Reference, CreateDBInstance (PubliclyAccessible, DBSubnetGroupName, VpcSecurityGroupIds, KmsKeyId).
"""

from __future__ import annotations

import re
from typing import Any

from moto.ec2.models import ec2_backends
from moto.kms.models import kms_backends

from runbook_sandbox.aws.rds import errors
from runbook_sandbox.aws.rds.store import Store

_KMS_ARN = re.compile(r"^arn:aws[\w-]*:kms:(?P<region>[\w-]+):(?P<account>\d{12}):(?P<rest>(?:key|alias)/.+)$")
DEFAULT_KEY_ALIAS = "alias/aws/rds"


def default_vpc(store: Store) -> str:
    """The account's default VPC. Raises InvalidVPCNetworkStateFault when it was deleted."""
    for vpc in ec2_backends[store.account_id][store.region].vpcs.values():
        if vpc.is_default in (True, "true"):
            return vpc.id
    raise errors.RDSError("InvalidVPCNetworkStateFault", "No default VPC exists. Specify a DBSubnetGroupName of another VPC.")


def subnets_of(store: Store, vpc_id: str) -> list[Any]:
    """moto's subnets of a VPC, by availability zone."""
    found = ec2_backends[store.account_id][store.region].describe_subnets(filters={"vpc-id": [vpc_id]})
    return sorted(found, key=lambda subnet: subnet.availability_zone)


def subnet(store: Store, subnet_id: str) -> Any:
    """Raises InvalidSubnet."""
    for zone in ec2_backends[store.account_id][store.region].subnets.values():
        if subnet_id in zone:
            return zone[subnet_id]
    raise errors.RDSError(
        "InvalidSubnet",
        f"The requested subnet {subnet_id} is invalid, or multiple subnets were requested that are not all in a common VPC.",
    )


def security_groups(store: Store, vpc_id: str, wanted: list[str] | None) -> list[dict[str, str]]:
    """The memberships: those wanted, else the VPC's `default` group. Raises InvalidParameterValue on an unknown group."""
    groups = ec2_backends[store.account_id][store.region].groups.get(vpc_id, {})
    if wanted:
        for group_id in wanted:
            if group_id not in groups:
                raise errors.invalid_value(f"Invalid security group , groupId= {group_id}, groupName=.")
        return [{"VpcSecurityGroupId": group_id, "Status": "active"} for group_id in wanted]
    return [{"VpcSecurityGroupId": group.id, "Status": "active"} for group in groups.values() if group.name == "default"]


def zones(store: Store) -> list[str]:
    """Names of the Region's availability zones."""
    return [zone.name for zone in ec2_backends[store.account_id][store.region].describe_availability_zones()] or [
        f"{store.region}{letter}" for letter in "abc"
    ]


def check_zone(store: Store, zone: str | None) -> str | None:
    """Raises InvalidParameterValue on a zone that is not the Region's."""
    if zone is not None and zone not in zones(store):
        raise errors.invalid_value(f"Invalid Availability Zone: {zone}")
    return zone


def public_by_default(subnet_group: str | None) -> bool:
    """Whether an instance that does not say PubliclyAccessible gets a public address.

    Without a subnet group, or with one named `default`, it is in the default VPC, which has an internet gateway.
    """
    return subnet_group in (None, "default")


def key_arn(store: Store, key_id: str | None) -> str:
    """ARN of a KMS key given as id, alias or ARN; the AWS-managed key for None.

    Raises KMSKeyNotAccessibleFault when it does not exist, is of another Region, or is not enabled.
    """
    if key_id is None:
        key_id = DEFAULT_KEY_ALIAS
    account, region, name = store.account_id, store.region, key_id
    if key_id.startswith("arn:"):
        match = _KMS_ARN.match(key_id)
        if not match or match["region"] != store.region:
            raise errors.kms_key(key_id)
        account, region, name = match["account"], match["region"], match["rest"].removeprefix("key/")
    try:
        key = kms_backends[account][region].describe_key(name)
    except Exception as error:
        raise errors.kms_key(key_id) from error
    if key is None or not key.enabled or key.key_state not in ("Enabled", ""):
        raise errors.kms_key(key_id)
    return key.arn


def is_default_key(store: Store, arn: str | None) -> bool:
    """Whether a key is the AWS-managed one, under which nothing can be shared with another account."""
    return arn is not None and arn == key_arn(store, None)
