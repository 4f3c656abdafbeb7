"""Makes moto tell the sandbox's time.

moto's modules import `utcnow` and `unix_time` by name, so replacing the functions in `moto.core.utils` would miss them;
the functions' code is replaced instead, and every importer sees it.
"""

from __future__ import annotations

from typing import Any

from moto.core import utils


def _utcnow() -> Any:
    from runbook_sandbox.aws.clock import clock

    return clock.now().replace(tzinfo=None)


def install() -> None:
    """Idempotent."""
    utils.utcnow.__code__ = _utcnow.__code__
