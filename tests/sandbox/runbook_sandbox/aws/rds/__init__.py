"""RDS as AWS moves: everything takes time, refuses what AWS refuses, and has the defaults that AWS has.

In place of moto's handler and backend: see `docs/sandbox/rds.md` for what is true here and what is not.
"""

from __future__ import annotations

import os

from runbook_sandbox.aws.modelled import ModelledResponse, Operations
from runbook_sandbox.aws.rds import hosting, store


class RDSResponse(ModelledResponse):
    """RDS's HTTP handler in place of moto's."""

    service = "rds"
    operations = Operations()


def install() -> None:
    """Put the sandbox's RDS in the place of moto's. Idempotent."""
    # The default VPC comes from moto's EC2, whose catalogue of machine images costs more time than all the rest.
    os.environ.setdefault("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")
    from moto.rds import urls

    from runbook_sandbox.aws.rds import (
        backups,
        catalogue,
        cluster_runs,
        clustering,
        controls,  # noqa: F401 -- registers its routes
        copying,
        creating,
        deleting,
        exporting,
        groups,
        listings,
        modifying,
        notices,
        parameters,
        permissions,
        restoring,
        running,
        sharing,
        snapshotting,
        subscriptions,
        tagging,
    )

    for module in (
        *(backups, catalogue, cluster_runs, clustering, copying, creating, deleting, exporting, groups, listings, modifying),
        *(notices, parameters, restoring, running, sharing, snapshotting, subscriptions, tagging),
    ):
        RDSResponse.operations.include(module.operations)
    urls.url_paths["{0}/$"] = RDSResponse.dispatch
    permissions.register()


def reset() -> None:
    """An account without databases."""
    hosting.clear()
    store.forget()


def stop() -> None:
    """Ends the servers behind instances."""
    hosting.close()
