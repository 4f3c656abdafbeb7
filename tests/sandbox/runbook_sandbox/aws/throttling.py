"""AWS's request rates: a token bucket per account, region and group of operations.

Buckets refill by the sandbox's clock. While it runs that is the wall clock, so a client sees AWS's rates; while it is
frozen nothing refills until a test advances it, so a test sees exactly the burst and then, per second, the sustained rate.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runbook_sandbox.aws.clock import clock
from runbook_sandbox.aws.rates import rate_of


@dataclass
class _Bucket:
    tokens: float
    refilled: float


class Throttling:
    """`enabled` and `scale` are set through the control API; `scale` multiplies burst and sustained rate."""

    def __init__(self) -> None:
        self.enabled = True
        self.scale = 1.0
        self._default_enabled = True
        self._buckets: dict[tuple[str, str, str, str], _Bucket] = {}

    def take(self, account_id: str, region: str, service: str, operation: str) -> bool:
        """Take a token; False when there is none."""
        rate = rate_of(service, operation) if self.enabled else None
        if rate is None:
            return True
        # However slow the rate is made, one request at a time goes through.
        capacity = max(1.0, rate.burst * self.scale)
        now = clock.now().timestamp()
        key = (account_id, region, service, rate.group)
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = _Bucket(capacity, now)
        # A clock that was reset to an earlier time refills nothing.
        elapsed = max(0.0, now - bucket.refilled)
        bucket.tokens = min(capacity, bucket.tokens + elapsed * rate.sustained * self.scale)
        bucket.refilled = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def update(self, values: Any) -> None:
        """`{"enabled": bool, "scale": number above 0}`; buckets start full again."""
        if not isinstance(values, dict) or set(values) - {"enabled", "scale"}:
            raise ValueError('want {"enabled": true|false, "scale": 1.0}')
        enabled, scale = values.get("enabled", self.enabled), values.get("scale", self.scale)
        if not isinstance(enabled, bool):
            raise ValueError('"enabled" must be true or false')
        if isinstance(scale, bool) or not isinstance(scale, (int, float)) or scale <= 0:
            raise ValueError('"scale" must be a number above 0')
        self.enabled, self.scale = enabled, float(scale)
        self._buckets.clear()

    def set_default(self, enabled: bool) -> None:
        """What `reset()` goes back to: a test's sandbox starts without throttling, a process of its own with it."""
        self._default_enabled = self.enabled = enabled

    def reset(self) -> None:
        self.enabled, self.scale = self._default_enabled, 1.0
        self._buckets.clear()

    def as_dict(self) -> dict[str, Any]:
        buckets = [
            {"account": account, "region": region, "service": service, "group": group, "tokens": round(bucket.tokens, 3)}
            for (account, region, service, group), bucket in sorted(self._buckets.items())
        ]
        return {"enabled": self.enabled, "scale": self.scale, "buckets": buckets}


throttling = Throttling()
