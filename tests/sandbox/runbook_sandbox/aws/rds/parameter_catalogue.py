"""The parameters that parameter groups hold: a selection of each engine's, with AWS's defaults and bounds.

Source: Amazon RDS User Guide, "Working with parameters on your RDS for PostgreSQL DB instance", and the answers of
DescribeEngineDefaultParameters for each family.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_FORMULA = re.compile(r"\{.*\}|(GREATEST|LEAST|SUM|IF|log)\(.*\)", re.DOTALL)
_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)-(-?\d+(?:\.\d+)?)")


@dataclass(frozen=True)
class Parameter:
    """A parameter of a family. `static` ones take effect with a reboot only; an empty `allowed` allows anything."""

    name: str
    type: str
    allowed: str = ""
    default: str | None = None
    static: bool = False
    modifiable: bool = True

    def takes(self, value: str) -> bool:
        """Whether the value, a number, word, list of words or formula, is within the bounds."""
        if not self.allowed or _FORMULA.fullmatch(value):
            return True
        allowed = self.allowed.split(",")
        values = value.split(",") if self.type == "list" else [value]
        return all(any(_within(item.strip(), one) for one in allowed) for item in values)

    def describe(self) -> dict[str, Any]:
        """The Parameter of the API reference, at its default."""
        return {
            "ParameterName": self.name,
            "ParameterValue": self.default,
            "Description": self.name.replace("_", " ").replace(".", " ").capitalize() + ".",
            "Source": "system" if self.default is not None and not self.modifiable else "engine-default",
            "ApplyType": "static" if self.static else "dynamic",
            "DataType": self.type,
            "AllowedValues": self.allowed or None,
            "IsModifiable": self.modifiable,
            "ApplyMethod": "pending-reboot",
        }


def _within(value: str, allowed: str) -> bool:
    bounds = _RANGE.fullmatch(allowed)
    if bounds is None:
        return value.lower() == allowed.lower()
    try:
        return float(bounds[1]) <= float(value) <= float(bounds[2])
    except ValueError:
        return False


_POSTGRES = (
    Parameter("archive_timeout", "integer", "0-2147483647", "300", modifiable=False),
    Parameter("autovacuum", "boolean", "0,1", "1"),
    Parameter("autovacuum_max_workers", "integer", "1-262143", "GREATEST({DBInstanceClassMemory/64371566592},3)", static=True),
    Parameter("checkpoint_timeout", "integer", "30-86400"),
    Parameter("client_encoding", "string"),
    Parameter("deadlock_timeout", "integer", "1-2147483647"),
    Parameter("effective_cache_size", "integer", "1-2147483647", "{DBInstanceClassMemory/16384}"),
    Parameter("fsync", "boolean", "0,1", "1", modifiable=False),
    Parameter("idle_in_transaction_session_timeout", "integer", "0-2147483647", "86400000"),
    Parameter("lock_timeout", "integer", "0-2147483647"),
    Parameter("log_connections", "boolean", "0,1"),
    Parameter("log_disconnections", "boolean", "0,1"),
    Parameter("log_lock_waits", "boolean", "0,1"),
    Parameter("log_min_duration_statement", "integer", "-1-2147483647"),
    Parameter("log_statement", "string", "none,ddl,mod,all"),
    Parameter("maintenance_work_mem", "integer", "1024-2147483647", "GREATEST({DBInstanceClassMemory*1024/63963136},65536)"),
    Parameter("max_connections", "integer", "6-8388607", "LEAST({DBInstanceClassMemory/9531392},5000)", static=True),
    Parameter("max_replication_slots", "integer", "5-262143", "20", static=True),
    Parameter("max_standby_streaming_delay", "integer", "-1-2147483647"),
    Parameter("max_wal_senders", "integer", "5-100", "20", static=True),
    Parameter("max_wal_size", "integer", "128-201326592"),
    Parameter("max_worker_processes", "integer", "0-262143", "GREATEST({DBInstanceVCPU/2},8)", static=True),
    Parameter("port", "integer", "1-65535", "{EndPointPort}", static=True, modifiable=False),
    Parameter("random_page_cost", "float"),
    Parameter("rds.extensions", "string", modifiable=False, static=True, default="plpgsql, pg_stat_statements, uuid-ossp"),
    Parameter("rds.force_ssl", "boolean", "0,1", "1"),
    Parameter("rds.log_retention_period", "integer", "1440-10080", "4320"),
    Parameter("rds.logical_replication", "boolean", "0,1", "0", static=True),
    Parameter("shared_buffers", "integer", "16-1073741823", "{DBInstanceClassMemory/32768}", static=True),
    Parameter("shared_preload_libraries", "list", default="pg_stat_statements", static=True),
    Parameter("statement_timeout", "integer", "0-2147483647"),
    Parameter("timezone", "string", default="UTC"),
    Parameter("wal_level", "string", modifiable=False, static=True),
    Parameter("work_mem", "integer", "64-2147483647"),
)
_MYSQL = (
    Parameter("autocommit", "boolean", "0,1"),
    Parameter("basedir", "string", default="/rdsdbbin/mysql", static=True, modifiable=False),
    Parameter("binlog_format", "string", "STATEMENT,ROW,MIXED", "MIXED"),
    Parameter("character_set_server", "string"),
    Parameter("collation_server", "string"),
    Parameter("datadir", "string", default="/rdsdbdata/db/", static=True, modifiable=False),
    Parameter("event_scheduler", "string", "ON,OFF", "ON"),
    Parameter("general_log", "boolean", "0,1"),
    Parameter("innodb_buffer_pool_size", "integer", "5242880-9223372036854775807", "{DBInstanceClassMemory*3/4}", static=True),
    Parameter("innodb_flush_log_at_trx_commit", "integer", "0-2", "1"),
    Parameter("innodb_lock_wait_timeout", "integer", "1-1073741824"),
    Parameter("innodb_print_all_deadlocks", "boolean", "0,1"),
    Parameter("interactive_timeout", "integer", "1-31536000"),
    Parameter("local_infile", "boolean", "0,1", "1"),
    Parameter("log_bin_trust_function_creators", "boolean", "0,1"),
    Parameter("log_output", "string", "TABLE,FILE,NONE", "FILE"),
    Parameter("long_query_time", "float", "0-31536000"),
    Parameter("lower_case_table_names", "integer", "0,1", static=True),
    Parameter("max_allowed_packet", "integer", "1024-1073741824"),
    Parameter("max_connections", "integer", "1-100000", "{DBInstanceClassMemory/12582880}"),
    Parameter("performance_schema", "boolean", "0,1", static=True),
    Parameter("port", "integer", "1150-65535", "{EndPointPort}", static=True, modifiable=False),
    Parameter("read_only", "string", "0,1,{TrueIfReplica}", "{TrueIfReplica}"),
    Parameter("require_secure_transport", "boolean", "0,1"),
    Parameter("server_id", "integer", "1-4294967295", "{ServerId}", static=True, modifiable=False),
    Parameter("slow_query_log", "boolean", "0,1"),
    Parameter("sql_mode", "string"),
    Parameter("time_zone", "string"),
    Parameter("tx_isolation", "string", "READ-UNCOMMITTED,READ-COMMITTED,REPEATABLE-READ,SERIALIZABLE"),
    Parameter("wait_timeout", "integer", "1-31536000"),
)


def of_family(family: str) -> dict[str, Parameter]:
    """By name, what a parameter group of that family holds."""
    return {one.name: one for one in (_POSTGRES if "postgres" in family else _MYSQL)}
