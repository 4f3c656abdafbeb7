"""Rules for the names that callers choose.

Source: Amazon RDS API Reference, CreateDBInstance (DBInstanceIdentifier, MasterUsername, MasterUserPassword),
CreateDBSnapshot (DBSnapshotIdentifier), AddTagsToResource; User Guide, "Naming constraints".
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from runbook_sandbox.aws.rds import errors

_IDENTIFIER = re.compile(r"^[A-Za-z](?:[A-Za-z0-9]|-(?!-))*$")
_PASSWORD = re.compile(r"^[\x21-\x7e]+$")
_TAG = re.compile(r"^[\w\s.:/=+\-@]*$", re.UNICODE)
_MAX_TAGS = 50
_PASSWORD_LIMIT = {"mysql": 41, "mariadb": 41, "aurora-mysql": 41, "postgres": 128, "aurora-postgresql": 128}
_RESERVED_USERS = {
    "postgres": {"admin", "rdsadmin", "rds_superuser", "rdsrepladmin", "pg_signal_backend", "public", "none", "user", "select", "table"},
    "mysql": {"rdsadmin", "rdsrepladmin", "mysql.sys", "mysql.session"},
}
_USER_LENGTH = {"mysql": 32, "aurora-mysql": 32, "mariadb": 32, "postgres": 63, "aurora-postgresql": 63}


def checked(identifier: str | None, parameter: str, longest: int = 63) -> str:
    """The identifier in lower case, as RDS stores it. Raises InvalidParameterValue."""
    if not identifier:
        raise errors.blank(parameter)
    if len(identifier) > longest:
        raise errors.invalid_value(f"The parameter {parameter} is not a valid identifier because it is longer than {longest} characters.")
    if not _IDENTIFIER.match(identifier) or identifier.endswith("-"):
        raise errors.invalid_value(
            f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain only "
            "ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
        )
    return identifier.lower()


def snapshot_identifier(identifier: str | None, parameter: str) -> str:
    """As `checked`, for the 1 to 255 characters of a snapshot's name."""
    return checked(identifier, parameter, 255)


def master_user(name: str | None, engine: str) -> str:
    """Raises InvalidParameterValue on an empty, malformed or reserved name."""
    if not name:
        raise errors.blank("MasterUsername")
    longest = _USER_LENGTH.get(engine, 63)
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or len(name) > longest:
        raise errors.invalid_value(
            f"The parameter MasterUsername is not valid. It must be 1 to {longest} letters, numbers or underscores and begin with a letter."
        )
    if name.lower() in _RESERVED_USERS["postgres" if "postgres" in engine else "mysql"]:
        raise errors.invalid_value(f"MasterUsername {name} cannot be used as it is a reserved word used by the engine")
    return name


def master_password(password: str | None, engine: str) -> str:
    """Raises InvalidParameterValue. The password itself never appears in a message."""
    if not password:
        raise errors.blank("MasterUserPassword")
    if len(password) < 8:
        raise errors.invalid_value("The parameter MasterUserPassword is not a valid password because it is shorter than 8 characters.")
    longest = _PASSWORD_LIMIT.get(engine, 128)
    if len(password) > longest:
        raise errors.invalid_value(
            f"The parameter MasterUserPassword is not a valid password because it is longer than {longest} characters."
        )
    if not _PASSWORD.match(password) or any(character in password for character in '/@"'):
        raise errors.invalid_value(
            "The parameter MasterUserPassword is not a valid password. "
            "Only printable ASCII characters besides '/', '@', '\"', ' ' may be used."
        )
    return password


def database_name(name: str | None, engine: str) -> str | None:
    """Raises InvalidParameterValue unless it is a letter and then letters, digits and underscores."""
    longest = 63 if "postgres" in engine else 64
    if name and (not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name) or len(name) > longest):
        raise errors.invalid_value(
            f"DBName must begin with a letter and contain only alphanumeric characters and underscores, at most {longest}."
        )
    return name


def tags(given: list[dict[str, Any]] | None) -> list[dict[str, str]]:
    """Tags in the order sent, the last of a repeated key winning. Raises InvalidParameterValue."""
    merged: dict[str, str] = {}
    for tag in given or []:
        key, value = tag.get("Key", ""), tag.get("Value", "")
        if not 1 <= len(key) <= 128 or not _TAG.match(key):
            raise errors.invalid_value(f"Invalid tag key: {key!r}. It must be 1 to 128 letters, digits, spaces or any of _.:/=+-@.")
        if len(value) > 256 or not _TAG.match(value):
            raise errors.invalid_value(f"Invalid value of tag {key}: at most 256 letters, digits, spaces or any of _.:/=+-@.")
        if key.lower().startswith(("aws:", "rds:")):
            raise errors.invalid_value(f"Tag keys cannot start with 'aws:' or 'rds:': {key}")
        merged[key] = value
    if len(merged) > _MAX_TAGS:
        raise errors.invalid_value(f"A resource can have at most {_MAX_TAGS} tags.")
    return [{"Key": key, "Value": value} for key, value in merged.items()]


def merge_tags(current: list[dict[str, str]], added: list[dict[str, str]]) -> list[dict[str, str]]:
    """Current tags with `added` written over them. Raises InvalidParameterValue above 50."""
    merged = {tag["Key"]: tag["Value"] for tag in current} | {tag["Key"]: tag["Value"] for tag in tags(added)}
    if len(merged) > _MAX_TAGS:
        raise errors.invalid_value(f"A resource can have at most {_MAX_TAGS} tags.")
    return [{"Key": key, "Value": value} for key, value in merged.items()]


def resource_id(prefix: str, *parts: str) -> str:
    """An immutable id such as `db-ABCDEFGHIJKL01234`, the same for the same parts."""
    digest = hashlib.sha256("/".join(parts).encode()).hexdigest().upper()
    return f"{prefix}-{digest[:26]}"
