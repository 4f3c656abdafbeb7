"""What somebody may try, in the order of the table in docs/security.md."""

from attacks import accounts, claims, databases, grants, objects, overrides, restores  # noqa: F401 - each adds its rows
from attacks.table import ATTACKS

__all__ = ["ATTACKS"]
