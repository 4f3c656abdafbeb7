"""What the files say."""

from __future__ import annotations

import yaml

CPU = {"name": "cpu", "predefinedMetric": "ECSServiceAverageCPUUtilization", "targetValue": 60, "scaleOutCooldown": "90s"}
BAND = {"minCapacity": 2, "maxCapacity": 6, "targetTracking": [CPU]}
READS = ("Describe", "List", "Get")


def text(*objects: dict) -> str:
    """Objects as one file."""
    return yaml.safe_dump_all(objects)
