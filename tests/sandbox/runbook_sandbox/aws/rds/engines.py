"""The engines, versions and instance classes that the sandbox offers: a selection of AWS's catalogue.

Source: Amazon RDS User Guide, "DB instance classes" and "Amazon RDS DB instance storage"; versions after the release
calendars of each engine. What is not listed is refused as AWS refuses what it does not offer.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from runbook_sandbox.aws.rds import errors

_SMALL = ("micro", "small")
_BURST = ("medium", "large", "xlarge", "2xlarge")
_LARGE = ("large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge", "24xlarge")
#: Sizes of each family of instance class.
FAMILIES = {
    "t3": (*_SMALL, *_BURST), "t4g": (*_SMALL, *_BURST),
    "m5": _LARGE, "m5d": _LARGE, "m6g": _LARGE[:-1], "m6gd": _LARGE[:-1], "m6i": (*_LARGE, "32xlarge"), "m7g": _LARGE[:-1], "m7i": _LARGE,
    "m8g": _LARGE, "r5": _LARGE, "r5b": _LARGE, "r6g": _LARGE[:-1], "r6gd": _LARGE[:-1], "r6i": (*_LARGE, "32xlarge"), "r7g": _LARGE[:-1],
    "r7i": _LARGE, "r8g": _LARGE, "x2g": _LARGE[:-1],
}  # fmt: skip
_AURORA = ("t3", "t4g", "r5", "r6g", "r6i", "r7g", "r7i", "r8g", "x2g")
_CLUSTER = ("m5d", "m6gd", "r6gd")
_FORMER = ("t2", "t1", "m1", "m3", "m4", "r3", "r4")  # named by AWS, offered for no current version


@dataclass(frozen=True)
class Engine:
    """An engine: its versions from oldest to newest, where it listens, what it may be licensed as."""

    name: str
    description: str
    versions: tuple[str, ...]
    port: int
    license: str
    family: str
    aurora: bool = False

    @property
    def default_version(self) -> str:
        return self.versions[-1]

    def major(self, version: str) -> str:
        """`16` for PostgreSQL 16.4, `8.0` for MySQL 8.0.36."""
        return version.split(".")[0] if "postgres" in self.name else ".".join(version.split(".")[:2])

    def parameter_family(self, version: str) -> str:
        return f"{self.family}{self.major(version)}"

    def classes(self) -> Iterator[str]:
        """Every instance class offered for this engine."""
        for family in _AURORA if self.aurora else FAMILIES:
            for size in FAMILIES[family]:
                # Aurora has no micro and small.
                if not (self.aurora and size in _SMALL):
                    yield f"db.{family}.{size}"
        if self.aurora:
            yield "db.serverless"


def _minors(major: str, *ranges: range) -> tuple[str, ...]:
    return tuple(f"{major}.{minor}" for numbers in ranges for minor in numbers)


_POSTGRES = (
    *_minors("11", range(19, 23)),
    *_minors("12", range(11, 23)),
    *_minors("13", range(7, 23)),
    *_minors("14", range(3, 20)),
    *_minors("15", range(2, 15)),
    *_minors("16", range(1, 11)),
    *_minors("17", range(1, 3), range(4, 7)),
)
_MYSQL = ("5.7.38", "5.7.44", *_minors("8.0", range(28, 29), range(31, 44)), *_minors("8.4", range(3, 7)))
_MARIADB = (*_minors("10.5", range(16, 30)), *_minors("10.6", range(8, 23)), *_minors("10.11", range(4, 14)), *_minors("11.4", range(3, 8)))
_AURORA_POSTGRES = (
    *_minors("13", range(7, 22)),
    *_minors("14", range(3, 19)),
    *_minors("15", range(2, 14)),
    *_minors("16", range(1, 10)),
    *_minors("17", range(4, 6)),
)
_AURORA_MYSQL = (
    *(f"5.7.mysql_aurora.2.{minor}" for minor in ("11.1", "11.2", "11.3", "11.4", "11.5", "11.6", "12.0", "12.3", "12.5")),
    *(
        f"8.0.mysql_aurora.3.{minor}"
        for minor in ("03.1", "04.0", "04.1", "04.2", "05.2", "06.0", "07.1", "08.0", "08.1", "08.2", "09.0", "10.0")
    ),
)
ENGINES = {
    engine.name: engine
    for engine in (
        Engine("postgres", "PostgreSQL", _POSTGRES, 5432, "postgresql-license", "postgres"),
        Engine("mysql", "MySQL Community Edition", _MYSQL, 3306, "general-public-license", "mysql"),
        Engine("mariadb", "MariaDB Community Edition", _MARIADB, 3306, "general-public-license", "mariadb"),
        Engine("aurora-postgresql", "Aurora PostgreSQL", _AURORA_POSTGRES, 5432, "postgresql-license", "aurora-postgresql", aurora=True),
        Engine(
            "aurora-mysql",
            "Aurora MySQL",
            _AURORA_MYSQL,
            3306,
            "general-public-license",
            "aurora-mysql",
            aurora=True,
        ),
    )
}
#: (smallest, largest) GiB of a storage type; Amazon RDS User Guide, "Amazon RDS DB instance storage".
STORAGE = {"gp2": (20, 65536), "gp3": (20, 65536), "io1": (100, 65536), "io2": (100, 65536), "standard": (5, 3072)}


def engine_named(name: str | None) -> Engine:
    """Raises InvalidParameterValue on a name that is none of the catalogue's."""
    engine = ENGINES.get((name or "").lower())
    if engine is None:
        raise errors.invalid_value(f"Invalid DB engine: {name}")
    return engine


def version_of(engine: Engine, wanted: str | None) -> str:
    """The full version: the newest of a major one, the default for None. Raises InvalidParameterCombination."""
    if wanted is None:
        return engine.default_version
    if wanted in engine.versions:
        return wanted
    matching = [version for version in engine.versions if engine.major(version) == wanted]
    if not matching:
        raise errors.invalid_combination(f"Cannot find version {wanted} for {engine.name}")
    return matching[-1]


def check_upgrade(engine: Engine, current: str, wanted: str, allow_major: bool) -> str:
    """The version an upgrade leads to. Raises InvalidParameterCombination on a downgrade or an unasked major upgrade."""
    if not any(wanted in (version, engine.major(version)) for version in engine.versions):
        raise errors.invalid_combination(f"Cannot find upgrade target from {current} with requested version {wanted}.")
    target = version_of(engine, wanted)
    if target == current:
        return target
    if current in engine.versions and engine.versions.index(target) < engine.versions.index(current):
        raise errors.invalid_combination(f"Cannot upgrade {engine.name} from {current} to {target}")
    if engine.major(target) != engine.major(current) and not allow_major:
        raise errors.invalid_combination("The AllowMajorVersionUpgrade flag must be present when upgrading to a new major version.")
    return target


def check_class(engine: Engine, version: str, name: str | None, *, cluster: bool = False) -> str:
    """Raises InvalidParameterValue on a name that is no class, InvalidParameterCombination on one not offered here."""
    if not name:
        raise errors.blank("DBInstanceClass")
    match = re.fullmatch(r"db\.(\w+)\.(\w+)", name)
    known = name == "db.serverless" or (match is not None and (match[1] in FAMILIES or match[1] in _FORMER))
    if not known:
        raise errors.invalid_value(f"Invalid DB Instance class: {name}")
    offered = set(engine.classes())
    if cluster:
        offered = {item for item in offered if item.split(".")[1] in _CLUSTER}
    if name not in offered:
        raise errors.invalid_combination(
            f"RDS does not support creating a DB instance with the following combination: DBInstanceClass={name}, Engine={engine.name}, "
            f"EngineVersion={version}, LicenseModel={engine.license}. For supported combinations of instance class and database engine "
            "version, see the documentation."
        )
    return name


def check_storage(engine: Engine, storage_type: str, size: int) -> int:
    """Raises InvalidParameterCombination on a size that the storage type does not offer."""
    if storage_type not in STORAGE:
        raise errors.invalid_value(f"Invalid storage type: {storage_type}")
    smallest, largest = STORAGE[storage_type]
    if not smallest <= size <= largest:
        raise errors.invalid_combination(f"Invalid storage size for engine name {engine.name} and storage type {storage_type}: {size}")
    return size


def gp3_baseline(size: int) -> tuple[int, int]:
    """IOPS and MiB/s that a gp3 volume of so many GiB has without asking ("gp3 storage": it is striped from 400 GiB on)."""
    return (12000, 500) if size >= 400 else (3000, 125)


def check_iops(storage_type: str, size: int, iops: int | None) -> int | None:
    """IOPS of a volume: demanded of io1/io2, at least the baseline for gp3, none for the rest. Raises InvalidParameterCombination."""
    if storage_type in ("io1", "io2"):
        if iops is None:
            raise errors.invalid_combination(f"You must specify Iops when the storage type is {storage_type}.")
        if not 1000 <= iops <= 256000:
            raise errors.invalid_combination(f"Invalid iops value for storage type {storage_type}: {iops}. It must be 1000 to 256000.")
        return iops
    if storage_type == "gp3":
        if iops is not None and iops != 3000 and size < 400:
            raise errors.invalid_combination("You can't specify IOPS or storage throughput for a gp3 volume smaller than 400 GiB.")
        return max(iops or 0, gp3_baseline(size)[0])
    if iops is not None:
        raise errors.invalid_combination(f"Iops can't be specified with storage type {storage_type}.")
    return None
