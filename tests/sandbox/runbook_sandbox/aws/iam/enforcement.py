"""Whether IAM is enforced, and for whom not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass
class Enforcement:
    """Off: every known and unknown key may do everything, sessions and users included.

    On: users and roles are evaluated, and unknown keys are refused; keys of twelve digits (an account's administrator)
    and `administrators` are let through, so that a test can still arrange things.
    """

    enabled: bool = False
    administrators: list[str] = field(default_factory=list)

    def update(self, values: Any) -> None:
        """`{"enforce": bool, "administrators": [access key ids]}`; what is left out stays."""
        if not isinstance(values, dict) or set(values) - {"enforce", "administrators"}:
            raise ValueError('want {"enforce": true|false, "administrators": ["<access key id>", ...]}')
        if "enforce" in values:
            if not isinstance(values["enforce"], bool):
                raise ValueError('"enforce" must be true or false')
            self.enabled = values["enforce"]
        if "administrators" in values:
            self.administrators = [str(key) for key in values["administrators"]]

    def as_dict(self) -> dict[str, Any]:
        return {"enforce": self.enabled, "administrators": self.administrators}

    def reset(self) -> None:
        self.enabled, self.administrators = False, []


enforcement = Enforcement()
