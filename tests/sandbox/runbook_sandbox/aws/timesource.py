"""Makes moto tell the sandbox's time.

moto's modules import `utcnow` by name, so replacing the function in `moto.core.utils` would miss them; its code is
replaced instead, and every importer sees it. `unix_time` and the rest are built on `utcnow`.
"""

from __future__ import annotations

from typing import Any

from moto.core import utils


def _utcnow() -> Any:
    # This runs with the globals of moto.core.utils, so it brings its own.
    from runbook_sandbox.aws.clock import clock

    return clock.now().replace(tzinfo=None)


def install() -> None:
    """Idempotent."""
    utils.utcnow.__code__ = _utcnow.__code__
