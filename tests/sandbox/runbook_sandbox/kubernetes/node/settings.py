"""What a node-runner was started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runbook_sandbox.kubernetes.node.images import Images


@dataclass(frozen=True)
class Settings:
    """``crash_back_off`` and ``volume_refresh`` are seconds; the kubelet's are 10 (up to 300) and about 60."""

    node: str
    directory: Path
    images: Images
    isolate: bool
    crash_back_off: float = 10.0
    volume_refresh: float = 10.0

    def pod_directory(self, uid: str) -> Path:
        return self.directory / "pods" / uid
