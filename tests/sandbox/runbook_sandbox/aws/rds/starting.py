"""How a new instance becomes available.

Source: Amazon RDS User Guide, "Viewing Amazon RDS DB instance status": creating, backing-up (when automated backups are
on), available. Address and InstanceCreateTime are shown once the instance exists.
"""

from __future__ import annotations

from collections.abc import Callable

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.rds import backups, building
from runbook_sandbox.aws.rds.instance import Instance


def start(instance: Instance, seconds: float, done: Callable[[], None], *, status: str = "creating") -> None:
    """Put the instance into the store in `creating`; it exists after 70 % of `seconds`, then its first backup is taken."""
    instance.status = status
    instance.store.instances[instance.identifier] = instance

    def exists() -> None:
        instance.record |= building.chosen_zone(instance.store, instance.record)
        instance.record["InstanceCreateTime"] = clock.now()
        instance.endpoint_ready = True
        instance.password_pending = False
        if instance.endpoint is None and instance.identifier not in instance.store.endpoints:
            instance.endpoint = instance.store.default_endpoint
        if instance.retention and not instance.cluster_identifier:
            instance.later(seconds * 0.1, lambda: backups.begin(instance, finished, seconds * 0.2), "first backup")
        else:
            instance.later(seconds * 0.3, available, "available")

    def available() -> None:
        if instance.status == status:
            instance.settle()
        finished()

    def finished() -> None:
        backups.schedule(instance)
        done()

    instance.when_done(seconds * 0.7, exists, "creation")
