"""What parameter groups hold: reading, changing, resetting and copying it.

Source: Amazon RDS API Reference, DescribeDBParameters, ModifyDBParameterGroup, ResetDBParameterGroup,
CopyDBParameterGroup, DescribeEngineDefaultParameters, and the same of DB cluster parameter groups; User Guide, "Parameter
groups for Amazon RDS": dynamic parameters apply at once, static ones with a reboot.
"""

from __future__ import annotations

from typing import Any

from runbook_sandbox.aws.modelled import Call, Operations
from runbook_sandbox.aws.pace import pace
from runbook_sandbox.aws.rds import errors, paging, tagging
from runbook_sandbox.aws.rds.groups import ParameterGroups, cluster_parameter_groups, parameter_groups
from runbook_sandbox.aws.rds.parameter_catalogue import Parameter, of_family
from runbook_sandbox.aws.rds.store import Store, parse_arn, store_of

operations = Operations()

#: ModifyDBParameterGroup: "A maximum of 20 parameters can be modified in a single request."
_AT_ONCE = 20
_SOURCES = ("user", "system", "engine-default")
#: The operations that are the same for instances and clusters, by the kind of group.
_KINDS = (("DB", parameter_groups), ("DBCluster", cluster_parameter_groups))


def _parameters(group: dict[str, Any]) -> list[dict[str, Any]]:
    changed = group.get("_parameters", {})
    shown = []
    for name, parameter in sorted(of_family(group["DBParameterGroupFamily"]).items()):
        shown.append(parameter.describe() | ({"Source": "user", **changed[name]} if name in changed else {}))
    return shown


def _describe(groups: ParameterGroups, call: Call) -> dict[str, Any]:
    source = call.get("Source")
    if source not in (None, "", *_SOURCES):
        raise errors.invalid_value(f"Invalid source: {source}. Valid values: {', '.join(_SOURCES)}")
    paging.filtered(call, [], {})
    found = _parameters(groups.named(store_of(call.account_id, call.region), call.get(groups.name, "")))
    shown, marker = paging.page(call, [one for one in found if source in (None, "", one["Source"])], key=lambda one: one["ParameterName"])
    return {"Parameters": shown, "Marker": marker}


def _given(call: Call, family: str, *, values: bool) -> list[tuple[Parameter, dict[str, Any]]]:
    """The request's parameters, checked one and all before anything changes."""
    given = call.get("Parameters") or []
    if len(given) > _AT_ONCE:
        raise errors.invalid_value(f"A maximum of {_AT_ONCE} parameters can be modified in a single request.")
    known, found = of_family(family), []
    for one in given:
        name, method = one.get("ParameterName") or "", one.get("ApplyMethod")
        parameter = known.get(name)
        if parameter is None:
            raise errors.invalid_value(f"Could not find parameter with name: {name}")
        if not parameter.modifiable:
            raise errors.invalid_value(f"The parameter {name} cannot be modified.")
        if method not in ("immediate", "pending-reboot"):
            raise errors.invalid_combination(f"ApplyMethod of {name} must be immediate or pending-reboot.")
        if method == "immediate" and parameter.static:
            raise errors.invalid_combination("cannot use immediate apply method for static parameter")
        value = one.get("ParameterValue")
        if values and value is None:
            raise errors.invalid_combination(f"The parameter {name} needs a ParameterValue.")
        if values and not parameter.takes(value):
            raise errors.invalid_value(f"Invalid parameter value: {value} for: {name} allowed values are: {parameter.allowed}")
        found.append((parameter, {"ParameterValue": value, "ApplyMethod": method}))
    return found


def _own(groups: ParameterGroups, call: Call) -> tuple[Store, dict[str, Any]]:
    """The group to change. Raises InvalidDBParameterGroupState on a default one."""
    store = store_of(call.account_id, call.region)
    group = groups.named(store, call.get(groups.name, ""))
    if group[groups.name].startswith("default."):
        raise errors.RDSError("InvalidDBParameterGroupState", f"Default parameter groups cannot be modified: {group[groups.name]}")
    return store, group


def _modify(groups: ParameterGroups, call: Call) -> dict[str, Any]:
    store, group = _own(groups, call)
    given = _given(call, group["DBParameterGroupFamily"], values=True)
    if not given:
        raise errors.blank("Parameters")
    group.setdefault("_parameters", {}).update({parameter.name: change for parameter, change in given})
    _tell_users(store, group[groups.name], [change for _, change in given])
    return {groups.name: group[groups.name]}


def _reset(groups: ParameterGroups, call: Call) -> dict[str, Any]:
    """Named parameters, or all of them: ResetAllParameters is true unless said."""
    store, group = _own(groups, call)
    changed = group.setdefault("_parameters", {})
    given = _given(call, group["DBParameterGroupFamily"], values=False)
    everything = call.get("ResetAllParameters", not given)
    if everything and given:
        raise errors.invalid_combination("Parameters can't be given when ResetAllParameters is true.")
    if not everything and not given:
        raise errors.invalid_combination("Parameters must be given when ResetAllParameters is false.")
    if everything:
        changes = [{"ApplyMethod": "pending-reboot"}] if changed else []
        changed.clear()
    else:
        changes = [change for _, change in given]
        for parameter, _ in given:
            changed.pop(parameter.name, None)
    _tell_users(store, group[groups.name], changes)
    return {groups.name: group[groups.name]}


def _tell_users(store: Store, name: str, changes: list[dict[str, Any]]) -> None:
    """Instances of the group: `pending-reboot` when a change waits for one, else `applying`, then `in-sync`."""
    waits = any(change["ApplyMethod"] == "pending-reboot" for change in changes)
    for instance in store.instances.values():
        for used in instance.record["DBParameterGroups"]:
            if used["DBParameterGroupName"] != name or not changes:
                continue
            if waits:
                used["ParameterApplyStatus"] = "pending-reboot"
            elif used["ParameterApplyStatus"] == "in-sync":
                used["ParameterApplyStatus"] = "applying"
                instance.later(pace.rds_modify * 0.25, lambda used=used: _applied(used), "parameters")


def _applied(used: dict[str, Any]) -> None:
    if used["ParameterApplyStatus"] == "applying":
        used["ParameterApplyStatus"] = "in-sync"


def _copy(groups: ParameterGroups, prefix: str, call: Call) -> dict[str, Any]:
    store = store_of(call.account_id, call.region)
    source_id = call.get(f"Source{prefix}ParameterGroupIdentifier") or ""
    parsed = parse_arn(source_id)
    source = groups.named(store, parsed["name"] if parsed else source_id)
    params = {
        groups.name: call.get(f"Target{prefix}ParameterGroupIdentifier"),
        "DBParameterGroupFamily": source["DBParameterGroupFamily"],
        "Description": call.get(f"Target{prefix}ParameterGroupDescription", ""),
        "Tags": call.get("Tags") if call.get("Tags") is not None else tagging.tags_of_arn(source[groups.arn]),
    }
    group = groups.create(Call(call.account_id, call.region, call.partition, call.operation, params))
    group["_parameters"] = dict(source.get("_parameters", {}))
    return {f"{prefix}ParameterGroup": group}


def _engine_defaults(call: Call) -> dict[str, Any]:
    family = call.get("DBParameterGroupFamily") or ""
    if family not in ParameterGroups.families():
        raise errors.invalid_value(f"ParameterGroupFamily {family} is not a valid parameter group family")
    paging.filtered(call, [], {})
    shown, marker = paging.page(call, _parameters({"DBParameterGroupFamily": family}), key=lambda one: one["ParameterName"])
    return {"EngineDefaults": {"DBParameterGroupFamily": family, "Parameters": shown, "Marker": marker}}


for _prefix, _groups in _KINDS:
    operations(f"Describe{_prefix}Parameters")(lambda call, groups=_groups: _describe(groups, call))
    operations(f"Modify{_prefix}ParameterGroup")(lambda call, groups=_groups: _modify(groups, call))
    operations(f"Reset{_prefix}ParameterGroup")(lambda call, groups=_groups: _reset(groups, call))
    operations(f"Copy{_prefix}ParameterGroup")(lambda call, groups=_groups, prefix=_prefix: _copy(groups, prefix, call))
operations("DescribeEngineDefaultParameters")(_engine_defaults)
operations("DescribeEngineDefaultClusterParameters")(_engine_defaults)
