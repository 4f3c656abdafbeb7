"""Real PostgreSQL servers behind DB instances, for those of engine postgres that were asked for by the control API.

Work begins when RDS would begin it, and `Resource.when_done` waits for it at the appointment by which it must be done, so
that statuses keep the sandbox's clock, and `available` means that the server takes connections.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.rds.store import Store

if TYPE_CHECKING:
    from runbook_sandbox.aws.rds.instance import Instance
    from runbook_sandbox.aws.rds.snapshot import Snapshot
    from runbook_sandbox.postgres.host import Data, Host

_host: Host | None = None


class NotInstalledError(RuntimeError):
    """PostgreSQL is not on this machine."""


def host() -> Host:
    """The host of this process, made at first use. NotInstalledError tells how to install PostgreSQL."""
    global _host
    if _host is None:
        # Only here: who has no use for it needs neither PostgreSQL nor its client library.
        from runbook_sandbox.postgres import binaries
        from runbook_sandbox.postgres.host import Host

        try:
            found = binaries.find()
        except binaries.InstallError as error:
            raise NotInstalledError(str(error)) from error
        if found is None:
            raise NotInstalledError("PostgreSQL is not on this machine: python -m runbook_sandbox.postgres installs it")
        _host = Host(found)
    return _host


def enable(store: Store, identifier: str | None, wanted: bool) -> None:
    """Servers for an instance that is created from now on, or (None) for all of them. What exists stays as it is."""
    if wanted:
        host()
    if identifier is None:
        store.postgres_for_all = wanted
    elif wanted:
        store.postgres_for.add(identifier.lower())
    else:
        store.postgres_for.discard(identifier.lower())


def describe(store: Store) -> dict[str, Any]:
    """What the control API shows: the switch, the certificate authority, and what has a server or data."""
    return {
        "enabled": store.postgres_for_all,
        "version": _host.version if _host else None,
        "certificateAuthority": str(_host.authority) if _host else None,
        "instances": sorted(name for name, instance in store.instances.items() if instance.database),
        "snapshots": sorted(name for name, snapshot in store.snapshots.items() if snapshot.data),
    }


def created(instance: Instance, password: str) -> None:
    """A new instance, with an empty database and its master user, if that was asked for."""
    store, record = instance.store, instance.record
    if record["Engine"] != "postgres" or not (store.postgres_for_all or instance.identifier in store.postgres_for):
        return
    from runbook_sandbox.postgres.host import Database

    instance.database = Database(host(), instance.identifier)
    instance.database.create_master(record["MasterUsername"], password, record.get("DBName"))


def restored(instance: Instance, data: Data | None) -> None:
    """A new instance of what a snapshot holds, old credentials included."""
    if data is not None:
        from runbook_sandbox.postgres.host import Database

        instance.database = Database(data.host, instance.identifier, data)


def restored_as_of(instance: Instance, resource: str, moment: datetime | None) -> None:
    """A new instance of what another one, or its retained backup, held at `moment`; None is the latest.

    The latest of an instance that exists is what it holds now; any other moment is its newest snapshot before.
    """
    store = instance.store
    source = next((item for item in store.instances.values() if item.record["DbiResourceId"] == resource), None)
    database = source.database if source else None
    held = None if database and moment is None else _as_of(store, resource, moment)
    if held is None and database is not None:
        held = database.snapshot()
        if clock.frozen:
            held.join()
        restored(instance, held)
        held.discard()
    else:
        restored(instance, held)


def stop(instance: Instance) -> None:
    """Begins a fast shutdown: clients are cut off."""
    if instance.database is not None:
        instance.database.stop()


def start(instance: Instance) -> None:
    """Begins to start the server again, on the same port if that is free still."""
    if instance.database is not None:
        instance.database.start()


def set_password(instance: Instance, password: str) -> None:
    """Gives the master user another password, now."""
    if instance.database is not None:
        instance.database.set_password(instance.record["MasterUsername"], password)


def removed(instance: Instance) -> None:
    """The server of an instance that is gone, and its data."""
    if instance.database is not None:
        instance.database.remove()
        if clock.frozen:
            instance.database.join()
        instance.database = None


def taken(snapshot: Snapshot, source: Instance) -> None:
    """Fills a snapshot with what its instance holds at this moment of the clock."""
    if source.database is not None:
        snapshot.data = source.database.snapshot()
        if clock.frozen:
            # Done before the clock moves on: what is written after this moment is not in it.
            snapshot.data.join()


def _as_of(store: Store, resource: str, moment: datetime | None) -> Data | None:
    """The newest snapshot's data of an instance that is not younger than `moment` (None: the newest), else the oldest one's."""
    held = [
        # A copy is as old as what it was made of.
        (snapshot.record.get("OriginalSnapshotCreateTime") or snapshot.record["SnapshotCreateTime"], snapshot.data)
        for snapshot in store.snapshots.values()
        if snapshot.data is not None and snapshot.record["DbiResourceId"] == resource and snapshot.status == "available"
    ]
    held.sort(key=lambda entry: entry[0])
    # RestoreTime is told in milliseconds at most.
    past = [data for when, data in held if moment is None or when.replace(microsecond=0) <= moment]
    return past[-1] if past else held[0][1] if held else None


def clear() -> None:
    """Ends every server and removes all data."""
    if _host is not None:
        _host.clear()


def close() -> None:
    """As `clear`, and the host with it; it is made again at the next use."""
    global _host
    if _host is not None:
        _host.close()
        _host = None
