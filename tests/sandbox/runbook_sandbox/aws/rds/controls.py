"""The sandbox's own switches for RDS, under `/_sandbox/rds/`.

Query parameters `account` and `region` choose the store; the defaults are 123456789012 and eu-central-1.
"""

from __future__ import annotations

from dataclasses import asdict, fields
from datetime import timedelta
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.control import ControlError, route
from runbook_sandbox.aws.rds import hosting, snapshotting
from runbook_sandbox.aws.rds.instance import Instance
from runbook_sandbox.aws.rds.store import NextSnapshot, Quotas, Store, store_of


def _store(params: dict[str, str]) -> Store:
    return store_of(params.get("account", "123456789012"), params.get("region", "eu-central-1"))


def _instance(params: dict[str, str], identifier: str) -> Instance:
    found = _store(params).instances.get(identifier.lower())
    if found is None:
        raise ControlError(f"there is no DB instance {identifier} in this account and region", 404)
    return found


def _endpoint(body: Any) -> tuple[str, int] | None:
    if not body:
        return None
    host, port = body.get("host"), body.get("port")
    if not isinstance(host, str) or not isinstance(port, int):
        raise ControlError('an endpoint is {"host": "127.0.0.1", "port": 5432}, or {} for AWS\'s own form')
    return host, port


@route("/rds/endpoint", ["PUT"])
def default_endpoint(params: dict[str, str], body: Any) -> Any:
    """Where instances created or restored from now on are told to be: one server behind them all."""
    _store(params).default_endpoint = _endpoint(body)


@route("/rds/instances/{identifier}/endpoint", ["PUT"])
def endpoint(params: dict[str, str], body: Any, identifier: str) -> Any:
    """Host and port of one instance or cluster; it need not exist yet."""
    store, wanted = _store(params), _endpoint(body)
    if wanted is None:
        store.endpoints.pop(identifier.lower(), None)
    else:
        store.endpoints[identifier.lower()] = wanted


@route("/rds/instances/{identifier}/status", ["PUT"])
def status(params: dict[str, str], body: Any, identifier: str) -> Any:
    """Put an instance into a status, such as `storage-optimization`, `incompatible-network` or `failed`, until told otherwise."""
    instance = _instance(params, identifier)
    wanted = (body or {}).get("status")
    if not isinstance(wanted, str) or not wanted:
        raise ControlError('the body is {"status": "storage-optimization"}')
    instance.status = wanted
    # What an instance returns to after a snapshot is only ever one of the states at rest.
    instance.idle_status = wanted if wanted == "storage-optimization" else "available"
    return {"status": instance.status}


@route("/rds/instances/{identifier}/created", ["PUT"])
def created(params: dict[str, str], body: Any, identifier: str) -> Any:
    """Let an instance have been created so many seconds ago: `{"seconds": 3600}`."""
    seconds = (body or {}).get("seconds")
    if not isinstance(seconds, (int, float)) or seconds < 0:
        raise ControlError('the body is {"seconds": 3600}')
    instance = _instance(params, identifier)
    instance.record["InstanceCreateTime"] = clock.now() - timedelta(seconds=seconds)


@route("/rds/clusters/{identifier}/status", ["PUT"])
def cluster_status(params: dict[str, str], body: Any, identifier: str) -> Any:
    """As for instances."""
    cluster = _store(params).clusters.get(identifier.lower())
    if cluster is None:
        raise ControlError(f"there is no DB cluster {identifier} in this account and region", 404)
    cluster.status = (body or {}).get("status") or "available"
    return {"status": cluster.status}


@route("/rds/instances/{identifier}/next-snapshot", ["PUT"])
def next_snapshot(params: dict[str, str], body: Any, identifier: str) -> Any:
    """`{"fail": true}` or `{"seconds": 3600}` for the next snapshot of an instance or cluster, or for the copy of that name."""
    body = body or {}
    seconds = body.get("seconds")
    if seconds is not None and (not isinstance(seconds, (int, float)) or seconds < 0):
        raise ControlError("seconds must be a number that is not negative")
    _store(params).next_snapshot[identifier.lower()] = NextSnapshot(bool(body.get("fail")), seconds)


@route("/rds/instances/{identifier}/tags", ["PUT"])
def tags(params: dict[str, str], body: Any, identifier: str) -> Any:
    """Set tags, also those that AWS sets and refuses from callers: `{"aws:cloudformation:stack-name": "prod"}`; null takes one away."""
    instance, wanted = _instance(params, identifier), body or {}
    kept = {tag["Key"]: tag["Value"] for tag in instance.tags} | wanted
    instance.tags = [{"Key": key, "Value": value} for key, value in kept.items() if value is not None]
    return {"tags": instance.tags}


@route("/rds/instances/{identifier}/continuous-backup", ["PUT"])
def continuous_backup(params: dict[str, str], body: Any, identifier: str) -> Any:
    """Whether a plan of AWS Backup keeps the automated backups of an instance: `{"enabled": true}`."""
    instance = _instance(params, identifier)
    instance.continuous_backup = _enabled(body)
    return {"arn": instance.recovery_point_arn()}


@route("/rds/instances/{identifier}/aws-backup", ["POST"])
def aws_backup(params: dict[str, str], body: Any, identifier: str) -> Any:
    """Make a recovery point as AWS Backup would: `{"name": "job-..."}`."""
    snapshot = snapshotting.aws_backup_snapshot(_instance(params, identifier), (body or {}).get("name") or "job-sandbox")
    return {"snapshot": snapshot.identifier, "arn": snapshot.arn}


def _enabled(body: Any) -> bool:
    wanted = (body or {}).get("enabled")
    if not isinstance(wanted, bool):
        raise ControlError('the body is {"enabled": true}')
    return wanted


@route("/rds/postgres", ["GET", "PUT"])
def postgres(params: dict[str, str], body: Any) -> Any:
    """A real server for every instance of engine postgres that is created from now on, and for what is restored of it."""
    store = _store(params)
    if body is not None:
        _enable(store, None, _enabled(body))
    return hosting.describe(store)


@route("/rds/instances/{identifier}/postgres", ["PUT"])
def instance_postgres(params: dict[str, str], body: Any, identifier: str) -> Any:
    """The same for one instance, before it is created."""
    store = _store(params)
    if identifier.lower() in store.instances:
        raise ControlError(f"{identifier} exists; whether there is a server behind it is decided before", 409)
    _enable(store, identifier, _enabled(body))
    return hosting.describe(store)


def _enable(store: Store, identifier: str | None, wanted: bool) -> None:
    try:
        hosting.enable(store, identifier, wanted)
    except hosting.NotInstalledError as error:
        raise ControlError(str(error), 409) from error


@route("/rds/quotas", ["GET", "PUT"])
def quotas(params: dict[str, str], body: Any) -> Any:
    """Show or set quotas by their names in DescribeAccountAttributes."""
    store = _store(params)
    known = {field.name for field in fields(Quotas)}
    for name, value in (body or {}).items():
        if name not in known:
            raise ControlError(f"unknown quota {name}; known are {', '.join(sorted(known))}")
        if not isinstance(value, int) or value < 0:
            raise ControlError(f"quota {name} must be a whole number that is not negative")
    for name, value in (body or {}).items():
        setattr(store.quotas, name, value)
    return asdict(store.quotas)
