"""How long things take in the sandbox, in seconds of the sandbox's clock.

Short by default, because the demo runs in wall-clock time; the ratios are like AWS's. A test or a user changes them
through `PUT /_sandbox/pace` or by setting the attributes of `pace`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields


@dataclass
class Pace:
    """Durations in seconds of sandbox time; 0 means at the clock's next settle."""

    ecs_task_start: float = 2
    ecs_task_stop: float = 1
    ecs_placement_interval: float = 1
    ecs_stabilize: float = 1
    rds_create: float = 6
    rds_modify: float = 4
    rds_snapshot: float = 5
    rds_restore: float = 6
    rds_delete: float = 4
    rds_copy: float = 5
    rds_export: float = 10
    cloudtrail_delay: float = 2
    elbv2_target_healthy: float = 2

    def update(self, values: dict[str, float]) -> None:
        """Set several at once; nothing changes when one of them is unknown or negative."""
        known = {field.name for field in fields(self)}
        checked = {}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"unknown pace {name!r}; known are {', '.join(sorted(known))}")
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
                raise ValueError(f"pace {name!r} must be a number of seconds that is not negative, got {value!r}")
            checked[name] = float(value)
        for name, value in checked.items():
            setattr(self, name, value)

    def reset(self) -> None:
        """Back to the defaults."""
        self.update(asdict(Pace()))

    def as_dict(self) -> dict[str, float]:
        return asdict(self)


#: The one pace of this process.
pace = Pace()
