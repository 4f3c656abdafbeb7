"""Subnet groups, parameter groups and option groups, as far as databases refer to them.

Source: Amazon RDS API Reference, CreateDBSubnetGroup, CreateDBParameterGroup, CreateDBClusterParameterGroup, CreateOptionGroup.
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.rds import errors, identifiers, network, paging, tagging
from runbook_sandbox.aws.rds.engines import ENGINES, Engine, engine_named
from runbook_sandbox.aws.rds.store import Store, store_of

operations = Operations()


def subnet_group(store: Store, name: str | None) -> dict[str, Any]:
    """The group of that name; `default` is made over the default VPC at first use. Raises DBSubnetGroupNotFoundFault."""
    key = (name or "default").lower()
    if key not in store.subnet_groups and key == "default":
        vpc_id = network.default_vpc(store)
        store.subnet_groups[key] = _subnet_group(store, "default", "default", network.subnets_of(store, vpc_id))
    found = store.subnet_groups.get(key)
    if found is None:
        raise errors.RDSError("DBSubnetGroupNotFoundFault", f"DBSubnetGroup not found: {name}")
    return found


def _subnet_group(store: Store, name: str, description: str, subnets: list[Any]) -> dict[str, Any]:
    return {
        "DBSubnetGroupName": name,
        "DBSubnetGroupDescription": description,
        "VpcId": subnets[0].vpc_id,
        "SubnetGroupStatus": "Complete",
        "Subnets": [
            {
                "SubnetIdentifier": subnet.id,
                "SubnetAvailabilityZone": {"Name": subnet.availability_zone},
                "SubnetOutpost": {},
                "SubnetStatus": "Active",
            }
            for subnet in subnets
        ],
        "DBSubnetGroupArn": store.arn("subgrp", name),
        "SupportedNetworkTypes": ["IPV4"],
    }


def _checked_subnets(store: Store, subnet_ids: list[str]) -> list[Any]:
    subnets = [network.subnet(store, subnet_id) for subnet_id in subnet_ids]
    if len({subnet.vpc_id for subnet in subnets}) > 1:
        raise errors.RDSError(
            "InvalidSubnet",
            f"The requested subnet {subnet_ids[0]} is invalid, or multiple subnets were requested that are not all in a common VPC.",
        )
    if len({subnet.availability_zone for subnet in subnets}) < 2:
        raise errors.RDSError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. "
            f"Current AZ coverage: {', '.join(sorted({subnet.availability_zone for subnet in subnets}))}. "
            "Add subnets to cover at least 2 AZs.",
        )
    return subnets


@operations("CreateDBSubnetGroup")
def create_subnet_group(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    name = (call.get("DBSubnetGroupName") or "").lower()
    if not name or name == "default":
        raise errors.invalid_value("DBSubnetGroupName must be given and must not be 'default'.")
    if name in store.subnet_groups:
        raise errors.RDSError("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")
    if sum(1 for key in store.subnet_groups if key != "default") >= store.quotas.DBSubnetGroups:
        raise errors.RDSError("DBSubnetGroupQuotaExceeded", "You have reached the maximum number of DB subnet groups.")
    tags = tagging.on_creation(call, "subgrp", name)
    group = _subnet_group(store, name, call.get("DBSubnetGroupDescription", ""), _checked_subnets(store, call.get("SubnetIds", [])))
    store.subnet_groups[name] = group
    tagging.set_plain(store, group["DBSubnetGroupArn"], tags)
    return {"DBSubnetGroup": group}


@operations("ModifyDBSubnetGroup")
def modify_subnet_group(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    group = subnet_group(store, call.get("DBSubnetGroupName"))
    changed = _subnet_group(
        store,
        group["DBSubnetGroupName"],
        call.get("DBSubnetGroupDescription") or group["DBSubnetGroupDescription"],
        _checked_subnets(store, call.get("SubnetIds", [])),
    )
    group.clear()
    group.update(changed)
    return {"DBSubnetGroup": group}


@operations("DeleteDBSubnetGroup")
def delete_subnet_group(call: Call) -> None:
    store = store_of(call.account_id, call.region)
    name = subnet_group(store, call.get("DBSubnetGroupName"))["DBSubnetGroupName"]
    users = [item for item in (*store.instances.values(), *store.clusters.values()) if item.record.get("DBSubnetGroupName") == name]
    if name == "default" or users:
        used = f": it is used by {users[0].identifier}" if users else ""
        raise errors.RDSError("InvalidDBSubnetGroupStateFault", f"Cannot delete the subnet group '{name}'{used}.")
    del store.subnet_groups[name]


@operations("DescribeDBSubnetGroups")
def describe_subnet_groups(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    name = call.get("DBSubnetGroupName")
    groups = [subnet_group(store, name)] if name else list(store.subnet_groups.values())
    paging.filtered(call, [], {})
    shown, marker = paging.page(call, groups, key=lambda group: group["DBSubnetGroupName"])
    return {"DBSubnetGroups": shown, "Marker": marker}


class ParameterGroups:
    """DB parameter groups, or their twins for clusters."""

    def __init__(self, attribute: str, name: str, arn: str, family: str, kind: str, missing: str) -> None:
        self.attribute, self.name, self.arn, self.family, self.kind, self.missing = attribute, name, arn, family, kind, missing

    @staticmethod
    def families() -> set[str]:
        """Every parameter group family of the catalogue."""
        return {engine.parameter_family(version) for engine in ENGINES.values() for version in engine.versions}

    def table(self, store: Store) -> dict[str, dict[str, Any]]:
        return getattr(store, self.attribute)

    def named(self, store: Store, name: str) -> dict[str, Any]:
        """A group by name; those called `default.<family>` always exist. Raises the kind's own not-found code."""
        key = name.lower()
        table = self.table(store)
        family = key.removeprefix("default.")
        if key not in table and key != family and family in self.families():
            table[key] = self._group(store, key, family, f"Default parameter group for {family}")
        if key not in table:
            raise errors.RDSError(self.missing, f"{self.name.removesuffix('Name')} not found: {name}")
        return table[key]

    def _group(self, store: Store, name: str, family: str, description: str) -> dict[str, Any]:
        return {self.name: name, "DBParameterGroupFamily": family, "Description": description, self.arn: store.arn(self.kind, name)}

    def create(self, call: Call) -> dict[str, Any]:
        store = store_of(call.account_id, call.region)
        name = identifiers.checked(call.get(self.name), self.name, 255)
        table = self.table(store)
        if name in table:
            raise errors.RDSError("DBParameterGroupAlreadyExists", f"Parameter group {name} already exists")
        family = call.get("DBParameterGroupFamily")
        if family not in self.families():
            raise errors.invalid_value(f"ParameterGroupFamily {family} is not a valid parameter group family")
        limit = store.quotas.DBParameterGroups if self.kind == "pg" else store.quotas.DBClusterParameterGroups
        if sum(1 for key in table if not key.startswith("default.")) >= limit:
            raise errors.RDSError("DBParameterGroupQuotaExceeded", "You have reached the maximum number of parameter groups.")
        tags = tagging.on_creation(call, self.kind, name)
        table[name] = self._group(store, name, family, call.get("Description", ""))
        tagging.set_plain(store, table[name][self.arn], tags)
        return table[name]

    def describe(self, call: Call) -> tuple[list[dict[str, Any]], str | None]:
        store = store_of(call.account_id, call.region)
        wanted = call.get(self.name)
        groups = [self.named(store, wanted)] if wanted else list(self.table(store).values())
        return paging.page(call, groups, key=lambda group: group[self.name])

    def delete(self, call: Call) -> None:
        store = store_of(call.account_id, call.region)
        group = self.named(store, call.get(self.name, ""))
        name = group[self.name]
        if name.startswith("default."):
            raise errors.RDSError("InvalidDBParameterGroupState", f"Default parameter groups cannot be deleted: {name}")
        if any(name in _used(item.record) for item in (*store.instances.values(), *store.clusters.values())):
            raise errors.RDSError("InvalidDBParameterGroupState", f"One or more database instances are still members of {name}")
        del self.table(store)[name]

    def for_engine(self, store: Store, wanted: str | None, engine: Engine, version: str) -> str:
        """Name of the group a database uses: the wanted one, of its family, else the default."""
        family = engine.parameter_family(version)
        group = self.named(store, wanted or f"default.{family}")
        if group["DBParameterGroupFamily"] != family:
            raise errors.invalid_combination(
                f"The parameter group {group[self.name]} with DBParameterGroupFamily {group['DBParameterGroupFamily']} can't be used for "
                f"this instance. Use a parameter group with DBParameterGroupFamily {family}."
            )
        return group[self.name]


def _used(record: dict[str, Any]) -> set[str]:
    names = {group["DBParameterGroupName"] for group in record.get("DBParameterGroups", [])}
    return names | {record.get("DBClusterParameterGroup", "")}


parameter_groups = ParameterGroups(
    "parameter_groups", "DBParameterGroupName", "DBParameterGroupArn", "DBParameterGroupFamily", "pg", "DBParameterGroupNotFound"
)
cluster_parameter_groups = ParameterGroups(
    "cluster_parameter_groups",
    "DBClusterParameterGroupName",
    "DBClusterParameterGroupArn",
    "DBParameterGroupFamily",
    "cluster-pg",
    "DBClusterParameterGroupNotFound",
)


@operations("CreateDBParameterGroup")
def create_parameter_group(call: Call) -> dict[str, Any]:
    return {"DBParameterGroup": parameter_groups.create(call)}


@operations("DescribeDBParameterGroups")
def describe_parameter_groups(call: Call) -> dict[str, Any]:
    shown, marker = parameter_groups.describe(call)
    return {"DBParameterGroups": shown, "Marker": marker}


@operations("DeleteDBParameterGroup")
def delete_parameter_group(call: Call) -> None:
    parameter_groups.delete(call)


@operations("CreateDBClusterParameterGroup")
def create_cluster_parameter_group(call: Call) -> dict[str, Any]:
    return {"DBClusterParameterGroup": cluster_parameter_groups.create(call)}


@operations("DescribeDBClusterParameterGroups")
def describe_cluster_parameter_groups(call: Call) -> dict[str, Any]:
    shown, marker = cluster_parameter_groups.describe(call)
    return {"DBClusterParameterGroups": shown, "Marker": marker}


@operations("DeleteDBClusterParameterGroup")
def delete_cluster_parameter_group(call: Call) -> None:
    cluster_parameter_groups.delete(call)


def option_group(store: Store, wanted: str | None, engine: Engine, version: str) -> str:
    """Name of the option group a database uses: the wanted one, else the default. Raises OptionGroupNotFoundFault."""
    major = engine.major(version).replace(".", "-")
    default = f"default:{engine.name}-{major}"
    if wanted is None or wanted.lower() == default:
        return default
    if wanted.lower() not in store.option_groups:
        raise errors.RDSError("OptionGroupNotFoundFault", f"Specified OptionGroupName: {wanted} not found.")
    return wanted.lower()


@operations("CreateOptionGroup")
def create_option_group(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    name = identifiers.checked(call.get("OptionGroupName"), "OptionGroupName", 255)
    engine = engine_named(call.get("EngineName"))
    if name in store.option_groups:
        raise errors.RDSError("OptionGroupAlreadyExistsFault", f"An option group named {name} already exists.")
    custom = len(store.option_groups)
    if custom >= store.quotas.OptionGroups:
        raise errors.RDSError("OptionGroupQuotaExceededFault", f"Cannot create more than {custom} option groups.")
    tags = tagging.on_creation(call, "og", name)
    store.option_groups[name] = {
        "OptionGroupName": name,
        "OptionGroupDescription": call.get("OptionGroupDescription", ""),
        "EngineName": engine.name,
        "MajorEngineVersion": call.get("MajorEngineVersion"),
        "Options": [],
        "AllowsVpcAndNonVpcInstanceMemberships": True,
        "OptionGroupArn": store.arn("og", name),
    }
    tagging.set_plain(store, store.arn("og", name), tags)
    return {"OptionGroup": store.option_groups[name]}


@operations("DescribeOptionGroups")
def describe_option_groups(call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    wanted = call.get("OptionGroupName")
    if wanted and wanted.lower() not in store.option_groups:
        raise errors.RDSError("OptionGroupNotFoundFault", f"Specified OptionGroupName: {wanted} not found.")
    groups = [group for name, group in store.option_groups.items() if wanted in (None, name)]
    shown, marker = paging.page(call, groups, key=lambda group: group["OptionGroupName"])
    return {"OptionGroupsList": shown, "Marker": marker}


@operations("DeleteOptionGroup")
def delete_option_group(call: Call) -> None:
    store = store_of(call.account_id, call.region)
    name = (call.get("OptionGroupName") or "").lower()
    if name not in store.option_groups:
        raise errors.RDSError("OptionGroupNotFoundFault", f"Specified OptionGroupName: {name} not found.")
    records = [item.record for item in (*store.instances.values(), *store.snapshots.values())]
    if any(name == record.get("OptionGroupName") or name in _options(record) for record in records):
        raise errors.RDSError("InvalidOptionGroupStateFault", f"The option group {name} is in use and cannot be deleted.")
    del store.option_groups[name]


def _options(record: dict[str, Any]) -> set[str]:
    return {membership["OptionGroupName"] for membership in record.get("OptionGroupMemberships", [])}
