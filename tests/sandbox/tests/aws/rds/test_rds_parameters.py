"""What parameter groups hold, and when instances take it."""

from __future__ import annotations

import pytest


def _change(name: str, value: str, method: str = "immediate") -> list[dict[str, str]]:
    return [{"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}]


@pytest.fixture
def group(rds) -> str:
    rds.create_db_parameter_group(DBParameterGroupName="tuned", DBParameterGroupFamily="postgres17", Description="d")
    return "tuned"


@pytest.fixture
def value(rds):
    """A parameter of the group as DescribeDBParameters shows it."""

    def read(name: str, group: str = "tuned") -> dict:
        pages = rds.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=group, PaginationConfig={"PageSize": 20})
        return next(one for page in pages for one in page["Parameters"] if one["ParameterName"] == name)

    return read


def test_a_group_begins_with_the_defaults_of_its_family(rds, group, value):
    """API Reference, DescribeDBParameters, DescribeEngineDefaultParameters."""
    found = value("max_connections")
    assert (found["Source"], found["ApplyType"], found["IsModifiable"]) == ("engine-default", "static", True)
    assert found == value("max_connections", "default.postgres17")
    answer = rds.describe_engine_default_parameters(DBParameterGroupFamily="postgres17")["EngineDefaults"]
    assert found in answer["Parameters"]
    assert rds.describe_db_parameters(DBParameterGroupName=group, Source="user")["Parameters"] == []


def test_static_parameters_wait_for_a_reboot(aws, rds, group, value, instance, show):
    """User Guide, "Parameter groups for Amazon RDS". moto: groups and instances know nothing of each other."""
    instance(DBParameterGroupName=group)

    def status() -> str:
        return show()["DBParameterGroups"][0]["ParameterApplyStatus"]

    assert status() == "in-sync"
    rds.modify_db_parameter_group(DBParameterGroupName=group, Parameters=_change("log_statement", "ddl"))
    assert status() == "applying"
    aws.clock.advance(30)
    assert (status(), value("log_statement")["Source"], value("log_statement")["ParameterValue"]) == ("in-sync", "user", "ddl")
    rds.modify_db_parameter_group(DBParameterGroupName=group, Parameters=_change("max_connections", "100", "pending-reboot"))
    aws.clock.advance(30)
    assert status() == "pending-reboot"
    rds.reboot_db_instance(DBInstanceIdentifier="app")
    aws.clock.advance(30)
    assert status() == "in-sync"


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        (_change("max_connections", "100"), "InvalidParameterCombination", "immediate apply method for static parameter"),
        (_change("max_connections", "5", "pending-reboot"), "InvalidParameterValue", "6-8388607"),
        (_change("log_statement", "some"), "InvalidParameterValue", "none,ddl,mod,all"),
        (_change("no_such", "1"), "InvalidParameterValue", "Could not find parameter with name: no_such"),
        (_change("fsync", "0"), "InvalidParameterValue", "cannot be modified"),
        (_change("work_mem", "64") * 21, "InvalidParameterValue", "20"),
    ],
)
def test_bad_changes_are_refused_whole(rds, group, refused, change, code, words):
    """API Reference, ModifyDBParameterGroup. moto: takes any name and value."""
    with refused(code, words):
        rds.modify_db_parameter_group(DBParameterGroupName=group, Parameters=_change("autovacuum", "0") + change)
    assert rds.describe_db_parameters(DBParameterGroupName=group, Source="user")["Parameters"] == []


def test_default_groups_stay_as_they_are(rds, refused):
    """User Guide: "You can't modify the parameter settings of a default parameter group"."""
    with refused("InvalidDBParameterGroupState"):
        rds.modify_db_parameter_group(DBParameterGroupName="default.postgres17", Parameters=_change("autovacuum", "0"))
    with refused("DBParameterGroupNotFound"):
        rds.describe_db_parameters(DBParameterGroupName="ghost")


def test_reset_and_copy(rds, group, value):
    """API Reference, ResetDBParameterGroup, CopyDBParameterGroup: a copy has the values of the source."""
    rds.modify_db_parameter_group(DBParameterGroupName=group, Parameters=_change("autovacuum", "0") + _change("log_statement", "all"))
    rds.copy_db_parameter_group(
        SourceDBParameterGroupIdentifier=group, TargetDBParameterGroupIdentifier="twin", TargetDBParameterGroupDescription="d"
    )
    rds.reset_db_parameter_group(
        DBParameterGroupName=group, ResetAllParameters=False, Parameters=[{"ParameterName": "autovacuum", "ApplyMethod": "immediate"}]
    )
    assert (value("autovacuum")["ParameterValue"], value("log_statement")["ParameterValue"]) == ("1", "all")
    rds.reset_db_parameter_group(DBParameterGroupName=group, ResetAllParameters=True)
    assert value("log_statement")["Source"] == "engine-default"
    assert value("log_statement", "twin")["ParameterValue"] == "all"


def test_cluster_groups_are_the_same(rds):
    rds.create_db_cluster_parameter_group(DBClusterParameterGroupName="c", DBParameterGroupFamily="aurora-mysql8.0", Description="d")
    rds.modify_db_cluster_parameter_group(DBClusterParameterGroupName="c", Parameters=_change("binlog_format", "ROW", "pending-reboot"))
    found = rds.describe_db_cluster_parameters(DBClusterParameterGroupName="c", Source="user")["Parameters"]
    assert [(one["ParameterName"], one["ParameterValue"]) for one in found] == [("binlog_format", "ROW")]
